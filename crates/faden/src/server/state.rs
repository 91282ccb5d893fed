//! What a server knows about itself: for the banner, `faden doctor` and the status of the API.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use blocks::engine::Engine;
use net::Budget;
use pipeline::Listening;
use prometheus::Registry;
use query::answer::Count64;
use serve::faden::{Budget as Part, Figure, Port, Report, StatusSource, Store};
use serve::health::Health;
use serve::keep::Keeper;

use super::keeper::StoreKeeper;
use super::logs::LastErrors;
use super::{About, Parts, storage};
use crate::settings::Settings;

/// Counters of the pipelines that everyone wants to know.
const LEDGER: [(&str, &str); 4] = [
    ("faden_spans_received_total", "spans received"),
    ("faden_spans_accepted_total", "spans accepted"),
    ("faden_spans_refused_total", "spans refused"),
    ("faden_spans_rejected_total", "spans rejected"),
];

/// The state of a server.
pub struct State {
    health: Health,
    registry: Registry,
    budget: Budget,
    errors: LastErrors,
    ports: Mutex<Vec<Port>>,
    warnings: Vec<String>,
    engine: Option<Arc<Engine>>,
    keeper: Option<Arc<StoreKeeper>>,
    location: Option<String>,
    retention: Option<std::time::Duration>,
    head_bytes_max: u64,
    /// Where there are peers.
    peer_bytes_max: Option<u64>,
    compacts: bool,
    is_logging_json: bool,
    configuration: String,
    receivers: Vec<String>,
}

impl State {
    /// Ports come later.
    pub fn new(settings: &Settings, parts: &Parts, errors: LastErrors, about: &About) -> Self {
        let mut warnings = about.warnings.clone();
        if settings.store.is_none() {
            warnings.push("nothing is stored: no pipeline exports to `store`".to_owned());
        }
        let store = settings.store.as_ref();
        let location = store.map(|store| store.remote.url.clone().unwrap_or_else(|| absolute(&store.path)));
        let engine = parts.storage.as_ref().map(storage::Storage::engine);
        let keeper = engine.clone().zip(store).map(|(engine, store)| {
            let location = location.clone().unwrap_or_default();
            let clock = Arc::clone(&parts.clock);
            Arc::new(StoreKeeper::new(engine, location, store.retention.clone(), clock))
        });
        Self {
            health: parts.health.clone(),
            registry: parts.registry.clone(),
            budget: parts.budget.clone(),
            errors,
            ports: Mutex::default(),
            warnings,
            engine,
            keeper,
            location,
            retention: store.map(|store| store.retention.time),
            head_bytes_max: store.map_or(0, |store| store.head_bytes_max),
            peer_bytes_max: store
                .filter(|store| !store.peers.nodes.is_empty())
                .map(|store| store.peer_bytes_max),
            compacts: store.is_some_and(|store| store.compaction.enabled && !store.reads_only),
            is_logging_json: settings.pipeline.telemetry.log_json,
            configuration: about.name.clone(),
            receivers: settings.pipeline.receivers.iter().map(|receiver| receiver.id.to_string()).collect(),
        }
    }

    /// Who looks after the store, if there is one.
    pub fn keeper(&self) -> Option<Arc<dyn Keeper>> {
        let keeper = self.keeper.as_ref()?;
        Some(Arc::clone(keeper) as Arc<dyn Keeper>)
    }

    /// Notes open sockets, with the component that they belong to.
    pub fn add_ports(&self, ports: impl IntoIterator<Item = (String, Listening)>) {
        let mut known = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(
            ports.into_iter().map(|(component, listening)| Port { component, ..Port::from(&listening) }),
        );
    }

    /// Every open socket.
    pub fn ports(&self) -> Vec<Port> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether spans are sent there.
    pub fn is_receiver(&self, port: &Port) -> bool {
        self.receivers.contains(&port.component)
    }

    /// What the user should know.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.iter().cloned().chain(self.ports().iter().filter_map(Port::warning)).collect()
    }

    /// Where spans are kept, and for how long.
    pub fn kept(&self) -> Option<(&str, std::time::Duration)> {
        self.location.as_deref().zip(self.retention)
    }

    /// Whether standard error carries JSON, where a banner would be in the way.
    pub fn is_logging_json(&self) -> bool {
        self.is_logging_json
    }

    /// What the configuration is called.
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// The parts of the memory with their limits.
    pub fn budgets(&self, head_bytes: Option<u64>) -> Vec<Part> {
        let mut parts = vec![Part {
            name: "requests".to_owned(),
            bytes_max: self.budget.bytes_max() as u64,
            bytes_used: Some(self.budget.used() as u64),
            when_full: "requests are refused with a retry hint".to_owned(),
        }];
        if let Some(engine) = &self.engine {
            let memory = engine.memory();
            parts.push(Part {
                name: "head".to_owned(),
                bytes_max: self.head_bytes_max,
                bytes_used: head_bytes,
                when_full: "senders wait, then are refused with a retry hint".to_owned(),
            });
            parts.push(Part {
                name: "packing".to_owned(),
                bytes_max: engine.packing_bytes_max(),
                bytes_used: None,
                when_full: "spans wait in the head".to_owned(),
            });
            for (name, used) in [("index", memory.index()), ("cache", memory.pages())] {
                parts.push(Part {
                    name: name.to_owned(),
                    bytes_max: used.bytes_max,
                    bytes_used: Some(used.bytes),
                    when_full: "what was not used for longest goes, and is read again".to_owned(),
                });
            }
            parts.extend(self.compacts.then(|| Part {
                name: "merging".to_owned(),
                bytes_max: blocks::compact::GROUP_BYTES_MAX,
                bytes_used: None,
                when_full: "a row group ends with fewer spans".to_owned(),
            }));
            parts.extend(self.peer_bytes_max.map(|bytes_max| Part {
                name: "peers".to_owned(),
                bytes_max,
                bytes_used: Some(engine.peer_bytes()),
                when_full: "a head that has more is not asked, and answers are partial".to_owned(),
            }));
        }
        parts
    }

    fn ledger(&self) -> Vec<Figure> {
        let families = self.registry.gather();
        let of = |wanted: &str| -> u64 {
            let family = families.iter().find(|family| family.name() == wanted);
            family.map_or(0, |family| {
                family.get_metric().iter().map(|metric| metric.get_counter().get_value() as u64).sum()
            })
        };
        LEDGER
            .iter()
            .map(|(metric, name)| Figure {
                name: (*name).to_owned(),
                value: of(metric),
                unit: "spans".to_owned(),
            })
            .collect()
    }
}

#[async_trait]
impl StatusSource for State {
    async fn report(&self) -> Report {
        let stat = match &self.engine {
            Some(engine) => Some(engine.stat().await),
            None => None,
        };
        let mut warnings = self.warnings.clone();
        warnings.extend(
            stat.iter().filter_map(|stat| {
                stat.refusing.as_ref().map(|why| format!("the store refuses spans: {why}"))
            }),
        );
        warnings.extend(stat.iter().filter_map(storage::away));
        warnings.extend(stat.iter().filter_map(storage::clock));
        warnings.extend(stat.iter().flat_map(|stat| stat.peers_away.iter().cloned()));
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: self.configuration.clone(),
            receivers: self.receivers.clone(),
            phase: self.health.phase().as_str().to_owned(),
            started: Count64(self.health.started()),
            uptime_s: self.health.uptime() / 1_000_000_000,
            process_id: std::process::id(),
            ports: self.ports(),
            store: stat.as_ref().zip(self.location.as_ref()).map(|(stat, location)| Store {
                location: location.clone(),
                is_durable: true,
                figures: storage::figures(stat),
            }),
            budgets: self.budgets(stat.map(|stat| stat.head_bytes)),
            figures: self.ledger(),
            warnings,
            errors: self.errors.list(),
        }
    }
}

fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}
