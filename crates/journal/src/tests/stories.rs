//! What a journal promises while the disk is honest.

use std::sync::Arc;

use super::{frame, open, settings, texts};
use crate::{Compression, Directory, Frame, Next, Position, Settings, Tally};

fn directory() -> (tempfile::TempDir, Arc<Directory>) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Directory::open(dir.path().join("journal")).unwrap();
    (dir, Arc::new(disk))
}

#[tokio::test]
async fn what_was_appended_comes_back_in_order() {
    let (_dir, disk) = directory();
    let (journal, mut replay) = open(&disk);
    assert!(replay.next().is_none());
    let mut positions = Vec::new();
    for number in 0..100 {
        positions.push(journal.append(frame(&format!("frame {number} {}", "x".repeat(200)))).await.unwrap());
    }
    assert!(positions.is_sorted());
    assert!(positions.last().unwrap().segment > 3, "small segments were followed by new ones");
    drop(journal);
    let (journal, mut replay) = open(&disk);
    let found = texts(&mut replay);
    assert_eq!(found.len(), 100);
    assert!(found[42].starts_with("frame 42 "));
    assert_eq!(replay.tally().damaged + replay.tally().torn, 0);
    let later = journal.append(frame("later")).await.unwrap();
    assert!(&later > positions.last().unwrap());
}

#[tokio::test]
async fn many_appenders_share_one_sync() {
    let (_dir, disk) = directory();
    let (journal, _) = open(&disk);
    let journal = Arc::new(journal);
    let appends = (0..500).map(|number| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.append(frame(&number.to_string())).await })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap().unwrap();
    }
    let stat = journal.stat();
    assert_eq!(stat.frames, 500);
    assert!(stat.groups < 500, "{stat:?}");
    assert_eq!(stat.bytes_waiting, 0);
    journal.close();
    assert_eq!(texts(&mut open(&disk).1).len(), 500);
}

#[tokio::test]
async fn every_compression_gives_the_body_back() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let (_dir, disk) = directory();
        let (journal, _) = crate::open(disk.clone(), Settings { compression, ..settings() }).unwrap();
        let text = "the same words again and again ".repeat(50_000);
        journal.append(frame(&text)).await.unwrap();
        journal.append(Frame { compressed: true, skippable: true, ..frame(&text) }).await.unwrap();
        drop(journal);
        let frames: Vec<_> = open(&disk).1.map(Result::unwrap).collect();
        assert!(frames.iter().all(|frame| frame.body == text.as_bytes() && frame.meta == "meta"));
        assert_eq!(frames.iter().map(|frame| frame.skippable).collect::<Vec<_>>(), [false, true]);
    }
}

#[tokio::test]
async fn a_cut_separates_before_from_after_and_truncation_removes_the_past() {
    let (_dir, disk) = directory();
    let (journal, _) = open(&disk);
    assert_eq!(journal.cut(), journal.cut(), "an empty segment needs no successor");
    let before = journal.append(frame("before")).await.unwrap();
    let cut = journal.cut();
    let after = journal.append(frame("after")).await.unwrap();
    assert!(before < cut && cut <= after);
    assert_eq!(journal.truncate(cut).unwrap(), 1);
    assert_eq!(journal.stat().segments, 1);
    drop(journal);
    assert_eq!(texts(&mut open(&disk).1), ["after"]);
    assert_eq!(texts(&mut open(&disk).1.start_at(Position { segment: 9, offset: 0 })), [""; 0]);
}

#[tokio::test]
async fn positions_are_never_used_twice_even_in_an_emptied_directory() {
    let (dir, disk) = directory();
    let (journal, _) = open(&disk);
    let first = journal.append(frame("first")).await.unwrap();
    drop(journal);
    std::fs::remove_dir_all(dir.path().join("journal")).unwrap();
    let disk = Arc::new(Directory::open(dir.path().join("journal")).unwrap());
    let settings = Settings { segment_floor: first.segment, ..settings() };
    let (journal, _) = crate::open(disk, settings).unwrap();
    assert!(journal.append(frame("second")).await.unwrap() > first);
}

#[tokio::test]
async fn a_segment_of_a_newer_version_is_refused_before_anything_changes() {
    let (dir, disk) = directory();
    let (journal, _) = open(&disk);
    journal.append(frame("old")).await.unwrap();
    drop(journal);
    let path = dir.path().join("journal").join(crate::segment::name(1));
    let mut bytes = std::fs::read(&path).unwrap();
    for copy in [0, 64] {
        bytes[copy + 8] = 3;
        let crc = crc32c::crc32c(&bytes[copy..copy + 60]).to_le_bytes();
        bytes[copy + 60..copy + 64].copy_from_slice(&crc);
    }
    std::fs::write(&path, &bytes).unwrap();
    let error = crate::open(disk, settings()).err().expect("it is refused");
    assert_eq!(error.next, Next::Repair);
    assert!(error.to_string().contains("version 3"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_foreign_file_is_left_alone() {
    let (dir, disk) = directory();
    std::fs::write(dir.path().join("journal/notes.txt"), "hello").unwrap();
    let (journal, mut replay) = open(&disk);
    assert!(replay.next().is_none());
    assert_eq!(replay.tally(), Tally::default());
    journal.truncate(Position { segment: u64::MAX, offset: 0 }).unwrap();
    assert!(dir.path().join("journal/notes.txt").exists());
}

#[tokio::test]
async fn an_oversized_frame_is_refused_for_good() {
    let (_dir, disk) = directory();
    let (journal, _) = open(&disk);
    let meta = vec![0; crate::META_BYTES_MAX + 1];
    let error = journal.append(Frame::new(1, meta, "")).await.unwrap_err();
    assert_eq!(error.next, Next::Refuse);
}

/// The file of segment 1 as a process leaves it that had time to mark its end.
async fn marked(texts: &[&str]) -> (tempfile::TempDir, Arc<Directory>, std::path::PathBuf) {
    let (dir, disk) = directory();
    let (journal, _) = open(&disk);
    for text in texts {
        journal.append(frame(text)).await.unwrap();
    }
    journal.close();
    let path = dir.path().join("journal").join(crate::segment::name(1));
    (dir, disk, path)
}

#[tokio::test]
async fn damage_to_the_last_frame_is_counted_and_a_write_that_never_ended_is_not() {
    let (_dir, disk, path) = marked(&["first", "last"]).await;
    let whole = std::fs::read(&path).unwrap();
    let mark = whole.len() - crate::frame::HEADER_BYTES;
    for at in crate::segment::START as usize..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        std::fs::write(&path, &bytes).unwrap();
        let mut replay = crate::replay(disk.clone()).unwrap();
        let (frames, damaged) = if at < mark { (1, 1) } else { (2, 0) };
        assert_eq!(texts(&mut replay).len(), frames, "byte {at}");
        assert_eq!(replay.tally().damaged, damaged, "byte {at}");
    }
    std::fs::write(&path, &whole[..mark - 1]).unwrap();
    let mut replay = crate::replay(disk).unwrap();
    assert_eq!((texts(&mut replay).len(), replay.tally().damaged, replay.tally().torn), (1, 0, 1));
}

#[tokio::test]
async fn writing_goes_on_behind_a_mark() {
    let (_dir, disk) = directory();
    let (journal, _) = open(&disk);
    let first = journal.append(frame("first")).await.unwrap();
    let unmarked = journal.stat().bytes;
    while journal.stat().bytes == unmarked {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let second = journal.append(frame("second")).await.unwrap();
    assert_eq!(second.segment, first.segment);
    journal.close();
    let mut replay = crate::replay(disk).unwrap();
    let positions: Vec<Position> = replay.by_ref().map(|frame| frame.unwrap().position).collect();
    assert_eq!(positions, [first, second]);
    assert_eq!(replay.tally().damaged, 0);
}

/// Version 1 had no marks; `golden/segment-1` was written by it.
#[tokio::test]
async fn a_segment_of_version_1_can_be_read() {
    let (dir, disk) = directory();
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/segment-1");
    std::fs::copy(golden, dir.path().join("journal").join(crate::segment::name(1))).unwrap();
    let (journal, mut replay) = open(&disk);
    assert_eq!(texts(&mut replay), ["one", "two", "three"]);
    assert_eq!(replay.tally(), Tally { frames: 3, bytes: 131, damaged: 0, torn: 0 });
    assert_eq!(journal.append(frame("four")).await.unwrap().segment, 2);
}
