//! A server from start to end.
//!
//! Start: logs, store, query port, pipelines. Nothing is half started: what cannot start says why, and the process
//! ends. End, on SIGTERM or Ctrl-C: receivers take nothing new, processors and exporters pass on what they hold, then
//! the ports close and the store brings everything into blocks. A second signal ends at once.

mod banner;
mod demo;
mod files;
pub mod keeper;
mod logs;
mod memory;
mod pages;
mod peers;
mod signals;
mod state;
pub mod storage;

use std::sync::Arc;

use model::{Clock, SystemClock, Tenant};
use net::Budget;
use pipeline::{ComponentId, Context, End, Memory, Running, Shared, Stopper, Tap, Telemetry};
use prometheus::Registry;
use serve::health::{Health, Phase};
use store::Writer;

use crate::exit::{Ended, Exit, Failure};
use crate::settings::Settings;
use crate::term::Paint;
use pages::Pages;
use state::State;
use storage::Storage;

/// What the start shows beside its own findings.
pub struct About {
    /// What the configuration is called.
    pub name: String,
    /// What is to be known about it.
    pub warnings: Vec<String>,
    /// Colours or none.
    pub paint: Paint,
}

/// Bytes of requests that were begun and not answered; when full, receivers refuse with a retry hint.
const REQUEST_BYTES_MAX: usize = 128 << 20;

/// Runs until a signal or a failure ends it.
pub async fn run(settings: Settings, about: &About) -> Ended {
    let errors = logs::start(&settings.pipeline.telemetry, about.paint);
    files::raise_limit();
    let mut signals = signals::Signals::watch().map_err(Failure::problem)?;
    let parts = Parts::open(&settings).await?;
    let state = Arc::new(State::new(&settings, &parts, errors, about));
    let (page_stopper, page_stop) = Stopper::new();
    let pages = Pages::bind(&settings, &parts, &state, &page_stop).await;
    let pages = match pages {
        Ok(pages) => pages,
        Err(failure) => return abandon(parts, failure).await,
    };
    let running = match pipeline::start(settings.pipeline, &parts.context, &parts.tap).await {
        Ok(running) => running,
        Err(error) => return abandon(parts, Failure::problem(error)).await,
    };
    state.add_ports(running.listening().iter().map(|(id, listening)| (id.to_string(), listening.clone())));
    state.add_ports(pages.ports());
    let mut pages = pages.serve(&page_stop);
    if let Some(storage) = &parts.storage {
        pages.keep(storage.engine(), &page_stop);
    }
    parts.health.set(Phase::Ready);
    banner::show(&state, about.paint);
    let end = finished(running, &mut signals, &parts.health).await;
    page_stopper.request();
    tokio::select! {
        ended = finish(end, pages, parts) => ended,
        _ = signals.next() => Ok(cut()),
    }
}

/// What the pipelines, the pages and the state have in common.
struct Parts {
    clock: Arc<dyn Clock>,
    registry: Registry,
    budget: Budget,
    health: Health,
    tap: Tap,
    storage: Option<Storage>,
    context: Context,
}

impl Parts {
    async fn open(settings: &Settings) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let instance = format!("{}-{:x}", std::process::id(), clock.now());
        let registry =
            serve::metrics::registry(env!("CARGO_PKG_VERSION"), &instance).map_err(Failure::problem)?;
        let telemetry = Telemetry::new(registry.clone(), Arc::clone(&clock)).map_err(Failure::problem)?;
        let budget = Budget::new(REQUEST_BYTES_MAX);
        let health = Health::new(Arc::clone(&clock));
        serve::metrics::register_process(&registry, health.clone(), memory::live_bytes)
            .map_err(Failure::problem)?;
        let mut shared = Shared::new().with(budget.clone()).with(health.clone());
        let storage = match &settings.store {
            Some(store) => Some(Storage::open(store, settings.serve.as_ref(), &clock, &registry).await?),
            None => None,
        };
        if let Some(storage) = &storage {
            shared = shared.with::<Arc<dyn Writer>>(storage.writer());
        }
        let context = Context {
            id: ComponentId::of("faden"),
            tenant: Tenant::default(),
            telemetry,
            clock: Arc::clone(&clock),
            memory: Memory { live: memory::live_bytes, total: memory::total_bytes },
            shared,
        };
        Ok(Self { clock, registry, budget, health, tap: Tap::new(), storage, context })
    }
}

/// The first signal drains, the second one ends at once.
async fn finished(running: Running, signals: &mut signals::Signals, health: &Health) -> End {
    let stopper = running.stopper();
    let mut finished = std::pin::pin!(running.finished());
    loop {
        tokio::select! {
            end = &mut finished => return end,
            name = signals.next() => {
                tracing::info!(signal = name, "stopping; a second signal ends at once");
                health.set(Phase::Draining);
                stopper.request();
            }
        }
    }
}

async fn finish(end: End, pages: pages::Serving, parts: Parts) -> Ended {
    if end == End::Cut {
        return Ok(cut());
    }
    pages.finished().await;
    let closed = match &parts.storage {
        Some(storage) => storage.close().await,
        None => Ok(()),
    };
    match end {
        End::Failed(id) => Err(Failure::problem(format!("{id} ended by itself; the log says why"))),
        _ => closed.map(|()| {
            tracing::info!("stopped");
            Exit::Good
        }),
    }
}

/// The end without an end in order.
fn cut() -> Exit {
    tracing::warn!("ended at once, as told; the journal keeps what was acknowledged");
    Exit::Good
}

async fn abandon(parts: Parts, failure: Failure) -> Ended {
    if let Some(storage) = &parts.storage {
        // The failure to start is what the user needs to hear about.
        let _ = storage.close().await;
    }
    Err(failure)
}
