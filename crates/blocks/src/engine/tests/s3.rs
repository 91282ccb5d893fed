//! The store on an S3 bucket: what every failure of it means, and several nodes on one.

use std::{collections::BTreeSet, path::Path, time::Duration};

use bucket::{Bucket, Often};
use prometheus::Registry;
use store::{WriteError, Writer};

use super::{LOOKS, StandingClock, found, open_with, settings, tenant, trace, until, write};
use crate::{
    engine::{self, Engine},
    error::Next,
    settings::{Limits, Settings},
};

fn at(bucket: &Bucket, folder: &Path) -> Settings {
    let limits = Limits { follow_every: Duration::from_millis(20), ..settings(folder).limits };
    Settings { url: Some(bucket.url("prod")), url_options: bucket.options(), limits, ..settings(folder) }
}

/// A node on the bucket, everything in it searchable.
async fn node(bucket: &Bucket, folder: &Path) -> Engine {
    let engine = open_with(at(bucket, folder), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    engine
}

async fn write_all(engine: &Engine, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        write(engine, trace(number, 4)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_needs_no_more_than_a_url_and_keys() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let engine = node(&bucket, &dir.path().join("one")).await;
    write_all(&engine, 1..=250).await;
    engine.close().await.unwrap();
    let report = engine::check(&at(&bucket, &dir.path().join("one")), &mut |_| {}).await.unwrap();
    assert!(report.damages.is_empty() && report.blocks > 1, "{report:?}");
    drop(engine);
    assert_eq!(bucket.calls()["PUT if none"], report.manifest_files);
    let elsewhere = node(&bucket, &dir.path().join("two")).await;
    assert_eq!(found(&elsewhere).await.1, 1000, "a machine with an empty disk finds everything");
    assert!(bucket.keys().contains(&"prod/manifest/00000000000000000001.json".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_commits_the_others_see_without_a_restart() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let one = node(&bucket, &dir.path().join("one")).await;
    let two = node(&bucket, &dir.path().join("two")).await;
    let reader = node(&bucket, &dir.path().join("reader")).await;
    for round in 0..3 {
        write_all(&one, round * 1000 + 1..=round * 1000 + 100).await;
        write_all(&two, round * 1000 + 501..=round * 1000 + 600).await;
    }
    one.close().await.unwrap();
    two.close().await.unwrap();
    until(&reader, |stat| stat.block_spans == 2400).await;
    for _ in 0..LOOKS {
        if found(&reader).await.1 == 2400 {
            let expected: BTreeSet<u64> = (0..3)
                .flat_map(|round| (1..=100).chain(501..=600).map(move |number| round * 1000 + number))
                .collect();
            assert_eq!(found(&reader).await.0, expected);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("only {} spans were found", found(&reader).await.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_loses_nothing_and_ends_by_itself() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let engine = node(&bucket, &dir.path().join("one")).await;
    write_all(&engine, 1..=200).await;
    bucket.fail(|faults| faults.down = true);
    write_all(&engine, 201..=600).await;
    let stat = until(&engine, |stat| stat.away.is_some() && stat.blocks_unpublished > 2).await;
    assert!(stat.backlog_bytes > 0, "{stat:?}");
    let (_, why) = stat.away.unwrap();
    assert!(why.contains("s3://spans"), "{why}");
    assert_eq!(found(&engine).await, ((1..=600).collect(), 2400), "what waits is searched");
    bucket.heal();
    let stat = until(&engine, |stat| stat.blocks_unpublished == 0).await;
    assert!(stat.away.is_none() && stat.backlog_bytes == 0, "{stat:?}");
    engine.close().await.unwrap();
    drop(engine);
    let elsewhere = node(&bucket, &dir.path().join("two")).await;
    assert_eq!(found(&elsewhere).await, ((1..=600).collect(), 2400));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_backlog_refuses_with_a_hint_and_accepts_again() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let here = at(&bucket, dir.path());
    let limits = Limits {
        backlog_bytes_max: 100 << 10,
        head_bytes_max: 256 << 10,
        head_wait_max: Duration::from_millis(200),
        ..here.limits
    };
    let engine = open_with(Settings { limits, ..here }, StandingClock::new()).await;
    bucket.fail(|faults| faults.down = true);
    let mut kept = 0;
    let refused = loop {
        match engine.write(trace(kept + 1, 4)).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 20_000, "the backlog has no end");
    };
    let WriteError::Retry { after: Some(_), reason } = refused else { panic!("{refused:?}") };
    assert!(reason.contains("store.upload.backlog"), "{reason}");
    assert_eq!(found(&engine).await.1, kept * 4);
    bucket.heal();
    until(&engine, |stat| stat.blocks_unpublished == 0).await;
    write(&engine, trace(kept + 1, 4)).await;
    assert_eq!(found(&engine).await.1, kept * 4 + 4);
}

/// Every switch that makes single requests fail, one after the other: nothing is lost, nothing is there twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_requests_neither_lose_nor_double_anything() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let engine = node(&bucket, &dir.path().join("one")).await;
    for (round, fault) in (0_u64..).zip(["errors", "lost answers", "cut reads", "slow", "lagging listings"]) {
        bucket.heal();
        bucket.fail(|faults| match fault {
            "errors" => faults.errors = Often::Percent(30),
            "lost answers" => faults.lost_answers = Often::Percent(30),
            "cut reads" => faults.cut_reads = Often::Percent(30),
            "slow" => faults.slow = Duration::from_millis(30),
            _ => faults.listing_lags = true,
        });
        write_all(&engine, round * 200 + 1..=round * 200 + 200).await;
        until(&engine, |stat| stat.block_spans >= (round * 200 + 75) * 4).await;
        assert_eq!(found(&engine).await, ((1..=round * 200 + 200).collect(), (round + 1) * 800), "{fault}");
    }
    bucket.heal();
    engine.close().await.unwrap();
    drop(engine);
    let elsewhere = node(&bucket, &dir.path().join("two")).await;
    bucket.fail(|faults| faults.cut_reads = Often::Percent(20));
    assert_eq!(found(&elsewhere).await, ((1..=1000).collect(), 4000));
}

/// Ends as by a crash at arbitrary moments of a store that comes and goes; then the ledger is compared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_during_an_outage_lose_nothing() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let mut kept = 0;
    for round in 0..6_u64 {
        bucket.heal();
        let engine = node(&bucket, dir.path()).await;
        assert_eq!(found(&engine).await, ((1..=kept).collect(), kept * 4), "round {round}");
        for turn in 0..250 {
            if turn == round * 40 {
                bucket.fail(|faults| match round % 3 {
                    0 => faults.down = true,
                    1 => faults.lost_answers = Often::Percent(60),
                    _ => faults.errors = Often::Percent(70),
                });
            }
            kept += 1;
            write(&engine, trace(kept, 4)).await;
        }
        tokio::time::sleep(Duration::from_millis(round * 13)).await;
        drop(engine);
    }
    bucket.heal();
    let engine = node(&bucket, dir.path()).await;
    engine.close().await.unwrap();
    drop(engine);
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(found(&node(&bucket, elsewhere.path()).await).await, ((1..=kept).collect(), kept * 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_cache_suffices_and_a_damaged_copy_is_fetched_anew() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let writer = node(&bucket, &dir.path().join("one")).await;
    write_all(&writer, 1..=500).await;
    writer.close().await.unwrap();
    drop(writer);
    let folder = dir.path().join("two");
    let small = |bytes| {
        let here = at(&bucket, &folder);
        Settings { limits: Limits { cache_bytes_max: bytes, ..here.limits }, ..here }
    };
    for bytes in [1, 40 << 10, 1 << 30] {
        let reader = open_with(small(bytes), StandingClock::new()).await;
        let stat = until(&reader, |stat| stat.recovery.done).await;
        assert_eq!(found(&reader).await, ((1..=500).collect(), 2000));
        assert!(stat.cache_bytes <= bytes.max(100 << 10), "{stat:?}");
    }
    let _first = bucket.calls();
    let reader = open_with(small(1 << 30), StandingClock::new()).await;
    until(&reader, |stat| stat.recovery.done).await;
    assert_eq!(found(&reader).await.1, 2000);
    assert_eq!(bucket.calls().get("GET range"), None, "a start finds what the last one left");
    drop(reader);
    let mut damaged = 0;
    for block in std::fs::read_dir(folder.join("cache")).unwrap().flatten() {
        for piece in std::fs::read_dir(block.path()).unwrap().flatten() {
            let mut bytes = std::fs::read(piece.path()).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..].fill(0);
            std::fs::write(piece.path(), bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 4, "there were copies to damage");
    let reader = open_with(small(1 << 30), StandingClock::new()).await;
    until(&reader, |stat| stat.recovery.done).await;
    assert_eq!(found(&reader).await, ((1..=500).collect(), 2000));
    assert!(bucket.calls()["GET range"] > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusing_bucket_is_named_with_a_remedy() {
    let bucket = Bucket::start("spans").await;
    let folders = tempfile::tempdir().unwrap();
    let mut numbers = 0..;
    let open = async |settings: Settings| {
        let opened = Engine::open(settings, StandingClock::new(), &Registry::new()).await;
        opened.err().expect("it cannot be opened").to_string()
    };
    // A folder of its own for each: a process that another test starts may hold a lock until it has begun.
    let mut here = || at(&bucket, &folders.path().join(numbers.next().unwrap_or(0).to_string()));
    let missing = open(Settings { url: Some("s3://elsewhere/prod".into()), ..here() }).await;
    assert!(missing.contains("s3://elsewhere") && missing.contains("create the bucket"), "{missing}");
    let mut wrong = here();
    wrong.url_options.retain(|(key, _)| key != "aws_secret_access_key");
    wrong.url_options.push(("aws_secret_access_key".into(), "wrong".into()));
    let wrong = open(wrong).await;
    assert!(wrong.contains("AWS_SECRET_ACCESS_KEY"), "{wrong}");
    for ((status, code), remedy) in
        [((403, "AccessDenied"), "rights"), ((301, "PermanentRedirect"), "AWS_REGION")]
    {
        bucket.fail(|faults| faults.refusal = Some((status, code)));
        let refused = open(here()).await;
        assert!(refused.contains("s3://spans") && refused.contains(remedy), "{refused}");
    }
    bucket.fail(|faults| {
        faults.refusal = None;
        faults.down = true;
    });
    let down = open(here()).await;
    assert!(down.contains("cannot be reached"), "{down}");
    let unknown = Settings { url: Some("ftp://spans/prod".into()), ..here() };
    let error = Engine::open(unknown, StandingClock::new(), &Registry::new()).await.err().unwrap();
    assert_eq!(error.next, Next::Refuse);
}

/// Many tenants share the block of a node: what is cut is as many blocks as without tenants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tenants_share_a_block_a_minute() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let here = at(&bucket, dir.path());
    let limits = Limits { block_spans_max: 1_000_000, chunk_spans_max: 65_536, ..here.limits };
    let clock = StandingClock::new();
    let engine = open_with(Settings { limits, ..here }, clock.clone()).await;
    for minute in 1..=3 {
        for number in 0..1000 {
            let draft = store::conformance::Draft::new(number + 1, 1);
            write(&engine, store::conformance::batch(&tenant(&format!("t{number}")), &[draft])).await;
        }
        clock.advance(Duration::from_secs(60));
        let stat = until(&engine, |stat| stat.blocks == minute && stat.uncommitted_spans == 0).await;
        assert_eq!(stat.block_spans, minute * 1000);
    }
    let files = bucket.keys().iter().filter(|key| key.contains("/blocks/")).count();
    assert_eq!(files, 6, "three blocks of two files");
}
