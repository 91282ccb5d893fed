//! Measures blocks: how fast spans become one, how large it is, how fast it answers.
//!
//! `cargo run --release -p blocks --example block -- [spans] [spans per row group] [folder] [question] [level of zstd]`; times are those of the
//! CPU of the measuring thread.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blocks::block::{BlockView, OpenBlock};
use blocks::manifest::BlockMeta;
use blocks::search::{Sources, run};
use model::{Batch, Span, StatusCode, Tenant, TimeRange, TraceId, Value};
use store::Rows;
use store::plan::{Ask, Compare, Condition, Cursor, Field, Filter, Level, Operand, Order, Plan, TraceFilter};

/// The allocator of the binary, whose costs are measured too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where the description of a block is kept: what was filled once is opened again.
const META: &str = "meta.json";

/// Spans of one block, as the store cuts them.
const BLOCK_SPANS: usize = 1_000_000;

/// Spans that are in the head while questions are asked: about 64 MiB.
const HEAD_SPANS: usize = 125_000;

/// How often each question is asked; and one that is asked alone.
const REPEATS: usize = 7;
const REPEATS_ALONE: usize = 101;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (spans, group) = (number(4_000_000), number(64_000));
    let folder =
        arguments.next().map_or_else(|| std::env::temp_dir().join("faden-block-bench"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let question = arguments.next().unwrap_or_default();
    let level = arguments.next().and_then(|text| text.parse().ok());
    let (sources, mut known) = fill(&folder, spans, (group, level))?;
    let deep = Plan { limit: 49 * 20, ..Plan::new(Tenant::default(), Ask::Summaries) };
    let answer = run(&deep, &sources)?;
    known.after = answer.next;
    if let Rows::Summaries(summaries) = answer.rows {
        let last = summaries.last().map(|last| (last.root_service.clone(), last.root_name.clone()));
        known.root = last.unwrap_or_default();
    }
    ask(&sources, &known, &question);
    Ok(())
}

/// What questions can ask for.
#[derive(Default)]
struct Known {
    ids: Vec<TraceId>,
    service: String,
    middle: u64,
    users: Vec<String>,
    requests: Vec<String>,
    /// Where the 50th page of the newest begins.
    after: Option<Cursor>,
    /// A root's service and operation.
    root: (String, String),
}

fn fill(
    folder: &Path,
    spans: usize,
    (group, level): (usize, Option<i32>),
) -> Result<(Sources, Known), Box<dyn std::error::Error>> {
    let memory = Arc::new(blocks::Memory::default());
    let mut traffic = r#gen::corpus_1();
    let mut known = Known::default();
    let mut sources = Sources::default();
    let (mut written, mut busy, mut bytes, mut index_bytes, mut raw) = (0_usize, 0.0, 0, 0, 0);
    while written < spans {
        let id = format!("block-{written}");
        let path = folder.join(&id);
        let until = (written + BLOCK_SPANS).min(spans);
        let kept = std::fs::read(path.join(META)).ok().and_then(|meta| serde_json::from_slice(&meta).ok());
        if kept.is_none() {
            _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path)?;
        }
        let mut block = if kept.is_none() { Some(OpenBlock::create(&path, &id, &memory)?) } else { None };
        if let Some(level) = level {
            block = block.map(|block| block.packed(level));
        }
        while written < until {
            let mut batches = Vec::new();
            let mut here = 0;
            while here < group.min(until - written) {
                let batch = Batch::read(traffic.next_request(1000).into(), Tenant::default())?;
                here += batch.len();
                raw += batch.bytes().len();
                batches.push(batch);
            }
            notice(&mut known, &batches);
            if written < spans / 2 {
                known.middle = batches[0].span(0).start();
            }
            written += here;
            let begun = cpu();
            if let Some(block) = &mut block {
                block.append(&batches)?;
            }
            busy += cpu() - begun;
        }
        let begun = cpu();
        let meta: BlockMeta = match (block, kept) {
            (Some(block), _) => block.close()?,
            (None, kept) => kept.ok_or("a block that is kept has a description")?,
        };
        busy += cpu() - begun;
        std::fs::write(path.join(META), serde_json::to_vec(&meta)?)?;
        bytes += meta.data_bytes;
        index_bytes += meta.index_bytes;
        sources.blocks.push(Arc::new(BlockView::open(&path, &meta, &memory)?));
    }
    let mut waiting = 0;
    while waiting < HEAD_SPANS {
        let batch = Batch::read(traffic.next_request(1000).into(), Tenant::default())?;
        waiting += batch.len();
        sources.head.push(batch);
    }
    let per = |bytes: u64| bytes as f64 / written as f64;
    println!("spans {written}, groups of {group}, OTLP {:.0} B/span", per(raw as u64));
    println!(
        "freeze {:.0} k spans/s, {:.2} µs/span",
        written as f64 / busy / 1e3,
        busy * 1e6 / written as f64
    );
    println!("size {:.1} B/span + index {:.1} B/span", per(bytes), per(index_bytes));
    Ok((sources, known))
}

fn notice(known: &mut Known, batches: &[Batch]) {
    let span: Span<'_> = batches[batches.len() / 2].span(0);
    known.ids.push(span.trace_id());
    known.service = span.service().into();
    for span in batches.iter().flat_map(|batch| batch.spans().take(20)) {
        for attribute in span.attributes() {
            match (attribute.key, attribute.value) {
                ("user.id", Value::Text(text)) if known.users.len() < 64 => known.users.push(text.into()),
                ("request.id", Value::Text(text)) if known.requests.len() < 64 => {
                    known.requests.push(text.into());
                }
                _ => {}
            }
        }
    }
}

/// Asks a question often enough, and says what it took.
type Measure<'a> = dyn Fn(&str, &Sources, &dyn Fn(usize) -> Plan) + 'a;

fn ask(sources: &Sources, known: &Known, only: &str) {
    let measure = |name: &str, sources: &Sources, plan: &dyn Fn(usize) -> Plan| {
        if name.contains(only) {
            measure(name, sources, plan, if only.is_empty() { REPEATS } else { REPEATS_ALONE });
        }
    };
    by_spans(sources, known, &measure);
    by_traces(sources, known, &measure);
    numbers(sources, known, &measure);
}

fn plan(ask: Ask) -> Plan {
    Plan::new(Tenant::default(), ask)
}

fn summaries(spans: Filter) -> Plan {
    Plan { spans, ..plan(Ask::Summaries) }
}

fn key(key: &str) -> Field {
    Field::Attribute { level: Level::Any, key: key.into() }
}

fn errors() -> Filter {
    Filter::equal(Field::Status, Operand::Status(StatusCode::Error))
}

fn by_spans(sources: &Sources, known: &Known, measure: &Measure<'_>) {
    let text = |field, text: &str| Filter::equal(field, Operand::Text(text.into()));
    let long = || {
        let operand = Operand::Int(1_000_000_000);
        Filter::Is(Condition { field: Field::Duration, compare: Compare::Greater, operand })
    };
    measure("trace by id", sources, &|at| {
        Plan::trace(Tenant::default(), known.ids[at * 7 % known.ids.len()])
    });
    measure("request.id = uuid", sources, &|at| {
        summaries(text(key("request.id"), &known.requests[at * 7 % known.requests.len()]))
    });
    measure("request.id = absent", sources, &|_| summaries(text(key("request.id"), "nowhere")));
    measure("service and user.id", sources, &|at| {
        let user = &known.users[at * 7 % known.users.len()];
        summaries(Filter::And(vec![Filter::service(&known.service), text(key("user.id"), user)]))
    });
    measure("newest 20", sources, &|_| summaries(Filter::All));
    measure("newest 20 errors", sources, &|_| summaries(errors()));
    measure("newest 20 errors, whole", sources, &|_| Plan { spans: errors(), ..plan(Ask::Traces) });
    measure("newest 20 status 500", sources, &|_| {
        summaries(Filter::equal(key("http.response.status_code"), Operand::Int(500)))
    });
    measure("newest 20 over 1 s", sources, &|_| summaries(long()));
    measure("service, error, over 1 s", sources, &|_| {
        summaries(Filter::And(vec![Filter::service(&known.service), errors(), long()]))
    });
}

fn by_traces(sources: &Sources, known: &Known, measure: &Measure<'_>) {
    measure("newest 20 traces over 2 s", sources, &|_| Plan {
        trace: TraceFilter { duration_min: Some(2_000_000_000), ..TraceFilter::default() },
        ..plan(Ask::Summaries)
    });
    measure("longest 20", sources, &|_| Plan { order: Order::Longest, ..plan(Ask::Summaries) });
    measure("oldest 20", sources, &|_| Plan { order: Order::Oldest, ..plan(Ask::Summaries) });
    measure("longest 20 of a service", sources, &|_| Plan {
        order: Order::Longest,
        ..summaries(Filter::service(&known.service))
    });
    measure("longest 20 of a service with errors", sources, &|_| Plan {
        order: Order::Longest,
        ..summaries(Filter::And(vec![Filter::service(&known.service), errors()]))
    });
    measure("newest 20 traces by root", sources, &|_| Plan {
        trace: TraceFilter {
            root_service: Some(known.root.0.clone()),
            root_name: Some(known.root.1.clone()),
            ..TraceFilter::default()
        },
        ..plan(Ask::Summaries)
    });
    measure("newest 20, page 50", sources, &|_| Plan { after: known.after, ..plan(Ask::Summaries) });
    measure("newest 10,000", sources, &|_| Plan { limit: 10_000, ..plan(Ask::Summaries) });
}

fn numbers(sources: &Sources, known: &Known, measure: &Measure<'_>) {
    measure("services", sources, &|_| Plan { limit: 1000, ..plan(Ask::Services) });
    measure("operations of a service", sources, &|_| Plan {
        spans: Filter::service(&known.service),
        limit: 1000,
        ..plan(Ask::Operations)
    });
    let metrics = |by: &[Field], step: Option<u64>| Plan {
        limit: 10_000,
        ..plan(Ask::Metrics { by: by.into(), step: step.map(Duration::from_secs) })
    };
    measure("metrics by service", sources, &|_| metrics(&[Field::Service], None));
    measure("metrics by service, by hour", sources, &|_| metrics(&[Field::Service], Some(3_600)));
    measure("metrics by service, by 5 min", sources, &|_| metrics(&[Field::Service], Some(300)));
    measure("metrics of a service, by minute", sources, &|_| Plan {
        spans: Filter::service(&known.service),
        ..metrics(&[Field::Name], Some(60))
    });
    measure("metrics by operation", sources, &|_| metrics(&[Field::Service, Field::Name], None));
    measure("metrics by service, half the time", sources, &|_| Plan {
        time: TimeRange { start: known.middle, end: u64::MAX },
        ..metrics(&[Field::Service], None)
    });
    measure("metrics by status code", sources, &|_| metrics(&[key("http.response.status_code")], None));
    measure("keys", sources, &|_| Plan { limit: 1000, ..plan(Ask::Keys) });
    measure("edges", sources, &|_| Plan { limit: 10_000, ..plan(Ask::Edges) });
    measure("uses", sources, &|_| Plan { limit: 10_000, ..plan(Ask::Uses) });
    measure("values of http.route", sources, &|_| Plan {
        limit: 10_000,
        ..plan(Ask::Values { key: "http.route".into(), level: Level::Any })
    });
}

fn measure(name: &str, sources: &Sources, plan: &dyn Fn(usize) -> Plan, repeats: usize) {
    let mut times = Vec::new();
    let mut last = String::new();
    for at in 0..repeats {
        let plan = plan(at);
        let begun = cpu();
        let answer = match run(&plan, sources) {
            Ok(answer) => answer,
            Err(error) => return println!("{name:28} failed: {error}"),
        };
        times.push((cpu() - begun) * 1e3);
        let rows = answer.rows.len();
        let work = answer.work;
        last = format!(
            "{rows:5} rows, {:4} pages read, {:4} pruned, {:7.1} KB, {} spans seen{}",
            work.pages_read,
            work.pages_pruned,
            work.bytes_read as f64 / 1e3,
            work.spans_seen,
            answer.partial.map_or_else(String::new, |why| format!(", partial: {why}"))
        );
    }
    times.sort_by(f64::total_cmp);
    println!("{name:28} {:8.2} ms   {last}", times[times.len() / 2]);
}

/// Seconds of CPU that this thread has used.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
