//! The store of a server.

use std::path::PathBuf;
use std::sync::Arc;

use blocks::engine::{Engine, Stat};
use model::Clock;
use prometheus::Registry;
use store::{Reader, Writer};

use crate::exit::Failure;
use crate::settings::{ServeSettings, StoreSettings};

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
        let settings = blocks::settings::Settings { address, ..engine_settings(settings) };
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
    engine.url.clone_from(&settings.url);
    engine.url_options =
        settings.url_options.iter().map(|(key, value)| (key.clone(), value.expose().to_owned())).collect();
    engine.retention = settings.retention;
    engine.limits.head_bytes_max = usize::try_from(settings.head_bytes_max).unwrap_or(usize::MAX);
    engine
}

/// A store's figures, for people.
pub fn figures(stat: &Stat) -> Vec<serve::faden::Figure> {
    let figure = |name: &str, value: u64, unit: &str| serve::faden::Figure {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
    };
    vec![
        figure("spans in blocks", stat.block_spans, "spans"),
        figure("blocks", stat.blocks, ""),
        figure("bytes of blocks", stat.block_bytes, "bytes"),
        figure("spans not in blocks yet", stat.uncommitted_spans, "spans"),
        figure("bytes of the head", stat.head_bytes, "bytes"),
        figure("bytes of the journal", stat.journal_bytes, "bytes"),
        figure("blocks waiting for the object store", stat.blocks_unpublished, ""),
        figure("journal frames lost", stat.recovery.frames_lost, ""),
    ]
}
