//! The side that is called.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream as streams};
use http::header::CONTENT_TYPE as CONTENT_TYPE_NAME;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;

use super::{
    ACCEPTED, ACCEPTED_ENCODINGS, CONTENT_TYPE, ENCODING, PREFIX, TIMEOUT, encode_status, encoding_named,
    framed, parse_timeout, unframed,
};
use crate::body::{Body, BoxError};
use crate::budget::{Budget, Permit};
use crate::collect::{Announced, CollectError, CollectLimits, Collected, collect, unpacked};
use crate::inflate::InflateError;
use crate::status::{Code, Situation, Status};

/// The request of a call, whole and decompressed.
#[derive(Debug)]
pub struct Call {
    /// The message.
    pub message: Bytes,
    /// What it holds of the budget; keep it as long as the message is used.
    pub permit: Permit,
    /// How long the client is going to wait.
    pub timeout: Option<Duration>,
    /// The metadata of the call, among other headers.
    pub headers: HeaderMap,
}

/// True if the request claims to be gRPC.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE_NAME).map(|value| value.as_bytes());
    content_type.is_some_and(|value| value.starts_with(b"application/grpc"))
}

/// Takes in the request of a call that carries one message.
pub async fn receive<B>(request: Request<B>, budget: &Budget, limits: &CollectLimits) -> Result<Call, Status>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Status::new(Code::Unimplemented, "gRPC calls are made with POST"));
    }
    let content_type = head.headers.get(CONTENT_TYPE_NAME).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !matches!(content_type, "application/grpc" | "application/grpc+proto") {
        return Err(Status::new(
            Code::Unimplemented,
            "the content type must be application/grpc or application/grpc+proto",
        ));
    }
    let timeout = head.headers.get(TIMEOUT).and_then(|value| parse_timeout(value.to_str().ok()?));
    // The limit is on the message; its prefix is not part of it.
    let wire_limits = CollectLimits { bytes_max: limits.bytes_max.saturating_add(PREFIX), ..limits.clone() };
    let collected = collect(&head.headers, body, Announced::GrpcPrefix, budget, &wire_limits);
    let Collected { bytes, permit } = collected.await.map_err(|cause| refused(cause, limits.bytes_max))?;
    let (compressed, bytes) = unframed(&bytes)?;
    let message = Collected { bytes, permit };
    let Collected { bytes, permit } =
        if compressed { decompressed(&head.headers, message, limits.bytes_max).await? } else { message };
    Ok(Call { message: bytes, permit, timeout, headers: head.headers })
}

/// The answer to a call that went well.
pub fn reply(message: &[u8]) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    encode_status(&Status::new(Code::Ok, ""), &mut trailers);
    answer(Body::with_trailers(framed(message, false), trailers))
}

/// The answer to a call that did not.
pub fn refuse(status: &Status) -> Response<Body> {
    let mut response = answer(Body::empty());
    encode_status(status, response.headers_mut());
    response
}

/// Answers with one message after the other. An error ends the stream and is its status.
pub fn stream(messages: impl Stream<Item = Result<Bytes, Status>> + Send + 'static) -> Response<Body> {
    let frames = messages.map(Some).chain(streams::once(async { None })).scan(false, |ended, message| {
        let frame = match message {
            _ if *ended => None,
            Some(Ok(message)) => Some(Frame::data(framed(&message, false))),
            Some(Err(status)) => Some(last(&status)),
            None => Some(last(&Status::new(Code::Ok, ""))),
        };
        *ended = frame.as_ref().is_none_or(Frame::is_trailers);
        async move { frame.map(Ok::<_, BoxError>) }
    });
    answer(Body::stream(StreamBody::new(frames)))
}

fn last(status: &Status) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    encode_status(status, &mut trailers);
    Frame::trailers(trailers)
}

fn answer(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE_NAME, CONTENT_TYPE);
    response.headers_mut().insert(ACCEPTED, ACCEPTED_ENCODINGS);
    response
}

async fn decompressed(
    headers: &HeaderMap,
    message: Collected,
    bytes_max: usize,
) -> Result<Collected, Status> {
    let name = headers.get(ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("identity");
    if name == "identity" {
        return Err(Status::new(
            Code::Internal,
            "the compressed flag is set, but grpc-encoding names no encoding",
        ));
    }
    let Some(encoding) = encoding_named(name) else {
        let message =
            format!("grpc-encoding {:?} is not spoken here", name.chars().take(40).collect::<String>());
        return Err(Situation::UnsupportedMedia.status(message, None));
    };
    unpacked(message, &[encoding], bytes_max).await.map_err(|cause| {
        let situation = match cause {
            InflateError::TooLarge { .. } => Situation::TooLarge,
            InflateError::Busy => Situation::Unavailable,
            InflateError::Broken(_) | InflateError::Unknown(_) => Situation::Undecodable,
        };
        situation.status(format!("the message {cause}"), None)
    })
}

fn refused(cause: CollectError, bytes_max: usize) -> Status {
    match cause {
        CollectError::TooLarge { .. } => {
            Situation::TooLarge.status(format!("the message is larger than {bytes_max} bytes"), None)
        }
        CollectError::Busy => Situation::Unavailable.status(cause.to_string(), None),
        CollectError::TooSlow => Situation::TooSlow.status(cause.to_string(), None),
        CollectError::Broken(_) => Status::new(Code::Cancelled, cause.to_string()),
    }
}
