//! How a running pipeline is asked to end: first in order, then at once.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Running,
    Draining,
    Ended,
}

/// Asks everything that holds the matching [`Stop`] to end.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Stage>);

/// Tells a component that it should end; cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Stage>);

impl Stopper {
    /// A pair that is not asked to end yet.
    pub fn new() -> (Self, Stop) {
        let (tx, rx) = watch::channel(Stage::Running);
        (Self(tx), Stop(rx))
    }

    /// Another listener for the same requests.
    pub fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Asks for an end in order; a request after that asks for an end at once.
    pub fn request(&self) {
        self.0.send_modify(|stage| {
            *stage = if *stage == Stage::Running { Stage::Draining } else { Stage::Ended };
        });
    }

    /// Asks for an end at once.
    pub fn end(&self) {
        self.0.send_replace(Stage::Ended);
    }
}

impl Stop {
    /// Waits until an end is asked for: take nothing new, finish what was begun.
    pub async fn requested(&self) {
        self.reached(Stage::Draining).await;
    }

    /// Waits until an end at once is asked for: leave everything.
    pub async fn at_once(&self) {
        self.reached(Stage::Ended).await;
    }

    /// Whether an end is asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() >= Stage::Draining
    }

    /// A stopper that is gone cannot ask any more, which counts as asking.
    async fn reached(&self, wanted: Stage) {
        let mut watch = self.0.clone();
        let _ = watch.wait_for(|stage| *stage >= wanted).await;
    }
}
