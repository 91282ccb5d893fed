//! Sends batches, again and again while they are put off; what becomes of each is told to a [`Tally`].

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use config::{Block, Problems};
use export::Attempt;
use model::Batch;
use pipeline::Outcome;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::exit::{Exit, Failure};

/// The first pause where the server gives no hint; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long the server may take to answer the first knock.
const KNOCK_MAX: Duration = Duration::from_secs(5);

/// How batches travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// OTLP/gRPC
    Grpc,
    /// OTLP/HTTP with protobuf
    Http,
    /// OTLP/HTTP with JSON
    HttpJson,
}

/// Where to, and in which form.
#[derive(Clone, Debug)]
pub struct Route {
    /// How.
    pub protocol: Protocol,
    /// Where to; by default port 4317 or 4318 of this machine.
    pub endpoint: Option<String>,
    /// `none`, or a compression's name.
    pub compression: String,
}

/// Counts what becomes of batches.
pub trait Tally: Send + Sync {
    /// A batch is going to be sent again.
    fn note_retry(&self, reason: &str);
    /// The final outcome of a batch, and how long its last attempt took.
    fn settle(&self, spans: u64, outcome: &Outcome, took: Duration);
}

/// How much is sent at once, and for how long each batch.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Batches under way at once.
    pub senders: usize,
    /// How long a batch that is put off is sent again.
    pub retry_for: Duration,
}

/// Senders at work.
pub struct Senders(JoinSet<()>);

impl Senders {
    /// Ends when everything was answered or given up.
    pub async fn finished(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// One client per connection, after a knock at the server's door.
pub async fn clients(route: &Route, connections: u64) -> Result<Vec<Arc<dyn Attempt>>, Failure> {
    let endpoint = route.endpoint.clone().unwrap_or_else(|| match route.protocol {
        Protocol::Grpc => "http://127.0.0.1:4317".to_owned(),
        Protocol::Http | Protocol::HttpJson => "http://127.0.0.1:4318".to_owned(),
    });
    knock(&endpoint).await?;
    (0..connections).map(|_| client(route, &endpoint)).collect()
}

/// Begins to send what comes.
pub fn start<T: Into<Batch> + Send + 'static>(
    clients: &[Arc<dyn Attempt>],
    pace: Pace,
    batches: mpsc::Receiver<T>,
    tally: &Arc<dyn Tally>,
) -> Senders {
    let batches = Arc::new(Mutex::new(batches));
    let mut senders = JoinSet::new();
    for number in 0..pace.senders {
        let client = Arc::clone(&clients[number % clients.len()]);
        let (batches, tally) = (Arc::clone(&batches), Arc::clone(tally));
        senders.spawn(async move {
            loop {
                let next = batches.lock().await.recv().await;
                let Some(next) = next else { return };
                send(client.as_ref(), &next.into(), pace.retry_for, tally.as_ref()).await;
            }
        });
    }
    Senders(senders)
}

async fn send(client: &dyn Attempt, batch: &Batch, retry_for: Duration, tally: &dyn Tally) {
    let begun = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        let asked = Instant::now();
        let outcome = client.attempt(batch).await;
        let Outcome::Retry { after, reason } = &outcome else {
            return tally.settle(batch.len() as u64, &outcome, asked.elapsed());
        };
        let wait = after.unwrap_or(pause);
        if begun.elapsed() + wait > retry_for {
            return tally.settle(batch.len() as u64, &outcome, asked.elapsed());
        }
        tally.note_retry(reason.text());
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn client(route: &Route, endpoint: &str) -> Result<Arc<dyn Attempt>, Failure> {
    let encoding = if route.protocol == Protocol::HttpJson { "encoding: json\n" } else { "" };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let yaml = format!(
        "endpoint: {}\ncompression: {}\ntimeout: 30s\n{encoding}",
        quoted(endpoint),
        quoted(&route.compression)
    );
    let problems = Problems::new();
    let node = config::parse(&yaml, "flags").map_err(Failure::usage)?;
    let mut block = Block::of(&node, &problems);
    let protocol = match route.protocol {
        Protocol::Grpc => export::Protocol::Grpc,
        Protocol::Http | Protocol::HttpJson => export::Protocol::Http,
    };
    let client = export::client(protocol, &mut block).map_err(Failure::usage)?;
    drop(block);
    match problems.sorted().first() {
        Some(problem) => Err(Failure::usage(format!("{}: {}", problem.path, problem.message))),
        None => Ok(client),
    }
}

async fn knock(endpoint: &str) -> Result<(), Failure> {
    let uri: http::Uri =
        endpoint.parse().map_err(|_| Failure::usage(format!("--endpoint {endpoint} is no URL")))?;
    let host = uri.host().unwrap_or("127.0.0.1").trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let away = |cause: String| Failure {
        exit: Exit::Unreachable,
        message: format!(
            "nobody receives at {endpoint}: {cause}\n       start a server with `faden`, or say where it is with --endpoint"
        ),
    };
    match tokio::time::timeout(KNOCK_MAX, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(cause)) => Err(away(cause.to_string())),
        Err(_) => Err(away(format!("no answer within {KNOCK_MAX:?}"))),
    }
}
