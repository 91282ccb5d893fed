//! What is done with series: ranks, comparisons, and computing with two of them.

use std::collections::BTreeMap;

use super::super::ast::{Math, Metrics, Series as Asked, Then};
use super::super::eval::{compute, suits};
use super::Series;

/// The series expressions of a query, left to right.
pub(super) fn series_of<'a>(metrics: &'a Metrics, into: &mut Vec<&'a Asked>) {
    match metrics {
        Metrics::Series(series) => into.push(series),
        Metrics::Scalar(_) => {}
        Metrics::Math(left, _, right) => {
            series_of(left, into);
            series_of(right, into);
        }
    }
}

/// The series of a query, from those of its expressions in the order of [`series_of`].
pub(super) fn combined(metrics: &Metrics, computed: &mut impl Iterator<Item = Vec<Series>>) -> Vec<Series> {
    match side(metrics, computed) {
        Side::Series(series) => series,
        Side::Number(_) => Vec::new(),
    }
}

enum Side {
    Number(f64),
    Series(Vec<Series>),
}

fn side(metrics: &Metrics, computed: &mut impl Iterator<Item = Vec<Series>>) -> Side {
    match metrics {
        Metrics::Scalar(number) => Side::Number(*number),
        Metrics::Series(_) => Side::Series(computed.next().unwrap_or_default()),
        Metrics::Math(left, math, right) => {
            let left = side(left, computed);
            joined(left, *math, side(right, computed))
        }
    }
}

fn joined(left: Side, math: Math, right: Side) -> Side {
    match (left, right) {
        (Side::Number(left), Side::Number(right)) => Side::Number(compute(left, math, right)),
        (Side::Series(left), Side::Number(right)) => {
            Side::Series(each(left, |value| compute(value, math, right)))
        }
        (Side::Number(left), Side::Series(right)) => {
            Side::Series(each(right, |value| compute(left, math, value)))
        }
        (Side::Series(left), Side::Series(right)) => Side::Series(matched(left, math, right)),
    }
}

fn each(mut series: Vec<Series>, compute: impl Fn(f64) -> f64) -> Vec<Series> {
    series.iter_mut().flat_map(|one| &mut one.samples).for_each(|(_, value)| *value = compute(*value));
    series
}

/// Series of equal labels; one without labels goes with every one of the other side. What has no partner at a step is
/// not a number there, and is left out.
fn matched(left: Vec<Series>, math: Math, right: Vec<Series>) -> Vec<Series> {
    let is_plain = |side: &[Series]| side.len() == 1 && side[0].labels.is_empty();
    let (left_plain, right_plain) = (is_plain(&left), is_plain(&right));
    let mut out = Vec::new();
    if left_plain && !right_plain {
        out.extend(right.iter().map(|right| pair(right.labels.clone(), &left[0], math, right)));
        return out;
    }
    for left in left {
        let partner = right.iter().find(|right| right_plain || right.labels == left.labels);
        out.extend(partner.map(|right| pair(left.labels.clone(), &left, math, right)));
    }
    out
}

fn pair(labels: Vec<(String, String)>, left: &Series, math: Math, right: &Series) -> Series {
    let right: BTreeMap<u64, f64> = right.samples.iter().copied().collect();
    let both = left
        .samples
        .iter()
        .filter_map(|(step, value)| Some((*step, compute(*value, math, *right.get(step)?))));
    Series { labels, samples: both.filter(|(_, value)| !value.is_nan()).collect() }
}

/// Second stages, left to right; series without a value left are gone.
pub(super) fn then(stages: &[Then], mut series: Vec<Series>) -> Vec<Series> {
    for stage in stages {
        match stage {
            Then::Keep(comparison, number) => series.iter_mut().for_each(|one| {
                one.samples.retain(|(_, value)| {
                    value.partial_cmp(number).is_some_and(|order| suits(order, *comparison))
                });
            }),
            Then::Top(count) => ranked(&mut series, *count, |value| -value),
            Then::Bottom(count) => ranked(&mut series, *count, |value| value),
        }
        series.retain(|one| !one.samples.is_empty());
    }
    series
}

/// Keeps at every step the first so many values; equal ones by labels. A zero is a step at which nothing was counted, and
/// has no rank.
fn ranked(series: &mut [Series], count: usize, rank: impl Fn(f64) -> f64) {
    let mut steps: BTreeMap<u64, Vec<(f64, usize)>> = BTreeMap::new();
    for (place, one) in series.iter().enumerate() {
        for (step, value) in one.samples.iter().filter(|(_, value)| *value != 0.0) {
            steps.entry(*step).or_default().push((rank(*value), place));
        }
    }
    for values in steps.values_mut() {
        values.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        values.truncate(count);
    }
    for (place, one) in series.iter_mut().enumerate() {
        let is_kept =
            |step: &u64| steps.get(step).is_some_and(|kept| kept.iter().any(|(_, kept)| *kept == place));
        one.samples.retain(|(step, _)| is_kept(step));
    }
}
