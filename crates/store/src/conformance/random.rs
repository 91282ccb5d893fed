//! Random spans and random questions: every answer must equal the memory store's.
//!
//! A seed replays a run. Spans share few names, keys and values, so that conditions meet; traces spread over batches.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Batch, Kind, StatusCode, Tenant, TimeRange};
use regex::bytes::Regex;

use super::story::{same, same_metrics};
use super::text::outline;
use super::{Any, Draft, NOW, batch, describe, oracle, span_id, trace_id};
use crate::plan::{
    Ask, Compare, Condition, Field, Filter, Level, Numeral, Operand, Order, Plan, TraceFilter,
};
use crate::{Answer, Reader, Rows, Writer};

const TRACES: u64 = 60;
const PLANS: u64 = 150;
const HOUR: u64 = 3_600_000_000_000;
const SERVICES: [&str; 4] = ["cart", "pay", "web", ""];
const NAMES: [&str; 4] = ["GET /", "PUT /", "work", ""];
const KEYS: [&str; 8] = [
    "a",
    "b",
    "http.response.status_code",
    "user.id",
    "service.name",
    "db.system",
    "messaging.system",
    "peer.service",
];
const TEXTS: [&str; 5] = ["x", "y", "500", "true", ""];
const PATTERNS: [&str; 5] = ["x|y", "5..", ".*", "[a-m].*", "GET .*"];

pub(super) async fn play(seed: u64, writer: &dyn Writer, reader: &dyn Reader) -> Vec<String> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let tenants = ["one", "two"].map(|name| Tenant::parse(name).expect("a plain name"));
    let oracle = oracle();
    for tenant in &tenants {
        for spans in batches(&mut dice) {
            let batch = batch(tenant, &spans);
            oracle.write(batch.clone()).await.expect("the spans fit into memory");
            if let Err(error) = writer.write(batch).await {
                return vec![format!("seed {seed}: write failed: {error}")];
            }
        }
    }
    let mut failures = Vec::new();
    for number in 0..PLANS {
        let plan = plan(&mut dice, &tenants[(number % 2) as usize]);
        let expected = oracle.run(&plan).await.expect("the plan is valid");
        let compared = match reader.run(&plan).await {
            Ok(answer) => compare(&plan.ask, &expected, &answer),
            Err(error) => Err(error.to_string()),
        };
        if let Err(wrong) = compared {
            failures.push(format!("seed {seed}, plan {number}: {plan:#?}\n  {wrong}"));
        }
    }
    for (number, tenant) in tenants.iter().enumerate() {
        let half = TimeRange { start: NOW - HOUR / 2, end: NOW - HOUR / 4 };
        let time = if number == 0 { TimeRange::ALL } else { half };
        let (expected, got) =
            (handed_over(&oracle, tenant, time).await, handed_over(reader, tenant, time).await);
        if let Err(wrong) = same("what is handed over", &expected, &got) {
            failures.push(format!("seed {seed}, everything of {tenant}: {wrong}"));
        }
    }
    failures
}

/// Every trace of what a store hands over, with as many spans as it does, or why it does not.
async fn handed_over(reader: &dyn Reader, tenant: &Tenant, time: TimeRange) -> Vec<String> {
    let mut all = Vec::new();
    let handed = match reader.scan(tenant, time).await {
        Ok(scan) => scan.run(&mut |batch| {
            all.push(batch);
            true
        }),
        Err(error) => Err(error),
    };
    if let Err(error) = handed {
        return vec![error.to_string()];
    }
    let ids: BTreeSet<_> = all.iter().flat_map(|batch| batch.rows()).map(|row| row.trace_id).collect();
    let count = all.iter().map(Batch::len).sum::<usize>();
    let traces = ids.into_iter().filter_map(|id| model::Trace::join(id, all.clone()));
    traces.flat_map(|trace| describe(&trace)).chain([format!("{count} spans")]).collect()
}

fn compare(ask: &Ask, expected: &Answer, got: &Answer) -> Result<(), String> {
    match (&expected.rows, &got.rows) {
        (Rows::Traces(expected), Rows::Traces(got)) => {
            let text = |trace: &model::Trace| match ask {
                Ask::Outlines(fields) => outline(trace, fields),
                _ => describe(trace),
            };
            let lines = |traces: &[std::sync::Arc<model::Trace>]| {
                traces.iter().map(|trace| text(trace)).collect::<Vec<_>>()
            };
            same("traces", &lines(expected), &lines(got))?;
        }
        (Rows::Marks(expected), Rows::Marks(got)) => same("marks", expected, got)?,
        (Rows::Summaries(expected), Rows::Summaries(got)) => same("summaries", expected, got)?,
        (Rows::Names(expected), Rows::Names(got)) => same("names", expected, got)?,
        (Rows::Edges(expected), Rows::Edges(got)) => same("edges", expected, got)?,
        (Rows::Uses(expected), Rows::Uses(got)) => same("uses", expected, got)?,
        (Rows::Metrics(expected), Rows::Metrics(got)) => same_metrics(expected, got)?,
        _ => return Err("rows of another kind".into()),
    }
    same("the next page", &expected.next, &got.next)?;
    same("partial", &expected.partial.is_some(), &got.partial.is_some())
}

/// Random numbers that a seed repeats (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `below`.
    fn under(&mut self, below: u64) -> u64 {
        self.next() % below
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.under(of.len() as u64) as usize].clone()
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.under(100) < percent
    }
}

fn batches(dice: &mut Dice) -> Vec<Vec<Draft>> {
    let mut batches = vec![Vec::new(); 12];
    for trace in 1..=TRACES {
        let begun = NOW - dice.under(HOUR);
        for number in 1..=1 + dice.under(8) {
            let span = span(dice, trace, number, begun);
            let at = dice.under(12) as usize;
            if dice.chance(10) {
                batches[dice.under(12) as usize].push(span.clone());
            }
            batches[at].push(span);
        }
    }
    batches
}

fn span(dice: &mut Dice, trace: u64, number: u64, begun: u64) -> Draft {
    let parent = if number == 1 { 0 } else { dice.under(number + 1) };
    let start = begun + dice.under(1_000) * 1_000;
    let mut span = Draft::new(trace, number)
        .service(dice.one(&SERVICES))
        .name(dice.one(&NAMES))
        .kind(Kind::from_number(dice.under(6) as u8))
        .status(StatusCode::from_number(dice.under(3) as u8))
        .under(parent)
        .at(start, dice.under(2_000_000));
    if dice.chance(5) {
        span.end = start.saturating_sub(dice.under(1_000));
    }
    for _ in 0..dice.under(4) {
        span.attributes.push(pair(dice));
    }
    if dice.chance(30) {
        span.resource.push(pair(dice));
    }
    if dice.chance(20) {
        span.scope_attributes.push(pair(dice));
    }
    for _ in 0..dice.under(3) {
        let attributes = (0..dice.under(3)).map(|_| pair(dice)).collect();
        span.events.push((start, dice.one(&["exception", "log", ""]).into(), attributes));
    }
    if dice.chance(20) {
        span.links.push((trace_id(dice.under(TRACES)), span_id(7), vec![pair(dice)]));
    }
    if dice.chance(20) {
        span.message = dice.one(&TEXTS).into();
    }
    span
}

fn pair(dice: &mut Dice) -> (String, Any) {
    (dice.one(&KEYS).into(), any(dice, 2))
}

fn any(dice: &mut Dice, depth: u64) -> Any {
    match dice.under(if depth == 0 { 6 } else { 8 }) {
        0 => Any::Int(dice.one(&[0, 1, 200, 500, -7, i64::MAX])),
        1 => Any::Double(dice.one(&[0.0, 0.5, 500.0, f64::NAN, -1e9])),
        2 => Any::Bool(dice.chance(50)),
        3 => Any::Bytes(vec![dice.under(3) as u8; dice.under(3) as usize]),
        4 if dice.chance(20) => Any::Empty,
        6 => Any::Array((0..dice.under(3)).map(|_| any(dice, depth - 1)).collect()),
        7 => Any::Map((0..dice.under(3)).map(|_| pair_at(dice, depth - 1)).collect()),
        _ => Any::Text(dice.one(&TEXTS).into()),
    }
}

fn pair_at(dice: &mut Dice, depth: u64) -> (String, Any) {
    (dice.one(&KEYS).into(), any(dice, depth))
}

fn plan(dice: &mut Dice, tenant: &Tenant) -> Plan {
    let ask = match dice.under(12) {
        0..3 => match dice.under(6) {
            0 => Ask::Spans((0..=dice.under(4)).map(|_| span_id(1 + dice.under(8))).collect()),
            1 => Ask::Marks,
            2..4 => Ask::Outlines((0..dice.under(4)).map(|_| field(dice)).collect()),
            _ => Ask::Traces,
        },
        3..6 => Ask::Summaries,
        6 => Ask::Services,
        7 => dice.one(&[Ask::Operations, Ask::Keys]),
        8 => Ask::Values { key: dice.one(&KEYS).into(), level: level(dice) },
        9 => dice.one(&[Ask::Edges, Ask::Uses]),
        _ => metrics(dice),
    };
    let mut plan = Plan { limit: dice.one(&[1, 7, 30, 1_000]), ..Plan::new(tenant.clone(), ask) };
    plan.order = dice.one(&[Order::Newest, Order::Oldest, Order::Longest]);
    if dice.chance(80) {
        plan.spans = filter(dice, 2);
    }
    if dice.chance(50) {
        let start = NOW - dice.under(HOUR);
        plan.time = TimeRange { start, end: start + dice.under(HOUR) };
    }
    let names_spans = matches!(plan.ask, Ask::Spans(_));
    if plan.ask == Ask::Marks {
        plan.ids = Some(vec![trace_id(1 + dice.under(TRACES))]);
    } else if names_spans || dice.chance(20) {
        plan.ids = Some((0..dice.under(4)).map(|_| trace_id(1 + dice.under(TRACES))).collect());
    }
    if dice.chance(30) {
        plan.trace = TraceFilter {
            duration_min: dice.chance(60).then(|| dice.under(2_000_000)),
            duration_max: dice.chance(40).then(|| dice.under(3_000_000)),
            root_service: dice.chance(20).then(|| dice.one(&SERVICES).into()),
            root_name: dice.chance(20).then(|| dice.one(&NAMES).into()),
        };
    }
    if dice.chance(30) {
        let (start, duration) = (NOW - dice.under(HOUR), dice.under(2_000_000));
        plan.after = Some(plan.order.cursor(start, duration, trace_id(1 + dice.under(TRACES))));
    }
    plan
}

/// Mostly of the kind that a store may have counted beforehand.
fn metrics(dice: &mut Dice) -> Ask {
    let plain = [Field::Service, Field::Name, Field::Kind, Field::Status];
    let field = |dice: &mut Dice| if dice.chance(80) { dice.one(&plain) } else { field(dice) };
    let by = (0..dice.under(4)).map(|_| field(dice)).collect();
    let step = [1, 60, 300, 7, 3_600].map(Duration::from_secs);
    Ask::Metrics { by, step: dice.chance(60).then(|| dice.one(&step)) }
}

fn filter(dice: &mut Dice, depth: u64) -> Filter {
    match dice.under(if depth == 0 { 5 } else { 8 }) {
        5 => Filter::And((0..dice.under(3)).map(|_| filter(dice, depth - 1)).collect()),
        6 => Filter::Or((0..dice.under(3)).map(|_| filter(dice, depth - 1)).collect()),
        7 => Filter::Not(Box::new(filter(dice, depth - 1))),
        _ => Filter::Is(condition(dice)),
    }
}

fn field(dice: &mut Dice) -> Field {
    match dice.under(13) {
        0 => Field::Service,
        12 => dice.one(&[Field::LinkTraceId, Field::LinkSpanId]),
        1 => Field::Name,
        2 => Field::Kind,
        3 => Field::Status,
        4 => Field::StatusMessage,
        5 => Field::Duration,
        6 => dice.one(&[Field::ScopeName, Field::ScopeVersion, Field::EventName]),
        _ => Field::Attribute { level: level(dice), key: dice.one(&KEYS).into() },
    }
}

fn condition(dice: &mut Dice) -> Condition {
    let field = field(dice);
    use Compare::{AtLeast, AtMost, Equal, Exists, Greater, Less, Matches, MatchesNot, Missing, Unequal};
    let compare = match dice.under(20) {
        0..8 => Equal,
        8..11 => Unequal,
        11..15 => dice.one(&[Less, AtMost, Greater, AtLeast]),
        15..17 => dice.one(&[Exists, Missing]),
        _ => dice.one(&[Matches, MatchesNot]),
    };
    let operand = match compare {
        Exists | Missing => Operand::None,
        Matches | MatchesNot => {
            let pattern = format!("^(?:{})$", dice.one(&PATTERNS));
            Operand::Pattern(Regex::new(&pattern).expect("the pattern is right"))
        }
        _ => operand(dice, &field),
    };
    Condition { field, compare, operand }
}

fn operand(dice: &mut Dice, field: &Field) -> Operand {
    match (field, dice.under(7)) {
        (Field::Service, 0..5) => Operand::Text(dice.one(&SERVICES).into()),
        (Field::Name, 0..5) => Operand::Text(dice.one(&NAMES).into()),
        (Field::Kind, 0..4) => Operand::Kind(Kind::from_number(dice.under(6) as u8)),
        (Field::Status, 0..4) => Operand::Status(StatusCode::from_number(dice.under(3) as u8)),
        (Field::LinkTraceId, 0..5) => Operand::Text(trace_id(dice.under(TRACES)).to_string()),
        (Field::LinkSpanId, 0..5) => Operand::Text(span_id(6 + dice.under(2)).to_string()),
        (Field::Duration, 0..5) => Operand::Int(dice.under(2_000_000) as i64),
        (_, 0 | 1) => Operand::Text(dice.one(&TEXTS).into()),
        (_, 2) => Operand::Number(dice.one(&[0.0, 0.5, 499.5, f64::NAN])),
        (_, 3) => Operand::Bool(dice.chance(50)),
        (_, 4) => Operand::Numeral(dice.one(&[Numeral::Int(0), Numeral::Int(500), Numeral::Double(0.5)])),
        _ => Operand::Int(dice.one(&[0, 1, 200, 500, i64::MAX])),
    }
}

fn level(dice: &mut Dice) -> Level {
    dice.one(&[Level::Any, Level::Any, Level::Span, Level::Resource, Level::Scope, Level::Event, Level::Link])
}
