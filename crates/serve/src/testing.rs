//! What the tests of all APIs share: a fixed clock, a plain client over a real socket.

pub(crate) mod grpc;

use std::net::SocketAddr;

use model::Clock;
use model::time::UnixNanos;
use serde_json::Value;
use store::conformance::NOW;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A clock that stands at the suite's [`NOW`].
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixNanos {
        NOW
    }
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// Asks for a path, as `curl` would.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Reply {
    ask(address, "GET", path, &format!("host: {address}\r\n")).await
}

/// Sends JSON, as `curl --json` would.
pub(crate) async fn post(address: SocketAddr, path: &str, json: &str) -> Reply {
    let length = json.len();
    let headers = format!(
        "host: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}"
    );
    ask(address, "POST", path, &headers).await
}

/// Sends one request with these headers (each ended by a line break) and reads all of the answer.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Reply {
    let text = String::from_utf8(bytes(address, method, path, headers).await).expect("answers are text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { joined(body) } else { body.to_owned() };
    Reply { status, head: head.to_owned(), body }
}

/// The same, head and body as they come.
pub(crate) async fn bytes(address: SocketAddr, method: &str, path: &str, headers: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("the server answers");
    bytes
}

fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    loop {
        let (length, rest) = chunks.split_once("\r\n").expect("the length of a chunk");
        let length = usize::from_str_radix(length, 16).expect("hexadecimal");
        if length == 0 {
            return body;
        }
        body.push_str(&rest[..length]);
        chunks = &rest[length + 2..];
    }
}

/// A stream of server-sent events.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        let mut events = Self(BufReader::new(stream));
        events.line(": faden tail").await.expect("the stream greets");
        events
    }

    /// The next line that begins so; nothing where the stream ends before.
    pub(crate) async fn line(&mut self, start: &str) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.0.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if let Some(rest) = line.strip_prefix(start) {
                return Some(rest.trim_end().to_owned());
            }
        }
    }
}
