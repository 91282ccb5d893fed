use net::Encoding;
use net::compress::compress;
use net::status::Code;
use pipeline::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const ONE_SPAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
    {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"a"}]}]}]}"#;

#[tokio::test]
async fn spans_are_taken_in_every_encoding() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    let request = request(2000);
    for encoding in [
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Zstd,
        Encoding::Snappy,
        Encoding::SnappyFramed,
        Encoding::Lz4,
    ] {
        let body = compress(encoding, None, &request).unwrap();
        let answer = server.post(&[PROTOBUF, ("content-encoding", encoding.header_name())], body).await;
        assert_eq!((answer.code, answer.text()), (200, ""), "{encoding:?}");
        assert_eq!(answer.header("content-type"), "application/x-protobuf");
    }
    assert_eq!(server.post(&[PROTOBUF], request.clone()).await.code, 200);
    assert_eq!(next.sizes(), [2000; 7]);
    assert!(next.taken().iter().all(|batch| *batch.bytes() == request));
    server.settled().await;
}

#[tokio::test]
async fn json_is_answered_in_json() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    let answer = server.post(&[JSON], ONE_SPAN).await;
    assert_eq!((answer.code, answer.text(), answer.header("content-type")), (200, "{}", "application/json"));
    assert_eq!(next.taken()[0].span(0).name(), "a");
    let no_id = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}"#;
    let answer = server.post(&[JSON], no_id).await;
    assert_eq!(answer.code, 200);
    assert!(
        answer.text().starts_with(r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"#),
        "{}",
        answer.text()
    );
    server.check_ledger(1, 0, 1);
}

#[tokio::test]
async fn a_chunked_body_has_no_length() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for part in ONE_SPAN.as_bytes().chunks(7) {
        stream.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await.unwrap();
        stream.write_all(&[part, b"\r\n"].concat()).await.unwrap();
        stream.flush().await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{}"), "{answer}");
    assert_eq!(next.sizes(), [1]);
}

#[tokio::test]
async fn refusals_carry_a_status_in_the_form_of_the_request() {
    let server = running(BOTH, Scripted::open([])).await;
    let broken = server.post(&[PROTOBUF], "\x0a\x7f").await;
    assert_eq!((broken.code, broken.header("content-type")), (400, "application/x-protobuf"));
    assert_eq!(Status::from_proto(&broken.body).unwrap().code, Code::InvalidArgument);
    let broken = server.post(&[JSON], "{\"resourceSpans\": 3}").await;
    assert_eq!((broken.code, broken.header("content-type")), (400, "application/json"));
    assert!(broken.text().starts_with(r#"{"code":3,"message":"line 1"#), "{}", broken.text());
    let gzip = server.post(&[PROTOBUF, ("content-encoding", "gzip")], "no gzip").await;
    assert_eq!(gzip.code, 400);
    let brotli = server.post(&[PROTOBUF, ("content-encoding", "br")], "x").await;
    assert_eq!(brotli.code, 415);
    let text = server.post(&[("content-type", "text/plain")], "x").await;
    assert_eq!((text.code, text.header("content-type")), (415, "text/plain; charset=utf-8"));
    assert_eq!(server.post(&[], "x").await.code, 415);
    server.settled().await;
}

#[tokio::test]
async fn other_paths_and_methods_say_what_is_here() {
    let server = running(BOTH, Scripted::open([])).await;
    for (method, path, code, says) in [
        ("GET", "/v1/traces", 405, "POST"),
        ("OPTIONS", "/v1/traces", 405, "POST"),
        ("POST", "/v1/logs", 404, "traces only"),
        ("POST", "/v1/metrics", 404, "traces only"),
        ("GET", "/", 404, "/v1/traces"),
        ("POST", "/v1/traces/..%2ftraces", 404, "/v1/traces"),
    ] {
        let uri = format!("http://{}{path}", server.http);
        let answer = send(Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.code, code, "{method} {path}");
        assert!(answer.text().contains(says), "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("allow"), if code == 405 { "POST" } else { "" });
    }
}

#[tokio::test]
async fn a_busy_pipeline_says_when_to_come_back() {
    let after = Some(Duration::from_millis(2500));
    let next = Scripted::open([Outcome::retry(after, "test", "full"), Outcome::retry(None, "test", "full")]);
    let server = running(BOTH, next).await;
    let first = server.post(&[PROTOBUF], request(1)).await;
    assert_eq!((first.code, first.header("retry-after")), (503, "3"));
    assert_eq!(Status::from_proto(&first.body).unwrap().retry_after, after);
    assert_eq!(server.post(&[PROTOBUF], request(1)).await.header("retry-after"), "1");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413_and_the_answer_arrives() {
    let yaml = "protocols: { http: { endpoint: 'localhost:0', max_request_body_size: 1MiB } }";
    let server = running(yaml, Scripted::open([])).await;
    let large = server.post(&[PROTOBUF], vec![0; 8 << 20]).await;
    assert_eq!((large.code, large.header("retry-after")), (413, ""));
    let gzip = compress(Encoding::Gzip, None, &vec![0; 8 << 20]).unwrap();
    assert_eq!(server.post(&[PROTOBUF, ("content-encoding", "gzip")], gzip).await.code, 413);
    server.settled().await;
}

#[tokio::test]
async fn pages_of_strangers_cannot_post_to_a_loopback_port() {
    let server = running(BOTH, Scripted::open([])).await;
    let rebound = server.post(&[JSON, ("host", "evil.example:4318")], ONE_SPAN).await;
    assert_eq!(rebound.code, 403);
    let page = server.post(&[JSON, ("origin", "https://evil.example")], ONE_SPAN).await;
    assert_eq!((page.code, page.header("access-control-allow-origin")), (403, ""));
    let local = server.post(&[JSON, ("origin", "http://localhost:3000")], ONE_SPAN).await;
    assert_eq!(local.code, 200);
    server.check_ledger(1, 0, 0);
}

#[tokio::test]
async fn pages_that_are_listed_may_post() {
    let yaml = "protocols: { http: { endpoint: 'localhost:0', cors: {
        allowed_origins: ['https://*.example.com'], allowed_headers: [x-custom], max_age: 60 } } }";
    let server = running(yaml, Scripted::open([])).await;
    let origin = ("origin", "https://shop.example.com");
    let uri = format!("http://{}/v1/traces", server.http);
    let question = Request::options(&uri)
        .header(origin.0, origin.1)
        .header("access-control-request-method", "POST")
        .body(Body::empty())
        .unwrap();
    let answer = send(question).await;
    assert_eq!(answer.code, 204);
    assert_eq!(answer.header("access-control-allow-origin"), origin.1);
    assert!(answer.header("access-control-allow-headers").contains("x-custom"));
    assert_eq!(answer.header("access-control-max-age"), "60");
    let posted = server.post(&[JSON, origin], ONE_SPAN).await;
    assert_eq!((posted.code, posted.header("access-control-allow-origin")), (200, origin.1));
    assert_eq!(server.post(&[JSON, ("origin", "https://evil.example")], ONE_SPAN).await.code, 403);
}
