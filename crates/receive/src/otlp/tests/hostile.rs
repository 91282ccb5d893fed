//! Bodies that mean harm: each has its stated answer, and memory stays within the budget.

use net::Encoding;
use net::compress::compress;
use net::status::Code;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");
const MIB: usize = 1 << 20;

/// So many zero bytes, compressed piece by piece so that the test itself needs no memory for them.
fn gzip_bomb(mebibytes: usize) -> Vec<u8> {
    compress(Encoding::Gzip, Some(9), &vec![0; MIB]).unwrap().repeat(mebibytes)
}

fn zstd_bomb(mebibytes: usize) -> Vec<u8> {
    compress(Encoding::Zstd, Some(19), &vec![0; MIB]).unwrap().repeat(mebibytes)
}

#[tokio::test]
async fn a_bomb_ends_at_the_limit() {
    for (name, bomb) in [("gzip", gzip_bomb(2048)), ("zstd", zstd_bomb(2048))] {
        let server = running(BOTH, Scripted::open([])).await;
        let answer = server.post(&[PROTOBUF, ("content-encoding", name)], bomb.clone()).await;
        assert_eq!(answer.code, 413, "{name}");
        assert!(server.budget.peak() <= 64 * MIB + bomb.len() + 1, "{name} took {}", server.budget.peak());
        server.settled().await;
    }
    let server = running(BOTH, Scripted::open([])).await;
    let inner = compress(Encoding::Gzip, None, &gzip_bomb(512)).unwrap();
    let nested = server.post(&[PROTOBUF, ("content-encoding", "gzip, gzip")], inner.clone()).await;
    assert_eq!(nested.code, 413);
    let deep = server.post(&[PROTOBUF, ("content-encoding", "gzip, gzip, gzip")], inner).await;
    assert_eq!(deep.code, 415);
    server.settled().await;
}

#[tokio::test]
async fn many_bombs_at_once_share_the_budget() {
    let server = Arc::new(running_with(BOTH, Scripted::open([]), Budget::new(100 * MIB)).await);
    let bomb = gzip_bomb(256);
    let all: Vec<_> = (0..8)
        .map(|_| {
            let (server, bomb) = (Arc::clone(&server), bomb.clone());
            tokio::spawn(
                async move { server.post(&[PROTOBUF, ("content-encoding", "gzip")], bomb).await.code },
            )
        })
        .collect();
    for answer in all {
        assert!(matches!(answer.await.unwrap(), 413 | 503));
    }
    assert!(server.budget.peak() <= 100 * MIB);
    server.settled().await;
}

#[tokio::test]
async fn a_gzip_tail_or_a_second_member_is_never_a_shorter_batch() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    let gzip = |bytes: &[u8]| compress(Encoding::Gzip, None, bytes).unwrap();
    let members = [gzip(&request(2)), gzip(&request(3))].concat();
    assert_eq!(server.post(&[PROTOBUF, ("content-encoding", "gzip")], members).await.code, 200);
    let tail = [gzip(&request(2)), b"tail".to_vec()].concat();
    assert_eq!(server.post(&[PROTOBUF, ("content-encoding", "gzip")], tail).await.code, 400);
    assert_eq!(next.sizes(), [5]);
}

#[tokio::test]
async fn empty_spans_are_counted_and_never_built() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    let mut scope = Message::new();
    scope.raw(&[0x12, 0].repeat(500_000));
    let mut spans = Message::new();
    spans.message(otlp::request::RESOURCE_SPANS, |resource| {
        resource.bytes(otlp::resource_spans::SCOPE_SPANS, scope.as_bytes());
    });
    let (rejected, _) = partial_success(&server.export(&spans.into_bytes().into()).await.unwrap());
    assert_eq!(rejected, 500_000);
    assert_eq!(next.sizes(), [0; 0]);
    server.check_ledger(0, 0, 500_000);
    let groups = Bytes::from([0x0a, 0].repeat(500_000));
    assert_eq!(partial_success(&server.export(&groups).await.unwrap()).0, 0);
    assert_eq!(next.sizes(), [0; 0]);
}

#[tokio::test]
async fn spans_beyond_a_million_are_rejected_and_the_rest_kept() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    let one = request(1);
    let many = Bytes::from(one.repeat(1_000_001));
    assert!(many.len() < 64 * MIB);
    let (rejected, message) = partial_success(&server.export(&many).await.unwrap());
    assert_eq!(rejected, 1, "{message}");
    assert_eq!(next.sizes(), [1_000_000]);
    server.check_ledger(1_000_000, 0, 1);
}

#[tokio::test]
async fn a_giant_does_not_hold_the_others_up() {
    let server = Arc::new(running(BOTH, Scripted::open([])).await);
    let giant = Bytes::from(request(1).repeat(900_000));
    let giant = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.export(&giant).await.unwrap() }
    });
    let client = server.client();
    let mut small = 0;
    while !giant.is_finished() {
        export(&client, &request(1)).await.unwrap();
        small += 1;
    }
    assert!(small > 3, "only {small} requests got through on one thread while the giant was walked");
}

#[tokio::test]
async fn a_deep_value_is_replaced_and_the_span_kept() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    for depth in [33, 10_000] {
        let mut value = vec![0x10, 1];
        for _ in 0..depth {
            let mut array = Message::new();
            array.bytes(1, &value);
            let mut outer = Message::new();
            outer.bytes(5, array.as_bytes());
            value = outer.into_bytes();
        }
        let deep = request_with(|span| {
            span.bytes(otlp::span::TRACE_ID, &[1; 16]);
            span.bytes(otlp::span::SPAN_ID, &[1; 8]);
            span.message(otlp::span::ATTRIBUTES, |attribute| {
                attribute.text(1, "deep");
                attribute.bytes(2, &value);
            });
        });
        server.export(&deep).await.unwrap();
    }
    assert_eq!(next.sizes(), [1, 1]);
    assert_eq!(server.counted("faden_receiver_mended_total"), 2);
    let json = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"0102030405060708090a0b0c0d0e0f10",
        "spanId":"0102030405060708","attributes":[{{"key":"deep","value":{}{}}}]}}]}}]}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(100_000),
        "]}}".repeat(100_000)
    );
    let answer = server.post(&[JSON], json).await;
    assert!(matches!(answer.code, 200 | 400), "{}", answer.text());
}

#[tokio::test]
async fn broken_protobuf_is_refused_and_unknown_fields_are_skipped() {
    let server = running(BOTH, Scripted::open([])).await;
    for broken in [
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".as_slice(),
        b"\x0a\x05ab",
        b"\x0a\xff\xff\xff\xff\x07",
        b"\x0b\x0c",
        b"\x02\x00",
        b"\x0a\x02\x12\x05",
    ] {
        let status = server.export(&Bytes::copy_from_slice(broken)).await.unwrap_err();
        assert_eq!(status.code, Code::InvalidArgument, "{broken:x?}");
    }
    let mut unknown = request(2).to_vec();
    unknown.extend_from_slice(b"\xfa\x01\x03abc\xf0\x01\x07");
    assert_eq!(server.export(&unknown.into()).await.unwrap(), "");
    assert_eq!(server.counted("faden_receiver_refused_requests_total"), 6);
    server.check_ledger(2, 0, 0);
}

#[tokio::test]
async fn invalid_utf_8_and_short_ids_are_mended_and_counted() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    let odd = request_with(|span| {
        span.bytes(otlp::span::TRACE_ID, &[1; 8]);
        span.bytes(otlp::span::SPAN_ID, &[1; 8]);
        span.bytes(otlp::span::NAME, b"a\xff");
    });
    assert_eq!(server.export(&odd).await.unwrap(), "");
    assert_eq!(next.taken()[0].span(0).name(), "a\u{fffd}");
    assert_eq!(server.counted("faden_receiver_mended_total"), 2);
}

#[tokio::test]
async fn odd_json_never_ends_in_a_5xx() {
    let server = running(BOTH, Scripted::open([])).await;
    let span = |fields: &str| {
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708",{fields}}}]}}]}}]}}"#
        )
    };
    for (body, codes) in [
        ("", &[400][..]),
        ("null", &[200, 400]),
        ("[]", &[400]),
        ("{", &[400]),
        ("{}", &[200]),
        (r#"{"resourceSpans":null}"#, &[200]),
        (&span(&format!(r#""kind":{}"#, "1".repeat(10 * MIB))), &[200, 400]),
        (&span(r#""name":"a","name":"b""#), &[200]),
        (&span(r#""name":"\ud800""#), &[200, 400]),
        (&span(r#""kind":"SPAN_KIND_SERVER","startTimeUnixNano":"1","endTimeUnixNano":2"#), &[200]),
        (&span(r#""kind":2,"start_time_unix_nano":1,"attributes":null"#), &[200]),
        (&span(r#""name":NaN"#), &[400]),
        (&span(r#""traceId":"abc""#), &[200, 400]),
        (&span(r#""unknown":{"a":[1,{"b":null}]}"#), &[200]),
    ] {
        let answer = server.post(&[JSON], body.to_owned()).await;
        let shown: String = body.chars().take(300).collect();
        assert!(codes.contains(&answer.code), "{shown} got {} {}", answer.code, answer.text());
    }
    server.settled().await;
}

#[tokio::test]
async fn a_client_that_breaks_off_gives_everything_back() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.http).await.unwrap();
        let head = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\n\
                    content-length: 1000000\r\n\r\nonly so much";
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    let waits = async {
        while server.counted("faden_receiver_refused_requests_total") < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waits).await.unwrap();
    server.settled().await;
    assert_eq!(next.sizes(), [0; 0]);
}

#[tokio::test]
async fn streams_that_are_reset_at_once_do_not_stop_the_others() {
    let server = running(BOTH, Scripted::open([])).await;
    let mut stream = TcpStream::connect(server.grpc).await.unwrap();
    let mut attack = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for number in 0..5000_u32 {
        let id = (number * 2 + 1).to_be_bytes();
        // HEADERS with :method POST, :scheme http, :path /, then RST_STREAM.
        attack.extend([0, 0, 3, 1, 4, id[0], id[1], id[2], id[3], 0x83, 0x86, 0x84]);
        attack.extend([0, 0, 4, 3, 0, id[0], id[1], id[2], id[3], 0, 0, 0, 8]);
    }
    let _ = stream.write_all(&attack).await;
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection is closed");
    assert!(server.export(&request(1)).await.is_ok());
}
