//! Jaeger over gRPC: the query services, and the remote storage API with which a stock Jaeger keeps its spans here.
//!
//! | service | door |
//! |---|---|
//! | `jaeger.api_v2.QueryService`, `jaeger.api_v3.QueryService`, `jaeger.api_v3.Capabilities` | [`query_handler`] |
//! | `tempopb.StreamingQuerier`, which [`crate::tempo`] answers | [`query_handler`] |
//! | `jaeger.storage.v2.TraceReader`, `DependencyReader`, `Capabilities`; OTLP's `TraceService` | [`storage_handler`] |
//! | `grpc.health.v1.Health`, `grpc.reflection.v1.ServerReflection` and its `v1alpha` | both |
//!
//! The messages are those of `proto/jaeger`. Requests are bounded by [`REQUEST_BYTES_MAX`] (spans by
//! [`SPANS_BYTES_MAX`]); answers of traces are streams, of which one trace is made at a time. Where rows may be missing
//! from an answer, its metadata says why, as the HTTP APIs do.

mod query;
mod reflection;
mod reply;
mod request;
mod spans;
mod storage;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use model::proto::Message;
use model::{Clock, Tenant};
use net::collect::CollectLimits;
use net::{Body, Budget, Handler, Situation, Status, grpc};
use store::Writer;

use crate::keep::Keeper;
use crate::purge::Purge;
use crate::tempo;

/// The longest message of a question; a longer one is refused.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The longest message of spans; a longer one is refused.
pub const SPANS_BYTES_MAX: usize = 64 << 20;

/// Where `POST` empties the store, if the configuration allows it: what Jaeger's own tests call between two of them.
const PURGE_PATH: &str = "/purge";

/// What the services need.
pub struct Services {
    /// Who answers plans.
    pub query: ::query::Query,
    /// Who keeps archived traces; without one nothing can be archived.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Whether tests may empty the store.
    pub purge: Purge,
    /// Who keeps spans that a Jaeger sends; without one they are refused.
    pub writer: Option<Arc<dyn Writer>>,
    /// What "now" is.
    pub clock: Arc<dyn Clock>,
    /// Whose spans.
    pub tenant: Tenant,
    /// What requests may hold in memory.
    pub budget: Budget,
}

/// What goes back, and why rows may be missing from it.
struct Reply {
    messages: Messages,
    partial: Option<String>,
}

enum Messages {
    One(Vec<u8>),
    Many(BoxStream<'static, Result<Bytes, Status>>),
}

impl Reply {
    fn one(message: Vec<u8>) -> Self {
        Self { messages: Messages::One(message), partial: None }
    }

    fn many(messages: BoxStream<'static, Result<Bytes, Status>>) -> Self {
        Self { messages: Messages::Many(messages), partial: None }
    }

    /// A stream of one message that holds everything.
    fn whole((message, partial): (Message, Option<String>)) -> Self {
        let message = stream::iter([Ok(Bytes::from(message.into_bytes()))]);
        Self::many(message.boxed()).lacking(partial)
    }

    /// The same, which may lack rows for this reason.
    fn lacking(self, partial: Option<String>) -> Self {
        Self { partial, ..self }
    }
}

type Answer = Result<Reply, Status>;

const QUERY_SERVICES: [&str; 4] = [
    "jaeger.api_v2.QueryService",
    "jaeger.api_v3.QueryService",
    "jaeger.api_v3.Capabilities",
    tempo::grpc::SERVICE,
];
const STORAGE_SERVICES: [&str; 4] = [
    "jaeger.storage.v2.TraceReader",
    "jaeger.storage.v2.DependencyReader",
    "jaeger.storage.v2.Capabilities",
    "opentelemetry.proto.collector.trace.v1.TraceService",
];

/// Answers Jaeger's query services.
#[must_use]
pub fn query_handler(services: Arc<Services>) -> Handler {
    net::handler(move |request: Request<Incoming>, _| {
        let services = Arc::clone(&services);
        async move {
            if reflection::is_asked(request.uri().path()) {
                return reflection::serve(request, &QUERY_SERVICES);
            }
            let (method, call) = match received(&services, request, &QUERY_SERVICES).await {
                Ok(received) => received,
                Err(response) => return response,
            };
            if method[1..].starts_with(tempo::grpc::SERVICE) {
                let tempo = tempo::Tempo::of(&services.query, &services.clock, &services.budget);
                let answered =
                    tempo::grpc::answer(&tempo, services.tenant.clone(), &method, &call.message).await;
                return sent(answered.map(Reply::whole));
            }
            sent(query::answer(&services, &method, &call.message).await)
        }
    })
}

/// Answers Jaeger's remote storage API, and takes in spans.
#[must_use]
pub fn storage_handler(services: Arc<Services>) -> Handler {
    net::handler(move |request: Request<Incoming>, _| {
        let services = Arc::clone(&services);
        async move {
            if request.uri().path() == PURGE_PATH && request.method() == Method::POST {
                return purged(&services, request.headers()).await;
            }
            if reflection::is_asked(request.uri().path()) {
                return reflection::serve(request, &STORAGE_SERVICES);
            }
            let (method, call) = match received(&services, request, &STORAGE_SERVICES).await {
                Ok(received) => received,
                Err(response) => return response,
            };
            sent(storage::answer(&services, &method, call.message).await)
        }
    })
}

async fn purged(services: &Services, headers: &HeaderMap) -> Response<Body> {
    let (status, text) = services.purge.answer(headers, services.tenant.clone()).await;
    let mut response = Response::new(Body::full(text));
    *response.status_mut() = status;
    response
}

/// The method and the message of a call; health checks are answered here.
async fn received(
    services: &Services,
    request: Request<Incoming>,
    known: &[&str],
) -> Result<(String, grpc::Call), Response<Body>> {
    let method = request.uri().path().to_owned();
    let bytes_max = if method == storage::EXPORT { SPANS_BYTES_MAX } else { REQUEST_BYTES_MAX };
    let limits = CollectLimits { bytes_max, ..CollectLimits::default() };
    let call = grpc::receive(request, &services.budget, &limits).await;
    let call = call.map_err(|status| grpc::refuse(&status))?;
    if method == grpc::HEALTH_CHECK_PATH {
        return Err(grpc::health(&call.message, known, true));
    }
    Ok((method, call))
}

fn sent(answer: Answer) -> Response<Body> {
    let Reply { messages, partial } = match answer {
        Ok(reply) => reply,
        Err(status) => return grpc::refuse(&status),
    };
    let response = match messages {
        Messages::One(message) => grpc::reply(&message),
        Messages::Many(messages) => grpc::stream(messages),
    };
    super::reply::said(partial.as_deref(), response)
}

fn unknown(method: &str) -> Status {
    let method: String = method.chars().take(100).collect();
    Situation::UnknownMethod.status(format!("unknown method {method}"), None)
}

#[cfg(test)]
mod tests;
