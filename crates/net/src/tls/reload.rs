//! A value that is made from files and made anew when they change.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::TlsError;

type Make<T> = Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>;

pub(super) struct Reloading<T> {
    current: ArcSwap<T>,
    make: Make<T>,
    paths: Vec<PathBuf>,
    look_after: Duration,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    /// Of the files that `current` was made from.
    stamps: Vec<Stamp>,
    /// Of the files that could not be used, so that the log says so once.
    refused: Vec<Stamp>,
}

/// Time and length tell a changed file from an unchanged one. None: it is not there.
type Stamp = Option<(SystemTime, u64)>;

impl<T> Reloading<T> {
    pub(super) fn new(paths: Vec<PathBuf>, look_after: Duration, make: Make<T>) -> Result<Self, TlsError> {
        let stamps = stamps(&paths);
        let current = ArcSwap::from_pointee(make()?);
        let seen = Mutex::new(Seen { at: Instant::now(), stamps, refused: Vec::new() });
        Ok(Reloading { current, make, paths, look_after, seen })
    }

    /// The newest value that could be made.
    pub(super) fn current(&self) -> Arc<T> {
        if !self.paths.is_empty() {
            // Whoever finds the lock taken uses what is there: somebody else is looking.
            if let Ok(mut seen) = self.seen.try_lock()
                && seen.at.elapsed() >= self.look_after
            {
                seen.at = Instant::now();
                self.look(&mut seen);
            }
        }
        self.current.load_full()
    }

    fn look(&self, seen: &mut Seen) {
        let now = stamps(&self.paths);
        if now == seen.stamps {
            return;
        }
        match (self.make)() {
            Ok(made) => {
                self.current.store(Arc::new(made));
                tracing::info!(files = ?self.paths, "loaded new certificates");
                seen.stamps = now;
                seen.refused.clear();
            }
            Err(cause) if seen.refused != now => {
                tracing::error!(%cause, "cannot use the new certificates, keeping the old ones");
                seen.refused = now;
            }
            Err(_) => {}
        }
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    paths.iter().map(stamp).collect()
}
