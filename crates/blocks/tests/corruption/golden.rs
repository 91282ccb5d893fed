//! Stores as earlier versions wrote them: journal, blocks, indexes and manifest stay readable for ever.
//!
//! `fixtures/store/<when>/` is never changed. A change of a format adds a folder: `FADEN_GOLDEN=2026-12` writes one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::asked;
use crate::made::{self, Content, Image};

/// The store that tells of nothing that is used.
const FIRST: &str = "2026-11";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/store")
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the test says whether a golden store is to be written"
)]
fn wanted() -> Option<String> {
    std::env::var("FADEN_GOLDEN").ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_of_earlier_versions_are_read() {
    if let Some(name) = wanted() {
        made::store(Content::TracesAndUses).await.keep(&fixtures().join(name));
    }
    let folders = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let mut stores = 0;
    for folder in folders.filter(|path| path.is_dir()) {
        let content = match folder.ends_with(FIRST) {
            true => Content::Traces,
            false => Content::TracesAndUses,
        };
        let expected = asked::whole(&made::store(content).await, content).await;
        let dir = Image::read(&folder).write(None);
        let answers =
            asked::ask(dir.path()).await.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert!(answers.is_whole(), "{} is not read as a whole", folder.display());
        answers.compare(&expected).unwrap_or_else(|what| panic!("{}: {what}", folder.display()));
        stores += 1;
    }
    assert!(stores > 0, "there is a golden store");
}
