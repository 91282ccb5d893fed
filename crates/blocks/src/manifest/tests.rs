//! Stories of the manifest, over an object store in memory and over real files.

use std::sync::Arc;

use journal::Position;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, memory::InMemory, path::Path};

use super::{Archiving, Block, BlockMeta, Entry, JournalRange, Judged, Manifest, Mark, Removal};
use crate::error::Next;

fn block(id: &str) -> Block {
    Block {
        meta: BlockMeta { id: id.into(), tenants: vec!["default".into()], ..BlockMeta::default() },
        received_ns: 5,
    }
}

fn entry(node: &str, add: &[&str], remove: &[&str]) -> Entry {
    Entry {
        add: add.iter().map(|id| block(id)).collect(),
        remove: remove.iter().map(|id| Removal { id: (*id).into(), why: "time".into(), spans: 3 }).collect(),
        ..Entry::new(node, 1, 7)
    }
}

async fn open(store: &Arc<dyn ObjectStore>) -> Manifest {
    Manifest::open(store.clone(), &Path::from("prefix"), 4).await.unwrap()
}

fn ids(manifest: &Manifest) -> Vec<&str> {
    manifest.state().blocks.keys().map(String::as_str).collect()
}

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

#[tokio::test]
async fn what_was_committed_is_there_for_the_next_reader() {
    let dir = tempfile::tempdir().unwrap();
    let local = LocalFileSystem::new_with_prefix(dir.path()).unwrap().with_fsync(true);
    let stores: [Arc<dyn ObjectStore>; 2] = [memory(), Arc::new(local)];
    for store in stores {
        let mut manifest = open(&store).await;
        for number in 0..30 {
            manifest.commit(entry("a", &[&format!("{number:02}")], &[])).await.unwrap();
        }
        manifest.commit(entry("a", &["30"], &["00", "07"])).await.unwrap();
        let again = open(&store).await;
        assert_eq!(again.state(), manifest.state());
        assert_eq!(again.state().blocks.len(), 29);
        assert_eq!(again.state().removed["07"], 7);
        let mut damages = Vec::new();
        assert!(again.check(&mut damages).await.unwrap() < 12, "old files are deleted after a checkpoint");
        assert!(damages.is_empty());
    }
}

#[tokio::test]
async fn two_writers_both_get_their_entries_in() {
    let store = memory();
    let (mut one, mut two) = (open(&store).await, open(&store).await);
    for number in 0..20 {
        one.commit(entry("one", &[&format!("one-{number}")], &[])).await.unwrap();
        two.commit(entry("two", &[&format!("two-{number}")], &[])).await.unwrap();
    }
    assert_eq!(open(&store).await.state().blocks.len(), 40);
}

#[tokio::test]
async fn whoever_comes_second_cannot_remove_a_block_again() {
    let store = memory();
    let mut one = open(&store).await;
    one.commit(entry("one", &["a"], &[])).await.unwrap();
    let mut two = open(&store).await;
    one.commit(entry("one", &["b"], &["a"])).await.unwrap();
    let error = two.commit(entry("two", &["c"], &["a"])).await.unwrap_err();
    assert_eq!(error.next, Next::Refuse);
    assert_eq!(ids(&open(&store).await), ["b"]);
}

#[tokio::test]
async fn committing_again_after_a_lost_answer_changes_nothing() {
    let store = memory();
    let mut manifest = open(&store).await;
    manifest.commit(entry("a", &["x"], &[])).await.unwrap();
    manifest.commit(entry("a", &["y"], &[])).await.unwrap();
    manifest.commit(entry("a", &["x"], &[])).await.unwrap();
    assert_eq!(open(&store).await.state().number, 2);
}

#[tokio::test]
async fn an_older_process_on_a_copied_directory_is_fenced_off() {
    let store = memory();
    let (mut old, mut new) = (open(&store).await, open(&store).await);
    new.commit(Entry { epoch: 2, ..entry("a", &["new"], &[]) }).await.unwrap();
    let error = old.commit(entry("a", &["old"], &[])).await.unwrap_err();
    assert_eq!(error.next, Next::Repair);
    assert!(error.to_string().contains("another process"), "{error}");
}

#[tokio::test]
async fn journal_ranges_are_joined_where_they_touch() {
    let store = memory();
    let mut manifest = open(&store).await;
    let at = |segment, offset| Position { segment, offset };
    for (id, from, to) in [("a", at(0, 0), at(3, 0)), ("c", at(5, 0), at(6, 0)), ("b", at(3, 0), at(4, 100))]
    {
        let range = JournalRange::new(from, to);
        manifest.commit(Entry { journal: vec![range], ..entry("n", &[id], &[]) }).await.unwrap();
    }
    let again = open(&store).await;
    let state = again.state();
    assert_eq!(state.nodes["n"].journal.len(), 2);
    for (position, committed) in
        [(at(1, 128), true), (at(4, 99), true), (at(4, 100), false), (at(6, 0), false)]
    {
        assert_eq!(state.is_committed("n", position), committed, "{position:?}");
        assert!(!state.is_committed("other", position));
    }
    assert_eq!(state.segment_floor("n"), 6);
}

#[tokio::test]
async fn a_foreign_file_is_passed_over_and_a_damaged_one_is_named() {
    let store = memory();
    let mut manifest = open(&store).await;
    for id in ["a", "b", "c"] {
        manifest.commit(entry("n", &[id], &[])).await.unwrap();
    }
    store.put(&Path::from("prefix/manifest/notes.txt"), "hello".into()).await.unwrap();
    assert_eq!(ids(&open(&store).await), ["a", "b", "c"]);
    let path = Path::from("prefix/manifest/00000000000000000002.json");
    let whole = store.get(&path).await.unwrap().bytes().await.unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 2;
        store.put(&path, damaged.into()).await.unwrap();
        let outcome = Manifest::open(store.clone(), &Path::from("prefix"), 4).await;
        let message = outcome.err().expect("nothing damaged is believed").to_string();
        assert!(message.contains("00000000000000000002.json"), "{message}");
    }
    let mut damages = Vec::new();
    manifest.check(&mut damages).await.unwrap();
    assert_eq!(damages.len(), 1);
    store.delete(&path).await.unwrap();
    let error = Manifest::open(store, &Path::from("prefix"), 4).await.err().unwrap();
    assert!(error.to_string().contains("missing"), "{error}");
}

#[tokio::test]
async fn what_the_retention_did_is_remembered() {
    let store = memory();
    let mut manifest = open(&store).await;
    manifest.commit(entry("n", &["a", "b", "c"], &[])).await.unwrap();
    let kept = Archiving { tenant: "default".into(), trace: "0f".into() };
    let judged = Judged { policy: 7, ages: [("default".into(), 9)].into(), ..Judged::default() };
    let mark = Mark { id: "b".into(), judged: judged.clone() };
    let archive = Entry { archive: vec![kept.clone()], mark: vec![mark], ..entry("n", &[], &[]) };
    manifest.commit(archive.clone()).await.unwrap();
    manifest.commit(archive).await.unwrap();
    let replaced = Entry { remove: vec![Removal::replaced("c", "compaction")], ..entry("n", &["d"], &[]) };
    manifest.commit(replaced).await.unwrap();
    manifest.commit(entry("n", &[], &["a"])).await.unwrap();
    let state = open(&store).await.state().clone();
    assert_eq!(state.blocks["b"].meta.judged, Some(judged));
    assert_eq!((state.archived_traces(), state.unarchived), (1, 0));
    assert_eq!(state.dropped.len(), 1, "nothing is lost where a block is replaced");
    assert_eq!((state.dropped["time"].blocks, state.dropped["time"].spans), (1, 3));
    assert_eq!(state.removed_bytes.len(), 2);
    let back = Entry { unarchive: vec![kept], ..entry("n", &[], &[]) };
    manifest.commit(back).await.unwrap();
    let state = open(&store).await.state().clone();
    assert_eq!((state.archived_traces(), state.unarchived), (0, state.number));
}

#[tokio::test]
async fn a_node_that_slept_through_checkpoints_writes_into_no_gap() {
    let store = memory();
    let mut awake = open(&store).await;
    awake.commit(entry("awake", &["first"], &[])).await.unwrap();
    let (mut sleeper, mut reader) = (open(&store).await, open(&store).await);
    for number in 0..20 {
        awake.commit(entry("awake", &[&format!("later-{number:02}")], &[])).await.unwrap();
    }
    let second = Path::from("prefix/manifest/00000000000000000002.json");
    assert!(store.head(&second).await.is_err(), "the entry that it would follow up on is deleted");
    sleeper.commit(entry("sleeper", &["mine"], &[])).await.unwrap();
    assert!(store.head(&second).await.is_err(), "what was written into the gap is taken away");
    reader.follow().await.unwrap();
    awake.follow().await.unwrap();
    let found = open(&store).await;
    assert_eq!(found.state().blocks.len(), 22);
    assert_eq!((found.state(), found.state()), (reader.state(), awake.state()));
    assert_eq!(found.state(), sleeper.state());
}

#[tokio::test]
async fn what_lies_in_a_gap_misleads_nobody() {
    let store = memory();
    let mut awake = open(&store).await;
    awake.commit(entry("awake", &["first"], &[])).await.unwrap();
    let mut sleeper = open(&store).await;
    let stray = Entry { number: 2, ..entry("dead", &["stray"], &["first"]) };
    for number in 0..20 {
        awake.commit(entry("awake", &[&format!("later-{number:02}")], &[])).await.unwrap();
    }
    let bytes = super::entry::encode(&stray).unwrap();
    store.put(&Path::from("prefix/manifest/00000000000000000002.json"), bytes.into()).await.unwrap();
    sleeper.follow().await.unwrap();
    assert_eq!(sleeper.state(), awake.state());
}

#[tokio::test]
async fn a_follower_sees_what_others_commit() {
    let store = memory();
    let (mut writer, mut reader) = (open(&store).await, open(&store).await);
    for number in 0..30 {
        writer.commit(entry("a", &[&format!("{number:02}")], &[])).await.unwrap();
        reader.follow().await.unwrap();
        assert_eq!(reader.state(), writer.state());
    }
}

/// Two compactors replace the same blocks: whoever comes second must give its work up, whatever the interleaving.
#[tokio::test]
async fn of_two_compactors_one_wins() {
    for round in 0..50 {
        let store = memory();
        let (mut one, mut two) = (open(&store).await, open(&store).await);
        one.commit(entry("ingest", &["a", "b", "c"], &[])).await.unwrap();
        let (left, right) = if round % 2 == 0 { (["a", "b"], ["b", "c"]) } else { (["a", "b"], ["a", "b"]) };
        let (first, second) =
            tokio::join!(one.commit(entry("one", &["ab"], &left)), two.commit(entry("two", &["bc"], &right)));
        assert_eq!([&first, &second].iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let refused = first.err().or(second.err()).unwrap();
        assert_eq!(refused.next, Next::Refuse);
        let found = open(&store).await;
        let won = if ids(&found).contains(&"ab") { left } else { right };
        assert_eq!(found.state().blocks.len(), 2);
        assert!(won.iter().all(|id| found.state().removed.contains_key(*id)));
    }
}
