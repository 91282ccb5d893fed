//! Chooses the keys that a block gives columns of their own.
//!
//! In: what a sample of the block's first spans holds in its tails. Out: the keys whose values would take most there,
//! each with the type that most of its values have.

use std::ops::Range;

use model::Batch;
use store::Level;

use super::keys::KeyFacts;
use super::order::Ordered;
use super::schema::{Kind, Layout, Promoted, RESOURCE_PREFIX};
use super::shred::shred;

/// How many keys of a block get a column of their own.
pub(crate) const PROMOTED_MAX: usize = 32;

/// A key in fewer than one of so many spans stays in the tail.
const RARER_THAN: u64 = 250;

/// Spans that are looked at, about.
const SAMPLE_ROWS: usize = 16_384;

/// The longest key that names a column, in bytes.
const KEY_BYTES_MAX: usize = 128;

/// The layout of a block that begins with these spans.
pub(crate) fn layout(batches: &[Batch], ordered: &Ordered) -> Layout {
    let plain = Layout::new(Vec::new());
    let step = ordered.rows.len().div_ceil(SAMPLE_ROWS).max(1);
    let mut sample: Vec<Range<usize>> = Vec::new();
    let mut rows = 0;
    for trace in ordered.traces.iter().step_by(step) {
        let taken = trace.len().min(SAMPLE_ROWS - rows);
        sample.push(trace.start..trace.start + taken);
        rows += taken;
        if rows == SAMPLE_ROWS {
            break;
        }
    }
    let shredded = shred(&plain, batches, ordered, &sample, Vec::new());
    chosen(shredded.keys, rows as u64)
}

/// The layout of a block of so many rows whose keys are these, as they would lie in the tails.
pub(crate) fn chosen(keys: Vec<KeyFacts>, rows: u64) -> Layout {
    Layout::new(choose(&Layout::new(Vec::new()), keys, rows))
}

fn choose(plain: &Layout, keys: Vec<KeyFacts>, rows: u64) -> Vec<Promoted> {
    let eligible = |facts: &KeyFacts| {
        matches!(facts.level, Level::Span | Level::Resource)
            && facts.in_tail * RARER_THAN >= rows
            && (1..=KEY_BYTES_MAX).contains(&facts.key.len())
            && !(facts.level == Level::Span && facts.key.starts_with(RESOURCE_PREFIX))
            && plain.find(facts.level, &facts.key).is_none()
    };
    let mut found: Vec<KeyFacts> = keys.into_iter().filter(eligible).collect();
    found.sort_by(|left, right| weight(right).cmp(&weight(left)).then_with(|| left.key.cmp(&right.key)));
    let mut promoted: Vec<Promoted> = Vec::new();
    for facts in found {
        let Some(kind) = kind(&facts) else { continue };
        let key = Promoted { level: facts.level, key: facts.key, kind };
        let column = key.column();
        let taken = promoted.iter().any(|other| other.column().eq_ignore_ascii_case(&column));
        if !taken && !plain.clashes(&column) && promoted.len() < PROMOTED_MAX {
            promoted.push(key);
        }
    }
    promoted
}

/// What the key's entries take in the tail, about.
fn weight(facts: &KeyFacts) -> u64 {
    facts.tail_bytes + 8 * facts.in_tail
}

fn kind(facts: &KeyFacts) -> Option<Kind> {
    let kinds = [Kind::Text, Kind::Int, Kind::Double, Kind::Bool];
    let (kind, count) = kinds.into_iter().zip(facts.tail_types).max_by_key(|(_, count)| *count)?;
    (count * 2 > facts.in_tail).then_some(kind)
}
