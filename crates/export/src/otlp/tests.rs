//! Against a server on loopback that answers as it is told.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use ::http::{Request, Response};
use config::Problems;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use model::{Batch, Tenant};
use net::status::Code;
use net::{Body, HttpLimits, Listener, Peer, Server, Status};
use pipeline::{Exporter, Outcome, testing};

use super::*;

/// What a server saw: path, headers of note and the body.
#[derive(Clone, Debug)]
struct Seen {
    path: String,
    content_type: String,
    token: String,
    body: Vec<u8>,
}

type Answer = Box<dyn FnOnce() -> Response<Body> + Send>;

struct Remote {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Remote {
    async fn answering(answers: Vec<Answer>) -> Self {
        let listener = Listener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let address = listener.local_addr();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let noted = Arc::clone(&seen);
        let handler = net::handler(move |request: Request<Incoming>, _: Peer| {
            let (noted, answers) = (Arc::clone(&noted), Arc::clone(&answers));
            async move {
                let (head, body) = request.into_parts();
                let header = |name: &str| {
                    head.headers
                        .get(name)
                        .and_then(|value| value.to_str().ok())
                        .unwrap_or_default()
                        .to_owned()
                };
                let body = body.collect().await.expect("the client sends all of it").to_bytes().to_vec();
                let path = head.uri.path().to_owned();
                noted.lock().unwrap().push(Seen {
                    path,
                    content_type: header("content-type"),
                    token: header("x-token"),
                    body,
                });
                let answer = answers.lock().unwrap().pop_front().expect("the test has an answer for it");
                answer()
            }
        });
        let server = Server { listener, tls: None, limits: HttpLimits::default() };
        tokio::spawn(server.serve(handler, std::future::pending()));
        Self { address, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn built(kind: &ExporterKind, yaml: &str) -> Arc<dyn Exporter> {
    let problems = Problems::new();
    let node = config::parse(yaml, "test").expect("tests write YAML");
    let build = (kind.parse)(&mut Block::of(&node, &problems));
    assert!(!problems.has_errors(), "{problems}");
    build(testing::context("otlp")).expect("it can be built")
}

fn spans(count: usize) -> Batch {
    testing::batch(count, Tenant::default())
}

fn ok(answer: &'static [u8]) -> Answer {
    Box::new(move || net::grpc::reply(answer))
}

fn refused(status: Status) -> Answer {
    Box::new(move || net::grpc::refuse(&status))
}

fn http(code: u16, header: (&'static str, &'static str), body: &'static [u8]) -> Answer {
    Box::new(move || {
        Response::builder()
            .status(code)
            .header(header.0, header.1)
            .body(Body::full(body))
            .expect("it is well formed")
    })
}

const PLAIN: &str = "sending_queue: { enabled: false }\nretry_on_failure: { initial_interval: 1ms, randomization_factor: 0 }\ncompression: none\n";

fn plain(remote: &Remote) -> String {
    format!("endpoint: http://{}\nheaders: {{ x-token: abc }}\n{PLAIN}", remote.address)
}

#[tokio::test]
async fn over_grpc_a_batch_goes_out_as_it_is() {
    let remote = Remote::answering(vec![ok(b"")]).await;
    let exporter = built(&GRPC, &plain(&remote));
    let batch = spans(3);
    assert_eq!(exporter.consume(batch.clone()).await, Outcome::Stored);
    let seen = remote.seen();
    assert_eq!(seen[0].path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    assert_eq!((seen[0].token.as_str(), &seen[0].body[5..]), ("abc", &batch.bytes()[..]));
}

#[tokio::test]
async fn over_grpc_hints_are_obeyed_and_partial_success_is_counted() {
    let busy = Status {
        retry_after: Some(Duration::from_millis(300)),
        ..Status::new(Code::ResourceExhausted, "busy")
    };
    let remote = Remote::answering(vec![refused(busy), ok(b"\x0a\x08\x08\x02\x12\x04late")]).await;
    let exporter = built(&GRPC, &plain(&remote));
    let started = tokio::time::Instant::now();
    let outcome = exporter.consume(spans(5)).await;
    assert!(matches!(outcome, Outcome::Rejected { spans: 2, .. }), "{outcome:?}");
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn what_is_final_over_grpc_is_not_sent_again() {
    let remote = Remote::answering(vec![refused(Status::new(Code::InvalidArgument, "no"))]).await;
    let outcome = built(&GRPC, &plain(&remote)).consume(spans(5)).await;
    assert!(matches!(outcome, Outcome::Rejected { spans: 5, .. }), "{outcome:?}");
    let remote = Remote::answering(vec![refused(Status::new(Code::ResourceExhausted, "too large"))]).await;
    let outcome = built(&GRPC, &plain(&remote)).consume(spans(5)).await;
    assert!(matches!(outcome, Outcome::Rejected { spans: 5, .. }), "{outcome:?}");
}

#[tokio::test]
async fn over_http_the_path_is_added_and_hints_are_obeyed() {
    let answers = vec![http(503, ("retry-after", "1"), b""), http(200, ("x-a", "b"), b"")];
    let remote = Remote::answering(answers).await;
    let exporter = built(&HTTP, &plain(&remote));
    let started = tokio::time::Instant::now();
    let batch = spans(2);
    assert_eq!(exporter.consume(batch.clone()).await, Outcome::Stored);
    assert!(started.elapsed() >= Duration::from_secs(1));
    let seen = remote.seen();
    assert_eq!(
        (seen[1].path.as_str(), seen[1].content_type.as_str()),
        ("/v1/traces", "application/x-protobuf")
    );
    assert_eq!((seen[1].token.as_str(), &seen[1].body[..]), ("abc", &batch.bytes()[..]));
}

#[tokio::test]
async fn over_http_json_can_be_spoken_and_a_partial_success_counts() {
    let answer = http(
        200,
        ("content-type", "application/json"),
        br#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"late"}}"#,
    );
    let remote = Remote::answering(vec![answer]).await;
    let yaml = format!("traces_endpoint: http://{}/elsewhere\nencoding: json\n{PLAIN}", remote.address);
    let outcome = built(&HTTP, &yaml).consume(spans(2)).await;
    assert!(matches!(outcome, Outcome::Rejected { spans: 1, .. }), "{outcome:?}");
    let seen = remote.seen();
    assert_eq!((seen[0].path.as_str(), seen[0].content_type.as_str()), ("/elsewhere", "application/json"));
    let back = wire::otlp_json::decode(&seen[0].body).expect("it is OTLP JSON");
    assert_eq!(Batch::read(back.into(), Tenant::default()).expect("it is OTLP").len(), 2);
}

#[tokio::test]
async fn a_remote_that_is_away_is_tried_again_and_then_given_up() {
    let address = Listener::bind("127.0.0.1:0").await.expect("loopback has ports").local_addr();
    for kind in [&GRPC, &HTTP] {
        let yaml = format!(
            "endpoint: http://{address}\nsending_queue: {{ enabled: false }}\nretry_on_failure: {{ initial_interval: 1ms, max_elapsed_time: 50ms }}\n"
        );
        let outcome = built(kind, &yaml).consume(spans(1)).await;
        assert!(
            matches!(&outcome, Outcome::Retry { reason, .. } if reason.text().contains("cannot connect")),
            "{outcome:?}"
        );
    }
}

/// A real receiver in front of a destination that answers as it is told; gives its address.
async fn received(
    protocol: &str,
    answers: Vec<Outcome>,
) -> (String, Arc<testing::Scripted>, pipeline::Stopper) {
    let problems = Problems::new();
    let yaml = format!("protocols: {{ {protocol}: {{ endpoint: \"127.0.0.1:0\" }} }}");
    let node = config::parse(&yaml, "test").expect("tests write YAML");
    let kind = receive::ALL.iter().find(|kind| kind.name == "otlp").expect("it is there");
    let build = (kind.parse)(&mut Block::of(&node, &problems));
    let mut receiver = build(testing::context("otlp")).expect("it can be built");
    let listening = receiver.bind().await.expect("loopback has ports");
    let next = testing::Scripted::open(answers);
    let (stopper, stop) = pipeline::Stopper::new();
    tokio::spawn(receiver.run(Arc::clone(&next) as Arc<dyn pipeline::Consumer>, stop));
    (listening[0].address.to_string(), next, stopper)
}

#[tokio::test]
async fn what_becomes_of_spans_behind_a_receiver_is_known_in_front_of_the_exporter() {
    for (kind, protocol) in [(&GRPC, "grpc"), (&HTTP, "http")] {
        let answers = vec![
            Outcome::retry(Some(Duration::from_secs(1)), "busy", "the store is busy"),
            Outcome::Stored,
            Outcome::rejected(2, "late", "too late"),
        ];
        let (address, next, _stopper) = received(protocol, answers).await;
        let exporter = built(kind, &format!("endpoint: http://{address}\n{PLAIN}"));
        let started = tokio::time::Instant::now();
        assert_eq!(exporter.consume(spans(4)).await, Outcome::Stored);
        assert!(started.elapsed() >= Duration::from_secs(1), "{protocol}: the hint was not obeyed");
        let outcome = exporter.consume(spans(5)).await;
        assert!(matches!(outcome, Outcome::Rejected { spans: 2, .. }), "{protocol}: {outcome:?}");
        assert_eq!(next.sizes(), [4, 4, 5]);
    }
}

#[tokio::test]
async fn compressed_batches_arrive_as_they_were() {
    for (kind, protocol) in [(&GRPC, "grpc"), (&HTTP, "http")] {
        for compression in ["gzip", "zstd", "snappy"] {
            let (address, next, _stopper) = received(protocol, Vec::new()).await;
            let yaml = format!("endpoint: http://{address}\n{PLAIN}").replace("none", compression);
            let batch = spans(50);
            assert_eq!(
                built(kind, &yaml).consume(batch.clone()).await,
                Outcome::Stored,
                "{protocol} {compression}"
            );
            assert_eq!(next.taken()[0].bytes(), batch.bytes(), "{protocol} {compression}");
        }
    }
}

#[test]
fn every_option_describes_itself() {
    for kind in [GRPC, HTTP] {
        let rows = kind.options();
        for path in [
            "endpoint",
            "sending_queue.queue_size",
            "retry_on_failure.max_elapsed_time",
            "tls.ca_file",
            "timeout",
        ] {
            assert!(rows.iter().any(|row| row.path == path), "{} has no {path}", kind.name);
        }
    }
}

#[test]
fn a_wrong_url_is_reported_with_its_remedy() {
    let problems = Problems::new();
    let node = config::parse("endpoint: localhost:4318", "test").expect("it is YAML");
    let _ = (HTTP.parse)(&mut Block::of(&node, &problems));
    assert!(problems.to_string().contains("http://localhost:4318"), "{problems}");
}
