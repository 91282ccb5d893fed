use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use async_trait::async_trait;
use model::Batch;
use net::Encoding;
use net::status::Code;
use pipeline::Outcome;

use super::*;

#[tokio::test]
async fn spans_are_handed_on_as_they_came() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    let request = request(5000);
    let encodings = [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate, Encoding::SnappyFramed].map(Some);
    for encoding in encodings.into_iter().chain([None]) {
        let client = server.client().with_compression(encoding);
        assert_eq!(
            partial_success(&export(&client, &request).await.unwrap()),
            (0, String::new()),
            "{encoding:?}"
        );
    }
    assert_eq!(next.sizes(), [5000; 5]);
    assert!(next.taken().iter().all(|batch| *batch.bytes() == request));
    server.check_ledger(25_000, 0, 0);
    server.settled().await;
}

#[tokio::test]
async fn an_empty_request_is_fine() {
    let next = Scripted::open([]);
    let server = running(BOTH, next.clone()).await;
    assert_eq!(server.export(&Bytes::new()).await.unwrap(), "");
    assert_eq!(next.sizes(), [0; 0]);
}

#[tokio::test]
async fn spans_without_ids_are_rejected_and_the_others_stored() {
    let next = Scripted::open([Outcome::rejected(2, "test", "two are too old")]);
    let server = running(BOTH, next.clone()).await;
    let mut mixed = request(7).to_vec();
    mixed.extend_from_slice(&request_with(|span| span.text(otlp::span::NAME, "no ids")));
    let (rejected, message) = partial_success(&server.export(&mixed.into()).await.unwrap());
    assert_eq!(rejected, 3);
    assert!(message.contains("trace id") && message.contains("two are too old"), "{message}");
    server.check_ledger(5, 0, 3);
}

#[tokio::test]
async fn a_busy_pipeline_asks_to_come_back() {
    let after = Duration::from_millis(2500);
    let next = Scripted::open([Outcome::retry(Some(after), "disk_full", "the disk is full")]);
    let server = running(BOTH, next).await;
    let status = server.export(&request(3)).await.unwrap_err();
    assert_eq!((status.code, status.retry_after), (Code::Unavailable, Some(after)));
    assert_eq!(status.message, "the disk is full");
    assert!(server.export(&request(3)).await.is_ok());
    server.check_ledger(3, 3, 0);
}

#[tokio::test]
async fn a_client_waits_no_longer_than_it_said() {
    let next = Scripted::closed([]);
    let server = running(BOTH, next.clone()).await;
    let soon = Duration::from_millis(100);
    let late = server.client().unary(EXPORT, request(3), &HeaderMap::new(), soon).await.unwrap_err();
    assert_eq!(late.code, Code::DeadlineExceeded);
    assert!(server.budget.used() > 0, "the batch is still on its way");
    next.let_through(1);
    server.settled().await;
    server.check_ledger(3, 0, 0);
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing_behind() {
    let next = Scripted::closed([]);
    let server = running(BOTH, next.clone()).await;
    let client = server.client();
    let call = tokio::spawn(async move { export(&client, &request(3)).await });
    next.arrival().await;
    call.abort();
    next.let_through(1);
    server.settled().await;
    server.check_ledger(3, 0, 0);
}

#[tokio::test]
async fn bytes_in_flight_are_bounded_and_given_back() {
    let next = Scripted::closed([]);
    let request = request(100);
    let server = running_with(BOTH, next.clone(), Budget::new(request.len() * 3 / 2)).await;
    let client = server.client();
    let first = tokio::spawn({
        let request = request.clone();
        async move { export(&client, &request).await }
    });
    next.arrival().await;
    let status = server.export(&request).await.unwrap_err();
    assert_eq!(status.code, Code::Unavailable);
    assert!(status.retry_after.is_some());
    next.let_through(2);
    first.await.unwrap().unwrap();
    assert!(server.export(&request).await.is_ok());
    assert_eq!(server.counted("faden_receiver_refused_requests_total"), 1);
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_not_to_be_sent_again() {
    let yaml = "protocols: { grpc: { endpoint: 'localhost:0', max_recv_msg_size_mib: 1 } }";
    let server = running(yaml, Scripted::open([])).await;
    let fits = request_with(|span| {
        span.bytes(otlp::span::TRACE_ID, &[1; 16]);
        span.bytes(otlp::span::SPAN_ID, &[1; 8]);
        span.bytes(otlp::span::NAME, &vec![b'x'; (1 << 20) - 100]);
    });
    assert!(server.export(&fits).await.is_ok());
    let large = Bytes::from(vec![0; (1 << 20) + 1]);
    for encoding in [None, Some(Encoding::Zstd)] {
        let status = export(&server.client().with_compression(encoding), &large).await.unwrap_err();
        assert_eq!((status.code, status.retry_after), (Code::ResourceExhausted, None), "{encoding:?}");
    }
}

#[tokio::test]
async fn logs_and_metrics_are_sent_away_with_a_reason() {
    let server = running(BOTH, Scripted::open([])).await;
    for (path, signal) in [
        ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", "logs"),
        ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "metrics"),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "unknown method"),
    ] {
        let call = server.client().unary(path, request(1), &HeaderMap::new(), Duration::from_secs(5)).await;
        let status = call.unwrap_err();
        assert_eq!(status.code, Code::Unimplemented);
        assert!(status.message.contains(signal), "{status}");
    }
    let (client, none) = (server.client(), HeaderMap::new());
    let health = client.unary(rpc::HEALTH_CHECK_PATH, Bytes::new(), &none, Duration::from_secs(5));
    assert_eq!(health.await.unwrap(), [8, 1].as_slice());
}

#[tokio::test]
async fn http_on_the_grpc_port_is_told_where_it_is() {
    let server = running(BOTH, Scripted::open([])).await;
    let request = Request::post(format!("http://{}/v1/traces", server.grpc)).body(Body::full("{}")).unwrap();
    let answer = send(request).await;
    assert_eq!(answer.code, 415);
    assert!(answer.text().contains("4318"), "{}", answer.text());
}

/// Panics at every batch of 13 spans.
struct Superstitious(AtomicUsize);

#[async_trait]
impl Consumer for Superstitious {
    async fn consume(&self, batch: Batch) -> Outcome {
        assert_ne!(batch.len(), 13, "this is what the test is about");
        self.0.fetch_add(1, Relaxed);
        Outcome::Stored
    }
}

#[tokio::test]
async fn a_batch_that_meets_a_bug_is_refused_once_and_rejected_after() {
    let next = Arc::new(Superstitious(AtomicUsize::new(0)));
    let server = running(BOTH, next.clone()).await;
    let first = server.export(&request(13)).await.unwrap_err();
    assert_eq!(first.code, Code::Unavailable);
    assert!(first.retry_after.is_some());
    assert_eq!(server.export(&request(13)).await.unwrap_err().code, Code::InvalidArgument);
    assert!(server.export(&request(12)).await.is_ok());
    assert_eq!((next.0.load(Relaxed), server.counted("faden_receiver_panics_total")), (1, 1));
    server.settled().await;
}

#[tokio::test]
async fn a_stop_answers_what_was_begun() {
    let next = Scripted::closed([]);
    let mut server = running(BOTH, next.clone()).await;
    let client = server.client();
    let call = tokio::spawn(async move { export(&client, &request(3)).await });
    next.arrival().await;
    server.stopper.request();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!server.ended.is_finished(), "a batch is still on its way");
    next.let_through(1);
    assert!(call.await.unwrap().is_ok());
    tokio::time::timeout(Duration::from_secs(5), &mut server.ended).await.unwrap().unwrap();
    assert!(server.export(&request(1)).await.is_err(), "nobody listens any more");
}
