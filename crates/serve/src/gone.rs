//! Whoever asks and goes away: at every door the store hears of it, however far the answer has come.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use model::proto::Message;
use model::{Clock, Tenant};
use net::{Budget, HttpLimits, Listener, Server};
use query::{Limits, Query};
use store::{Answer, Capabilities, Plan, ReadError, Reader};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::jaeger::grpc::{Services, query_handler};
use crate::purge::Purge;
use crate::testing::{Fixed, grpc};
use crate::{Router, Rules, Site};

/// Longer than anything takes that is not stuck, and shorter than the time limit of every question.
const PATIENCE: Duration = Duration::from_secs(14);

/// A store that never answers, and says how many wait for it.
struct Endless(watch::Sender<usize>);

/// Somebody waits.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

#[async_trait]
impl Reader for Endless {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, without_service: true, ordered: true }
    }

    async fn run(&self, _: &Plan) -> Result<Answer, ReadError> {
        self.0.send_modify(|waiting| *waiting += 1);
        let _waiting = Waiting(&self.0);
        std::future::pending().await
    }
}

/// What the store says.
struct Heard {
    query: Query,
    waiting: watch::Receiver<usize>,
}

impl Heard {
    fn new() -> Self {
        let (tx, waiting) = watch::channel(0);
        Self { query: Query::new(Arc::new(Endless(tx)), Limits::default()), waiting }
    }

    async fn is_asked(&mut self, what: &str) {
        let asked = tokio::time::timeout(PATIENCE, self.waiting.wait_for(|waiting| *waiting > 0)).await;
        assert!(asked.is_ok(), "{what} asks the store nothing");
    }

    async fn is_left(&mut self, what: &str) {
        let left = tokio::time::timeout(PATIENCE, self.waiting.wait_for(|waiting| *waiting == 0)).await;
        assert!(left.is_ok(), "{what} waits for an answer that nobody wants");
    }

    /// Asks over HTTP and closes the connection before there is an answer.
    async fn ask_and_go(&mut self, address: SocketAddr, path: &str) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        self.is_asked(path).await;
        drop(stream);
        self.is_left(path).await;
    }

    /// Calls over gRPC, and cancels the call before there is an answer.
    async fn call_and_go(&mut self, address: SocketAddr, (method, message): (&str, Vec<u8>)) {
        let request = grpc::request(address, &format!("/{method}"), &message);
        let answer = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&answer);
        // The head of an answer may come before the store is asked: it is held until the caller goes.
        let call = tokio::spawn(async move {
            let began = grpc::client().send(request).await;
            *kept.lock().unwrap() = Some(began);
            std::future::pending::<()>().await;
        });
        self.is_asked(method).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        drop(answer.lock().unwrap().take());
        self.is_left(method).await;
    }
}

async fn served(api: Router) -> SocketAddr {
    let site = Site::bind("127.0.0.1:0", vec![api], Rules::default()).await.unwrap();
    let address = site.address();
    tokio::spawn(site.serve(std::future::pending()));
    address
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(Fixed)
}

#[tokio::test]
async fn a_closed_connection_ends_a_question_to_jaegers_api() {
    let mut heard = Heard::new();
    let address = served(crate::jaeger::routes(crate::jaeger::Jaeger {
        query: heard.query.clone(),
        keeper: None,
        purge: Purge::Refused,
        clock: clock(),
        allowed_origins: Vec::new(),
    }));
    let address = address.await;
    for path in [
        "/api/services",
        "/api/traces?service=web",
        "/api/traces/1",
        "/api/v3/traces/1",
        "/api/v3/traces?query.startTimeMin=2026-01-01T00:00:00Z&query.startTimeMax=2026-01-02T00:00:00Z",
        "/api/dependencies?endTs=1767225600000",
        "/api/metrics/calls?service=web",
    ] {
        heard.ask_and_go(address, path).await;
    }
}

#[tokio::test]
async fn a_closed_connection_ends_a_question_to_tempos_api() {
    let mut heard = Heard::new();
    let tempo = crate::tempo::Tempo::of(&heard.query, &clock(), &Budget::new(1 << 20));
    let address = served(crate::tempo::routes(tempo)).await;
    for path in [
        "/api/search?q=%7B%7D",
        "/api/traces/1",
        "/api/v2/search/tags",
        "/api/v2/search/tag/name/values",
        "/api/metrics/query_range?q=%7B%7D%7Crate()",
    ] {
        heard.ask_and_go(address, path).await;
    }
}

#[tokio::test]
async fn a_closed_connection_ends_a_question_to_zipkins_api() {
    let mut heard = Heard::new();
    let zipkin =
        crate::zipkin::Zipkin { query: heard.query.clone(), clock: clock(), allowed_origins: Vec::new() };
    let address = served(crate::zipkin::routes(zipkin)).await;
    for path in ["/api/v2/services", "/api/v2/traces", "/api/v2/trace/1", "/api/v2/dependencies?endTs=1"] {
        heard.ask_and_go(address, path).await;
    }
}

#[tokio::test]
async fn a_closed_connection_ends_a_question_to_fadens_api() {
    let mut heard = Heard::new();
    let address = crate::faden::asking(heard.query.clone()).await;
    for path in [
        "search",
        "query?q=%7B%7D",
        "query?q=%7B%7D%7Crate()",
        "query?q=select%20name%20from%20spans",
        "traces/1",
        "search/facets",
        "search/heatmap",
        "export?by=trace",
    ] {
        heard.ask_and_go(address, &format!("/api/faden/v1/{path}")).await;
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_ends_its_question() {
    let mut heard = Heard::new();
    let services = Services {
        query: heard.query.clone(),
        keeper: None,
        purge: Purge::Refused,
        writer: None,
        clock: clock(),
        tenant: Tenant::default(),
        budget: Budget::new(1 << 20),
    };
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr();
    let server = Server { listener, tls: None, limits: HttpLimits::default() };
    tokio::spawn(server.serve(query_handler(Arc::new(services)), std::future::pending()));
    let message = |write: fn(&mut Message)| {
        let mut message = Message::new();
        write(&mut message);
        message.into_bytes()
    };
    let tempo = |method: &str| format!("{}/{method}", crate::tempo::grpc::SERVICE);
    for (method, request) in [
        (
            "jaeger.api_v2.QueryService/FindTraces".to_owned(),
            message(|out| out.message(1, |out| out.text(1, "web"))),
        ),
        ("jaeger.api_v2.QueryService/GetTrace".to_owned(), message(|out| out.bytes(1, &[1; 16]))),
        ("jaeger.api_v3.QueryService/GetServices".to_owned(), Vec::new()),
        (tempo("Search"), message(|out| out.text(8, "{ status = error }"))),
        (tempo("SearchTagsV2"), Vec::new()),
        (tempo("MetricsQueryRange"), message(|out| out.text(1, "{} | rate()"))),
    ] {
        heard.call_and_go(address, (&method, request)).await;
    }
}
