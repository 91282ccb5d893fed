//! What is different about some spans: which values they have more often, or less often, than the others.
//!
//! In: spans, each selected or not. Out: attributes by the greatest difference between the share of a value among the
//! selected and its share among the others. A difference counts where chance alone would hardly make it
//! ([`SIGMAS_MIN`]) and where the value occurs at least [`HITS_MIN`] times. Numbers with many values are cut into
//! doublings; what has nearly as many values as spans is an identifier and explains nothing. Bounded by [`KEYS_MAX`] keys
//! and [`VALUES_MAX`] values of each.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::{Attributes, Span, Value};
use serde::{Deserialize, Serialize};

/// So many keys are counted; spans' further keys are not looked at.
pub const KEYS_MAX: usize = 1_000;
/// So many values of a key; further ones are counted together.
pub const VALUES_MAX: usize = 2_000;
/// A value that occurs less often explains nothing.
pub const HITS_MIN: u64 = 3;
/// So many standard deviations a difference must be away from none.
pub const SIGMAS_MIN: f64 = 2.6;
/// So many values of an attribute are told.
const TOLD_MAX: usize = 5;
/// Numbers with more values than this are cut into doublings.
const NUMBERS_MAX: usize = 20;

/// How a selection differs from the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Selected spans.
    pub selection: u64,
    /// The others.
    pub baseline: u64,
    /// The attributes, that with the greatest difference first.
    pub attributes: Vec<Attribute>,
    /// Keys with nearly as many values as spans.
    pub identifiers: Vec<String>,
}

/// An attribute that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its key with its scope, as TraceQL names it.
    pub key: String,
    /// The greatest difference of shares, 0 to 1.
    pub score: f64,
    /// The values that differ, the greatest difference first.
    pub values: Vec<Share>,
    /// The first value in a sentence.
    pub text: String,
}

/// How often a value occurs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The value; absent for spans without the key.
    pub value: Option<String>,
    /// True where it stands for a range of numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_range: bool,
    /// Selected spans that have it.
    pub selection: u64,
    /// Others that have it.
    pub baseline: u64,
    /// Their part of the selection, 0 to 1.
    pub selection_share: f64,
    /// Their part of the others.
    pub baseline_share: f64,
}

/// Spans so far.
#[derive(Debug, Default)]
pub struct Explain {
    keys: HashMap<String, Values, FixedState>,
    spans: [u64; 2],
}

/// The values of one key; counts are of the others and of the selected.
#[derive(Debug, Default)]
struct Values {
    texts: HashMap<String, [u64; 2], FixedState>,
    /// Numbers by doubling; the sign is that of the number.
    doublings: HashMap<i32, [u64; 2], FixedState>,
    spans: [u64; 2],
    numbers: u64,
    is_cut: bool,
    /// The last span that was counted.
    seen: u64,
}

impl Explain {
    /// Counts a span.
    pub fn add(&mut self, span: Span<'_>, is_selected: bool) {
        self.spans[usize::from(is_selected)] += 1;
        self.count(("", "name"), Value::Text(span.name()), is_selected);
        self.count(("", "kind"), Value::Text(span.kind().as_str()), is_selected);
        self.count(("", "status"), Value::Text(span.status().as_str()), is_selected);
        self.all(("resource.", span.resource().attributes()), is_selected);
        self.all(("span.", span.attributes()), is_selected);
        for event in span.events().filter(|event| event.name() == "exception") {
            if let Some(kind) = event.attributes().get("exception.type") {
                self.count(("event.", "exception.type"), kind, is_selected);
            }
        }
    }

    fn all(&mut self, (scope, attributes): (&str, Attributes<'_>), is_selected: bool) {
        attributes.for_each(|attribute| self.count((scope, attribute.key), attribute.value, is_selected));
    }

    fn count(&mut self, (scope, key): (&str, &str), value: Value<'_>, is_selected: bool) {
        let key = format!("{scope}{key}");
        if self.keys.len() == KEYS_MAX && !self.keys.contains_key(&key) {
            return;
        }
        let number = self.spans[0] + self.spans[1];
        let values = self.keys.entry(key).or_default();
        if std::mem::replace(&mut values.seen, number) == number {
            return;
        }
        values.add(value, usize::from(is_selected));
    }

    /// What is different about the selection.
    #[must_use]
    pub fn finish(self) -> Explanation {
        let spans = self.spans;
        let mut identifiers = Vec::new();
        let mut attributes = Vec::new();
        for (key, values) in self.keys {
            if values.is_identifier() {
                identifiers.push(key);
            } else {
                attributes.extend(values.told(key, spans));
            }
        }
        identifiers.sort_unstable();
        attributes.sort_by(|left: &Attribute, right| {
            right.score.total_cmp(&left.score).then_with(|| left.key.cmp(&right.key))
        });
        Explanation { selection: spans[1], baseline: spans[0], attributes, identifiers }
    }
}

impl Values {
    fn add(&mut self, value: Value<'_>, side: usize) {
        self.spans[side] += 1;
        let number = match value {
            Value::Int(number) => Some(number as f64),
            Value::Double(number) => Some(number),
            _ => None,
        };
        if let Some(number) = number {
            self.numbers += 1;
            self.doublings.entry(doubling(number)).or_default()[side] += 1;
        }
        let text = value.to_text();
        if let Some(counts) = self.texts.get_mut(text.as_ref()) {
            counts[side] += 1;
        } else if self.texts.len() < VALUES_MAX {
            self.texts.entry(text.into_owned()).or_default()[side] += 1;
        } else {
            self.is_cut = true;
        }
    }

    fn all(&self) -> u64 {
        self.spans[0] + self.spans[1]
    }

    fn is_number(&self) -> bool {
        self.numbers == self.all() && self.texts.len() > NUMBERS_MAX
    }

    fn is_identifier(&self) -> bool {
        !self.is_number()
            && (self.is_cut || self.texts.len() > NUMBERS_MAX && self.texts.len() as u64 * 2 > self.all())
    }

    /// The attribute, if chance alone would hardly make its differences.
    fn told(self, key: String, spans: [u64; 2]) -> Option<Attribute> {
        let is_range = self.is_number();
        let missing = [spans[0] - self.spans[0], spans[1] - self.spans[1]];
        let values: Vec<(Option<String>, [u64; 2])> = if is_range {
            self.doublings.into_iter().map(|(doubling, counts)| (Some(range(doubling)), counts)).collect()
        } else {
            self.texts.into_iter().map(|(text, counts)| (Some(text), counts)).collect()
        };
        let mut shares: Vec<Share> = values
            .into_iter()
            .chain([(None, missing)])
            .filter(|(_, counts)| is_sure(*counts, spans))
            .map(|(value, counts)| share((value, is_range), counts, spans))
            .collect();
        // Of two values that differ equally, that which the selection has.
        let rank =
            |share: &Share| (std::cmp::Reverse((difference(share) * 1e6).round() as u64), share.baseline);
        shares.sort_by(|left, right| rank(left).cmp(&rank(right)).then_with(|| left.value.cmp(&right.value)));
        shares.truncate(TOLD_MAX);
        let first = shares.first()?;
        Some(Attribute { score: difference(first), text: sentence(&key, first), values: shares, key })
    }
}

fn share((value, is_range): (Option<String>, bool), counts: [u64; 2], spans: [u64; 2]) -> Share {
    let of = |side: usize| if spans[side] == 0 { 0.0 } else { counts[side] as f64 / spans[side] as f64 };
    Share {
        is_range: is_range && value.is_some(),
        value,
        selection: counts[1],
        baseline: counts[0],
        selection_share: of(1),
        baseline_share: of(0),
    }
}

fn difference(share: &Share) -> f64 {
    (share.selection_share - share.baseline_share).abs()
}

/// True where the two shares differ by more than chance makes them differ.
fn is_sure(counts: [u64; 2], spans: [u64; 2]) -> bool {
    let (left, right) = (spans[0] as f64, spans[1] as f64);
    if counts[0] + counts[1] < HITS_MIN || spans.contains(&0) {
        return false;
    }
    let together = (counts[0] + counts[1]) as f64 / (left + right);
    let deviation = (together * (1.0 - together) * (1.0 / left + 1.0 / right)).sqrt();
    let distance = (counts[0] as f64 / left - counts[1] as f64 / right).abs();
    distance > SIGMAS_MIN * deviation
}

fn sentence(key: &str, share: &Share) -> String {
    let percent = |part: f64| format!("{:.0}%", part * 100.0);
    let (selection, baseline) = (percent(share.selection_share), percent(share.baseline_share));
    match &share.value {
        Some(value) => format!("{key} = {value} is {selection} of the selection and {baseline} of the rest"),
        None => format!("{key} is missing on {selection} of the selection and {baseline} of the rest"),
    }
}

/// Doublings are counted from 1 on, negative ones below 0; what is smaller than 1 is 0.
fn doubling(number: f64) -> i32 {
    let size = number.abs();
    if size.is_nan() || size < 1.0 {
        return 0;
    }
    let steps = size.log2().floor().min(1_000.0) as i32 + 1;
    if number < 0.0 { -steps } else { steps }
}

fn range(doubling: i32) -> String {
    let bound = |steps: i32| 2_f64.powi(steps);
    match doubling {
        0 => "below 1".into(),
        steps if steps > 0 => format!("{} to {}", bound(steps - 1), bound(steps)),
        steps => format!("-{} to -{}", bound(-steps), bound(-steps - 1)),
    }
}

#[cfg(test)]
mod tests;
