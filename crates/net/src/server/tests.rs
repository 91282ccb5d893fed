use std::sync::atomic::AtomicUsize;

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::Budget;
use crate::collect::{Announced, CollectLimits, collect};

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn running(limits: HttpLimits, handler: Handler) -> Running {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr();
    let (stop, stopped) = oneshot::channel();
    let server = Server { listener, tls: None, limits };
    let ended = tokio::spawn(server.serve(handler, async {
        let _ = stopped.await;
    }));
    Running { addr, stop, ended }
}

fn hello() -> Handler {
    handler(|request, _| async move {
        let body = request.into_body().collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
        Response::new(Body::full([b"hello ", body.as_ref()].concat()))
    })
}

fn hasty() -> HttpLimits {
    let times = ConnectionTimes {
        header_max: Duration::from_millis(60),
        idle_max: Duration::from_millis(120),
        write_stall_max: Duration::from_millis(200),
        grace: Duration::from_millis(200),
        ..ConnectionTimes::default()
    };
    HttpLimits { times, drain_max: Duration::from_secs(2), ..HttpLimits::default() }
}

async fn talk(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn http_1_is_answered() {
    let server = running(HttpLimits::default(), hello()).await;
    let request = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nworld";
    let answer = talk(server.addr, request).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello world"), "{answer}");
}

#[tokio::test]
async fn http_2_is_answered_by_prior_knowledge() {
    let server = running(HttpLimits::default(), hello()).await;
    let stream = TokioIo::new(TcpStream::connect(server.addr).await.unwrap());
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("http://x/").body(Body::full("two")).unwrap();
    let answer = send.send_request(request).await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello two");
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_lives() {
    let calls = Arc::new(AtomicUsize::new(0));
    let panicking = handler(move |_, _| {
        let call = calls.fetch_add(1, Relaxed);
        async move {
            assert!(call > 0, "the first call panics, as the test wants");
            Response::new(Body::full("fine"))
        }
    });
    let server = running(HttpLimits::default(), panicking).await;
    let before = panics();
    let two = "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = talk(server.addr, two).await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.ends_with("fine"), "{answer}");
    assert!(panics() > before);
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = running(hasty(), hello()).await;
    assert_eq!(talk(server.addr, "").await, "");
}

#[tokio::test]
async fn a_header_that_drips_is_cut_off() {
    let server = running(hasty(), hello()).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let drip = async {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await?;
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            stream.write_all(b"x-a: b\r\n").await?;
        }
    };
    let cut: std::io::Result<()> = tokio::time::timeout(Duration::from_secs(5), drip).await.unwrap();
    assert!(cut.is_err());
}

#[tokio::test]
async fn a_kept_alive_connection_may_rest_longer_than_a_header_may_take() {
    let limits = hasty();
    let rest = limits.times.header_max + limits.times.header_max / 2;
    let server = running(limits, hello()).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).await.unwrap();
    tokio::time::sleep(rest).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(read_all(&mut stream).await.contains("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = running(hasty(), hello()).await;
    let answer = talk(server.addr, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_cut_off() {
    let endless = handler(|_, _| async {
        let megabyte = || Ok::<_, BoxError>(Frame::data(Bytes::from(vec![0; 1 << 20])));
        let forever = futures_util::stream::repeat_with(megabyte);
        Response::new(Body::stream(http_body_util::StreamBody::new(forever)))
    });
    let server = running(hasty(), endless).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let Running { stop, ended, .. } = server;
    tokio::time::sleep(Duration::from_millis(400)).await;
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(1), ended).await.expect("no connection is left").unwrap();
}

#[tokio::test]
async fn stopping_lets_requests_at_work_finish() {
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let once = std::sync::Mutex::new(Some((begun, may_go_on)));
    let slow = handler(move |_, _| {
        let (begun, may_go_on) = once.lock().unwrap().take().unwrap();
        async move {
            begun.send(()).unwrap();
            may_go_on.await.unwrap();
            Response::new(Body::full("done"))
        }
    });
    let server = running(HttpLimits::default(), slow).await;
    let client = tokio::spawn(talk(server.addr, "GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    has_begun.await.unwrap();
    server.stop.send(()).unwrap();
    go_on.send(()).unwrap();
    assert!(client.await.unwrap().ends_with("done"));
    tokio::time::timeout(Duration::from_secs(5), server.ended).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.addr).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off_after_the_drain_time() {
    let limits = HttpLimits { drain_max: Duration::from_millis(100), ..HttpLimits::default() };
    let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
    let stuck = handler(move |_, _| {
        let begun = begun.clone();
        async move {
            begun.send(()).await.unwrap();
            std::future::pending().await
        }
    });
    let server = running(limits, stuck).await;
    let client = tokio::spawn(talk(server.addr, "GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    has_begun.recv().await.unwrap();
    server.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), server.ended).await.unwrap().unwrap();
    assert_eq!(client.await.unwrap(), "");
}

#[tokio::test]
async fn malformed_requests_are_refused_by_the_book() {
    let server = running(HttpLimits::default(), hello()).await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let longer = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(2 << 20));
    let many: String = (0..300).map(|i| format!("x-{i}: y\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    let smuggled = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd";
    for (request, code) in [
        (long.as_str(), "414"),
        (longer.as_str(), "431"),
        (many.as_str(), "431"),
        (smuggled, "400"),
        ("GET / HTTP/1.1\r\nho\0st: x\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let answer = talk(server.addr, request).await;
        assert_eq!(answer.get(9..12), Some(code), "{answer}");
    }
}

/// One HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// POST http /.
const HEADERS: &[u8] = &[0x83, 0x86, 0x84];

/// The connection is closed although the client would go on for ever.
async fn is_closed_on(addr: SocketAddr, begin: &[u8], again: &[u8]) {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let reading = tokio::spawn(async move {
        let mut sink = Vec::new();
        let _ = read.read_to_end(&mut sink).await;
    });
    write.write_all(PREFACE).await.unwrap();
    write.write_all(begin).await.unwrap();
    let flood = async { while write.write_all(again).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), flood).await.expect("the flood is cut off");
    reading.abort();
}

#[tokio::test]
async fn a_header_without_end_is_cut_off() {
    let server = running(hasty(), hello()).await;
    // A literal header field without indexing: name "a", value "b".
    let field = [0, 1, b'a', 1, b'b'].repeat(1000);
    is_closed_on(server.addr, &frame(1, 0, 1, HEADERS), &frame(9, 0, 1, &field)).await;
}

#[tokio::test]
async fn frames_without_content_are_cut_off() {
    let limits = CollectLimits::default();
    let budget = Budget::new(1 << 20);
    let collecting = handler(move |request: Request<Incoming>, _| {
        let (limits, budget) = (limits.clone(), budget.clone());
        async move {
            let (head, body) = request.into_parts();
            let taken = collect(&head.headers, body, Announced::Header, &budget, &limits).await;
            Response::new(Body::full(if taken.is_ok() { "taken" } else { "refused" }))
        }
    });
    let server = running(HttpLimits::default(), collecting).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let flood = [PREFACE, &frame(1, 4, 1, HEADERS), &frame(0, 0, 1, &[]).repeat(2000)].concat();
    stream.write_all(&flood).await.unwrap();
    // Either the request is answered or the stream is reset; it is not held on to.
    let mut heard = Vec::new();
    let answered = async {
        loop {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.unwrap_or(0);
            heard.extend_from_slice(&bytes[..count]);
            let has = |text: &[u8]| heard.windows(text.len()).any(|window| window == text);
            if count == 0 || has(b"refused") || has(&[0, 0, 4, 3, 0, 0, 0, 0, 1]) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answered).await.expect("the stream ends");
}

#[tokio::test]
async fn pings_and_settings_without_end_do_not_grow_anything() {
    let server = running(HttpLimits::default(), hello()).await;
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(PREFACE).await.unwrap();
    let flood = [frame(6, 0, 0, &[0; 8]), frame(4, 0, 0, &[])].concat().repeat(100);
    // Nobody reads the answers: the server must stop reading, not keep them.
    let flooding = async { while write.write_all(&flood).await.is_ok() {} };
    assert!(tokio::time::timeout(Duration::from_millis(700), flooding).await.is_err(), "the server waits");
    let mut answers = [0; 1000];
    assert!(read.read(&mut answers).await.unwrap() > 0);
    let answer = talk(server.addr, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.ends_with("hello "), "{answer}");
}
