//! Starts the binary, waits until it is ready, asks it over HTTP.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use net::Body;
use net::client::{ClientLimits, HttpClient};
use net::tls::ClientTls;
use serde_json::Value;

/// How long a server may take to start or to end; debug builds on a busy machine are slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of its log that are kept for the test.
const LINES_MAX: usize = 100_000;

/// A running server, killed at the end of the test, which fails if a thread of the server panicked.
pub struct Server {
    child: Mutex<Child>,
    lines: Receiver<String>,
    seen: Vec<String>,
    client: HttpClient,
}

/// The binary with these arguments: the one of `FADEN_SERVER`, or the one that was built with the tests.
pub fn faden(arguments: &[&str]) -> Command {
    let built = || env!("CARGO_BIN_EXE_faden").into();
    let mut command = Command::new(std::env::var_os("FADEN_SERVER").unwrap_or_else(built));
    command.args(arguments).env_remove("NO_COLOR").env("COLUMNS", "120");
    command
}

/// Runs a command to its end.
pub fn output(arguments: &[&str]) -> Output {
    faden(arguments).output().expect("the binary can be run")
}

/// What a process wrote.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("faden writes UTF-8")
}

impl Server {
    /// The built-in configuration on free ports, with these changes.
    pub fn start(data: &Path, changes: &[&str]) -> Self {
        let mut server = Self::spawn(data, changes);
        server.wait_for("ready");
        server
    }

    /// The same, without waiting until it is ready.
    pub fn spawn(data: &Path, changes: &[&str]) -> Self {
        let mut command = faden(&["serve", "--data", data.to_str().expect("test paths are UTF-8")]);
        for set in [
            "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
            "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
            "extensions.health_check.endpoint=127.0.0.1:0",
            "serve.http=127.0.0.1:0",
            "serve.grpc=127.0.0.1:0",
            "serve.storage=127.0.0.1:0",
            "serve.tempo=127.0.0.1:0",
            "serve.zipkin=127.0.0.1:0",
            "service.telemetry.metrics.address=127.0.0.1:0",
        ] {
            command.args(["--set", set]);
        }
        for change in changes {
            command.args(["--set", change]);
        }
        Self::of(command)
    }

    /// What this command starts, once it is ready.
    pub fn from(command: Command) -> Self {
        let mut server = Self::of(command);
        server.wait_for("ready");
        server
    }

    fn of(mut command: Command) -> Self {
        let mut child =
            command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary can be run");
        let errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let (tx, lines) = sync_channel(LINES_MAX);
        std::thread::spawn(move || {
            // A test that has ended reads no more, and neither does this thread.
            errors.lines().map_while(Result::ok).all(|line| tx.send(line).is_ok())
        });
        let client =
            HttpClient::new(ClientTls::default(), &ClientLimits::default()).expect("it needs no files");
        Self { child: Mutex::new(child), lines, seen: Vec::new(), client }
    }

    /// Waits for a line of the log that holds these words.
    #[track_caller]
    pub fn wait_for(&mut self, words: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(_) => panic!("\"{words}\" was not said in\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Everything it has said so far.
    pub fn said(&self) -> String {
        self.seen.join("\n")
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has said since the test last listened.
    fn rest(&self) -> String {
        self.lines.try_iter().collect::<Vec<_>>().join("\n")
    }

    /// The address of the port of which the start said this.
    #[track_caller]
    pub fn port(&self, what: &str) -> String {
        let line = self.seen.iter().find(|line| line.contains(what)).expect("the start names every port");
        let word =
            line.split_whitespace().find(|word| word.contains("127.0.0.1:")).expect("it is an address");
        word.trim_start_matches("http://").to_owned()
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.port("Jaeger's API"))
    }

    /// Asks with GET.
    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(
            Request::get(format!("{}{path}", self.url())).body(Body::empty()).expect("it is well formed"),
        )
        .await
    }

    /// Asks with GET for more than is read at once.
    pub async fn stream(&self, path: &str) -> Incoming {
        let request = Request::get(format!("{}{path}", self.url())).body(Body::empty());
        let answer = self.client.send(request.expect("it is well formed")).await.expect("the server answers");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.into_body()
    }

    /// Sends a request to wherever it says.
    pub async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(cause) => {
                std::thread::park_timeout(Duration::from_secs(1));
                let ended = self.child().try_wait();
                panic!("{cause}; the server ({ended:?}) said\n{}\n{}", self.said(), self.rest());
            }
        };
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("the answer has an end").to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(text(&body))))
    }

    /// Sends a request, of whose answer only the head counts.
    pub async fn headers(&self, request: Request<Body>) -> (StatusCode, HeaderMap) {
        let answer = self.client.send(request).await.expect("the server answers");
        (answer.status(), answer.headers().clone())
    }

    /// Sends OTLP JSON.
    pub async fn post_traces(&self, body: String) -> (StatusCode, Value) {
        let request = Request::post(format!("http://{}/v1/traces", self.port("OTLP/HTTP")))
            .header("content-type", "application/json")
            .body(Body::full(body));
        self.send(request.expect("it is well formed")).await
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child().id().to_string()]).status();
        assert!(sent.expect("kill can be run").success());
    }

    /// Waits for the end.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let begun = std::time::Instant::now();
        loop {
            let status = self.child().try_wait().expect("it can be waited for");
            if let Some(status) = status {
                self.seen.extend(self.lines.iter());
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end; it said\n{}", self.said());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.signal("KILL");
        self.ended();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
        drop(child);
        let panicked = |line: &String| line.contains(" panicked at ");
        let rest = std::iter::from_fn(|| self.lines.recv_timeout(PATIENCE).ok());
        if let Some(line) = self.seen.iter().cloned().chain(rest).find(panicked)
            && !std::thread::panicking()
        {
            panic!("a part of the server failed, though it went on: {line}");
        }
    }
}
