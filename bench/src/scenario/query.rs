//! How long answers take over a filled store, seen by a client over HTTP, and what they cost the server.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use r#gen::Rate;

use super::fill::{Filled, fill};
use super::{Folder, describe};
use crate::Setting;
use crate::corpus::Corpus;
use crate::figure::{Times, figure};
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};
use crate::web::{Web, escaped};

/// How often each question is asked.
const ROUNDS: usize = 50;

/// How often a trace is asked for.
const TRACES: usize = 500;

/// A question with the paths that ask it; each is asked in turn.
struct Question {
    name: &'static str,
    paths: Vec<String>,
    rounds: usize,
}

pub(crate) async fn run(setting: &Setting, spans: u64, rate: u64) -> anyhow::Result<Record> {
    let mut record = Record::new("query");
    let folder = Folder::new(setting, "query")?;
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let mut corpus = Corpus::start();
    let filled = fill(&sender, &mut corpus, spans).await?;
    describe(&mut record, setting, filled.spans);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let questions = questions(&filled).context("the corpus has traces to ask for")?;
    for question in &questions {
        ask(&mut record, &server, question, "").await?;
    }
    if rate > 0 {
        record.parameter("spans per second while asking", rate);
        while_spans_come_in(&mut record, &server, (&sender, rate), &questions).await?;
    }
    server.stop().await?;
    record.remark("wall time is seen by one client on loopback that asks one thing after the other; pages and indexes are warm");
    record.remark("server CPU while spans come in is left out, since it is mostly theirs");
    Ok(record)
}

async fn ask(record: &mut Record, server: &Server, question: &Question, when: &str) -> anyhow::Result<()> {
    let name = question.name;
    for path in question.paths.iter().take(3) {
        let answer = server.web.get(path).await?;
        ensure!(found_something(&answer)?, "{name}: nothing was found by {path}");
    }
    let before = server.usage()?;
    let mut times = Times::default();
    let mut bytes = 0;
    for path in question.paths.iter().cycle().take(question.rounds) {
        let start = Instant::now();
        bytes += server.web.get(path).await?.len();
        times.add(start.elapsed());
    }
    let cpu = (server.usage()?.cpu - before.cpu).as_secs_f64() * 1e3 / question.rounds as f64;
    record.figures.push(figure(format!("{name}{when}, p50"), times.quantile_ms(0.5), "ms"));
    record.figures.push(figure(format!("{name}{when}, p99"), times.quantile_ms(0.99), "ms"));
    if when.is_empty() {
        record.figures.push(figure(format!("{name}, server CPU"), cpu, "ms"));
        record.figures.push(figure(
            format!("{name}, answer"),
            bytes as f64 / question.rounds as f64 / 1024.0,
            "KiB",
        ));
    }
    Ok(())
}

async fn while_spans_come_in(
    record: &mut Record,
    server: &Server,
    (sender, rate): (&Sender, u64),
    questions: &[Question],
) -> anyhow::Result<()> {
    let sender = sender.clone();
    let mut more = r#gen::Traffic::new(r#gen::Shape { seed: 2, ..r#gen::Shape::default() })?;
    let requests = crate::corpus::Requests {
        all: (0..rate.div_ceil(1_000) * 10)
            .map(|_| more.next_request(r#gen::corpus::REQUEST_SPANS).into())
            .collect(),
        ..Default::default()
    };
    let coming = tokio::spawn(async move {
        loop {
            if let Err(problem) = sender.send(&requests, Some(Rate::Constant(rate as f64))).await {
                return problem;
            }
        }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    for question in questions {
        ask(record, server, question, ", while spans come in").await?;
        ensure!(!coming.is_finished(), "the load ended: {:?}", coming.await);
    }
    coming.abort();
    Ok(())
}

fn questions(filled: &Filled) -> Option<Vec<Question>> {
    let samples = &filled.samples;
    let some = samples.get(samples.len() / 2)?;
    let step = (samples.len() / TRACES).max(1);
    let spread = || samples.iter().step_by(step).take(TRACES);
    let search = "/api/faden/v1/search?limit=20";
    let service = escaped(&some.service);
    let rare = spread().filter_map(|sample| sample.request_id.as_deref());
    Some(vec![
        Question {
            name: "trace by id",
            paths: spread().map(|sample| format!("/api/traces/{}", sample.trace)).collect(),
            rounds: TRACES,
        },
        Question {
            name: "rare attribute value, no service",
            paths: rare.map(|id| format!("{search}&tag=request.id%3D{}", escaped(id))).take(ROUNDS).collect(),
            rounds: ROUNDS,
        },
        once("newest 20 with errors", format!("{search}&status=error")),
        once("newest 20 over 1 s", format!("{search}&min_duration=1s")),
        once(
            "newest 20 of service and operation",
            format!("{search}&service={service}&operation={}", escaped(&some.operation)),
        ),
        once(
            "newest 20 of service with errors over 100 ms",
            format!("{search}&service={service}&status=error&min_duration=100ms"),
        ),
        once("services", "/api/services".to_owned()),
        once("operations of a service", format!("/api/services/{service}/operations")),
    ])
}

fn once(name: &'static str, path: String) -> Question {
    Question { name, paths: vec![path], rounds: ROUNDS }
}

/// True where an answer's `data`, `traces` or `rows` is not empty.
fn found_something(answer: &[u8]) -> anyhow::Result<bool> {
    let answer: serde_json::Value = serde_json::from_slice(answer)?;
    let lists = ["data", "traces", "rows"].iter().filter_map(|key| answer.get(key)?.as_array());
    Ok(lists.map(Vec::len).sum::<usize>() > 0)
}

/// How many spans are found, counted by service; nothing while the store can't search everything yet.
pub(crate) async fn count(web: &Web) -> anyhow::Result<Option<u64>> {
    let answer: serde_json::Value = serde_json::from_slice(&web.get("/api/faden/v1/services").await?)?;
    if answer.get("partial").is_some() {
        return Ok(None);
    }
    let names =
        answer.get("names").and_then(serde_json::Value::as_array).context("the answer names services")?;
    Ok(Some(names.iter().filter_map(|name| name.get("spans")?.as_u64()).sum()))
}
