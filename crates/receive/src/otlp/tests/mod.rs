//! The receiver over real sockets, with a destination that answers as it is told.

mod grpc;
mod hostile;
mod http;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use config::{Block, Problems};
use http_body_util::BodyExt;
use model::proto::{Cursor, Field, Message};
use model::{Tenant, otlp};
use net::client::{ClientLimits, HttpClient};
use net::tls::ClientTls;
use net::{Body, Budget, Status, grpc as rpc};
use pipeline::testing::{Scripted, batch, context};
use pipeline::{Consumer, Context, Stopper};
use tokio::task::JoinHandle;

use super::KIND;

const BOTH: &str = "protocols: { grpc: { endpoint: 'localhost:0' }, http: { endpoint: 'localhost:0' } }";

/// A receiver that is at work.
struct Running {
    grpc: SocketAddr,
    http: SocketAddr,
    context: Context,
    budget: Budget,
    stopper: Stopper,
    ended: JoinHandle<()>,
}

async fn running(yaml: &str, next: Arc<dyn Consumer>) -> Running {
    running_with(yaml, next, Budget::new(super::BUDGET_BYTES)).await
}

async fn running_with(yaml: &str, next: Arc<dyn Consumer>, budget: Budget) -> Running {
    let problems = Problems::new();
    let node = config::parse(yaml, "test.yaml").unwrap();
    let build = (KIND.parse)(&mut Block::of(&node, &problems));
    assert!(problems.is_empty(), "{:?}", problems.sorted());
    let mut context = context("otlp");
    context.shared = context.shared.with(budget.clone());
    let mut receiver = build(context.clone()).unwrap();
    let listening = receiver.bind().await.unwrap();
    let at = |what: &str| listening.iter().find(|it| it.what == what).map(|it| it.address);
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let (grpc, http) = (at("OTLP/gRPC").unwrap_or(nowhere), at("OTLP/HTTP").unwrap_or(nowhere));
    let (stopper, stop) = Stopper::new();
    let ended = tokio::spawn(receiver.run(next, stop));
    Running { grpc, http, context, budget, stopper, ended }
}

impl Running {
    fn client(&self) -> rpc::Client {
        let http = HttpClient::http2_only(ClientTls::default(), &ClientLimits::default()).unwrap();
        rpc::Client::new(http, format!("http://{}", self.grpc).parse().unwrap())
    }

    async fn export(&self, request: &Bytes) -> Result<Bytes, Status> {
        export(&self.client(), request).await
    }

    async fn post(&self, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request =
            Request::post(format!("http://{}/v1/traces", self.http)).body(Body::full(body)).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        send(request).await
    }

    /// The sum over all labels of a counter.
    fn counted(&self, name: &str) -> u64 {
        let families = self.context.telemetry.registry().gather();
        let family = families.iter().find(|family| family.name() == name);
        family.map_or(0, |family| {
            family.get_metric().iter().map(|it| it.get_counter().get_value() as u64).sum()
        })
    }

    /// Received = accepted + refused + rejected.
    #[track_caller]
    fn check_ledger(&self, accepted: u64, refused: u64, rejected: u64) {
        let names = ["received", "accepted", "refused", "rejected"];
        let counted = names.map(|name| self.counted(&format!("faden_spans_{name}_total")));
        assert_eq!(counted, [accepted + refused + rejected, accepted, refused, rejected]);
    }

    /// Waits until every byte of the budget is given back.
    async fn settled(&self) {
        let settled = async {
            while self.budget.used() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), settled).await.expect("the budget is given back");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ended.abort();
    }
}

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

async fn export(client: &rpc::Client, request: &Bytes) -> Result<Bytes, Status> {
    client.unary(EXPORT, request.clone(), &HeaderMap::new(), Duration::from_secs(10)).await
}

/// An answer over HTTP.
#[derive(Debug)]
struct Answer {
    code: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn send(request: Request<Body>) -> Answer {
    let client = HttpClient::new(ClientTls::default(), &ClientLimits::default()).unwrap();
    let answer: Response<_> = client.send(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { code: head.status.as_u16(), headers: head.headers, body }
}

/// The bytes of a request with so many spans.
fn request(spans: usize) -> Bytes {
    batch(spans, Tenant::default()).bytes().clone()
}

/// A request with one span, written by hand.
fn request_with(write: impl FnOnce(&mut Message)) -> Bytes {
    let mut request = Message::new();
    request.message(otlp::request::RESOURCE_SPANS, |resource| {
        resource.message(otlp::resource_spans::SCOPE_SPANS, |scope| {
            scope.message(otlp::scope_spans::SPANS, write);
        });
    });
    request.into_bytes().into()
}

/// Rejected spans and the message of an `ExportTraceServiceResponse`.
fn partial_success(response: &[u8]) -> (u64, String) {
    let (mut rejected, mut message) = (0, String::new());
    let Ok(Some((1, Field::Bytes(success)))) = Cursor::new(response).next_field() else {
        assert_eq!(response, b"", "an answer without partial success is empty");
        return (rejected, message);
    };
    let mut fields = Cursor::new(success);
    while let Some((number, field)) = fields.next_field().unwrap() {
        match (number, field) {
            (1, Field::Varint(spans)) => rejected = spans,
            (2, Field::Bytes(text)) => message = String::from_utf8(text.to_vec()).unwrap(),
            other => panic!("unknown field {other:?}"),
        }
    }
    (rejected, message)
}
