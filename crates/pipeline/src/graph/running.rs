//! The graph while it runs, and its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Inlet, Socket};
use crate::{ComponentId, Exporter, Extension, Processor, Stop, Stopper};

/// How long an end in order may take, from the first request to stop; then it ends at once.
pub const DRAIN_MAX: Duration = Duration::from_secs(25);

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// In order: all that was begun was finished.
    Drained,
    /// At once, because a second stop was requested.
    Cut,
    /// At once, because [`DRAIN_MAX`] was over.
    Overdue,
    /// In order, but because this receiver ended by itself.
    Failed(ComponentId),
}

/// Everything that runs. Dropping it ends it at once.
pub struct Running {
    stopper: Stopper,
    stop: Stop,
    listening: Vec<Socket>,
    receivers: JoinSet<ComponentId>,
    processors: Vec<Vec<Arc<dyn Processor>>>,
    exporters: Vec<(ComponentId, Arc<dyn Exporter>)>,
    extensions: Vec<(ComponentId, Arc<dyn Extension>)>,
}

impl Running {
    pub(super) fn new(stopper: Stopper, processors: Vec<Vec<Arc<dyn Processor>>>) -> Self {
        let stop = stopper.stop();
        Self {
            stopper,
            stop,
            listening: Vec::new(),
            receivers: JoinSet::new(),
            processors,
            exporters: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// The sockets that are open, with the components that opened them.
    pub fn listening(&self) -> &[Socket] {
        &self.listening
    }

    /// Requests to stop go here: the first drains, the second ends at once.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Runs until a stop is requested or a receiver fails, then ends in order.
    pub async fn finished(mut self) -> End {
        let stop = self.stop.clone();
        let failed = tokio::select! {
            biased;
            () = stop.requested() => None,
            Some(ended) = self.receivers.join_next() => Some(ended),
        };
        if failed.is_some() {
            self.stopper.request();
        }
        let drained = tokio::select! {
            biased;
            () = stop.at_once() => return End::Cut,
            drained = timeout(DRAIN_MAX, self.drain()) => drained,
        };
        match (drained, failed) {
            (Err(_), _) => {
                tracing::error!(limit = ?DRAIN_MAX, "gave up draining");
                self.stopper.end();
                End::Overdue
            }
            (Ok(()), None) => End::Drained,
            (Ok(()), Some(Ok(id))) => {
                tracing::error!(receiver = %id, "ended by itself");
                End::Failed(id)
            }
            (Ok(()), Some(Err(panicked))) => {
                tracing::error!(error = %panicked, "a receiver broke down");
                End::Failed(ComponentId::of("receiver"))
            }
        }
    }

    /// Receivers answer what they have begun, processors pass on what they hold, exporters hand it over.
    async fn drain(&mut self) {
        self.processors.iter().flatten().for_each(|processor| processor.hurry());
        while let Some(ended) = self.receivers.join_next().await {
            if let Err(panicked) = ended {
                tracing::error!(error = %panicked, "a receiver broke down");
            }
        }
        join_all(self.processors.iter().map(|pipeline| async move {
            for processor in pipeline {
                processor.shutdown().await;
            }
        }))
        .await;
        join_all(self.exporters.iter().map(|(_, exporter)| exporter.shutdown())).await;
        join_all(self.extensions.iter().map(|(_, extension)| extension.shutdown())).await;
    }

    /// Shuts down what was started when something else did not start.
    pub(super) async fn abandon(&mut self) {
        self.stopper.request();
        if timeout(DRAIN_MAX, self.drain()).await.is_err() {
            tracing::error!(limit = ?DRAIN_MAX, "gave up draining");
        }
    }

    pub(super) fn add_receiver(&mut self, Inlet { id, receiver, next }: Inlet) {
        let stop = self.stop.clone();
        self.receivers.spawn(async move {
            receiver.run(next, stop).await;
            id
        });
    }

    pub(super) fn add_exporter(&mut self, id: ComponentId, exporter: Arc<dyn Exporter>) {
        self.exporters.push((id, exporter));
    }

    pub(super) fn add_extension(&mut self, id: ComponentId, extension: Arc<dyn Extension>) {
        self.extensions.push((id, extension));
    }

    pub(super) fn set_listening(&mut self, listening: Vec<Socket>) {
        self.listening = listening;
    }
}
