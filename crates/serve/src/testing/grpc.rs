//! Unary calls over gRPC, as any client makes them.

use std::net::SocketAddr;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::Request;
use http_body_util::BodyExt as _;
use net::client::{ClientLimits, HttpClient};
use net::tls::ClientTls;

/// The messages of an answer, or its code and words.
pub(crate) type Answered = Result<Vec<Bytes>, (i32, String)>;

/// A client of servers without TLS.
pub(crate) fn client() -> HttpClient {
    HttpClient::http2_only(ClientTls::default(), &ClientLimits::default()).unwrap()
}

/// The request that calls the method at a path, `/package.Service/Method`, with a message.
pub(crate) fn request(address: SocketAddr, path: &str, message: &[u8]) -> Request<net::Body> {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(net::Body::full(frame.freeze()))
        .unwrap()
}

/// Calls a method and waits for all of its answer.
pub(crate) async fn call(address: SocketAddr, path: &str, message: &[u8]) -> Answered {
    let (head, body) = client().send(request(address, path, message)).await.unwrap().into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let header = |name| {
        let value = trailers.get(name).or_else(|| head.headers.get(name));
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let code: i32 = header("grpc-status").expect("a status").parse().unwrap();
    if code != 0 {
        return Err((code, header("grpc-message").unwrap_or_default()));
    }
    let mut rest = collected.to_bytes();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        messages.push(rest.slice(5..5 + length));
        rest = rest.slice(5 + length..);
    }
    Ok(messages)
}
