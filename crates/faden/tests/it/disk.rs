//! A disk that fills up, or takes nothing any more: spans are refused with a hint, questions are answered, and once it is
//! well again spans are taken again. On small file systems of their own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use http::StatusCode;
use model::{Batch, SystemClock, Tenant, TraceId};
use pipeline::Outcome;

use crate::find::{grpc_client, otlp_json};
use crate::ledger::searchable;
use crate::mounted::{Mounted, run};
use crate::server::Server;

/// A file system that is soon full.
const BYTES: u64 = 64 << 20;

/// Room that is given back.
const BALLAST_BYTES: u64 = 32 << 20;

/// How soon spans are taken again.
const BACK_MAX: Duration = Duration::from_secs(5);

/// Requests until the disk must have filled up.
const REQUESTS_MAX: usize = 5_000;

const REQUEST_SPANS: usize = 1_000;

/// One trace of so many is asked for.
const ASKED: usize = 40;

/// A small disk with a server on it.
struct Small {
    server: Option<Server>,
    mounted: Mounted,
    traffic: r#gen::Traffic,
    kept: BTreeSet<TraceId>,
}

impl Small {
    /// None where no file system can be mounted.
    fn start(folder: &Path, mkfs: &[&str]) -> Option<Self> {
        match Mounted::make(&folder.join("disk.img"), BYTES, mkfs) {
            Ok(mounted) => Some(Self::on(mounted)),
            Err(why) => {
                eprintln!("skipped: no small file system can be mounted here: {why}");
                None
            }
        }
    }

    fn on(mounted: Mounted) -> Self {
        let timeline = r#gen::Timeline::Live(std::sync::Arc::new(SystemClock));
        let traffic = r#gen::Traffic::new(r#gen::Shape { timeline, ..r#gen::Shape::default() }).unwrap();
        let server = Some(start(&mounted.at.join("data")));
        Self { server, mounted, traffic, kept: BTreeSet::new() }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it is started again after every end")
    }

    fn data(&self) -> PathBuf {
        self.mounted.at.join("data")
    }

    async fn send(&mut self) -> Outcome {
        let request = self.traffic.next_request(REQUEST_SPANS).into();
        let batch = Batch::read(request, Tenant::default()).unwrap();
        let outcome = grpc_client(self.server()).attempt(&batch).await;
        if outcome == Outcome::Stored {
            self.kept.extend(batch.rows().iter().map(|row| row.trace_id));
        }
        outcome
    }

    /// Sends until the server refuses; it must say when to come back, at both doors.
    async fn fill(&mut self) {
        for _ in 0..REQUESTS_MAX {
            match self.send().await {
                Outcome::Stored => continue,
                Outcome::Retry { after, .. } => assert!(after.is_some(), "UNAVAILABLE comes with RetryInfo"),
                other => panic!("{other:?}"),
            }
            let url = format!("http://{}/v1/traces", self.server().port("OTLP/HTTP"));
            let request = http::Request::post(url).header("content-type", "application/json");
            let request = request.body(net::Body::full(otlp_json())).unwrap();
            let (status, headers) = self.server().headers(request).await;
            if status != StatusCode::OK {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                assert!(headers.contains_key("retry-after"), "503 comes with Retry-After");
                return;
            }
        }
        panic!("the disk never filled up");
    }

    /// Sends until the server takes a request, which must not take long.
    async fn back(&mut self) {
        let began = Instant::now();
        while self.send().await != Outcome::Stored {
            assert!(began.elapsed() < BACK_MAX, "spans are not taken again: {}", self.server().said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What was acknowledged is found.
    async fn check(&self) {
        searchable(self.server()).await;
        for trace in self.kept.iter().step_by(ASKED) {
            let (status, answer) = self.server().get(&format!("/api/faden/v1/traces/{trace}")).await;
            assert_eq!(status, StatusCode::OK, "trace {trace}: {answer}");
        }
    }

    fn kill(&mut self) {
        self.server.take().expect("it runs").kill();
    }

    /// Kills the server and starts it again.
    fn again(&mut self) {
        self.kill();
        self.server = Some(start(&self.data()));
    }
}

/// A server whose head is soon full.
fn start(data: &Path) -> Server {
    Server::start(data, &["store.memory.head=8MiB"])
}

/// Files that a write that failed left behind.
fn half_files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(half_files(&entry.path()));
        } else if name.contains('#') || name.ends_with(".new") {
            found.push(name);
        }
    }
    found
}

/// Fills a file system to the last byte.
fn fill_up(folder: &Path) {
    let filled = run(Command::new("sh").args(["-c", "cat /dev/zero > ballast"]).current_dir(folder));
    assert!(filled.is_err(), "it has an end");
}

#[tokio::test]
async fn a_full_disk_refuses_spans_until_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut small) = Small::start(folder.path(), &["mkfs.ext4", "-q", "-m", "0"]) else { return };
    let ballast = small.mounted.at.join("ballast");
    run(Command::new("fallocate").arg("-l").arg(BALLAST_BYTES.to_string()).arg(&ballast)).unwrap();
    small.fill().await;
    small.check().await;
    std::fs::remove_file(&ballast).unwrap();
    small.back().await;
    small.fill().await;
    small.check().await;
    assert_eq!(half_files(&small.data()), [""; 0]);
    small.again();
    small.check().await;
}

#[tokio::test]
async fn a_disk_that_others_filled_to_the_last_byte_does_not_keep_the_store_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut small) = Small::start(folder.path(), &["mkfs.ext4", "-q", "-m", "0"]) else { return };
    assert_eq!(small.send().await, Outcome::Stored);
    small.kill();
    fill_up(&small.mounted.at);
    small.server = Some(start(&small.data()));
    small.fill().await;
    small.check().await;
    std::fs::remove_file(small.mounted.at.join("ballast")).unwrap();
    small.back().await;
    small.again();
    small.check().await;
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_refuses_spans_until_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut small) = Small::start(folder.path(), &["mkfs.ext4", "-q"]) else { return };
    assert_eq!(small.send().await, Outcome::Stored);
    run(Command::new("chattr").args(["-R", "+i"]).arg(small.data())).unwrap();
    small.fill().await;
    small.check().await;
    run(Command::new("chattr").args(["-R", "-i"]).arg(small.data())).unwrap();
    small.back().await;
    small.again();
    small.check().await;
}
