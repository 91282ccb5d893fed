//! A store in a bucket is brought back to a sound state as one on a disk is.

use std::{collections::BTreeSet, path::Path};

use bucket::Bucket;

use super::{StandingClock, found, open_with, trace, unmerged, until, write};
use crate::{
    engine::{Engine, Mended, Restored, check, home, repair, restore},
    error::Result,
    manifest::Gap,
    settings::{Limits, Settings},
};

const TRACES: u64 = 40;
const SPANS: u64 = 5 * TRACES;

fn at(bucket: &Bucket, folder: &Path) -> Settings {
    let here = unmerged(folder);
    let limits = Limits { checkpoint_entries: 2, ..here.limits };
    Settings { url: Some(bucket.url("prod")), url_options: bucket.options(), limits, ..here }
}

async fn node(bucket: &Bucket, folder: &Path) -> Engine {
    let engine = open_with(at(bucket, folder), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    engine
}

/// A bucket with five blocks, and the directory of the node that made them.
async fn filled() -> (Bucket, tempfile::TempDir) {
    let (bucket, dir) = (Bucket::start("spans").await, tempfile::tempdir().unwrap());
    let engine = node(&bucket, dir.path()).await;
    for number in 1..=TRACES {
        write(&engine, trace(number, 5)).await;
        if number % 8 == 0 {
            engine.inner.head.cut(&engine.inner.journal);
            engine.inner.freeze.notify_one();
            until(&engine, |stat| stat.uncommitted_spans == 0).await;
        }
    }
    engine.close().await.unwrap();
    (bucket, dir)
}

/// The keys of objects that end so.
fn keys(bucket: &Bucket, end: &str) -> Vec<String> {
    bucket.keys().into_iter().filter(|key| key.ends_with(end)).collect()
}

fn damage(bucket: &Bucket, key: &str) {
    let mut content = bucket.object(key).unwrap().to_vec();
    let middle = content.len() / 2;
    content[middle] ^= 0x40;
    bucket.put(key, content);
}

async fn repaired(settings: &Settings) -> Result<Vec<Mended>> {
    loop {
        match repair(settings, StandingClock::new()).await {
            // Tasks of the engine before may still be ending.
            Err(error) if error.to_string().contains("in use") => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
}

async fn restored(settings: &Settings) -> Option<Restored> {
    loop {
        match restore(settings, StandingClock::new()).await {
            Err(error) if error.to_string().contains("in use") => tokio::task::yield_now().await,
            outcome => return outcome.unwrap(),
        }
    }
}

/// The store is sound, and another node finds so many spans in it.
async fn holds(bucket: &Bucket, settings: &Settings, spans: u64) -> BTreeSet<u64> {
    let report = check(settings, &mut |_| {}).await.unwrap();
    assert!(report.damages.is_empty(), "{report:?}");
    let elsewhere = tempfile::tempdir().unwrap();
    let engine = node(bucket, elsewhere.path()).await;
    let (traces, count) = found(&engine).await;
    assert_eq!(count, spans);
    engine.close().await.unwrap();
    traces
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_block_in_a_bucket_is_replaced_by_what_can_be_saved() {
    let (bucket, dir) = filled().await;
    let settings = at(&bucket, dir.path());
    assert_eq!(home(dir.path()), settings.url);
    let (data, indexes) = (keys(&bucket, "spans.parquet"), keys(&bucket, "spans.idx"));
    assert_eq!((data.len(), indexes.len()), (5, 5));
    assert_eq!(repaired(&settings).await.unwrap(), []);
    damage(&bucket, &data[0]);
    bucket.delete(&indexes[1]);
    bucket.delete(&data[2]);
    let mut mended = repaired(&settings).await.unwrap();
    mended.sort_by_key(|one| one.lost);
    let lost: Vec<u64> = mended.iter().map(|one| one.lost).collect();
    assert!(lost[0] == 0 && lost[2] == SPANS / 5, "the index alone costs nothing: {mended:?}");
    assert!(mended.iter().all(|one| one.quarantine.is_dir()));
    assert_eq!(repaired(&settings).await.unwrap(), [], "a second repair finds nothing to do");
    holds(&bucket, &settings, SPANS - lost.iter().sum::<u64>()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_no_damage() {
    let (bucket, dir) = filled().await;
    let settings = at(&bucket, dir.path());
    let data = keys(&bucket, "spans.parquet");
    damage(&bucket, &data[0]);
    let before = bucket.keys();
    bucket.fail(|faults| faults.down = true);
    let error = repaired(&settings).await.unwrap_err().to_string();
    assert!(error.contains("s3://spans"), "{error}");
    bucket.heal();
    assert_eq!(bucket.keys(), before);
    assert_eq!(repaired(&settings).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_in_a_bucket_is_made_anew_from_the_blocks() {
    let (bucket, dir) = filled().await;
    let settings = at(&bucket, dir.path());
    let files = keys(&bucket, ".json");
    let last = files.iter().rfind(|key| !key.contains("checkpoint")).unwrap();
    bucket.delete(last);
    let said = restored(&settings).await.unwrap();
    assert_eq!((said.gaps.as_slice(), said.found.len()), (&[Gap { first: 5, last: 5 }][..], 1), "{said:?}");
    assert_eq!(holds(&bucket, &settings, SPANS).await, (1..=TRACES).collect());
    for key in keys(&bucket, ".json") {
        damage(&bucket, &key);
    }
    let said = restored(&settings).await.unwrap();
    assert_eq!((said.found.len(), said.unusable.len()), (5, 0), "{said:?}");
    assert_eq!(restored(&settings).await, None);
    assert_eq!(holds(&bucket, &settings, SPANS).await, (1..=TRACES).collect());
}
