//! One large trace, as a page opens it: its skeleton, then the attributes of some rows.

use std::time::Instant;

use anyhow::ensure;
use model::proto::Message;
use model::{Kind, SpanId, TraceId, Value, otlp};

use super::Folder;
use crate::Setting;
use crate::corpus::Requests;
use crate::figure::{Times, figure};
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};

/// Spans of one request.
const REQUEST_SPANS: u64 = 1_000;
/// Services of the trace.
const SERVICES: u64 = 100;
/// How often each question is asked.
const ROUNDS: usize = 5;
/// Rows whose attributes are asked for at once.
const LOOKED_AT: u64 = 50;
/// When the trace begins; the corpus lies there too.
const BASE: u64 = 1_771_000_000_000_000_000;

pub(crate) async fn run(setting: &Setting, sizes: &[u64]) -> anyhow::Result<Record> {
    let mut record = Record::new("trace");
    record.parameter("services", SERVICES);
    record.parameter("attributes of a span", 8);
    for spans in sizes {
        one(setting, *spans, &mut record).await?;
    }
    record.remark("the trace is asked for while it is in the head and in the open block, then from closed blocks after a restart");
    record.remark("wall time is seen by one client on loopback that reads the whole answer");
    Ok(record)
}

async fn one(setting: &Setting, spans: u64, record: &mut Record) -> anyhow::Result<()> {
    let folder = Folder::new(setting, &format!("trace-{spans}"))?;
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let id = TraceId(u128::from(spans).to_be_bytes());
    for from in (0..spans).step_by(100 * REQUEST_SPANS as usize) {
        let to = (from + 100 * REQUEST_SPANS).min(spans);
        let requests = (from..to).step_by(REQUEST_SPANS as usize).map(|first| request(id, first, to));
        let all: Vec<bytes::Bytes> = requests.collect();
        sender.send(&Requests { all, spans: to - from, bytes: 0 }, None).await?;
    }
    ask(record, &server, (spans, "fresh"), id).await?;
    server.stop().await?;
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    ask(record, &server, (spans, "from blocks"), id).await?;
    server.stop().await
}

async fn ask(
    record: &mut Record,
    server: &Server,
    (spans, state): (u64, &str),
    id: TraceId,
) -> anyhow::Result<()> {
    let path = format!("/api/faden/v1/traces/{id}/skeleton");
    let first = server.asked(&path).await?;
    ensure!(
        first.windows(9).any(|part| part == b"\"columns\""),
        "the answer is no skeleton: {}",
        String::from_utf8_lossy(&first[..first.len().min(200)])
    );
    let before = server.usage()?;
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        server.asked(&path).await?;
        times.add(start.elapsed());
    }
    let cpu = (server.usage()?.cpu - before.cpu).as_secs_f64() * 1e3 / ROUNDS as f64;
    let name = format!("skeleton of {spans} spans, {state}");
    record.figures.push(figure(format!("{name}, p50"), times.quantile_ms(0.5), "ms"));
    record.figures.push(figure(format!("{name}, server CPU"), cpu, "ms"));
    record.figures.push(figure(format!("{name}, answer"), first.len() as f64 / 1e6, "MB"));
    looks(record, server, (spans, state), id).await
}

/// Looks into spans of the trace, other ones each time: all over it, then a single one.
async fn looks(
    record: &mut Record,
    server: &Server,
    (spans, state): (u64, &str),
    id: TraceId,
) -> anyhow::Result<()> {
    let of_trace = format!("/api/faden/v1/traces/{id}");
    let wide = |round: u64| (0..LOOKED_AT).map(move |place| (place * spans / LOOKED_AT + 7 * round) % spans);
    for name in ["attributes of 50 spans", "a single span"] {
        let before = server.usage()?;
        let mut times = Times::default();
        for round in 0..ROUNDS as u64 {
            let start = Instant::now();
            let answer = if name == "a single span" {
                let span = of((spans / 3 + 50_000 * round) % spans);
                server.web.get(&format!("{of_trace}/spans/{span}")).await?
            } else {
                let rows: Vec<String> = wide(round).map(|row| row.to_string()).collect();
                let body = format!("{{\"spans\":[{}]}}", rows.join(","));
                server.web.post(&format!("{of_trace}/attributes"), body).await?
            };
            times.add(start.elapsed());
            ensure!(answer.windows(10).any(|part| part == b"request.id"), "the answer has no attributes");
        }
        let cpu = (server.usage()?.cpu - before.cpu).as_secs_f64() * 1e3 / ROUNDS as f64;
        let name = format!("{name} of {spans}, {state}");
        record.figures.push(figure(format!("{name}, p50"), times.quantile_ms(0.5), "ms"));
        record.figures.push(figure(format!("{name}, server CPU"), cpu, "ms"));
    }
    Ok(())
}

/// A request with the spans from `first` on.
fn request(id: TraceId, first: u64, end: u64) -> bytes::Bytes {
    let mut request = Message::new();
    let service = format!("service-{}", first / REQUEST_SPANS % SERVICES);
    request.message(otlp::request::RESOURCE_SPANS, |group| {
        group.message(otlp::resource_spans::RESOURCE, |resource| {
            otlp::attribute(resource, otlp::resource::ATTRIBUTES, "service.name", Value::Text(&service));
        });
        group.message(otlp::resource_spans::SCOPE_SPANS, |scope| {
            for number in first..(first + REQUEST_SPANS).min(end) {
                scope.message(otlp::scope_spans::SPANS, |out| span(out, id, number));
            }
        });
    });
    request.into_bytes().into()
}

fn of(number: u64) -> SpanId {
    SpanId((number + 1).to_be_bytes())
}

/// Every span has about four children, in the order of their numbers, inside of it.
fn span(out: &mut Message, id: TraceId, number: u64) {
    let parent = if number == 0 { SpanId::default() } else { of((number - 1) / 4) };
    otlp::span_ids(out, id, of(number), parent);
    out.text(otlp::span::NAME, ["GET /cart", "SELECT orders", "POST /pay", "publish"][number as usize % 4]);
    out.varint(otlp::span::KIND, [Kind::Server, Kind::Client][number as usize % 2] as u64);
    out.fixed64(otlp::span::START_TIME_UNIX_NANO, BASE + number * 1_000);
    out.fixed64(
        otlp::span::END_TIME_UNIX_NANO,
        BASE + number * 1_000 + 4_000_000_000 / (number + 1) + 50_000,
    );
    let text = format!("value-{}", number % 50);
    for key in ["a.one", "b.two", "c.three", "d.four", "e.five"] {
        otlp::attribute(out, otlp::span::ATTRIBUTES, key, Value::Text(&text));
    }
    otlp::attribute(out, otlp::span::ATTRIBUTES, "request.id", Value::Text(&format!("r-{number}")));
    otlp::attribute(out, otlp::span::ATTRIBUTES, "http.response.status_code", Value::Int(200));
    otlp::attribute(out, otlp::span::ATTRIBUTES, "retries", Value::Int((number % 3) as i64));
    if number % 1_000 == 999 {
        out.message(otlp::span::STATUS, |status| status.varint(otlp::status::CODE, 2));
    }
}
