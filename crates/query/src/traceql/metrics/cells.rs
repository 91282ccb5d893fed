//! Numbers by labels and step, and the series they become.

use std::collections::BTreeMap;

use store::sketch::Sketch;

use super::super::ast::{Aggregate, Measure, Series as Asked};
use super::gather::counts;
use super::{Request, Series};

/// What a sketch counts in: its whole numbers are nanoseconds of durations, billionths of other numbers.
const UNITS: f64 = 1e9;

/// What is known of the spans of one label set in one step.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    count: u64,
    sum: f64,
    range: Option<(f64, f64)>,
    sketch: Sketch,
}

impl Cell {
    /// Counts a span with its number; quantiles of negative numbers are taken as 0.
    pub(super) fn add(&mut self, number: f64) {
        self.count += 1;
        self.sum += number;
        let (min, max) = self.range.unwrap_or((number, number));
        self.range = Some((min.min(number), max.max(number)));
        self.sketch.add((number * UNITS).clamp(0.0, u64::MAX as f64) as u64);
    }

    /// Takes in what a store counted.
    pub(super) fn merge(&mut self, durations: &Sketch) {
        let (Some(least), Some(greatest)) = (durations.min(), durations.max()) else { return };
        let (least, greatest) = (least as f64 / UNITS, greatest as f64 / UNITS);
        let (min, max) = self.range.unwrap_or((least, greatest));
        self.range = Some((min.min(least), max.max(greatest)));
        self.count += durations.count();
        self.sum += durations.sum() as f64 / UNITS;
        self.sketch.merge(durations);
    }

    fn quantile(&self, quantile: f64) -> Option<f64> {
        let (min, max) = self.range?;
        self.sketch.quantile(quantile).map(|number| (number as f64 / UNITS).clamp(min, max))
    }

    fn aggregate(&self, aggregate: Aggregate) -> Option<f64> {
        let (min, max) = self.range?;
        Some(match aggregate {
            Aggregate::Count => self.count as f64,
            Aggregate::Sum => self.sum,
            Aggregate::Avg => self.sum / self.count as f64,
            Aggregate::Min => min,
            Aggregate::Max => max,
        })
    }

    /// Counts by the power of two that is the upper end of each bucket, in seconds or whatever is measured.
    fn histogram(&self) -> BTreeMap<u64, u64> {
        let mut buckets = BTreeMap::new();
        for (least, count) in self.sketch.buckets() {
            let upper = least.max(1).checked_next_power_of_two().unwrap_or(u64::MAX);
            let upper = if upper == least { upper.saturating_mul(2) } else { upper };
            *buckets.entry(upper).or_default() += count;
        }
        buckets
    }
}

/// Values that are made for one expression, over all series; sets of labels beyond that are left out.
pub(super) const VALUES_MAX: usize = 2_000_000;

/// Cells by the values of the labels and by step.
#[derive(Debug)]
pub(super) struct Cells {
    sets: BTreeMap<Vec<String>, BTreeMap<u64, Cell>>,
    sets_max: usize,
    is_cut: bool,
}

impl Cells {
    pub(super) fn new(request: &Request) -> Self {
        let sets_max = (VALUES_MAX / request.steps().len().max(1)).max(1);
        Self { sets: BTreeMap::new(), sets_max, is_cut: false }
    }

    /// The cell of these labels and this step; nothing where there are too many sets of labels for one more.
    pub(super) fn at(&mut self, labels: Vec<String>, step: u64) -> Option<&mut Cell> {
        if self.sets.len() >= self.sets_max && !self.sets.contains_key(&labels) {
            self.is_cut = true;
            return None;
        }
        Some(self.sets.entry(labels).or_default().entry(step).or_default())
    }

    /// Why series are missing, if some are.
    pub(super) fn cut(&self) -> Option<String> {
        let sets_max = self.sets_max;
        let reason =
            || format!("there are more than {sets_max} sets of labels: name fewer labels, or a longer step");
        self.is_cut.then(reason)
    }

    /// The series of a measure, one or more for each set of labels.
    pub(super) fn series(&self, asked: &Asked, request: &Request) -> Vec<Series> {
        let named = |values: &[String]| -> Vec<(String, String)> {
            asked.by.iter().map(ToString::to_string).zip(values.iter().cloned()).collect()
        };
        let mut series = Vec::new();
        for (values, steps) in &self.sets {
            let labels = named(values);
            match &asked.measure {
                Measure::Quantiles(_, quantiles) => {
                    for quantile in quantiles {
                        let labels = with(&labels, "p", quantile.to_string());
                        series.push(sampled(labels, steps, |cell| cell.quantile(*quantile)));
                    }
                }
                Measure::Histogram(_) => series.extend(histogram(&labels, steps)),
                measure => {
                    let one = sampled(labels, steps, |cell| value(measure, cell, request));
                    series.push(if counts(measure) { filled(one, request) } else { one });
                }
            }
        }
        if series.is_empty() && asked.by.is_empty() && counts(&asked.measure) {
            series.push(filled(Series { labels: Vec::new(), samples: Vec::new() }, request));
        }
        series
    }
}

fn value(measure: &Measure, cell: &Cell, request: &Request) -> Option<f64> {
    match measure {
        Measure::Rate => Some(cell.count as f64 / (request.step_ns() as f64 / 1e9)),
        Measure::Count => Some(cell.count as f64),
        Measure::Over(aggregate, _) => cell.aggregate(*aggregate),
        Measure::Quantiles(..) | Measure::Histogram(_) | Measure::Compare(_) => None,
    }
}

fn histogram(labels: &[(String, String)], steps: &BTreeMap<u64, Cell>) -> Vec<Series> {
    let mut buckets: BTreeMap<u64, Vec<(u64, f64)>> = BTreeMap::new();
    for (step, cell) in steps {
        for (upper, count) in cell.histogram() {
            buckets.entry(upper).or_default().push((*step, count as f64));
        }
    }
    let series = buckets.into_iter().map(|(upper, samples)| {
        let upper = (upper as f64 / UNITS).to_string();
        Series { labels: with(labels, "__bucket", upper), samples }
    });
    series.collect()
}

fn sampled(
    labels: Vec<(String, String)>,
    steps: &BTreeMap<u64, Cell>,
    value: impl Fn(&Cell) -> Option<f64>,
) -> Series {
    let samples = steps.iter().filter_map(|(step, cell)| Some((*step, value(cell)?)));
    Series { labels, samples: samples.collect() }
}

/// With a zero at every step at which nothing was counted.
fn filled(series: Series, request: &Request) -> Series {
    let known: BTreeMap<u64, f64> = series.samples.into_iter().collect();
    let at = |step: u64| (step, known.get(&step).copied().unwrap_or(0.0));
    Series { labels: series.labels, samples: request.steps().into_iter().map(at).collect() }
}

fn with(labels: &[(String, String)], name: &str, value: String) -> Vec<(String, String)> {
    labels.iter().cloned().chain([(name.to_owned(), value)]).collect()
}
