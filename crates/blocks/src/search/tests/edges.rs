//! Calls between services, counted by digests, by columns and by joining: always as the memory store counts them.

use std::sync::Arc;

use model::{Batch, Kind, StatusCode, Tenant, TimeRange};
use store::conformance::{Draft, NOW, batch, span_id};
use store::memory::MemoryStore;
use store::{Ask, Compare, Condition, Field, Filter, Level, Operand, Plan, Reader, Rows, Writer, uses};

use super::{open, run};
use crate::block::BlockView;
use crate::search::{Sources, run_until};

const MINUTE: u64 = 60_000_000_000;

/// Random numbers that a seed repeats.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn under(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.under(100) < percent
    }
}

/// A trace in which spans may share ids, name any parent, start before it, and carry a queue; no two start at once.
fn trace(dice: &mut Dice, number: u64) -> Vec<Draft> {
    let begun = NOW - dice.under(10) * MINUTE;
    let is_odd = dice.chance(20);
    let span = |(dice, place): (&mut Dice, u64)| {
        let id = if is_odd && dice.chance(40) { 1 + dice.under(3) } else { place };
        let parent = if is_odd { dice.under(6) } else { dice.under(place) };
        let late = if is_odd { dice.under(3) } else { place };
        let mut span = Draft::new(number, id)
            .service(["web", "api", "db", "queue"][dice.under(4) as usize])
            .kind(Kind::from_number(dice.under(6) as u8))
            .status(StatusCode::from_number(dice.under(3) as u8))
            .under(parent)
            .at(begun + late * 7 * MINUTE / 6 + place, dice.under(5_000));
        if dice.chance(30) {
            span.attributes.push(("messaging.system".into(), "kafka".into()));
        }
        for key in uses::KEYS {
            if dice.chance(12) {
                let value =
                    if dice.chance(10) { 7.into() } else { ["", "a", "b"][dice.under(3) as usize].into() };
                span.attributes.push((key.into(), value));
            }
        }
        span
    };
    (1..=2 + dice.under(5)).map(|place| span((&mut *dice, place))).collect()
}

/// Batches in which traces are whole, scattered, or repeated in part.
pub(super) fn batches(dice: &mut Dice, tenant: &Tenant) -> Vec<Batch> {
    let mut spans: Vec<Vec<Draft>> = vec![Vec::new(); 9];
    for number in 1..=60 {
        let trace = trace(dice, number);
        let home = dice.under(9) as usize;
        let is_scattered = dice.chance(30);
        for span in trace {
            let at = if is_scattered { dice.under(9) as usize } else { home };
            if dice.chance(4) {
                spans[dice.under(9) as usize].push(span.clone());
            }
            spans[at].push(span);
        }
    }
    spans.iter().filter(|spans| !spans.is_empty()).map(|spans| batch(tenant, spans)).collect()
}

/// Three closed blocks of one or two row groups, an open block, and the head.
fn sources(folder: &tempfile::TempDir, batches: &[Batch]) -> Sources {
    let mut sources = Sources::default();
    let memory = Arc::default();
    for (number, some) in batches.chunks(2).enumerate() {
        if number == 4 {
            sources.head.extend_from_slice(some);
            continue;
        }
        let id = format!("block-{number}");
        let mut block = open(folder, &id);
        some.iter().for_each(|batch| block.append(std::slice::from_ref(batch)).unwrap());
        if number == 3 {
            sources.blocks.push(block.view());
            continue;
        }
        let meta = block.close().unwrap();
        let path = folder.path().join(id);
        sources.blocks.push(Arc::new(BlockView::open(&path, &meta, &memory).unwrap()));
    }
    sources
}

fn has_queue(compare: Compare) -> Filter {
    let field = Field::Attribute { level: Level::Span, key: "messaging.system".into() };
    Filter::Is(Condition { field, compare, operand: Operand::None })
}

pub(super) fn filters() -> Vec<Filter> {
    let consumer = || Filter::equal(Field::Kind, Operand::Kind(Kind::Consumer));
    let failed = Filter::equal(Field::Status, Operand::Status(StatusCode::Error));
    let message = Filter::And(vec![consumer(), has_queue(Compare::Exists)]);
    let slow = Condition { field: Field::Duration, compare: Compare::Greater, operand: Operand::Int(2_000) };
    vec![
        Filter::All,
        Filter::Not(Box::new(message)),
        Filter::And(vec![failed, Filter::service("api")]),
        Filter::Or(vec![consumer(), has_queue(Compare::Missing)]),
        Filter::Is(slow),
    ]
}

#[tokio::test]
async fn calls_are_those_of_whole_traces_however_spans_are_spread() {
    let tenant = Tenant::default();
    let (mut calls, mut used) = (0, 0);
    for seed in 0..16 {
        let mut dice = Dice(seed);
        let folder = tempfile::tempdir().unwrap();
        let batches = batches(&mut dice, &tenant);
        let memory = MemoryStore::default();
        for batch in &batches {
            memory.write(batch.clone()).await.unwrap();
        }
        let sources = sources(&folder, &batches);
        let mut times = vec![TimeRange::ALL];
        for _ in 0..4 {
            let start = NOW - dice.under(12 * MINUTE);
            times.push(TimeRange { start, end: start + dice.under(12 * MINUTE) });
            let start = start - start % MINUTE;
            times.push(TimeRange { start, end: start + 4 * MINUTE });
        }
        for time in times {
            for spans in filters() {
                let plan = Plan { time, spans, limit: 1_000, ..Plan::new(tenant.clone(), Ask::Edges) };
                let (expected, got) = (memory.run(&plan).await.unwrap(), run(&plan, &sources).unwrap());
                let (Rows::Edges(expected), Rows::Edges(got)) = (expected.rows, got.rows) else { panic!() };
                assert_eq!(expected, got, "seed {seed}, {plan:?}");
                calls += got.iter().map(|edge| edge.calls).sum::<u64>();
                let plan = Plan { ask: Ask::Uses, ..plan };
                let (expected, got) = (memory.run(&plan).await.unwrap(), run(&plan, &sources).unwrap());
                let (Rows::Uses(expected), Rows::Uses(got)) = (expected.rows, got.rows) else { panic!() };
                assert_eq!(expected, got, "seed {seed}, {plan:?}");
                used += got.iter().map(|row| row.spans).sum::<u64>();
            }
        }
    }
    assert!(calls > 10_000, "{calls} calls are too few to tell");
    assert!(used > 5_000, "{used} uses are too few to tell");
}

#[test]
fn calls_in_whole_blocks_are_counted_without_reading_spans() {
    let folder = tempfile::tempdir().unwrap();
    let mut spans = Vec::new();
    for number in 1..=200 {
        spans.push(Draft::new(number, 1).service("web"));
        let query = Draft::new(number, 2).service("api").under(1);
        spans.push(query.with("db.system", "redis").kind(Kind::Client).with("peer.service", "none"));
    }
    let mut block = open(&folder, "block");
    block.append(&[batch(&Tenant::default(), &spans)]).unwrap();
    let meta = block.close().unwrap();
    let view = BlockView::open(&folder.path().join("block"), &meta, &Arc::default()).unwrap();
    let mut sources = Sources { blocks: vec![Arc::new(view)], ..Sources::default() };
    let asked = |time: TimeRange, sources: &Sources| {
        let plan = Plan { time, ..Plan::new(Tenant::default(), Ask::Edges) };
        let answer = run(&plan, sources).unwrap();
        let Rows::Edges(edges) = answer.rows else { panic!("edges were asked for") };
        (edges.iter().map(|edge| edge.calls).collect::<Vec<_>>(), answer.work.pages_read)
    };
    assert_eq!(asked(TimeRange::ALL, &sources), (vec![200], 0));
    let minute = TimeRange { start: NOW - MINUTE, end: NOW };
    assert_eq!(asked(minute, &sources), (vec![60], 0), "the steps are minutes");
    let (calls, pages) = asked(TimeRange { end: NOW - 10_500_000_000, ..minute }, &sources);
    assert!(calls == [50] && pages > 0, "half a minute has to be read");
    let used = |sources: &Sources| {
        let answer = run(&Plan::new(Tenant::default(), Ask::Uses), sources).unwrap();
        let Rows::Uses(uses) = answer.rows else { panic!("uses were asked for") };
        let row = |row: &store::Use| (row.service.clone(), row.target.system.clone(), row.spans);
        (uses.iter().map(row).collect::<Vec<_>>(), answer.work.pages_read)
    };
    assert_eq!(used(&sources), (vec![("api".into(), "redis".into(), 200)], 0));
    let mut late = Draft::new(7, 3).service("db").under(2);
    late.id = span_id(3);
    sources.head.push(batch(&Tenant::default(), &[late]));
    let (calls, pages) = asked(TimeRange::ALL, &sources);
    assert!(calls == [1, 200] && pages > 0, "the trace of a late span is joined");
}

#[test]
fn traces_across_closed_blocks_are_joined_once() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::default();
    let mut sources = Sources::default();
    for (name, service, span, parent) in [("first", "web", 1, 0), ("second", "api", 2, 1)] {
        let spans: Vec<Draft> =
            (1..=50).map(|number| Draft::new(number, span).service(service).under(parent)).collect();
        let mut block = open(&folder, name);
        block.append(&[batch(&Tenant::default(), &spans)]).unwrap();
        let meta = block.close().unwrap();
        sources.blocks.push(Arc::new(BlockView::open(&folder.path().join(name), &meta, &memory).unwrap()));
    }
    let broken_off = (0..).take_while(|patience| {
        let looks = std::cell::Cell::new(0);
        let is_over = || looks.replace(looks.get() + 1) >= *patience;
        let plan = Plan::new(Tenant::default(), Ask::Edges);
        run_until(&plan, &sources, &is_over).unwrap().partial.is_some()
    });
    assert!(broken_off.count() > 20, "each trace is a place to break off");
    let asked = |spans: Filter, time: TimeRange, sources: &Sources| {
        let plan = Plan { time, spans, ..Plan::new(Tenant::default(), Ask::Edges) };
        let answer = run(&plan, sources).unwrap();
        let Rows::Edges(edges) = answer.rows else { panic!("edges were asked for") };
        (edges.iter().map(|edge| edge.calls).collect::<Vec<_>>(), answer.work.spans_seen)
    };
    assert_eq!(asked(Filter::All, TimeRange::ALL, &sources), (vec![50], 0), "they are known");
    assert_eq!(asked(Filter::service("web"), TimeRange::ALL, &sources), (vec![], 0));
    let (calls, seen) = asked(has_queue(Compare::Missing), TimeRange::ALL, &sources);
    assert!(calls == [50] && seen > 0, "queues were not looked at before");
    let late = Draft::new(7, 3).service("db").under(2);
    sources.head.push(batch(&Tenant::default(), &[late]));
    let (calls, seen) = asked(Filter::All, TimeRange::ALL, &sources);
    assert!(calls == [1, 50] && seen > 0, "the trace of a late span is joined anew");
}
