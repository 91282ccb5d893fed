use std::net::SocketAddr;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::*;
use crate::client::{ClientLimits, HttpClient};
use crate::collect::CollectLimits;
use crate::tls::ClientTls;
use crate::{Body, Budget, HttpLimits, Listener, Server, Situation, handler};

const ECHO: &str = "/test.Echo/Echo";
const BYTES_MAX: usize = 1 << 20;

async fn echo(request: Request<Incoming>, budget: Budget) -> Response<Body> {
    let limits = CollectLimits { bytes_max: BYTES_MAX, ..CollectLimits::default() };
    match request.uri().path() {
        ECHO => match receive(request, &budget, &limits).await {
            Ok(call) if call.message.as_ref() == b"wait" => {
                tokio::time::sleep(call.timeout.unwrap() * 2).await;
                reply(b"")
            }
            Ok(call) => reply(&call.message),
            Err(status) => refuse(&status),
        },
        HEALTH_CHECK_PATH => match receive(request, &budget, &limits).await {
            Ok(call) => health(&call.message, &["test.Echo"], true),
            Err(status) => refuse(&status),
        },
        "/test.Echo/Busy" => {
            refuse(&Situation::Unavailable.status("voll: 100 %\n", Some(Duration::from_millis(1500))))
        }
        "/test.Echo/Stream" => {
            let messages =
                [Ok(Bytes::from("a")), Ok(Bytes::from("b")), Err(Status::new(Code::DataLoss, "c"))];
            stream(futures_util::stream::iter(messages))
        }
        path => refuse(&Situation::UnknownMethod.status(format!("unknown method {path}"), None)),
    }
}

async fn running(budget: &Budget) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr();
    let server = Server { listener, tls: None, limits: HttpLimits::default() };
    let budget = budget.clone();
    let answer = handler(move |request, _| echo(request, budget.clone()));
    tokio::spawn(server.serve(answer, std::future::pending()));
    addr
}

fn client(addr: SocketAddr) -> Client {
    let http = HttpClient::http2_only(ClientTls::default(), &ClientLimits::default()).unwrap();
    Client::new(http, format!("http://{addr}").parse().unwrap())
}

async fn call(client: &Client, path: &'static str, message: &[u8]) -> Result<Bytes, Status> {
    let message = Bytes::copy_from_slice(message);
    client.unary(path, message, &HeaderMap::new(), Duration::from_secs(10)).await
}

#[tokio::test]
async fn messages_travel_in_every_encoding() {
    let budget = Budget::new(64 << 20);
    let addr = running(&budget).await;
    let message: Vec<u8> = (0..600_000_u32).map(|i| (i / 3 % 251) as u8).collect();
    for encoding in [
        None,
        Some(Encoding::Gzip),
        Some(Encoding::Zstd),
        Some(Encoding::Deflate),
        Some(Encoding::SnappyFramed),
    ] {
        let client = client(addr).with_compression(encoding);
        for size in [0, 10, message.len()] {
            let answer = call(&client, ECHO, &message[..size]).await.unwrap();
            assert_eq!(answer, message[..size], "{encoding:?} of {size}");
        }
    }
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_not_to_be_sent_again() {
    let budget = Budget::new(64 << 20);
    let addr = running(&budget).await;
    let fits = vec![7; BYTES_MAX];
    assert!(call(&client(addr), ECHO, &fits).await.is_ok());
    for encoding in [None, Some(Encoding::Gzip)] {
        let client = client(addr).with_compression(encoding);
        let status = call(&client, ECHO, &vec![7; BYTES_MAX + 1]).await.unwrap_err();
        assert_eq!(
            (status.code, status.retry_after),
            (Code::ResourceExhausted, None),
            "{encoding:?}: {status}"
        );
    }
}

#[tokio::test]
async fn a_full_budget_asks_to_come_back() {
    let budget = Budget::new(1000);
    let addr = running(&budget).await;
    let status = call(&client(addr), ECHO, &[0; 2000]).await.unwrap_err();
    assert_eq!(status.code, Code::Unavailable);
    assert!(status.retry_after.is_some());
    assert!(call(&client(addr), ECHO, &[0; 900]).await.is_ok());
}

#[tokio::test]
async fn status_message_and_hint_survive_the_headers() {
    let addr = running(&Budget::new(1000)).await;
    let status = call(&client(addr), "/test.Echo/Busy", b"").await.unwrap_err();
    assert_eq!(status, Situation::Unavailable.status("voll: 100 %\n", Some(Duration::from_millis(1500))));
    let status = call(&client(addr), "/test.Echo/No", b"").await.unwrap_err();
    assert_eq!(status, Status::new(Code::Unimplemented, "unknown method /test.Echo/No"));
}

#[tokio::test]
async fn a_server_that_is_slow_or_not_there_is_told_apart() {
    let addr = running(&Budget::new(1000)).await;
    let client_here = client(addr);
    let soon = Duration::from_millis(100);
    let late = client_here.unary(ECHO, Bytes::from("wait"), &HeaderMap::new(), soon).await.unwrap_err();
    assert_eq!(late.code, Code::DeadlineExceeded);
    let free = Listener::bind("127.0.0.1:0").await.unwrap().local_addr();
    let nobody = call(&client(free), ECHO, b"").await.unwrap_err();
    assert_eq!(nobody.code, Code::Unavailable);
    assert!(nobody.message.contains("cannot connect to"), "{nobody}");
}

#[tokio::test]
async fn health_is_known_per_service() {
    let addr = running(&Budget::new(1000)).await;
    let client = client(addr);
    assert_eq!(call(&client, HEALTH_CHECK_PATH, b"").await.unwrap(), [8, 1].as_slice());
    assert_eq!(call(&client, HEALTH_CHECK_PATH, b"\x0a\x09test.Echo").await.unwrap(), [8, 1].as_slice());
    assert_eq!(call(&client, HEALTH_CHECK_PATH, b"\x0a\x02no").await.unwrap_err().code, Code::NotFound);
}

/// Sends bytes as they are and gives back `grpc-status` or the HTTP code.
async fn raw(addr: SocketAddr, headers: &[(&'static str, &str)], body: &'static [u8]) -> String {
    let http = HttpClient::http2_only(ClientTls::default(), &ClientLimits::default()).unwrap();
    let mut request = Request::post(format!("http://{addr}{ECHO}")).body(Body::full(body)).unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let answer = http.send(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let whole = body.collect().await.unwrap();
    let status = head.headers.get(STATUS).or_else(|| whole.trailers()?.get(STATUS));
    status.unwrap().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn broken_framing_is_invalid() {
    let addr = running(&Budget::new(1 << 20)).await;
    let grpc = [("content-type", "application/grpc")];
    for body in [b"".as_slice(), b"\0\0", b"\0\0\0\0\x05abc", b"\0\0\0\0\x01ab", b"\x02\0\0\0\0"] {
        assert_eq!(raw(addr, &grpc, body).await, "3", "{body:?}");
    }
    assert_eq!(raw(addr, &grpc, b"\0\0\0\0\0").await, "0");
    assert_eq!(raw(addr, &grpc, b"\x01\0\0\0\0").await, "13", "compressed, but no encoding is named");
    let brotli = [("content-type", "application/grpc"), ("grpc-encoding", "br")];
    assert_eq!(raw(addr, &brotli, b"\x01\0\0\0\0").await, "12");
    assert_eq!(
        raw(addr, &brotli, b"\0\0\0\0\0").await,
        "0",
        "the encoding only counts where the flag is set"
    );
    let gzip = [("content-type", "application/grpc+proto"), ("grpc-encoding", "gzip")];
    assert_eq!(raw(addr, &gzip, b"\x01\0\0\0\x03abc").await, "3");
    assert_eq!(raw(addr, &[("content-type", "application/json")], b"{}").await, "12");
}

#[tokio::test]
async fn a_stream_ends_with_its_status() {
    let addr = running(&Budget::new(1000)).await;
    let http = HttpClient::http2_only(ClientTls::default(), &ClientLimits::default()).unwrap();
    let request = Request::post(format!("http://{addr}/test.Echo/Stream")).body(Body::empty()).unwrap();
    let whole = http.send(request).await.unwrap().into_body().collect().await.unwrap();
    let status = decode_status(whole.trailers().unwrap()).unwrap();
    assert_eq!(status, Status::new(Code::DataLoss, "c"));
    assert_eq!(whole.to_bytes(), b"\0\0\0\0\x01a\0\0\0\0\x01b".as_slice());
}

#[test]
fn timeouts_are_read_as_grpc_writes_them() {
    for (text, expected) in [
        ("5S", Some(Duration::from_secs(5))),
        ("100m", Some(Duration::from_millis(100))),
        ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
        ("1n", Some(Duration::from_nanos(1))),
        ("123456789S", None),
        ("S", None),
        ("", None),
        ("5", None),
        ("-5S", None),
        ("5ß", None),
    ] {
        assert_eq!(parse_timeout(text), expected, "{text}");
    }
}
