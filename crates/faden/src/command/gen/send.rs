//! Sends requests, again and again while they are put off.

use std::sync::Arc;
use std::time::Duration;

use config::{Block, Problems};
use export::Attempt;
use model::{Batch, Tenant};
use pipeline::Outcome;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ledger::Ledger;
use super::make::Made;
use super::{Arguments, Protocol};
use crate::exit::{Exit, Failure};

/// The first pause where the server gives no hint; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long the server may take to answer the first knock.
const KNOCK_MAX: Duration = Duration::from_secs(5);

/// Senders at work.
pub struct Senders(JoinSet<()>);

impl Senders {
    /// Ends when everything was answered or given up.
    pub async fn finished(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// One client per connection, after a knock at the server's door.
pub async fn clients(arguments: &Arguments) -> Result<Vec<Arc<dyn Attempt>>, Failure> {
    let endpoint = arguments.endpoint.clone().unwrap_or_else(|| match arguments.protocol {
        Protocol::Grpc => "http://127.0.0.1:4317".to_owned(),
        Protocol::Http | Protocol::HttpJson => "http://127.0.0.1:4318".to_owned(),
    });
    knock(&endpoint).await?;
    (0..arguments.connections).map(|_| client(arguments, &endpoint)).collect()
}

/// Begins to send what comes.
pub fn start(
    arguments: &Arguments,
    clients: Vec<Arc<dyn Attempt>>,
    requests: mpsc::Receiver<Made>,
    ledger: &Arc<Ledger>,
) -> Senders {
    let requests = Arc::new(Mutex::new(requests));
    let mut senders = JoinSet::new();
    for number in 0..arguments.senders as usize {
        let client = Arc::clone(&clients[number % clients.len()]);
        let (requests, ledger, retry_for) = (Arc::clone(&requests), Arc::clone(ledger), arguments.retry_for);
        senders.spawn(async move {
            loop {
                let next = requests.lock().await.recv().await;
                let Some(Made { bytes }) = next else { return };
                let batch = Batch::read(bytes, Tenant::default()).expect("the generator writes OTLP");
                send(client.as_ref(), &batch, retry_for, &ledger).await;
            }
        });
    }
    Senders(senders)
}

async fn send(client: &dyn Attempt, batch: &Batch, retry_for: Duration, ledger: &Ledger) {
    let begun = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        let asked = Instant::now();
        let outcome = client.attempt(batch).await;
        let Outcome::Retry { after, reason } = &outcome else {
            return ledger.settle(batch.len() as u64, &outcome, asked.elapsed());
        };
        let wait = after.unwrap_or(pause);
        if begun.elapsed() + wait > retry_for {
            return ledger.settle(batch.len() as u64, &outcome, asked.elapsed());
        }
        ledger.note_retry(reason.text());
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn client(arguments: &Arguments, endpoint: &str) -> Result<Arc<dyn Attempt>, Failure> {
    let encoding = if arguments.protocol == Protocol::HttpJson { "encoding: json\n" } else { "" };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let yaml = format!(
        "endpoint: {}\ncompression: {}\ntimeout: 30s\n{encoding}",
        quoted(endpoint),
        quoted(&arguments.compression)
    );
    let problems = Problems::new();
    let node = config::parse(&yaml, "flags").map_err(Failure::usage)?;
    let mut block = Block::of(&node, &problems);
    let protocol = match arguments.protocol {
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
