//! The store of a server.

use std::path::PathBuf;
use std::sync::Arc;

use blocks::engine::{Engine, Stat};
use model::Clock;
use prometheus::Registry;
use store::{Reader, Writer};

use super::peers;
use crate::exit::Failure;
use crate::settings::{ServeSettings, StoreSettings};
use crate::text;

/// An open store.
pub struct Storage {
    engine: Arc<Engine>,
}

impl Storage {
    /// Opens the store that the configuration describes.
    pub async fn open(
        settings: &StoreSettings,
        serve: Option<&ServeSettings>,
        clock: &Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Self, Failure> {
        let address = serve.map_or(String::new(), |serve| format!("http://{}", serve.http));
        let peers = peers::clients(&settings.peers)?;
        let settings = blocks::settings::Settings { address, peers, ..engine_settings(settings) };
        let engine = Engine::open(settings, Arc::clone(clock), registry).await.map_err(Failure::problem)?;
        Ok(Self { engine: Arc::new(engine) })
    }

    /// Where spans go.
    pub fn writer(&self) -> Arc<dyn Writer> {
        Arc::clone(&self.engine) as Arc<dyn Writer>
    }

    /// Where questions go.
    pub fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.engine) as Arc<dyn Reader>
    }

    /// The engine itself, for its figures.
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }

    /// Brings everything into blocks.
    pub async fn close(&self) -> Result<(), Failure> {
        self.engine.close().await.map_err(Failure::problem)
    }
}

/// The engine's settings for the section `store`.
pub fn engine_settings(settings: &StoreSettings) -> blocks::settings::Settings {
    let mut engine = blocks::settings::Settings::new(PathBuf::from(&settings.path));
    let remote = &settings.remote;
    engine.reads_only = settings.reads_only;
    engine.url.clone_from(&remote.url);
    engine.url_options = environment();
    let options = remote.url_options.iter();
    engine.url_options.extend(options.map(|(key, value)| (key.clone(), value.expose().to_owned())));
    engine.limits.cache_bytes_max = remote.cache_bytes_max;
    engine.limits.backlog_bytes_max = remote.backlog_bytes_max;
    engine.limits.block_age_max = remote.upload_after;
    engine.limits.follow_every = remote.follow_every;
    engine.retention.clone_from(&settings.retention);
    engine.compaction = settings.compaction.clone();
    engine.tiers.clone_from(&settings.tiers);
    engine.compaction.enabled &= !settings.reads_only;
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    engine.limits.head_bytes_max = bytes(settings.head_bytes_max);
    engine.limits.index_bytes_max = bytes(settings.index_bytes_max);
    engine.limits.page_bytes_max = bytes(settings.page_bytes_max);
    engine.limits.peer_bytes_max = bytes(settings.peer_bytes_max);
    engine
}

/// What the tools of the clouds read from the environment, keys and regions above all.
fn environment() -> Vec<(String, String)> {
    const CLOUDS: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];
    let known = std::env::vars_os().filter_map(|(key, value)| {
        let (key, value) = (key.into_string().ok()?, value.into_string().ok()?);
        CLOUDS.iter().any(|cloud| key.starts_with(cloud)).then_some((key, value))
    });
    known.collect()
}

/// Says that the object store is away, if it is.
pub fn away(stat: &Stat) -> Option<String> {
    let (since, why) = stat.away.as_ref()?;
    Some(format!(
        "blocks cannot be published for {}: {} with {} wait on the local disk: {why}",
        text::duration(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)),
        text::counted(stat.blocks_unpublished, "block"),
        text::bytes(stat.backlog_bytes),
    ))
}

/// Says that the clock jumped, if it did and is not believed yet.
pub fn clock(stat: &Stat) -> Option<String> {
    let doubt = stat.clock?;
    let jumped = text::clock_jumped(doubt.ahead_ns / 1_000_000_000, doubt.left().as_secs());
    Some(format!("the clock is not believed: {jumped}"))
}

/// A store's figures, for people.
pub fn figures(stat: &Stat) -> Vec<serve::faden::Figure> {
    let figure = |name: &str, value: u64, unit: &str| serve::faden::Figure {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
    };
    let mut figures = vec![
        figure("spans in blocks", stat.block_spans, "spans"),
        figure("blocks", stat.blocks, ""),
        figure("bytes of blocks", stat.block_bytes, "bytes"),
    ];
    for (number, level) in stat.levels.iter().enumerate() {
        figures.push(figure(&format!("blocks of level {number}"), level.blocks, ""));
        figures.push(figure(&format!("bytes of level {number}"), level.bytes, "bytes"));
    }
    figures.extend([
        figure("blocks waiting to be merged", stat.compaction_waiting_blocks, ""),
        figure("bytes waiting to be merged", stat.compaction_waiting_bytes, "bytes"),
        figure("spans not in blocks yet", stat.uncommitted_spans, "spans"),
        figure("bytes of the head", stat.head_bytes, "bytes"),
        figure("bytes of the journal", stat.journal_bytes, "bytes"),
        figure("blocks waiting for the object store", stat.blocks_unpublished, ""),
        figure("bytes waiting for the object store", stat.backlog_bytes, "bytes"),
        figure("bytes of copies in the cache", stat.cache_bytes, "bytes"),
        figure("journal frames lost", stat.recovery.frames_lost, ""),
    ]);
    figures
}
