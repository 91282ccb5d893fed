//! Merges parts into pieces of a size, and gives every part its share of the pieces' outcomes.

use model::Batch;
use pipeline::Outcome;

/// The spans of all parts in order, in pieces of at most `spans_max` and of nearly the same size.
pub(super) fn cut(parts: &[Batch], spans_max: usize) -> Vec<Batch> {
    let Some(merged) = Batch::merge(parts) else { return Vec::new() };
    let mut pieces = Vec::new();
    halve(merged, spans_max, &mut pieces);
    pieces
}

fn halve(batch: Batch, spans_max: usize, pieces: &mut Vec<Batch>) {
    if spans_max == 0 || batch.len() <= spans_max {
        pieces.push(batch);
        return;
    }
    let count = batch.len().div_ceil(spans_max);
    let middle = batch.len() * (count / 2) / count;
    halve(batch.select(|place| place < middle), spans_max, pieces);
    halve(batch.select(|place| middle <= place), spans_max, pieces);
}

/// The outcome of each part, given how many spans each part and each piece have.
pub(super) fn share(parts: &[usize], pieces: impl Iterator<Item = (usize, Outcome)>) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::Stored; parts.len()];
    let mut spans_of_parts = parts.iter().copied().enumerate().filter(|(_, spans)| *spans > 0);
    let mut current = spans_of_parts.next();
    for (length, outcome) in pieces {
        let mut overlaps = Vec::new();
        let mut rest = length;
        while let Some((part, left)) = current.filter(|_| rest > 0) {
            let common = left.min(rest);
            overlaps.push((part, common as u64));
            rest -= common;
            current = if left > common { Some((part, left - common)) } else { spans_of_parts.next() };
        }
        let sizes: Vec<u64> = overlaps.iter().map(|(_, spans)| *spans).collect();
        for ((part, _), share) in overlaps.iter().zip(outcome.shared(&sizes)) {
            let before = std::mem::replace(&mut outcomes[*part], Outcome::Stored);
            outcomes[*part] = before.joined(share);
        }
    }
    outcomes
}
