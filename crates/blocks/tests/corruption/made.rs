//! A small store with everything in it, kept in memory and written as often as it is wanted.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use blocks::{Engine, Limits, Settings};
use model::{Batch, Clock, Kind, StatusCode, Tenant, time::UnixNanos};
use prometheus::Registry;
use store::{
    Writer,
    conformance::{self, Draft, NOW},
};
use tempfile::TempDir;

/// Traces in each block, and in the journal.
const TRACES: u64 = 4;

/// A trace that lies in all blocks.
pub(crate) const SPREAD: u64 = 100;

/// Long enough for the journal to mark its end.
const IDLE: Duration = Duration::from_millis(300);

/// A clock that stands.
struct Standing;

impl Clock for Standing {
    fn now(&self) -> UnixNanos {
        NOW
    }
}

/// The files of a data directory.
pub(crate) struct Image(BTreeMap<String, Vec<u8>>);

impl Image {
    /// Every file and what is in it; the lock's content is nobody's data.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().filter(|(name, _)| *name != "LOCK").map(|(name, bytes)| (name.as_str(), &bytes[..]))
    }

    /// Writes the store to a folder of its own, one byte of one file damaged if so wanted.
    pub(crate) fn write(&self, damaged: Option<(&str, (usize, u8))>) -> TempDir {
        let dir = folder();
        for (name, bytes) in &self.0 {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
            match damaged {
                Some((file, (at, flip))) if file == name => {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= flip;
                    fs::write(path, bytes).unwrap();
                }
                _ => fs::write(path, bytes).unwrap(),
            }
        }
        dir
    }

    /// Writes it where it stays.
    pub(crate) fn keep(&self, root: &Path) {
        for (name, bytes) in self.files() {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// A store as it lies in a folder.
    pub(crate) fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders: Vec<PathBuf> = vec![root.into()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
        Self(files)
    }
}

/// In memory where that is possible: thousands of stores are opened.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Opens the store in a folder.
pub(crate) async fn open(path: &Path) -> Result<Engine, String> {
    let limits = Limits { free_bytes_min: 0, checkpoint_entries: 2, ..Limits::default() };
    let settings = Settings { limits, ..Settings::new(path) };
    for _ in 0..500 {
        match Engine::open(settings.clone(), Arc::new(Standing), &Registry::new()).await {
            // Tasks of the engine before may still be ending.
            Err(error) if error.to_string().contains("in use") => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            outcome => return outcome.map_err(|error| error.to_string()),
        }
    }
    Err("the lock was never released".into())
}

/// Makes the manifest of a store in a folder anew.
pub(crate) async fn repair(path: &Path) -> Result<(), String> {
    for _ in 0..500 {
        match blocks::engine::restore(&Settings::new(path), Arc::new(Standing)).await {
            Err(error) if error.to_string().contains("in use") => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(None) => return Err("the repair finds nothing to do".into()),
            Ok(Some(_)) => return Ok(()),
            Err(error) => return Err(format!("it cannot be repaired: {error}")),
        }
    }
    Err("the lock was never released".into())
}

/// What a store has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Traces that lie in one block each.
    Traces,
    /// And what they use: databases, queues and peers; and a trace that lies in all blocks and in the journal.
    TracesAndUses,
}

/// A store with three blocks, a checkpoint and an entry after it, and a journal that holds more.
pub(crate) async fn store(content: Content) -> Image {
    let dir = folder();
    for block in 0..3 {
        let engine = open(dir.path()).await.unwrap();
        write(&engine, content, block).await;
        engine.close().await.unwrap();
    }
    let engine = open(dir.path()).await.unwrap();
    write(&engine, content, 3).await;
    // A span of a trace that is in a block already.
    engine.write(conformance::batch(&Tenant::default(), &[Draft::new(2, 9).under(1)])).await.unwrap();
    tokio::time::sleep(IDLE).await;
    // As a crash leaves it.
    Image::read(dir.path())
}

/// Writes what belongs into a block.
async fn write(engine: &Engine, content: Content, block: u64) {
    for trace in 0..TRACES {
        engine.write(batch(1 + block * TRACES + trace)).await.unwrap();
    }
    if content == Content::TracesAndUses {
        engine.write(uses(block)).await.unwrap();
    }
}

/// What services use that send no spans, in a minute before all others; and a link of a chain of calls over all blocks.
fn uses(block: u64) -> Batch {
    let number = 70 + block;
    let services = ["web", "pay", "ship", "bill"];
    let link = Draft::new(SPREAD, 1 + block)
        .under(block)
        .service(services[block as usize])
        .name("pass on")
        .kind(Kind::Client)
        .lasting(1_000 * (block + 1))
        .with("peer.service", "next");
    let spans = [
        link,
        Draft::new(number, 1)
            .service("ship")
            .name("SELECT")
            .kind(Kind::Client)
            .with("db.system", "postgresql"),
        Draft::new(number, 2)
            .service("ship")
            .name("send")
            .kind(Kind::Producer)
            .under(1)
            .with("messaging.system", "kafka")
            .with("messaging.destination.name", "parcels"),
        Draft::new(number, 3)
            .service("bill")
            .name("receive")
            .kind(Kind::Consumer)
            .under(2)
            .status(StatusCode::Error)
            .with("messaging.system", "kafka")
            .with("messaging.destination.name", "parcels"),
    ];
    conformance::batch(&Tenant::default(), &spans)
}

/// A trace that crosses services, with attributes of all types, an event and an error.
fn batch(number: u64) -> Batch {
    let spans = [
        Draft::new(number, 1).service("web").name("GET /").kind(Kind::Server).with("user.id", number as i64),
        Draft::new(number, 2).service("web").name("call").kind(Kind::Client).under(1).with("ratio", 0.5),
        Draft::new(number, 3)
            .service("pay")
            .name("POST /pay")
            .under(2)
            .with("request.id", "r-1")
            .with("ok", true),
        Draft::new(number, 4)
            .service("pay")
            .name("insert")
            .under(3)
            .status(StatusCode::Error)
            .with_event("exception", &[("exception.type", "Timeout".into()), ("retries", 3.into())]),
    ];
    conformance::batch(&Tenant::default(), &spans)
}
