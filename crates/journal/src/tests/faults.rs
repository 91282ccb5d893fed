//! What a journal does about a disk that fails on demand.

use std::sync::Arc;

use super::{frame, open, settings, texts};
use crate::{
    Disk, Limits, Next, Settings,
    testing::{Fault, FaultyDisk},
};

#[tokio::test]
async fn after_a_failed_sync_the_segment_is_never_trusted_again() {
    let disk = Arc::new(FaultyDisk::default());
    let (journal, _) = open(&disk);
    let first = journal.append(frame("first")).await.unwrap();
    disk.fault(Fault::SyncOnce);
    let error = journal.append(frame("refused")).await.unwrap_err();
    assert_eq!(error.next, Next::Retry);
    let second = journal.append(frame("second")).await.unwrap();
    assert!(second.segment > first.segment);
    journal.close();
    let (_journal, mut replay) = open(&disk);
    assert_eq!(texts(&mut replay), ["first", "second"], "what was refused does not come back");
    assert_eq!(replay.tally().damaged, 0);
    assert_eq!(replay.tally().torn, 1);
}

#[tokio::test]
async fn a_full_disk_refuses_and_accepts_again_when_there_is_room() {
    let disk = Arc::new(FaultyDisk::default());
    let (journal, _) = open(&disk);
    journal.append(frame("kept")).await.unwrap();
    disk.fault(Fault::Full);
    for _ in 0..5 {
        assert_eq!(journal.append(frame("refused")).await.unwrap_err().next, Next::Retry);
    }
    assert!(journal.stat().refusing);
    assert_eq!(disk.list().unwrap().len(), 1, "no half segment is left behind");
    disk.fault(Fault::None);
    journal.append(frame("kept too")).await.unwrap();
    assert!(!journal.stat().refusing);
    journal.close();
    assert_eq!(texts(&mut open(&disk).1), ["kept", "kept too"]);
}

#[tokio::test]
async fn a_broken_disk_is_left_in_peace_between_probes() {
    let disk = Arc::new(FaultyDisk::default());
    let limits = Limits { probe_every: std::time::Duration::from_secs(3600), ..settings().limits };
    let (journal, _) = crate::open(disk.clone(), Settings { limits, ..settings() }).unwrap();
    disk.fault(Fault::Full);
    for _ in 0..2 {
        journal.append(frame("tried")).await.unwrap_err();
    }
    let writes = disk.writes();
    let error = journal.append(frame("not tried")).await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    assert_eq!(disk.writes(), writes);
}
