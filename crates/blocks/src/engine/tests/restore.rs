//! A manifest of which any file is damaged or missing is made anew, and nothing comes twice or comes back.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use model::{Tenant, TimeRange};
use prometheus::Registry;
use store::{Filter, conformance::Draft};

use super::{StandingClock, found, open, open_with, trace, unmerged, until, write};
use crate::{
    engine::{Engine, Restored, check, erase::Erase, restore},
    manifest::Gap,
    settings::{Compaction, Limits, Settings},
};

const SPANS: u64 = 3;

async fn cut(engine: &Engine) {
    engine.inner.head.cut(&engine.inner.journal);
    engine.inner.freeze.notify_one();
    until(engine, |stat| stat.uncommitted_spans == 0).await;
}

/// A store at rest with five blocks of one trace each, and a checkpoint after each second entry.
async fn filled(dir: &Path) {
    let engine = open_with(settings(dir), StandingClock::new()).await;
    for number in 1..=5 {
        write(&engine, trace(number, SPANS)).await;
        cut(&engine).await;
    }
    engine.close().await.unwrap();
}

fn settings(dir: &Path) -> Settings {
    let limits = Limits { checkpoint_entries: 2, ..unmerged(dir).limits };
    Settings { limits, ..unmerged(dir) }
}

/// The files of the manifest, by name.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir.join("manifest")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 0x01;
    std::fs::write(path, bytes).unwrap();
}

async fn restored(dir: &Path) -> Option<Restored> {
    loop {
        match restore(&settings(dir), StandingClock::new()).await {
            // Tasks of the engine before may still be ending.
            Err(error) if error.to_string().contains("in use") => tokio::task::yield_now().await,
            outcome => return outcome.unwrap(),
        }
    }
}

/// The store is sound, needs no more repair, and has these traces.
async fn holds(dir: &Path, traces: impl IntoIterator<Item = u64>) {
    let traces: BTreeSet<u64> = traces.into_iter().collect();
    let report = check(&settings(dir), &mut |_| {}).await.unwrap();
    assert!(report.damages.is_empty(), "{report:?}");
    assert_eq!(restored(dir).await, None, "a second repair finds nothing to do");
    let engine = open_with(settings(dir), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    let spans = traces.len() as u64 * SPANS;
    assert_eq!(found(&engine).await, (traces, spans));
    assert_eq!(engine.stat().await.block_spans, spans, "nothing stands twice");
    write(&engine, trace(90, SPANS)).await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_one_damaged_or_lost_file_costs_no_span() {
    let sample = tempfile::tempdir().unwrap();
    filled(sample.path()).await;
    let names: Vec<PathBuf> =
        files(sample.path()).into_iter().map(|path| path.file_name().unwrap().into()).collect();
    assert!(names.len() >= 4, "{names:?}");
    let mut gaps = 0;
    for name in &names {
        for is_lost in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            filled(dir.path()).await;
            let path = dir.path().join("manifest").join(name);
            match is_lost {
                false => damage(&path),
                true => std::fs::remove_file(&path).unwrap(),
            }
            let said = restored(dir.path()).await.unwrap_or_default();
            assert_eq!(said.files.len(), usize::from(!is_lost), "{name:?}: {said:?}");
            assert_eq!(said.found.len(), said.gaps.len(), "{name:?}: {said:?}");
            gaps += said.gaps.len();
            holds(dir.path(), 1..=5).await;
        }
    }
    assert!(gaps > 0, "some entry was known to no other file");
}

/// The last entry vanished, which nothing in the manifest told: the block that it listed was deleted an hour later as
/// one that nobody needs, and its part of the journal was gone already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_vanished_from_the_end_is_missed_and_its_block_is_listed_again() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let entries = files(dir.path());
    let last = entries.iter().rfind(|path| !path.to_string_lossy().contains("checkpoint")).unwrap();
    std::fs::remove_file(last).unwrap();
    let said = check(&settings(dir.path()), &mut |_| {}).await.unwrap_err().to_string();
    assert!(said.contains("ends with entry 4, but there were 5") && said.contains("--repair"), "{said}");
    let said = loop {
        let opened = Engine::open(settings(dir.path()), StandingClock::new(), &Registry::new()).await;
        match opened.err().expect("nobody goes on without it").to_string() {
            // Tasks of the engine before may still be ending.
            said if said.contains("in use") => tokio::task::yield_now().await,
            said => break said,
        }
    };
    assert!(said.contains("missing at its end"), "{said}");
    let said = restored(dir.path()).await.unwrap();
    assert_eq!(said.gaps, [Gap { first: 5, last: 5 }]);
    assert_eq!(said.found.iter().map(|(_, spans)| *spans).collect::<Vec<_>>(), [SPANS]);
    holds(dir.path(), 1..=5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_manifest_the_blocks_tell_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let last = files(dir.path()).pop().unwrap();
    files(dir.path())
        .iter()
        .filter(|path| **path != last)
        .for_each(|path| std::fs::remove_file(path).unwrap());
    damage(&last);
    let said = restored(dir.path()).await.unwrap();
    assert_eq!(said.found.len(), 5, "{said:?}");
    holds(dir.path(), 1..=5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_a_lost_entry_merged_do_not_come_twice() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let compaction = Compaction { inputs_min: 2, ..settings(dir.path()).compaction };
    let engine = open_with(Settings { compaction, ..settings(dir.path()) }, StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    assert!(engine.inner.compact_next(&mut BTreeSet::new()).await.unwrap(), "blocks are to be merged");
    engine.close().await.unwrap();
    drop(engine);
    let entries: Vec<PathBuf> =
        files(dir.path()).into_iter().filter(|path| !path.to_string_lossy().contains("checkpoint")).collect();
    damage(entries.last().unwrap());
    let checkpoint = entries.last().unwrap().with_extension("checkpoint.json");
    if checkpoint.exists() {
        damage(&checkpoint);
    }
    let said = restored(dir.path()).await.unwrap();
    assert_eq!((said.found.len(), said.replaced.len()), (1, 5), "{said:?}");
    holds(dir.path(), 1..=5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_removed_by_an_entry_that_can_be_read_never_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let engine = open_with(settings(dir.path()), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    let dropped = engine.inner.known.now().blocks.keys().next().unwrap().clone();
    let mut entry = engine.inner.entry();
    entry.remove = vec![crate::manifest::Removal { id: dropped.clone(), why: "erase".into(), spans: SPANS }];
    engine.inner.manifest.lock().await.commit(entry).await.unwrap();
    write(&engine, trace(6, SPANS)).await;
    cut(&engine).await;
    engine.close().await.unwrap();
    drop(engine);
    assert!(dir.path().join("blocks").join(&dropped).exists(), "its files wait to be deleted");
    let files = files(dir.path());
    files.iter().filter(|path| path.to_string_lossy().contains("checkpoint")).for_each(|path| damage(path));
    let said = restored(dir.path()).await.unwrap();
    assert!(said.found.iter().all(|(id, _)| *id != dropped), "{said:?}");
    let engine = open(dir.path()).await;
    let (traces, _) = found(&engine).await;
    assert_eq!(traces, (2..=6).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_entry_erased_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(settings(dir.path()), StandingClock::new()).await;
    for number in 1..=5 {
        write(&engine, trace(number, SPANS)).await;
    }
    cut(&engine).await;
    let erase = Erase {
        tenant: Tenant::default(),
        ids: Some(vec![Draft::new(3, 1).trace]),
        spans: Filter::All,
        time: TimeRange::ALL,
        dry_run: false,
        at_once: false,
    };
    assert_eq!(engine.erase(erase).await.unwrap().spans, SPANS);
    engine.close().await.unwrap();
    drop(engine);
    let all = files(dir.path());
    let entry = all.iter().rfind(|path| !path.to_string_lossy().contains("checkpoint")).unwrap();
    all.iter().filter(|path| *path >= &entry.with_extension("")).for_each(|path| damage(path));
    let said = restored(dir.path()).await.unwrap();
    assert_eq!((said.found.len(), said.replaced.len()), (1, 1), "{said:?}");
    holds(dir.path(), [1, 2, 4, 5]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_a_newer_version_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let all = files(dir.path());
    let last = all.last().unwrap();
    let mut content = b"{\"version\":9,\"number\":7}\n".to_vec();
    let crc = crc32c::crc32c(&content);
    content.extend_from_slice(format!("{{\"crc32c\":\"{crc:08x}\"}}\n").as_bytes());
    std::fs::write(last, content).unwrap();
    let error = restore(&settings(dir.path()), Arc::new(model::SystemClock)).await.unwrap_err();
    assert!(error.to_string().contains("use the program that wrote it"), "{error}");
    assert_eq!(files(dir.path()), all);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let new = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &new),
            false => _ = std::fs::copy(entry.path(), new).unwrap(),
        }
    }
}

/// After an entry is committed it is noted, then the journal is cut. Where a crash comes before the note, the entry is known
/// though none is noted; where it vanishes as well, nobody misses it, and nothing is lost: the journal has its spans.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_an_entry_and_its_note_is_no_damage() {
    let (dir, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = open_with(unmerged(dir.path()), StandingClock::new()).await;
    for number in 1..=3 {
        write(&engine, trace(number, SPANS)).await;
        cut(&engine).await;
    }
    write(&engine, trace(4, SPANS)).await;
    copy(dir.path(), before.path());
    cut(&engine).await;
    assert_eq!(files(dir.path()).len(), 4);
    for is_lost in [false, true] {
        let crashed = tempfile::tempdir().unwrap();
        copy(before.path(), crashed.path());
        copy(&dir.path().join("blocks"), &crashed.path().join("blocks"));
        copy(&dir.path().join("manifest"), &crashed.path().join("manifest"));
        std::fs::write(crashed.path().join("seen.json.new"), "{").unwrap();
        if is_lost {
            std::fs::remove_file(files(crashed.path()).last().unwrap()).unwrap();
        }
        let report = check(&unmerged(crashed.path()), &mut |_| {}).await.unwrap();
        assert!(report.damages.is_empty(), "{report:?}");
        assert_eq!(restored(crashed.path()).await, None, "there is nothing to repair");
        let engine = open_with(unmerged(crashed.path()), StandingClock::new()).await;
        until(&engine, |stat| stat.recovery.done).await;
        assert_eq!(found(&engine).await, ((1..=4).collect(), 4 * SPANS));
        cut(&engine).await;
        assert_eq!(engine.stat().await.block_spans, 4 * SPANS, "nothing stands twice");
        let noted = std::fs::read_to_string(crashed.path().join("seen.json")).unwrap();
        let last = files(crashed.path()).len();
        assert!(noted.contains(&format!("\"number\":{last}")), "{noted}");
        engine.close().await.unwrap();
    }
    engine.close().await.unwrap();
}
