//! What the retention drops, what rules and the archive keep of it, and that every span is accounted for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use model::{Batch, Span, StatusCode, Tenant, TimeRange, TraceId};
use store::{
    Answer, Capabilities, Field, Filter, Operand, Plan, ReadError, Reader, Scan, TraceFilter, WriteError,
    Writer,
    conformance::{self, Draft},
};

use super::{StandingClock, found, open_with, tenant, trace, unmerged as settings, until, write};
use crate::{
    engine::{Engine, rewrite::Choice},
    error::Next,
    manifest::State,
    retain::{Quota, Retention, Rule, TenantRetention},
    settings::Settings,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Failed traces are kept for thirty days, slow ones for fifteen, all others for seven.
fn rules() -> Retention {
    let rule = |name: &str, spans, trace, days: u32| Rule {
        name: name.into(),
        text: name.into(),
        spans,
        trace,
        time: days * DAY,
    };
    let failed = Filter::equal(Field::Status, Operand::Status(StatusCode::Error));
    let slow = TraceFilter { duration_min: Some(3_600_000_000_000), ..TraceFilter::default() };
    let rules = vec![rule("errors", failed, TraceFilter::default(), 30), rule("slow", Filter::All, slow, 15)];
    Retention { rules, ..Retention::of_time(7 * DAY) }
}

fn with(path: &std::path::Path, retention: Retention) -> Settings {
    Settings { retention, ..settings(path) }
}

/// An open store that waits for nothing.
async fn open(path: &std::path::Path) -> Engine {
    let engine = open_with(settings(path), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    engine
}

/// Brings everything into committed blocks.
async fn settle(engine: &Engine) {
    engine.inner.drain().await.unwrap();
}

/// Lets the retention act until nothing is due.
async fn retain(engine: &Engine) {
    for _ in 0..100 {
        if engine.inner.retain().await.unwrap().due.is_empty() {
            return;
        }
    }
    panic!("the retention never comes to an end");
}

/// Every span that was written is in a block or was dropped for a reason.
async fn check_ledger(engine: &Engine, written: u64) {
    let state = state(engine).await;
    let kept: u64 = state.blocks.values().map(|block| block.meta.spans).sum();
    let dropped: u64 = state.dropped.values().map(|dropped| dropped.spans).sum();
    assert_eq!(kept + dropped, written, "{:?}", state.dropped);
}

async fn state(engine: &Engine) -> State {
    engine.inner.manifest.lock().await.state().clone()
}

fn id(number: u64) -> TraceId {
    Draft::new(number, 1).trace
}

fn batch(drafts: &[Draft]) -> Batch {
    conformance::batch(&Tenant::default(), drafts)
}

fn failed(number: u64, span: u64) -> Draft {
    Draft { status: StatusCode::Error, ..Draft::new(number, span) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_keeps_its_traces_whole_when_the_rest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open_with(with(dir.path(), rules()), clock.clone()).await;
    for number in 1..=50 {
        write(&engine, trace(number, 4)).await;
    }
    write(&engine, batch(&[Draft::new(100, 1), failed(100, 2), Draft::new(100, 3)])).await;
    settle(&engine).await;
    write(&engine, batch(&[failed(7, 5)])).await;
    let late = Draft::new(9, 5);
    write(&engine, batch(&[Draft { end: late.end + 4_000_000_000_000, ..late }])).await;
    settle(&engine).await;
    let written = 50 * 4 + 3 + 2;
    clock.advance(8 * DAY);
    retain(&engine).await;
    assert_eq!(found(&engine).await, ([7, 9, 100].into(), 5 + 5 + 3), "whole, wherever the match was");
    check_ledger(&engine, written).await;
    let kept = state(&engine).await.blocks.into_values().filter_map(|block| block.meta.judged);
    let kept: Vec<_> = kept.map(|judged| judged.kept).collect();
    assert!(kept.contains(&[("errors".to_owned(), 2), ("slow".to_owned(), 1)].into()), "{kept:?}");
    drop(engine);

    let engine = open_with(with(dir.path(), rules()), clock.clone()).await;
    until(&engine, |stat| stat.recovery.done).await;
    assert_eq!(found(&engine).await.1, 13);
    assert!(engine.inner.retain().await.unwrap().due.is_empty(), "nothing is judged twice");
    clock.advance(8 * DAY);
    retain(&engine).await;
    assert_eq!(found(&engine).await, ([7, 100].into(), 8));
    clock.advance(15 * DAY);
    retain(&engine).await;
    assert_eq!(found(&engine).await.1, 0);
    check_ledger(&engine, written).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_goes_before_the_others_in_its_block() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let own = TenantRetention { time: Some(DAY), ..TenantRetention::default() };
    let retention = Retention { tenants: [(tenant("red"), own)].into(), ..Retention::of_time(7 * DAY) };
    let engine = open_with(with(dir.path(), retention), clock.clone()).await;
    for name in ["red", "default"] {
        write(&engine, conformance::batch(&tenant(name), &[Draft::new(1, 1), Draft::new(2, 1)])).await;
    }
    settle(&engine).await;
    clock.advance(2 * DAY);
    retain(&engine).await;
    assert_eq!(found(&engine).await.1, 2);
    let state = state(&engine).await;
    let metas: Vec<_> = state.blocks.values().map(|block| &block.meta.tenants[..]).collect();
    assert_eq!(metas, [["default".to_owned()]]);
    assert_eq!(state.dropped["time"].spans, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_blocks_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(with(dir.path(), Retention::of_time(7 * DAY)), StandingClock::new()).await;
    for number in 1..=6 {
        write(&engine, trace(number, 50)).await;
        settle(&engine).await;
    }
    let all = engine.stat().await;
    assert_eq!(all.blocks, 6);
    engine.close().await.unwrap();
    drop(engine);
    let room = Retention { bytes: Some(Quota::Bytes(all.block_bytes / 2)), ..Retention::of_time(7 * DAY) };
    let engine = open_with(with(dir.path(), room), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    retain(&engine).await;
    let stat = engine.stat().await;
    assert!(stat.block_bytes <= all.block_bytes / 2, "{stat:?}");
    let left = found(&engine).await.0;
    assert!(left.contains(&1) && !left.contains(&6), "the sixth is the oldest: {left:?}");
    check_ledger(&engine, 300).await;
    assert_eq!(state(&engine).await.dropped["bytes"].spans, 300 - stat.block_spans);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archived_trace_stays_until_it_is_taken_out() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open_with(settings(dir.path()), clock.clone()).await;
    for number in 1..=20 {
        write(&engine, trace(number, 3)).await;
    }
    let me = Tenant::default();
    assert_eq!(engine.archive(&me, &[id(3), id(4), id(999)]).await.unwrap(), [id(999)]);
    assert_eq!(engine.archived(&me).await.len(), 2);
    assert!(engine.archived(&tenant("red")).await.is_empty());
    settle(&engine).await;
    clock.advance(400 * DAY);
    retain(&engine).await;
    assert_eq!(found(&engine).await, ([3, 4].into(), 6));
    drop(engine);
    let engine = open_with(settings(dir.path()), clock.clone()).await;
    until(&engine, |stat| stat.recovery.done).await;
    assert_eq!(engine.unarchive(&me, &[id(3), id(5)]).await.unwrap(), 1);
    retain(&engine).await;
    assert_eq!(found(&engine).await, ([4].into(), 3));
    check_ledger(&engine, 60).await;
}

/// Everything stays.
struct All;

impl Choice for All {
    fn trace(&self, _: &Tenant, _: TraceId) -> bool {
        true
    }
}

/// Nothing of one trace stays.
struct Without(TraceId);

impl Choice for Without {
    fn trace(&self, _: &Tenant, _: TraceId) -> bool {
        true
    }

    fn span(&self, _: &Tenant, span: Span<'_>) -> bool {
        span.trace_id() != self.0
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_no_longer_holds_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    write(&engine, trace(1, 3)).await;
    write(&engine, trace(2, 3)).await;
    settle(&engine).await;
    let before = state(&engine).await;
    let block = before.blocks.values().next().unwrap();
    let same = |meta| meta;
    let outcome =
        engine.inner.replace(block, Arc::new(Without(id(1))), ("rules", same), |_: &State| false).await;
    assert_eq!(outcome.unwrap_err().next, Next::Refuse);
    assert_eq!(state(&engine).await, before);
    assert_eq!(found(&engine).await.1, 6);
    assert_eq!(std::fs::read_dir(dir.path().join("blocks")).unwrap().count(), 1, "no file is left behind");
    assert_eq!(std::fs::read_dir(dir.path().join("open")).unwrap().count(), 0);
    engine.inner.replace(block, Arc::new(Without(id(1))), ("rules", same), |_: &State| true).await.unwrap();
    assert_eq!(found(&engine).await, ([2].into(), 3));
    let again = engine.inner.replace(block, Arc::new(All), ("rules", same), |_: &State| true).await;
    assert!(again.is_err(), "the block is gone");
}

/// A store that answers only after all its blocks were written again.
struct Restless {
    engine: Arc<Engine>,
    is_changed: AtomicBool,
}

#[async_trait]
impl Writer for Restless {
    async fn write(&self, batch: Batch) -> Result<(), WriteError> {
        self.is_changed.store(true, SeqCst);
        self.engine.write(batch).await
    }
}

#[async_trait]
impl Reader for Restless {
    fn capabilities(&self) -> Capabilities {
        self.engine.capabilities()
    }

    async fn run(&self, plan: &Plan) -> Result<Answer, ReadError> {
        self.write_again().await;
        self.engine.run(plan).await
    }

    async fn scan(&self, tenant: &Tenant, time: TimeRange) -> Result<Box<dyn Scan>, ReadError> {
        self.write_again().await;
        self.engine.scan(tenant, time).await
    }
}

impl Restless {
    async fn write_again(&self) {
        if !self.is_changed.swap(false, SeqCst) {
            return;
        }
        settle(&self.engine).await;
        for block in state(&self.engine).await.blocks.values() {
            let engine = &self.engine.inner;
            let replaced =
                engine.replace(block, Arc::new(All), ("tier", |meta| meta), |_: &State| true).await;
            assert_eq!(replaced.expect("it is written again").spans_gone, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_are_written_again_keep_the_contract_of_every_store() {
    let dirs = tempfile::tempdir().unwrap();
    let made = std::sync::atomic::AtomicU32::new(0);
    conformance::run(async || {
        let number = made.fetch_add(1, SeqCst);
        let engine = Arc::new(open(&dirs.path().join(number.to_string())).await);
        let engine = Arc::new(Restless { engine, is_changed: AtomicBool::new(false) });
        (engine.clone() as Arc<dyn Writer>, engine as Arc<dyn Reader>)
    })
    .await;
}
