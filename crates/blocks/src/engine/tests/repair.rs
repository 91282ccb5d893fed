//! Every kind of damage to a block is found, named, and repaired without making it worse.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{found, open, settings, trace, write};
use crate::engine::{check, repair};

const TRACES: u64 = 40;
const SPANS: u64 = 5 * TRACES;

/// A store at rest with one block; answers the folder of the block.
async fn filled(dir: &Path) -> PathBuf {
    let engine = open(dir).await;
    for number in 1..=TRACES {
        write(&engine, trace(number, 5)).await;
    }
    engine.close().await.unwrap();
    drop(engine);
    let mut blocks: Vec<PathBuf> =
        std::fs::read_dir(dir.join("blocks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(blocks.len(), 1);
    blocks.remove(0)
}

async fn damages(dir: &Path) -> Vec<String> {
    let report = check(&settings(dir), &mut |_| {}).await.unwrap();
    report.damages.iter().map(|damage| format!("{}: {}", damage.file, damage.what)).collect()
}

/// Damages a block, repairs the store, and answers how many spans are found then.
#[track_caller]
fn check_repair(damage: impl Fn(&Path), named: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let block = filled(dir.path()).await;
        damage(&block);
        let said = damages(dir.path()).await;
        assert!(said.iter().any(|line| line.contains(named)), "{said:?} lacks {named:?}");
        let mended = repair(&settings(dir.path()), Arc::new(model::SystemClock)).await.unwrap();
        assert_eq!(mended.len(), 1);
        assert_eq!(mended[0].saved + mended[0].lost, SPANS);
        assert!(mended[0].quarantine.is_dir());
        assert_eq!(damages(dir.path()).await, Vec::<String>::new());
        let again = repair(&settings(dir.path()), Arc::new(model::SystemClock)).await.unwrap();
        assert_eq!(again, [], "a second repair finds nothing to do");
        let engine = open(dir.path()).await;
        let (_, spans) = found(&engine).await;
        assert_eq!(spans, mended[0].saved, "what was saved is found");
        spans
    })
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_index_costs_nothing() {
    assert_eq!(check_repair(|block| flip(&block.join("spans.idx"), 100), "spans.idx"), SPANS);
}

#[test]
fn a_lost_index_costs_nothing() {
    assert_eq!(
        check_repair(|block| std::fs::remove_file(block.join("spans.idx")).unwrap(), "spans.idx"),
        SPANS
    );
}

#[test]
fn a_damaged_footer_costs_nothing_since_the_index_knows_the_pages() {
    let damage = |block: &Path| flip(&block.join("spans.parquet"), usize::MAX);
    assert_eq!(check_repair(damage, "spans.parquet"), SPANS);
}

#[test]
fn a_damaged_page_costs_its_rows_and_is_set_aside() {
    let spans = check_repair(|block| flip(&block.join("spans.parquet"), 40), "spans.parquet");
    assert!(spans < SPANS);
}

#[test]
fn lost_spans_are_counted_as_lost() {
    let damage = |block: &Path| std::fs::remove_file(block.join("spans.parquet")).unwrap();
    assert_eq!(check_repair(damage, "spans.parquet"), 0);
}

#[test]
fn what_cannot_be_trusted_is_not_kept() {
    let damage = |block: &Path| {
        std::fs::write(block.join("spans.idx"), b"").unwrap();
        flip(&block.join("spans.parquet"), 40);
    };
    assert_eq!(check_repair(damage, "spans.parquet"), 0);
}

#[tokio::test]
async fn a_store_in_use_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let error = repair(&settings(dir.path()), Arc::new(model::SystemClock)).await.unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    drop(engine);
}
