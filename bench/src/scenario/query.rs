//! How long answers take over a filled store, seen by a client over HTTP, and what they cost the server.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use r#gen::Rate;

use super::describe;
use super::filled::{Stored, branch, evict, stored};
use super::left::left_alone;
use super::searchable::searchable;
use crate::Setting;
use crate::figure::{Times, figure};
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};
use crate::web::escaped;

/// How often each question is asked.
const ROUNDS: usize = 50;

/// How often a trace is asked for.
const TRACES: usize = 500;

/// How often a trace is asked for while nothing of the store is in memory.
const COLD_TRACES: usize = 20;

/// The corpora lie within so many seconds around their epoch.
const CORPUS_S_MAX: u64 = 10_000_000;

/// Spans of the corpora in a second of their made-up time: 111 traces of 11.
const CORPUS_SPANS_PER_S: u64 = 1_221;

/// A question with the paths that ask it; each is asked in turn.
struct Question {
    name: &'static str,
    paths: Vec<String>,
    rounds: usize,
}

/// Asks stores of several sizes, which stay in `setting.data` if that is given.
pub(crate) async fn run(setting: &Setting, sizes: &[u64], rate: u64) -> anyhow::Result<Record> {
    let mut record = Record::new("query");
    let temporary = tempfile::tempdir()?;
    let data = setting.data.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(data)?;
    let sizes_text: Vec<String> = sizes.iter().map(|size| short(*size)).collect();
    describe(&mut record, setting, *sizes.last().context("a size is needed")?);
    record.parameter("stores of spans", sizes_text.join(", "));
    remarks(&mut record);
    for size in sizes {
        let stored = stored(setting, data, *size).await?;
        let at = if sizes.len() > 1 { format!(" at {}", short(*size)) } else { String::new() };
        record.figures.push(figure(
            format!("on disk{at}"),
            stored.bytes as f64 / stored.spans as f64,
            "B per span",
        ));
        let questions = questions(&stored).context("the corpus has traces to ask for")?;
        std::fs::write(data.join("questions.json"), asked(&stored)?)?;
        at_rest(&mut record, (setting, &stored), &questions, &at).await?;
        // What is to come takes long: a run that is broken off leaves what it has.
        record.write(&setting.results)?;
        if rate > 0 {
            let busy = data.join("busy");
            branch(&stored, &busy)?;
            while_spans_come_in(&mut record, (setting, &busy), (rate, &questions), &at).await?;
            std::fs::remove_dir_all(&busy)?;
        }
    }
    if rate > 0 {
        record.parameter("spans per second while asking", rate);
    }
    Ok(record)
}

fn remarks(record: &mut Record) {
    record.remark("wall time is seen by one client on loopback that asks one thing after the other; pages and indexes are warm unless it says cold");
    record.remark("read is what the server's process read from files and sockets");
    record.remark("cold: the server was started anew, and all files were taken out of the kernel's cache before each question");
    record.remark("left alone: from the end of the connection until /metrics tells of no running search, which is asked again and again");
    record.remark("what comes in meanwhile are spans that were not sent before, of the same made-up time as the store's");
    record.remark("server CPU while spans come in is left out, since it is mostly theirs");
}

async fn at_rest(
    record: &mut Record,
    (setting, stored): (&Setting, &Stored),
    questions: &[Question],
    at: &str,
) -> anyhow::Result<()> {
    let server = Server::start(setting, Keeps::Everything, &stored.folder).await?;
    let found = searchable(&server.web).await?;
    ensure!(found == stored.spans, "{found} of {} spans were found", stored.spans);
    for question in questions {
        ask(record, &server, question, at).await?;
    }
    left_alone(record, &server, at).await?;
    record.figures.push(figure(format!("server memory{at}"), server.memory_mib(), "MiB"));
    server.stop().await?;
    let server = Server::start(setting, Keeps::Everything, &stored.folder).await?;
    searchable(&server.web).await?;
    let mut times = Times::default();
    for path in questions[0].paths.iter().rev().take(COLD_TRACES) {
        evict(&stored.folder)?;
        let start = Instant::now();
        server.web.get(path).await?;
        times.add(start.elapsed());
    }
    record.figures.push(figure(format!("trace by id{at}, cold, p50"), times.quantile_ms(0.5), "ms"));
    record.figures.push(figure(format!("trace by id{at}, cold, p99"), times.quantile_ms(0.99), "ms"));
    server.stop().await
}

async fn ask(record: &mut Record, server: &Server, question: &Question, at: &str) -> anyhow::Result<()> {
    let name = question.name;
    for path in question.paths.iter().take(3) {
        let answer = server.asked(path).await?;
        ensure!(found_something(&answer)?, "{name}: nothing was found by {path}");
    }
    let before = server.usage()?;
    let mut times = Times::default();
    let mut bytes = 0;
    for path in question.paths.iter().cycle().take(question.rounds) {
        let start = Instant::now();
        bytes += server.asked(path).await?.len();
        times.add(start.elapsed());
    }
    let after = server.usage()?;
    let each = |sum: f64| sum / question.rounds as f64;
    let cpu = each((after.cpu - before.cpu).as_secs_f64() * 1e3);
    let read = each((after.read - before.read) as f64 / 1024.0);
    record.figures.push(figure(format!("{name}{at}, p50"), times.quantile_ms(0.5), "ms"));
    record.figures.push(figure(format!("{name}{at}, p99"), times.quantile_ms(0.99), "ms"));
    record.figures.push(figure(format!("{name}{at}, server CPU"), cpu, "ms"));
    record.figures.push(figure(format!("{name}{at}, read"), read, "KiB"));
    record.figures.push(figure(format!("{name}{at}, answer"), each(bytes as f64 / 1024.0), "KiB"));
    Ok(())
}

async fn while_spans_come_in(
    record: &mut Record,
    (setting, folder): (&Setting, &Path),
    (rate, questions): (u64, &[Question]),
    at: &str,
) -> anyhow::Result<()> {
    let server = Server::start(setting, Keeps::Everything, folder).await?;
    searchable(&server.web).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let mut more = r#gen::Traffic::new(r#gen::Shape { seed: 2, ..r#gen::Shape::default() })?;
    let of_a_second = rate.div_ceil(r#gen::corpus::REQUEST_SPANS as u64);
    let coming = tokio::spawn(async move {
        // Spans that were sent before would be known as such: what comes is always new.
        loop {
            let next = |_| more.next_request(r#gen::corpus::REQUEST_SPANS).into();
            let all = (0..of_a_second).map(next).collect();
            let requests = crate::corpus::Requests { all, ..Default::default() };
            if let Err(problem) = sender.send(&requests, Some(Rate::Constant(rate as f64))).await {
                return problem;
            }
        }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    for question in questions {
        let mut times = Times::default();
        for path in question.paths.iter().cycle().take(question.rounds) {
            let start = Instant::now();
            server.asked(path).await?;
            times.add(start.elapsed());
        }
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let name = format!("{}{at}, while spans come in, {name}", question.name);
            record.figures.push(figure(name, times.quantile_ms(share), "ms"));
        }
        ensure!(!coming.is_finished(), "the load ended: {:?}", coming.await);
    }
    coming.abort();
    Ok(())
}

fn questions(stored: &Stored) -> Option<Vec<Question>> {
    let samples = &stored.samples;
    let some = samples.get(samples.len() / 2)?;
    let step = (samples.len() / TRACES).max(1);
    let spread = || samples.iter().step_by(step).take(TRACES);
    let search = "/api/faden/v1/search?limit=20";
    let service = escaped(&some.service);
    let rare = |with_service: bool| {
        let path = move |sample: &crate::corpus::Sample| {
            let service =
                if with_service { format!("&service={}", escaped(&sample.service)) } else { String::new() };
            let id = escaped(sample.request_id.as_deref()?);
            Some(format!("{search}{service}&tag=request.id%3D{id}"))
        };
        spread().filter_map(path).take(ROUNDS).collect()
    };
    let start = r#gen::corpus::EPOCH / 1_000_000_000 - CORPUS_S_MAX;
    let end = start + 2 * CORPUS_S_MAX;
    let by_service = |metric: &str| {
        let question = escaped(&format!("{{ }} | {metric} by(resource.service.name)"));
        format!("tempo:/api/metrics/query?start={start}&end={end}&q={question}")
    };
    let traceql = |question: &str| format!("/api/faden/v1/query?limit=20&q={}", escaped(question));
    // All of the corpus, and more: at least a day.
    let last_day = format!("start={start}&end={end}");
    let an_hour = {
        let middle = r#gen::corpus::EPOCH / 1_000_000_000 + stored.spans / CORPUS_SPANS_PER_S / 2;
        format!("start={}&end={}", middle - 1_800, middle + 1_800)
    };
    let below = format!("{{ resource.service.name = \"{}\" }} >> {{ status = error }}", some.service);
    Some(vec![
        Question {
            name: "trace by id",
            paths: spread().map(|sample| format!("/api/traces/{}", sample.trace)).collect(),
            rounds: TRACES,
        },
        Question { name: "rare attribute value, no service", paths: rare(false), rounds: ROUNDS },
        Question { name: "rare attribute value with its service", paths: rare(true), rounds: ROUNDS },
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
        once("newest 20", search.to_owned()),
        once("oldest 20", format!("{search}&order=oldest")),
        once("longest 20", format!("{search}&order=longest")),
        once("longest 20 of a service", format!("{search}&order=longest&service={service}")),
        once("newest 20 traces over 2 s", format!("{search}&min_trace_duration=2s")),
        once("count by service", by_service("count_over_time()")),
        once("p99 by service", by_service("quantile_over_time(duration, .99)")),
        once("TraceQL by a common attribute, newest 20", traceql("{ span.http.request.method = \"GET\" }")),
        once("TraceQL by structure, newest 20", traceql(&below)),
        once("TraceQL by structure over an hour, newest 20", format!("{}&{an_hour}", traceql(&below))),
        once(
            "rate by service in 60 steps",
            format!("{}&{last_day}", traceql("{ } | rate() by (resource.service.name)")),
        ),
        once("keys", "tempo:/api/v2/search/tags".to_owned()),
        once("values of a key", "tempo:/api/v2/search/tag/span.http.route/values".to_owned()),
        once("who calls whom", format!("/api/faden/v1/edges?{last_day}")),
        once("heatmap", format!("/api/faden/v1/search/heatmap?{last_day}")),
        once("facets", format!("/api/faden/v1/search/facets?{last_day}")),
        once("services with rates, errors, durations", format!("/api/faden/v1/services/red?{last_day}")),
        once("services", "/api/services".to_owned()),
        once("operations of a service", format!("/api/services/{service}/operations")),
    ])
}

fn once(name: &'static str, path: String) -> Question {
    Question { name, paths: vec![path], rounds: ROUNDS }
}

/// What was asked for, for whoever asks others the same.
fn asked(stored: &Stored) -> anyhow::Result<Vec<u8>> {
    let samples = &stored.samples;
    let some = samples.get(samples.len() / 2).context("a sample")?;
    let step = (samples.len() / ROUNDS).max(1);
    let spread: Vec<_> = samples.iter().step_by(step).take(ROUNDS).collect();
    let rare = spread.iter().filter(|sample| sample.request_id.is_some());
    let asked = serde_json::json!({
        "spans": stored.spans,
        "folder": stored.folder,
        "traces": spread.iter().map(|sample| sample.trace.to_string()).collect::<Vec<_>>(),
        "rare": rare.map(|sample| [sample.service.clone(), sample.request_id.clone().unwrap_or_default()]).collect::<Vec<_>>(),
        "service": some.service,
        "operation": some.operation,
        "faden_bytes_per_span": stored.bytes as f64 / stored.spans as f64,
        "faden_fill_cpu_s": stored.fill_cpu_s,
    });
    Ok(serde_json::to_vec_pretty(&asked)?)
}

/// `4 M`, `500 k`.
pub(crate) fn short(spans: u64) -> String {
    match spans {
        1_000_000.. => format!("{} M", spans / 1_000_000),
        _ => format!("{} k", spans / 1_000),
    }
}

/// What answers call what they found.
const LISTS: [&str; 11] = [
    "data",
    "traces",
    "rows",
    "series",
    "scopes",
    "tagValues",
    "edges",
    "cells",
    "facets",
    "services",
    "names",
];

/// True where one of the [`LISTS`] of an answer is not empty.
fn found_something(answer: &[u8]) -> anyhow::Result<bool> {
    let answer: serde_json::Value = serde_json::from_slice(answer)?;
    let lists = LISTS.iter().filter_map(|key| answer.get(key)?.as_array());
    Ok(lists.map(Vec::len).sum::<usize>() > 0)
}
