//! The part of the section `store` that says where blocks live if not on this disk, and who else is there.

use std::time::Duration;

use config::Block;

/// Blocks in an object store, shared with other nodes.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// Where blocks live instead, as a URL.
    pub url: Option<String>,
    /// Credentials and the like for the URL.
    pub url_options: Vec<(String, config::Secret)>,
    /// Bytes of copies on the local disk.
    pub cache_bytes_max: u64,
    /// How long after its first span a block is closed and uploaded.
    pub upload_after: Duration,
    /// Bytes on the local disk that wait for the object store.
    pub backlog_bytes_max: u64,
    /// How often it is looked what other nodes have committed.
    pub follow_every: Duration,
}

/// The schemes of URLs that are known.
const SCHEMES: [&str; 8] = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "file"];

/// The least that `store::cache::bytes` can be.
const CACHE_BYTES_MIN: u64 = 64 << 20;

/// The least that `store::upload::backlog` can be: a few blocks, and the journal behind them.
const BACKLOG_BYTES_MIN: u64 = 512 << 20;

/// The least that `store::follow` can be.
const FOLLOW_MIN: Duration = Duration::from_millis(100);

/// The least that `store::upload::after` can be.
const UPLOAD_AFTER_MIN: Duration = Duration::from_secs(1);

/// Reads it.
pub fn read(store: &mut Block<'_>) -> RemoteSettings {
    let url = store.optional_text(
        "url",
        "where blocks live instead, and may be shared by several nodes: s3://bucket/prefix, gs://, az:// or file:///folder",
    );
    let url_options = store.map_of_secrets(
        "url_options",
        "options of the object store, called as in the environment (AWS_*, GOOGLE_*, AZURE_*), which is read first",
    );
    let mut cache = store.section("cache", "copies on the local disk of what is in the object store");
    let cache_bytes_max = cache.bytes("bytes", "10GiB", "what was used least recently goes first");
    least(&cache, ("bytes", cache_bytes_max), CACHE_BYTES_MIN, "64MiB");
    cache.finish();
    let mut upload = store.section("upload", "blocks on their way to the object store");
    let backlog_bytes_max = upload.bytes(
        "backlog",
        "16GiB",
        "blocks and journal that may wait on the local disk; when full, senders wait, then are refused",
    );
    least(&upload, ("backlog", backlog_bytes_max), BACKLOG_BYTES_MIN, "512MiB");
    let upload_after =
        upload.duration("after", "60s", "how long after its first span a block is closed and brought there");
    if !upload.is_describing() && upload_after < UPLOAD_AFTER_MIN {
        upload.problem("after", "blocks would be too small", Some("give it 1s or more".to_owned()));
    }
    upload.finish();
    let follow_every = store.duration("follow", "5s", "how often to look what other nodes have committed");
    if !store.is_describing() && follow_every < FOLLOW_MIN {
        store.problem("follow", "that is too often", Some("give it 100ms or more".to_owned()));
    }
    if let Some(url) = url.as_deref().filter(|_| !store.is_describing()) {
        check(store, url);
    }
    RemoteSettings { url, url_options, cache_bytes_max, upload_after, backlog_bytes_max, follow_every }
}

fn least(block: &Block<'_>, (key, value): (&str, u64), min: u64, said: &str) {
    if !block.is_describing() && value < min {
        block.problem(key, "that is too little to work with", Some(format!("give it {said} or more")));
    }
}

fn check(store: &Block<'_>, url: &str) {
    let example = || Some("it looks like s3://bucket/prefix".to_owned());
    match url.split_once("://") {
        None => store.problem("url", "this is no URL", example()),
        Some((scheme, _)) if !SCHEMES.contains(&scheme) => {
            store.problem("url", format!("{scheme}:// is no object store that is known"), example());
        }
        Some(("file", rest)) if !rest.starts_with('/') => {
            store.problem("url", "this is no absolute path", Some("it looks like file:///folder".to_owned()));
        }
        Some((scheme, rest)) if scheme != "file" && (rest.is_empty() || rest.starts_with('/')) => {
            store.problem("url", "this names no bucket", example());
        }
        Some(_) => {}
    }
}
