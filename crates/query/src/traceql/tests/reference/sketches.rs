//! Quantiles, histograms and comparisons: the second evaluator sorts every number, and finds quantiles within the error that
//! sketches state, histograms and comparisons exactly.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::Reader;
use store::conformance::{Any, Draft};
use store::sketch::RELATIVE_ERROR;

use super::super::super::metrics;
use super::pipelines::{Condition, drafts, number, reach, series, written};
use super::{Chance, TRACES, in_every_state};

const QUESTIONS: u64 = 90;
const STEP: u64 = 10_000_000_000;
const QUANTILES: [f64; 4] = [0.0, 0.5, 0.9, 1.0];
const GROUPS: [&str; 4] = ["resource.service.name", "name", "status", "resource.zone"];

/// Numbers by their labels, `name=value`, and step.
type Numbers = BTreeMap<(Vec<String>, u64), f64>;

/// How many spans in each step.
type Steps = BTreeMap<u64, f64>;

/// What is asked of the spans that a condition finds.
enum What {
    Quantiles(&'static str),
    Histogram(&'static str),
    Compare(Condition, usize),
}

struct Asked {
    of: Condition,
    what: What,
    by: Option<&'static str>,
}

impl Asked {
    fn some(chance: &mut Chance) -> Self {
        let of = match chance.below(3) {
            0 => Condition::Plain("status", "!=", "error"),
            _ => Condition::some(chance, 1),
        };
        let field = chance.one(&["duration", "span.n"]);
        let by = (chance.below(3) > 0).then(|| chance.one(&GROUPS));
        match chance.below(3) {
            0 => Self { of, what: What::Quantiles(field), by },
            1 => Self { of, what: What::Histogram(field), by },
            _ => {
                let what = What::Compare(Condition::some(chance, 1), chance.one(&[2, 10]));
                Self { of, what, by: None }
            }
        }
    }

    fn text(&self) -> String {
        let what = match &self.what {
            What::Quantiles(field) => {
                let quantiles = QUANTILES.map(|quantile| quantile.to_string()).join(", ");
                format!("quantile_over_time({field}, {quantiles})")
            }
            What::Histogram(field) => format!("histogram_over_time({field})"),
            What::Compare(selection, top) => format!("compare({{ {} }}, {top})", selection.text()),
        };
        let by = self.by.map_or_else(String::new, |by| format!(" by({by})"));
        format!("{{ {} }} | {what}{by}", self.of.text())
    }

    fn find(&self, traces: &[Vec<Draft>]) -> Numbers {
        let found = traces.iter().flat_map(|trace| {
            let spans = trace.iter().filter(|span| self.of.holds(trace, span));
            spans.map(move |span| (trace.as_slice(), span))
        });
        match &self.what {
            What::Compare(selection, top) => compared(found, selection, *top),
            What::Quantiles(field) => {
                let mut numbers = Numbers::new();
                for ((labels, step), mut of) in self.measured(found, field) {
                    of.sort_unstable();
                    for quantile in QUANTILES {
                        let rank = ((quantile * of.len() as f64).ceil() as usize).clamp(1, of.len());
                        let labels = labels.iter().cloned().chain([format!("p={quantile}")]).collect();
                        numbers.insert((labels, step), of[rank - 1] as f64 / 1e9);
                    }
                }
                numbers
            }
            What::Histogram(field) => {
                let mut numbers = Numbers::new();
                for ((labels, step), of) in self.measured(found, field) {
                    for number in of {
                        // The least power of two above it.
                        let upper = 1_u64 << (u64::BITS - number.leading_zeros());
                        let bucket = format!("__bucket={}", upper as f64 / 1e9);
                        let labels = labels.iter().cloned().chain([bucket]).collect();
                        *numbers.entry((labels, step)).or_default() += 1.0;
                    }
                }
                numbers
            }
        }
    }

    /// The numbers of a field in billionths, by label and step.
    fn measured<'a>(
        &self,
        found: impl Iterator<Item = (&'a [Draft], &'a Draft)>,
        field: &str,
    ) -> BTreeMap<(Vec<String>, u64), Vec<u64>> {
        let mut measured: BTreeMap<(Vec<String>, u64), Vec<u64>> = BTreeMap::new();
        for (trace, span) in found {
            let values = reach(trace, span, field);
            let Some(value) = values.first().and_then(number) else { continue };
            let nanos = if field == "duration" { value as u64 } else { (value * 1e9) as u64 };
            let label = self.by.map(|by| {
                let values: Vec<String> = reach(trace, span, by).iter().map(written).collect();
                format!("{by}={}", if values.is_empty() { "nil".into() } else { values.join(", ") })
            });
            let key = (label.into_iter().collect(), span.start / STEP * STEP);
            measured.entry(key).or_default().push(nanos);
        }
        measured
    }
}

/// Counts by side, attribute and value: the most frequent values, and the totals.
fn compared<'a>(
    found: impl Iterator<Item = (&'a [Draft], &'a Draft)>,
    selection: &Condition,
    top: usize,
) -> Numbers {
    let mut counts: BTreeMap<(&str, String), BTreeMap<String, Steps>> = BTreeMap::new();
    for (trace, span) in found {
        let side = if selection.holds(trace, span) { "selection" } else { "baseline" };
        let root = trace.iter().find(|span| span.parent.is_zero()).expect("a trace has a root");
        let mut values: Vec<(String, String)> = vec![
            ("name".into(), span.name.clone()),
            ("kind".into(), span.kind.as_str().into()),
            ("status".into(), span.status.as_str().into()),
            ("rootName".into(), root.name.clone()),
            ("rootServiceName".into(), written(&reach(trace, root, "resource.service.name")[0])),
        ];
        for (scope, pairs) in [("span", &span.attributes), ("resource", &span.resource)] {
            values.extend(pairs.iter().map(|(key, value)| (format!("{scope}.{key}"), text(value))));
        }
        for (key, value) in values {
            let steps = counts.entry((side, key)).or_default().entry(value).or_default();
            *steps.entry(span.start / STEP * STEP).or_default() += 1.0;
        }
    }
    let mut numbers = Numbers::new();
    for ((side, key), values) in counts {
        let mut ranked: Vec<(&String, &Steps)> = values.iter().collect();
        ranked.sort_by_key(|(_, steps)| std::cmp::Reverse(steps.values().sum::<f64>() as u64));
        for (value, steps) in ranked.into_iter().take(top) {
            let labels = vec![format!("__meta_type={side}"), format!("{key}={value}")];
            numbers.extend(steps.iter().map(|(step, count)| ((labels.clone(), *step), *count)));
        }
        let labels = vec![format!("__meta_type={side}_total"), format!("{key}=nil")];
        for (step, count) in values.values().flatten() {
            *numbers.entry((labels.clone(), *step)).or_default() += count;
        }
    }
    numbers
}

fn text(value: &Any) -> String {
    let quoted = |value: &Any| match value {
        Any::Text(text) => format!("\"{text}\""),
        other => written(other),
    };
    match value {
        Any::Array(values) => format!("[{}]", values.iter().map(quoted).collect::<Vec<_>>().join(",")),
        other => written(other),
    }
}

/// The numbers that a reader answers; a zero stands for nothing.
async fn answered(reader: &Arc<dyn Reader>, text: &str) -> Numbers {
    let of_series = |series: metrics::Series| {
        let labels: Vec<String> =
            series.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        series.samples.into_iter().map(move |(step, value)| ((labels.clone(), step), value))
    };
    let samples = series(reader, text).await.into_iter().flat_map(of_series);
    samples.filter(|(_, value)| *value != 0.0).collect()
}

#[track_caller]
fn near(found: &Numbers, expected: &Numbers, room: f64, what: &str) {
    let keys = |numbers: &Numbers| -> Vec<(Vec<String>, u64)> { numbers.keys().cloned().collect() };
    assert_eq!(keys(found), keys(expected), "{what}");
    for (key, value) in expected {
        let found = found[key];
        let is_near = (found - value).abs() <= value.abs() * room + 1e-9;
        assert!(is_near, "{what}: {key:?} is {found}, and {value} was expected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quantiles_histograms_and_comparisons_agree_in_every_state() {
    let mut chance = Chance(13);
    let traces: Vec<Vec<Draft>> = (1..=TRACES).map(|number| drafts(number, &mut chance)).collect();
    let questions: Vec<Asked> = (0..QUESTIONS).map(|_| Asked::some(&mut chance)).collect();
    in_every_state(&traces, async |reader: Arc<dyn Reader>, state: &str| {
        let mut counted = [0; 3];
        for asked in &questions {
            let (text, expected) = (asked.text(), asked.find(&traces));
            let (kind, room) = match asked.what {
                What::Quantiles(_) => (0, RELATIVE_ERROR),
                What::Histogram(_) => (1, 0.0),
                What::Compare(..) => (2, 0.0),
            };
            counted[kind] += expected.len();
            near(&answered(&reader, &text).await, &expected, room, &format!("{state}: {text}"));
        }
        assert!(counted.iter().all(|count| *count > 100), "{counted:?} numbers");
    })
    .await;
}
