//! The side that calls.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, TE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::{
    ACCEPTED, ACCEPTED_ENCODINGS, CONTENT_TYPE, ENCODING, TIMEOUT, decode_status, encoding_name,
    encoding_named, framed, unframed,
};
use crate::body::Body;
use crate::client::HttpClient;
use crate::compress::compress;
use crate::inflate::{Cap, Encoding, inflate};
use crate::status::{Code, Status};

/// Answers larger than this end the call.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Makes unary calls to one server, over one connection that is opened when needed and again when lost.
#[derive(Clone, Debug)]
pub struct Client {
    http: HttpClient,
    server: Uri,
    compression: Option<Encoding>,
    headers: HeaderMap,
}

impl Client {
    /// Calls go to the scheme and authority of `server`; the client must be one for HTTP/2 only.
    pub fn new(http: HttpClient, server: Uri) -> Client {
        Client { http, server, compression: None, headers: HeaderMap::new() }
    }

    /// Compresses what is sent.
    pub fn with_compression(self, compression: Option<Encoding>) -> Client {
        Client { compression, ..self }
    }

    /// Metadata for every call.
    pub fn with_headers(self, headers: HeaderMap) -> Client {
        Client { headers, ..self }
    }

    /// Calls `path` (`/package.Service/Method`) and waits for the answer, at most `timeout`.
    pub async fn unary(
        &self,
        path: &'static str,
        message: Bytes,
        metadata: &HeaderMap,
        timeout: Duration,
    ) -> Result<Bytes, Status> {
        let request = self.request(path, message, metadata, timeout).await?;
        let late = |_| Status::new(Code::DeadlineExceeded, format!("no answer within {timeout:?}"));
        let call = async {
            let answer = self.http.send(request).await;
            read(answer.map_err(|cause| Status::new(Code::Unavailable, cause.to_string()))?).await
        };
        tokio::time::timeout(timeout, call).await.map_err(late)?
    }

    async fn request(
        &self,
        path: &'static str,
        message: Bytes,
        metadata: &HeaderMap,
        timeout: Duration,
    ) -> Result<Request<Body>, Status> {
        let invalid = |cause: http::Error| Status::new(Code::Internal, cause.to_string());
        let mut parts = self.server.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        let uri = Uri::from_parts(parts).map_err(|cause| invalid(cause.into()))?;
        let frame = match self.compression {
            Some(encoding) => framed(&packed(encoding, message).await?, true),
            None => framed(&message, false),
        };
        let mut request = Request::post(uri).body(Body::full(frame)).map_err(invalid)?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("faden/", env!("CARGO_PKG_VERSION"))));
        headers.extend(self.headers.clone());
        headers.extend(metadata.clone());
        headers.insert(CONTENT_TYPE_NAME, CONTENT_TYPE);
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(ACCEPTED, ACCEPTED_ENCODINGS);
        let millis = timeout.as_millis().clamp(1, 99_999_999);
        headers.insert(
            TIMEOUT,
            HeaderValue::try_from(format!("{millis}m")).map_err(|cause| invalid(cause.into()))?,
        );
        if let Some(encoding) = self.compression {
            headers.insert(ENCODING, HeaderValue::from_static(encoding_name(encoding)));
        }
        Ok(request)
    }
}

async fn packed(encoding: Encoding, message: Bytes) -> Result<Vec<u8>, Status> {
    /// What takes longer than half a millisecond to compress moves to another thread.
    const INLINE_MAX: usize = 32 << 10;
    let packed = if message.len() <= INLINE_MAX {
        compress(encoding, None, &message)
    } else {
        let task = tokio::task::spawn_blocking(move || compress(encoding, None, &message));
        task.await.map_err(|cause| Status::new(Code::Internal, cause.to_string()))?
    };
    packed.map_err(|cause| Status::new(Code::Internal, cause.to_string()))
}

async fn read(answer: Response<Incoming>) -> Result<Bytes, Status> {
    let (head, body) = answer.into_parts();
    if let Some(status) = decode_status(&head.headers).filter(|status| status.code != Code::Ok) {
        return Err(status);
    }
    if head.status != StatusCode::OK {
        let code = Code::of_http(head.status.as_u16());
        return Err(Status::new(code, format!("the server answered with HTTP {}", head.status)));
    }
    let unavailable = |cause: &dyn std::fmt::Display| Status::new(Code::Unavailable, cause.to_string());
    let whole = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|cause| unavailable(&cause))?;
    let status = whole.trailers().and_then(decode_status).or_else(|| decode_status(&head.headers));
    match status {
        Some(Status { code: Code::Ok, .. }) => {}
        Some(status) => return Err(status),
        None => return Err(Status::new(Code::Unknown, "the answer has no grpc-status")),
    }
    let (compressed, message) = unframed(&whole.to_bytes())?;
    if !compressed {
        return Ok(message);
    }
    let name = head.headers.get(ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoding = encoding_named(name)
        .ok_or_else(|| Status::new(Code::Internal, "the answer is compressed with an unknown encoding"))?;
    let mut cap = Cap { bytes_max: ANSWER_BYTES_MAX, permit: None };
    let inflated = inflate(encoding, &message, &mut cap);
    inflated.map(Bytes::from).map_err(|cause| Status::new(Code::Internal, cause.to_string()))
}
