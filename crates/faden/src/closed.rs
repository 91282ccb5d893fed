//! A store that no server holds, opened by a command.

use std::sync::Arc;
use std::time::Duration;

use blocks::Engine;
use blocks::settings::Settings;
use model::SystemClock;
use prometheus::Registry;

use crate::exit::Failure;

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
    let is_store = std::path::Path::new(data).join("manifest").is_dir();
    if missing == Missing::Fails && !is_store {
        return Err(Failure::problem(format!(
            "there is no store in {data}\n       say where it is with --data, or ask a running server with --url"
        )));
    }
    let settings = Settings { is_tended: false, ..Settings::new(data) };
    let engine = Engine::open(settings, Arc::new(SystemClock), &Registry::new()).await;
    let engine = engine.map_err(Failure::problem)?;
    while !engine.stat().await.recovery.done {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(Arc::new(engine))
}
