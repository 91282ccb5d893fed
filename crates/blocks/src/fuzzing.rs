//! Doors into readers that are private otherwise, for fuzzers; every checksum holds in such a build.

use std::sync::Arc;

use crate::{
    columns::{
        decode,
        schema::{Kind, Layout, leaf},
    },
    manifest::{Entry, State, decode as read},
};

/// Rows that a fuzzed page is said to have, at most.
const ROWS_MAX: usize = 512;

/// Reads any bytes as a page, whole and in part: the first says of which column, the second how many rows it has; a
/// dictionary may come first.
pub fn page(bytes: &[u8]) {
    let [column, rows, split, rest @ ..] = bytes else { return };
    let layout = Layout::new(Vec::new());
    let leaf = &layout.leaves[usize::from(*column) % leaf::FIXED];
    let (first, second) = rest.split_at(usize::from(*split).min(rest.len()));
    let known = decode::dictionary(leaf, first).ok().map(Arc::new);
    let rows = usize::from(*rows) * 2 % ROWS_MAX;
    if let Ok(begun) = decode::Begun::new(leaf, second, rows) {
        let some = begun.cut(rows / 3..rows / 2);
        _ = begun.finish(some, known.as_ref());
    }
    if let Ok(page) = decode::page(leaf, second, rows, known.as_ref()) {
        for at in 0..page.values.len() {
            let (plain, place) = page.values.at(at);
            match leaf.kind {
                Kind::Text | Kind::Id(_) => _ = plain.bytes(place),
                _ => _ = plain.int(place),
            }
        }
    }
}

/// Reads any bytes as an entry and as a checkpoint of the manifest, and takes the entry in.
pub fn manifest(bytes: &[u8]) {
    let mut state = read::<State>(bytes).unwrap_or_default();
    if let Ok(entry) = read::<Entry>(bytes) {
        state.number = entry.number.saturating_sub(1);
        _ = state.apply(entry);
    }
}
