//! `opentelemetry.proto.collector.trace.v1.TraceService` over gRPC.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use net::collect::{CollectLimits, Collected};
use net::settings::GrpcServerSettings;
use net::{Body, Handler, Situation, Status, grpc};
use pipeline::Reason;
use tokio::time::Instant;

use super::intake::{Intake, WAIT_MAX};
use super::response;

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
const OTHERS: [(&str, &str); 3] = [
    ("/opentelemetry.proto.collector.logs.", "logs"),
    ("/opentelemetry.proto.collector.metrics.", "metrics"),
    ("/opentelemetry.proto.collector.profiles.", "profiles"),
];

pub(super) fn handler(intake: Arc<Intake>, settings: &GrpcServerSettings) -> Handler {
    let limits = CollectLimits { bytes_max: settings.message_bytes_max, ..CollectLimits::default() };
    net::handler(move |request, _| answer(Arc::clone(&intake), limits.clone(), request))
}

async fn answer(intake: Arc<Intake>, limits: CollectLimits, request: Request<Incoming>) -> Response<Body> {
    if !grpc::is_grpc(request.headers()) {
        return no_grpc();
    }
    match request.uri().path() {
        TRACES => {}
        grpc::HEALTH_CHECK_PATH => {
            return match grpc::receive(request, &intake.budget, &limits).await {
                Ok(call) => grpc::health(&call.message, &[SERVICE], true),
                Err(status) => grpc::refuse(&status),
            };
        }
        path => return grpc::refuse(&unknown(path)),
    }
    match export(&intake, &limits, request).await {
        Ok(message) => grpc::reply(&message),
        Err(status) => grpc::refuse(&status),
    }
}

async fn export(
    intake: &Arc<Intake>,
    limits: &CollectLimits,
    request: Request<Incoming>,
) -> Result<Vec<u8>, Status> {
    let began = Instant::now();
    let call = grpc::receive(request, &intake.budget, limits).await.inspect_err(|status| {
        intake.meter.request_refused(&Reason::new(label(status), status.message.clone()));
    })?;
    let deadline = began + call.timeout.unwrap_or(WAIT_MAX).min(WAIT_MAX);
    let request = Collected { bytes: call.message, permit: call.permit };
    let partial = intake.take(request, Ok, deadline).await.map_err(|refused| refused.status)?;
    Ok(response::protobuf(&partial))
}

fn label(status: &Status) -> &'static str {
    use net::status::Code;
    match status.code {
        Code::ResourceExhausted => "too_large",
        Code::Unavailable => "budget",
        Code::Unimplemented => "unsupported",
        Code::Cancelled => "broken_off",
        _ => "malformed",
    }
}

fn unknown(path: &str) -> Status {
    let other = OTHERS.iter().find(|(prefix, _)| path.starts_with(prefix));
    let message = match other {
        Some((_, signal)) => format!("faden takes traces, not {signal}: send {signal} elsewhere"),
        None => format!("unknown method {}", path.chars().take(100).collect::<String>()),
    };
    Situation::UnknownMethod.status(message, None)
}

/// Somebody who speaks HTTP to the wrong port is told so in words.
fn no_grpc() -> Response<Body> {
    let mut response = Response::new(Body::full(
        "this port speaks OTLP over gRPC (content type application/grpc); OTLP over HTTP is usually on port 4318\n",
    ));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
