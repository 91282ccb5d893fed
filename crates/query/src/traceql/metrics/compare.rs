//! `compare(…)`: which attribute values the spans of a selection have, and which the others have.
//!
//! Bounded by [`KEYS_MAX`] attributes, by [`VALUES_MAX`] values of each and [`VALUES_OF_ALL_MAX`] of all; later values are counted in the totals alone, and the attribute's
//! series say so with the label `__meta_error`.

use std::collections::BTreeMap;

use super::super::ast::{Comparing, Field, Intrinsic};
use super::super::eval::{Subject, Value};
use super::{Request, Series};

/// Values of one attribute that are told apart.
const VALUES_MAX: usize = 10_000;

/// Values of all attributes of one side that are told apart.
const VALUES_OF_ALL_MAX: usize = 200_000;

/// Attributes of one side that are compared; more are left out.
const KEYS_MAX: usize = 1_000;

/// Intrinsics that are compared besides attributes.
const INTRINSICS: [Intrinsic; 6] = [
    Intrinsic::Name,
    Intrinsic::Kind,
    Intrinsic::Status,
    Intrinsic::StatusMessage,
    Intrinsic::RootName,
    Intrinsic::RootService,
];

type Steps = BTreeMap<u64, f64>;

/// The counts of one attribute on one side.
#[derive(Debug, Default)]
struct Counts {
    total: Steps,
    values: BTreeMap<String, Steps>,
    is_cut: bool,
}

/// The counts of one side by attribute.
#[derive(Debug, Default)]
struct Side {
    counts: BTreeMap<String, Counts>,
    values: usize,
}

/// The counts of both sides: the baseline first, then the selection.
#[derive(Debug, Default)]
pub(super) struct Compared([Side; 2]);

impl Side {
    fn add(&mut self, key: String, value: &str, step: u64) {
        if self.counts.len() < KEYS_MAX || self.counts.contains_key(&key) {
            let may_grow = self.values < VALUES_OF_ALL_MAX;
            self.values += usize::from(self.counts.entry(key).or_default().add((value, may_grow), step));
        }
    }
}

impl Compared {
    /// Counts every attribute of a span.
    pub(super) fn add(&mut self, comparing: &Comparing, (subject, at): (&Subject<'_>, usize), step: u64) {
        let start = subject.span(at).start();
        let in_time = comparing.time.is_none_or(|(from, to)| from <= start && start < to);
        let selected = |expr| subject.eval(expr, at) == Value::Bool(true);
        let is_selected = in_time && comparing.selection.as_ref().is_none_or(selected);
        let side = &mut self.0[usize::from(is_selected)];
        let span = subject.span(at);
        for (scope, attributes) in [("span", span.attributes()), ("resource", span.resource().attributes())] {
            for attribute in attributes {
                let name = format!("{scope}.{}", attribute.key);
                side.add(name, &attribute.value.to_text(), step);
            }
        }
        for intrinsic in INTRINSICS {
            match subject.field(&Field::Intrinsic(intrinsic), at) {
                Value::Nil => {}
                // A span without a message has an empty one.
                Value::Text(text) if intrinsic == Intrinsic::StatusMessage && text.is_empty() => {}
                value => side.add(intrinsic.word().to_owned(), &value.to_text(), step),
            }
        }
    }

    /// The most frequent values of each attribute on each side, and the totals.
    pub(super) fn series(&self, comparing: &Comparing, request: &Request) -> Vec<Series> {
        let mut series = Vec::new();
        for (side, counts) in [("baseline", &self.0[0]), ("selection", &self.0[1])] {
            for (name, counts) in &counts.counts {
                counts.series((side, name), comparing.top, request, &mut series);
            }
        }
        series
    }
}

impl Counts {
    /// Counts a value; true where it is a new one, which it may be where there is room.
    fn add(&mut self, (value, may_grow): (&str, bool), step: u64) -> bool {
        *self.total.entry(step).or_default() += 1.0;
        if let Some(steps) = self.values.get_mut(value) {
            *steps.entry(step).or_default() += 1.0;
            return false;
        }
        if !may_grow || self.values.len() == VALUES_MAX {
            self.is_cut = true;
            return false;
        }
        self.values.insert(value.to_owned(), BTreeMap::from([(step, 1.0)]));
        true
    }

    fn series(&self, (side, name): (&str, &str), top: usize, request: &Request, into: &mut Vec<Series>) {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let sampled = |labels: Vec<(String, String)>, steps: &Steps| {
            let at = |step: u64| (step, steps.get(&step).copied().unwrap_or(0.0));
            Series { labels, samples: request.steps().into_iter().map(at).collect() }
        };
        let mut values: Vec<(&String, &Steps)> = self.values.iter().collect();
        values.sort_by(|left, right| sum(right.1).total_cmp(&sum(left.1)));
        for (value, steps) in values.into_iter().take(top) {
            into.push(sampled(vec![label("__meta_type", side), label(name, value)], steps));
        }
        let total = format!("{side}_total");
        let mut labels = vec![label("__meta_type", &total), label(name, "nil")];
        if self.is_cut {
            labels.push(label("__meta_error", "__too_many_values__"));
        }
        into.push(sampled(labels, &self.total));
    }
}

fn sum(steps: &Steps) -> f64 {
    steps.values().sum()
}
