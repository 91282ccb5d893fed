//! Looks at traces where others are not held up, for as long as somebody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;

/// Whether anybody still waits.
pub(crate) struct Asker(Arc<AtomicBool>);

/// Says so when whoever waits is dropped.
struct Waiting(Arc<AtomicBool>);

impl Asker {
    /// True where what is being worked out is of no use any more: ask between traces.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Works something out on a thread of its own. Where this future is dropped, the asker is gone.
///
/// # Errors
/// [`Error::Failed`] where the work panics.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce(&Asker) -> T + Send + 'static,
) -> Result<T, Error> {
    let waiting = Waiting(Arc::default());
    let asker = Asker(Arc::clone(&waiting.0));
    let worked = tokio::task::spawn_blocking(move || work(&asker)).await;
    worked.map_err(|_| Error::Failed("the evaluation of a trace panicked".into()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::apart;

    #[tokio::test]
    async fn work_that_nobody_waits_for_hears_of_it() {
        let (began, begun) = tokio::sync::oneshot::channel();
        let (tx, ended) = sync_channel(1);
        let waiting = tokio::spawn(apart(move |asker| {
            assert!(!asker.is_gone());
            began.send(()).unwrap();
            while !asker.is_gone() {
                std::thread::yield_now();
            }
            tx.send(()).unwrap();
        }));
        begun.await.unwrap();
        waiting.abort();
        tokio::task::spawn_blocking(move || ended.recv().unwrap()).await.unwrap();
    }
}
