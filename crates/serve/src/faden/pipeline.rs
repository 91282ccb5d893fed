//! `pipeline`: the running components, what goes through them, and what was refused, with reasons.
//!
//! Everything is read from the metrics that `/metrics` shows. Rates are those since the last look that is at least
//! [`RATE_AFTER`] old; the first look has none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ::pipeline::{Audit, PipelineSettings};
use axum::Json;
use axum::extract::State;
use prometheus::Registry;
use prometheus::proto::{Metric, MetricFamily, MetricType};
use serde::{Deserialize, Serialize};

use super::{Api, Asked, Failed};

/// Rates are computed over at least so many nanoseconds.
const RATE_AFTER: u64 = 1_000_000_000;

/// The ledger's metrics and what they are called.
const LEDGER: [(&str, &str); 4] = [
    ("faden_spans_received_total", "received"),
    ("faden_spans_accepted_total", "accepted"),
    ("faden_spans_refused_total", "refused"),
    ("faden_spans_rejected_total", "rejected"),
];

/// What runs, as the configuration has it, and where it counts.
#[derive(Clone)]
pub struct Flow {
    /// Where components count.
    pub registry: Registry,
    /// What is remembered of spans that were not taken.
    pub audit: Audit,
    /// What feeds what.
    pub pipelines: Vec<PipelineSettings>,
}

/// The last look.
#[derive(Default)]
pub(super) struct Looked(Mutex<Option<(u64, Values)>>);

/// Values by component and figure.
type Values = BTreeMap<(String, String), f64>;

/// What runs and what goes through it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Receivers, processors of each pipeline, exporters.
    pub components: Vec<Component>,
    /// Who hands spans to whom.
    pub edges: Vec<Flowing>,
    /// Spans received = accepted + refused + rejected.
    pub ledger: Ledger,
}

/// A component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// What edges name it by: `receiver:otlp`, `processor:traces:batch`.
    pub key: String,
    /// Its name in the configuration.
    pub id: String,
    /// `receiver`, `processor` or `exporter`.
    pub kind: String,
    /// `traces`.
    pub signal: String,
    /// What it counts.
    pub figures: Vec<Counter>,
    /// What waits in it; absent where it has no queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// Why it refused.
    pub reasons: Vec<Reason>,
}

/// Something that is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    /// What: the metric's name without what all of a kind begin with.
    pub name: String,
    /// How many since the start, or now.
    pub value: f64,
    /// How many each second lately; absent for what does not only grow, and on the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// Of what.
    pub unit: String,
}

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// How much.
    pub size: f64,
    /// How much can.
    pub capacity: f64,
}

/// Why spans or requests were not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// What became of them: `refused` ones may come again, `rejected` ones never will be taken.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub count: f64,
    /// `spans` or `requests`.
    pub unit: String,
}

/// Spans from one component to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Flowing {
    /// Who hands on.
    pub from: String,
    /// Who takes.
    pub to: String,
    /// In which pipeline.
    pub pipeline: String,
}

/// The exact ledger of spans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Spans that came in.
    pub received: f64,
    /// Spans that are stored.
    pub accepted: f64,
    /// Spans that are to be sent again.
    pub refused: f64,
    /// Spans that never will be taken.
    pub rejected: f64,
    /// Why.
    pub reasons: Vec<Reason>,
}

pub(super) async fn pipeline(State(api): State<Arc<Api>>, asked: Asked) -> Result<Json<Pipeline>, Failed> {
    asked.nothing_more()?;
    let families = api.faden.flow.registry.gather();
    let now = api.faden.clock.now();
    let (mut components, edges) = parts(&api.faden.flow.pipelines);
    for component in &mut components {
        component.read(&families);
    }
    api.looked.rate(&mut components, now);
    Ok(Json(Pipeline { components, edges, ledger: ledger(&families) }))
}

/// The components in the order of the flow, and who feeds whom.
fn parts(pipelines: &[PipelineSettings]) -> (Vec<Component>, Vec<Flowing>) {
    let mut components: BTreeMap<(usize, String), Component> = BTreeMap::new();
    let mut edges = Vec::new();
    let mut add = |rank: usize, kind: &str, key: String, id: String| {
        let component = Component {
            key: key.clone(),
            id,
            kind: kind.into(),
            signal: "traces".into(),
            figures: Vec::new(),
            queue: None,
            reasons: Vec::new(),
        };
        components.entry((rank, key)).or_insert(component);
    };
    for pipeline in pipelines {
        let name = pipeline.id.to_string();
        let receivers: Vec<String> = pipeline.receivers.iter().map(|id| format!("receiver:{id}")).collect();
        let exporters: Vec<String> = pipeline.exporters.iter().map(|id| format!("exporter:{id}")).collect();
        let processors: Vec<String> =
            pipeline.processors.iter().map(|id| format!("processor:{name}:{id}")).collect();
        let all = [
            ("receiver", &pipeline.receivers, &receivers),
            ("processor", &pipeline.processors, &processors),
            ("exporter", &pipeline.exporters, &exporters),
        ];
        for (rank, (kind, ids, keys)) in all.into_iter().enumerate() {
            ids.iter().zip(keys).for_each(|(id, key)| add(rank, kind, key.clone(), id.to_string()));
        }
        let mut stages = vec![receivers];
        stages.extend(processors.into_iter().map(|processor| vec![processor]));
        stages.push(exporters);
        for pair in stages.windows(2) {
            for (from, to) in pair[0].iter().flat_map(|from| pair[1].iter().map(move |to| (from, to))) {
                edges.push(Flowing { from: from.clone(), to: to.clone(), pipeline: name.clone() });
            }
        }
    }
    (components.into_values().collect(), edges)
}

impl Component {
    /// Takes what the metrics say of it.
    fn read(&mut self, families: &[MetricFamily]) {
        let mut sums: BTreeMap<&str, (f64, bool)> = BTreeMap::new();
        for family in families {
            let is_counter = family.get_field_type() == MetricType::COUNTER;
            if !is_counter && family.get_field_type() != MetricType::GAUGE {
                continue;
            }
            for metric in family
                .get_metric()
                .iter()
                .filter(|metric| label(metric, &self.kind) == Some(self.id.as_str()))
            {
                let value = if is_counter {
                    metric.get_counter().get_value()
                } else {
                    metric.get_gauge().get_value()
                };
                match label(metric, "reason") {
                    Some(reason) => self.reasons.push(reason_of(family.name(), reason, value)),
                    None => sums.entry(family.name()).or_insert((0.0, is_counter)).0 += value,
                }
            }
        }
        self.reasons.retain(|reason| reason.count > 0.0);
        let of = |name: &str| sums.get(name).map(|(value, _)| *value);
        let (size, capacity) = (of("otelcol_exporter_queue_size"), of("otelcol_exporter_queue_capacity"));
        self.queue = size
            .zip(capacity)
            .filter(|(_, capacity)| *capacity > 0.0)
            .map(|(size, capacity)| Queue { size, capacity });
        let start = format!("otelcol_{}_", self.kind);
        self.figures = sums
            .into_iter()
            .map(|(name, (value, is_counter))| Counter {
                unit: unit(name).into(),
                name: name.strip_prefix(&start).unwrap_or(name).to_owned(),
                value,
                // Filled when there was a look before; what does not only grow has no rate.
                per_second: is_counter.then_some(f64::NAN),
            })
            .collect();
    }
}

impl Looked {
    /// Fills in how fast figures have grown since the last look that is old enough.
    fn rate(&self, components: &mut [Component], now: u64) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut values = Values::new();
        for component in components {
            for figure in &mut component.figures {
                let key = (component.key.clone(), figure.name.clone());
                if figure.per_second.is_some() {
                    figure.per_second = last.as_ref().and_then(|(then, before)| {
                        let seconds = now.checked_sub(*then).filter(|ns| *ns > 0)? as f64 / 1e9;
                        Some((figure.value - before.get(&key)?).max(0.0) / seconds)
                    });
                    values.insert(key, figure.value);
                }
            }
        }
        if last.as_ref().is_none_or(|(then, _)| now.saturating_sub(*then) >= RATE_AFTER) {
            *last = Some((now, values));
        }
    }
}

fn label<'a>(metric: &'a Metric, name: &str) -> Option<&'a str> {
    metric.get_label().iter().find(|label| label.name() == name).map(|label| label.value())
}

fn unit(metric: &str) -> &'static str {
    let has = |word: &str| metric.contains(word);
    match () {
        () if has("bytes") => "bytes",
        () if has("requests") => "requests",
        () if has("spans") || has("items") => "spans",
        () => "",
    }
}

fn reason_of(metric: &str, reason: &str, count: f64) -> Reason {
    let outcome = if metric.contains("rejected") { "rejected" } else { "refused" };
    Reason { outcome: outcome.into(), reason: reason.into(), count, unit: unit(metric).into() }
}

fn ledger(families: &[MetricFamily]) -> Ledger {
    let mut ledger = Ledger::default();
    for (metric, name) in LEDGER {
        let Some(family) = families.iter().find(|family| family.name() == metric) else { continue };
        let mut sum = 0.0;
        for metric in family.get_metric() {
            let count = metric.get_counter().get_value();
            sum += count;
            if let Some(reason) = label(metric, "reason").filter(|_| count > 0.0) {
                ledger.reasons.push(reason_of(family.name(), reason, count));
            }
        }
        match name {
            "received" => ledger.received = sum,
            "accepted" => ledger.accepted = sum,
            "refused" => ledger.refused = sum,
            _ => ledger.rejected = sum,
        }
    }
    ledger
}
