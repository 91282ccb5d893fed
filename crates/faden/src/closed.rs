//! A store that no server holds, opened by a command.

use std::sync::Arc;
use std::time::Duration;

use blocks::settings::Settings;
use blocks::{Engine, engine};
use model::SystemClock;
use prometheus::Registry;

use crate::exit::Failure;
use crate::text;

/// How often an opened store is asked whether all of its journal is searchable.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Whether a store may be made where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is an error.
    Fails,
    /// An empty store is made.
    IsMade,
}

/// Takes the directory, waits until all of it is searchable, and leaves everything in it that a server would drop or delete.
pub async fn open(data: &str, missing: Missing) -> Result<Arc<Engine>, Failure> {
    refuse_elsewhere(&Settings::new(data))?;
    let is_store = std::path::Path::new(data).join("manifest").is_dir();
    if missing == Missing::Fails && !is_store {
        return Err(Failure::problem(format!(
            "there is no store in {data}\n       say where it is with --data, or ask a running server with --url"
        )));
    }
    open_at(&Settings::new(data)).await
}

/// The same for a store that is there, wherever its blocks live.
pub async fn open_at(settings: &Settings) -> Result<Arc<Engine>, Failure> {
    refuse_elsewhere(settings)?;
    let settings = Settings { is_tended: false, ..settings.clone() };
    let engine = Engine::open(settings, Arc::new(SystemClock), &Registry::new()).await;
    let engine = engine.map_err(Failure::problem)?;
    while !engine.stat().await.recovery.done {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(Arc::new(engine))
}

/// A directory whose blocks live in an object store is no empty store.
pub fn refuse_elsewhere(settings: &Settings) -> Result<(), Failure> {
    let Some(url) = engine::home(&settings.path).filter(|_| settings.url.is_none()) else { return Ok(()) };
    Err(Failure::problem(format!(
        "the blocks of {} live at {}\n       ask a running server with --url; `faden store stat` and `check` reach them with \
         --config, the server's configuration",
        text::harmless(&settings.path.display().to_string()),
        text::harmless(&url)
    )))
}
