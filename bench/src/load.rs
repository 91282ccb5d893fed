//! Sends requests over OTLP/gRPC: several connections, several requests in flight on each, as fast as they are taken
//! or at a rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use r#gen::Rate;
use r#gen::corpus::REQUEST_SPANS;
use http::HeaderMap;
use net::client::{ClientLimits, HttpClient};
use net::grpc::Client;
use net::status::Code;
use net::tls::ClientTls;
use tokio::task::JoinSet;

use crate::Setting;
use crate::corpus::Requests;
use crate::figure::Times;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// How long one request may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long to wait before a refused request is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// How often one request may be refused before the run fails.
const REFUSALS_MAX: usize = 500;

/// What became of the requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) wall: Duration,
    /// From the last try of each request to its answer.
    pub(crate) answers: Times,
    /// How often the server said "later".
    pub(crate) refused: u64,
}

/// Opens connections once and sends many loads.
#[derive(Clone)]
pub(crate) struct Sender {
    clients: Vec<Client>,
    in_flight: usize,
}

impl Sender {
    pub(crate) fn new(setting: &Setting, otlp: &str) -> anyhow::Result<Self> {
        let client = |_| -> anyhow::Result<Client> {
            let http = HttpClient::http2_only(ClientTls::default(), &ClientLimits::default())?;
            Ok(Client::new(http, otlp.parse()?))
        };
        let clients = (0..setting.connections.max(1)).map(client).collect::<anyhow::Result<_>>()?;
        Ok(Self { clients, in_flight: setting.in_flight.max(1) })
    }

    /// Sends everything and waits for every answer; a refusal that may be repeated is, anything else ends the run.
    pub(crate) async fn send(&self, requests: &Requests, rate: Option<Rate>) -> anyhow::Result<Sent> {
        let start = Instant::now();
        let requests = Arc::new(requests.all.clone());
        let next = Arc::new(AtomicUsize::new(0));
        let mut lanes = JoinSet::new();
        for lane in 0..self.clients.len() * self.in_flight {
            let client = self.clients[lane % self.clients.len()].clone();
            let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
            lanes.spawn(async move {
                let mut sent = Sent::default();
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(place) else { return anyhow::Ok(sent) };
                    wait_until_due(rate, start, place).await;
                    one(&client, request, &mut sent).await?;
                }
            });
        }
        let mut total = Sent::default();
        while let Some(lane) = lanes.join_next().await {
            let sent = lane??;
            total.answers.extend(sent.answers);
            total.refused += sent.refused;
        }
        total.wall = start.elapsed();
        Ok(total)
    }
}

async fn wait_until_due(rate: Option<Rate>, start: Instant, place: usize) {
    let Some(rate) = rate else { return };
    let wanted = place as u64 * REQUEST_SPANS as u64;
    while rate.due(start.elapsed()) < wanted {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn one(client: &Client, request: &bytes::Bytes, sent: &mut Sent) -> anyhow::Result<()> {
    for _ in 0..REFUSALS_MAX {
        let start = Instant::now();
        match client.unary(EXPORT, request.clone(), &HeaderMap::new(), ANSWER_MAX).await {
            Ok(answer) if answer.is_empty() => {
                sent.answers.add(start.elapsed());
                return Ok(());
            }
            Ok(_) => bail!("the server refused some spans of a good request"),
            Err(status) if status.code == Code::Unavailable || status.retry_after.is_some() => {
                sent.refused += 1;
                tokio::time::sleep(status.retry_after.unwrap_or(PAUSE).min(PAUSE)).await;
            }
            Err(status) => bail!("a request was answered with {status:?}"),
        }
    }
    bail!("the server refused one request {REFUSALS_MAX} times")
}
