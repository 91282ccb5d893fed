mod cors;
mod insight;
mod legacy;
mod metrics;
mod search;
mod spans;
mod v3;

use std::sync::Arc;

use model::time::UnixNanos;
use model::{Batch, Clock, Tenant};
use query::{Limits, Query};
use serde_json::Value;
use store::memory::MemoryStore;
use store::{Answer, Capabilities, Plan, ReadError, Reader, Writer as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Jaeger, routes};
use crate::purge::Purge;

const SHOP: &str = include_str!("../../../../fixtures/jaeger/shop.otlp.json");
const SHOP_UI: &str = include_str!("../../../../fixtures/jaeger/shop.json");
const ODD: &str = include_str!("../../../../fixtures/jaeger/odd.otlp.json");
const SHOP_ID: &str = "5b8efff798038103d269b633813fc60c";

/// The fixtures happened in the first second of this minute.
const NOW_S: u64 = 1_700_000_060;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixNanos {
        NOW_S * 1_000_000_000
    }
}

/// A running server; it ends with the test's runtime.
struct Site {
    address: std::net::SocketAddr,
}

/// What came back.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Site {
    /// The fixtures in a memory store.
    async fn open() -> Self {
        Self::with(&[SHOP, ODD], Vec::new()).await
    }

    async fn with(bodies: &[&str], allowed_origins: Vec<String>) -> Self {
        let store = Arc::new(MemoryStore::default());
        for body in bodies {
            let bytes = wire::otlp_json::decode(body.as_bytes()).expect("OTLP JSON");
            let batch = Batch::read(bytes.into(), Tenant::default()).expect("OTLP");
            store.write(batch).await.expect("room");
        }
        Self::over(store, allowed_origins).await
    }

    async fn over(store: Arc<dyn Reader>, allowed_origins: Vec<String>) -> Self {
        let query = Query::new(store, Limits::default());
        let app = routes(Jaeger {
            query,
            keeper: None,
            purge: Purge::Refused,
            clock: Arc::new(Fixed),
            allowed_origins,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "", "").await
    }

    /// Speaks HTTP/1.0, whose answers end with the connection.
    async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let length = body.len();
        let request = format!("{method} {path} HTTP/1.0\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        stream.write_all(request.as_bytes()).await.expect("to send");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.expect("an answer");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Reply { status, head: head.into(), body: body.into() }
    }
}

/// A store that never gets to the end, or whose disk is broken.
struct Tired(Result<MemoryStore, &'static str>);

#[async_trait::async_trait]
impl Reader for Tired {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, without_service: true, ordered: true }
    }

    async fn run(&self, plan: &Plan) -> Result<Answer, ReadError> {
        let store = self.0.as_ref().map_err(|reason| ReadError::Failed { reason: (*reason).into() })?;
        Ok(Answer { partial: Some("out of time".into()), ..store.run(plan).await? })
    }
}

/// What a browser makes of a value in a URL.
fn escaped(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}
