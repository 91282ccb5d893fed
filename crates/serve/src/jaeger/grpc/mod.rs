//! Jaeger over gRPC: the query services, and the remote storage API with which a stock Jaeger keeps its spans here.
//!
//! | service | door |
//! |---|---|
//! | `jaeger.api_v2.QueryService`, `jaeger.api_v3.QueryService` | [`query_handler`] |
//! | `jaeger.storage.v2.TraceReader`, `DependencyReader`, `Capabilities`; OTLP's `TraceService` | [`storage_handler`] |
//! | `grpc.health.v1.Health` | both |
//!
//! The messages are those of `proto/jaeger`. Requests are bounded by [`REQUEST_BYTES_MAX`] (spans by
//! [`SPANS_BYTES_MAX`]); answers of traces are streams, of which one trace is made at a time.

mod query;
mod reply;
mod request;
mod storage;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{Request, Response};
use hyper::body::Incoming;
use model::{Clock, Tenant};
use net::collect::CollectLimits;
use net::{Body, Budget, Handler, Situation, Status, grpc};
use store::Writer;

use crate::keep::Keeper;

/// The longest message of a question; a longer one is refused.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The longest message of spans; a longer one is refused.
pub const SPANS_BYTES_MAX: usize = 64 << 20;

/// What the services need.
pub struct Services {
    /// Who answers plans.
    pub query: ::query::Query,
    /// Who keeps archived traces; without one nothing can be archived.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Who keeps spans that a Jaeger sends; without one they are refused.
    pub writer: Option<Arc<dyn Writer>>,
    /// What "now" is.
    pub clock: Arc<dyn Clock>,
    /// Whose spans.
    pub tenant: Tenant,
    /// What requests may hold in memory.
    pub budget: Budget,
}

/// What goes back.
enum Reply {
    One(Vec<u8>),
    Many(BoxStream<'static, Result<Bytes, Status>>),
}

type Answer = Result<Reply, Status>;

const QUERY_SERVICES: [&str; 2] = ["jaeger.api_v2.QueryService", "jaeger.api_v3.QueryService"];
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
            let (method, call) = match received(&services, request, &QUERY_SERVICES).await {
                Ok(received) => received,
                Err(response) => return response,
            };
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
            let (method, call) = match received(&services, request, &STORAGE_SERVICES).await {
                Ok(received) => received,
                Err(response) => return response,
            };
            sent(storage::answer(&services, &method, call.message).await)
        }
    })
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
    match answer {
        Ok(Reply::One(message)) => grpc::reply(&message),
        Ok(Reply::Many(messages)) => grpc::stream(messages),
        Err(status) => grpc::refuse(&status),
    }
}

fn unknown(method: &str) -> Status {
    let method: String = method.chars().take(100).collect();
    Situation::UnknownMethod.status(format!("unknown method {method}"), None)
}

#[cfg(test)]
mod tests;
