//! Spans that were sent again: they count once wherever they lie, as the memory store counts them.

use std::sync::Arc;
use std::time::Duration;

use model::{Batch, Kind, StatusCode, Tenant, TimeRange, same};
use store::conformance::{Draft, NOW, batch};
use store::memory::MemoryStore;
use store::{Ask, Field, Filter, Level, Operand, Plan, Reader, Rows, Writer};

use super::super::{Scan, Sources, run};
use super::yard::Yard;
use crate::block::{BlockView, OpenBlock};

/// Three spans of each of these traces.
pub(super) fn traces(numbers: impl Iterator<Item = u64>) -> Batch {
    let spans = numbers.flat_map(|number| {
        let status = if number.is_multiple_of(7) { StatusCode::Error } else { StatusCode::Unset };
        [
            Draft::new(number, 1).service("web").kind(Kind::Client).name("call").lasting(number * 1_000),
            Draft::new(number, 2).under(1).service("cart").kind(Kind::Server).status(status).with("k", "x"),
            Draft::new(number, 3)
                .under(2)
                .service("cart")
                .name("read")
                .lasting(number % 50)
                .with("k", number as i64 % 5),
        ]
    });
    batch(&Tenant::default(), &spans.collect::<Vec<_>>())
}

fn questions() -> Vec<Plan> {
    let k = || Field::Attribute { level: Level::Any, key: "k".into() };
    let metrics =
        |by: &[Field], step: Option<u64>| Ask::Metrics { by: by.into(), step: step.map(Duration::from_secs) };
    let asks = [
        Ask::Services,
        Ask::Operations,
        Ask::Keys,
        Ask::Values { key: "k".into(), level: Level::Span },
        Ask::Edges,
        Ask::Summaries,
        metrics(&[], None),
        metrics(&[Field::Service, Field::Status], Some(60)),
        metrics(&[Field::Name, Field::Kind], Some(7)),
        metrics(&[k()], None),
    ];
    let filters = [
        Filter::All,
        Filter::service("cart"),
        Filter::equal(Field::Status, Operand::Status(StatusCode::Error)),
        Filter::equal(k(), Operand::Text("x".into())),
    ];
    let second = 1_000_000_000;
    let times = [TimeRange::ALL, TimeRange { start: NOW - 333 * second, end: NOW - 77 * second }];
    let mut plans = Vec::new();
    for ask in &asks {
        for spans in &filters {
            for time in times {
                let plan = Plan::new(Tenant::default(), ask.clone());
                plans.push(Plan { spans: spans.clone(), time, limit: 10_000, ..plan });
            }
        }
    }
    plans
}

/// Checks that every answer equals that of a memory store to which all of this was sent.
#[track_caller]
pub(super) fn check(sources: &Sources, sent: &[&Batch]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = MemoryStore::default();
    for batch in sent {
        runtime.block_on(store.write((*batch).clone())).unwrap();
    }
    for plan in questions() {
        let expected = runtime.block_on(store.run(&plan)).unwrap();
        let answer = run(&plan, sources).unwrap();
        assert_eq!(answer.partial, None);
        let is_same = match (&expected.rows, &answer.rows) {
            (Rows::Names(expected), Rows::Names(got)) => expected == got,
            (Rows::Edges(expected), Rows::Edges(got)) => expected == got,
            (Rows::Metrics(expected), Rows::Metrics(got)) => expected == got,
            (Rows::Summaries(expected), Rows::Summaries(got)) => expected == got,
            _ => false,
        };
        assert!(is_same, "{plan:?}\nexpected {:?}\ngot {:?}", expected.rows, answer.rows);
    }
    let expected = runtime.block_on(store.scan(&Tenant::default(), TimeRange::ALL)).unwrap();
    let scan = Scan::new(sources.clone(), &Tenant::default(), TimeRange::ALL);
    assert!(handed_over(Box::new(scan)) == handed_over(expected), "other spans are handed over");
}

/// All that is handed over, in order.
fn handed_over(scan: Box<dyn store::Scan>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut take = |batch: Batch| {
        all.extend(batch.spans().map(same::content));
        true
    };
    scan.run(&mut take).unwrap();
    all.sort_unstable();
    all
}

#[test]
fn few_and_many_are_left_out_of_what_blocks_have_counted() {
    let mut yard = Yard::new();
    let (all, few, many) = (traces(1..400), traces(100..110), traces(120..390));
    let block = yard.closed(&[vec![all.clone()]]);
    for again in [&few, &many] {
        let other = yard.closed(&[vec![again.clone()]]);
        check(&Sources { blocks: vec![block.clone(), other.clone()], ..Sources::default() }, &[&all, again]);
        check(&Sources { blocks: vec![other, block.clone()], ..Sources::default() }, &[&all, again]);
        let twice = yard.closed(&[vec![all.clone(), again.clone()]]);
        check(&Sources { blocks: vec![twice], ..Sources::default() }, &[&all, again]);
        let in_two_groups = yard.closed(&[vec![all.clone()], vec![again.clone(), again.clone()]]);
        check(&Sources { blocks: vec![in_two_groups], ..Sources::default() }, &[&all, again]);
    }
}

#[test]
fn what_is_known_of_blocks_follows_them_as_they_come_and_go() {
    let mut yard = Yard::new();
    let (first, second, third) = (traces(1..200), traces(150..300), traces(10..160));
    let blocks: Vec<_> = [&first, &second, &third].map(|sent| yard.closed(&[vec![sent.clone()]])).into();
    let of = |places: &[usize]| Sources {
        blocks: places.iter().map(|place| blocks[*place].clone()).collect(),
        ..Sources::default()
    };
    check(&of(&[0, 1]), &[&first, &second]);
    check(&of(&[0, 1, 2]), &[&first, &second, &third]);
    check(&of(&[1, 2]), &[&second, &third]);
    check(&of(&[0, 2]), &[&first, &third]);
    check(&of(&[0, 1, 2]), &[&first, &second, &third]);
    let merged = yard.merged(&blocks[..2]);
    let sources = Sources { blocks: vec![merged.clone(), blocks[2].clone()], ..Sources::default() };
    check(&sources, &[&first, &second, &third]);
    check(&Sources { blocks: vec![merged], ..Sources::default() }, &[&first, &second]);
}

#[test]
fn a_block_that_grows_and_the_head_count_what_is_new() {
    let mut yard = Yard::new();
    let (first, second, third) = (traces(1..120), traces(100..200), traces(1..150));
    let closed = yard.closed(&[vec![first.clone()]]);
    let mut open = yard.open(&[]);
    let sources = |head: &[&Batch], open: &OpenBlock| Sources {
        head: head.iter().map(|batch| (*batch).clone()).collect(),
        blocks: vec![open.view(), closed.clone()],
        ..Sources::default()
    };
    check(&sources(&[&second], &open), &[&first, &second]);
    check(&sources(&[&second, &third], &open), &[&first, &second, &third]);
    open.append(std::slice::from_ref(&second)).unwrap();
    check(&sources(&[&third], &open), &[&first, &second, &third]);
    check(&sources(&[&third, &third], &open), &[&first, &second, &third]);
    open.append(std::slice::from_ref(&third)).unwrap();
    check(&sources(&[], &open), &[&first, &second, &third]);
    check(&sources(&[&second, &first], &open), &[&first, &second, &third]);
}

#[test]
fn a_head_that_grows_anywhere_and_moves_on_counts_what_is_new() {
    let mut yard = Yard::new();
    let mut open = yard.open(&[]);
    let sent: Vec<Batch> =
        [1..30, 20..50, 45..60, 1..10, 70..90, 50..95, 100..101, 29..46, 5..6].map(traces).into();
    let mut head: Vec<Batch> = Vec::new();
    for (number, batch) in sent.iter().enumerate() {
        // At the end, at the begin, and between others; once again while it is there, and once something left.
        head.insert([head.len(), 0, head.len() / 2][number % 3], batch.clone());
        if number == 4 {
            head.push(sent[1].clone());
        }
        if number == 6 {
            let gone: Vec<Batch> = head.drain(..2).collect();
            open.append(&gone).unwrap();
        }
        let sources = |blocks: Vec<Arc<BlockView>>| Sources {
            head: head.clone(),
            blocks,
            memory: Some(yard.memory.clone()),
        };
        let all: Vec<&Batch> = sent[..=number].iter().collect();
        match number {
            0..=5 => check(&sources(Vec::new()), &all),
            _ => check(&sources(vec![open.view()]), &all),
        }
    }
}

#[test]
fn a_block_of_which_all_is_handed_over_is_kept_apart() {
    let mut yard = Yard::new();
    let (first, second, third) = (traces(1..40), traces(30..60), traces(100..140));
    let blocks: Vec<_> =
        [&first, &second, &third].map(|sent| yard.closed(&[vec![sent.clone()]])).into_iter().collect();
    let sources = Sources { head: vec![traces(139..150)], blocks: blocks.clone(), memory: None };
    let mut scan = Scan::new(sources, &Tenant::default(), TimeRange::ALL);
    let whole = scan.set_apart(&blocks);
    assert_eq!(whole.len(), 2, "one of the first two has spans of the other");
    let apart: u64 = whole.iter().map(|at| blocks[*at].spans()).sum();
    let spans = handed_over(Box::new(scan)).len() as u64 + apart;
    assert_eq!(spans, 3 * (59 + 50), "each once");
}

#[test]
fn spans_that_share_an_id_and_differ_are_counted_in_every_place() {
    let mut yard = Yard::new();
    let one = Draft::new(1, 2).service("cart").with("k", "x");
    let twins =
        [one.clone().with("k", "y"), one.clone().with_resource("host", "h"), one.clone().name("read")];
    let sent = |drafts: &[Draft]| batch(&Tenant::default(), drafts);
    let (first, others) = (sent(&[one.clone(), one.clone()]), sent(&twins));
    let blocks =
        vec![yard.closed(&[vec![first.clone()]]), yard.closed(&[vec![others.clone(), first.clone()]])];
    check(&Sources { blocks: blocks.clone(), ..Sources::default() }, &[&first, &others]);
    check(
        &Sources { head: vec![first.clone(), others.clone()], blocks, ..Sources::default() },
        &[&first, &others],
    );
}
