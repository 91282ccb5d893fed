//! Calls between services, counted run of rows by run of rows: who calls whom, with durations by steps of time.
//!
//! A run is what a row group has of a trace. Its calls are those of the trace itself, as long as nothing of the trace lies
//! elsewhere; whoever reads them knows which traces that is true of. Runs in which spans may have been sent twice, or whose
//! parents form a cycle, are not counted but listed. Bounded by [`CALLERS_MAX`] and [`left_max`], beyond which a search
//! counts the spans themselves.

use std::sync::Arc;

use model::proto::Message;
use model::{Kin, Kind, TraceId};

use super::cubes::Cube;
use crate::index::packed::{Packed, Parsed, Unpacked};
use crate::index::section::{About, Section, kind};

/// So many pairs of services may call one another in a block.
pub(super) const CALLERS_MAX: usize = 16 * 1024;

/// Who calls whom, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Call {
    /// The places of the services in the listing.
    pub(crate) parent: u32,
    pub(crate) child: u32,
    /// The role of the child's spans.
    pub(crate) kind: Kind,
    /// True where they carry the key [`MESSAGING`].
    pub(crate) has_queue: bool,
}

/// A key of the called spans that is told apart: with it, a call came through a queue.
pub(crate) const MESSAGING: &str = "messaging.system";

/// A run whose calls are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Left {
    pub(crate) id: TraceId,
    /// The earliest start and the latest end.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// The calls of a tenant, ascending; the cubes have them as subjects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) calls: Vec<Call>,
    pub(crate) left: Vec<Left>,
}

/// Calls with their cubes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Called {
    pub(crate) calls: Arc<Calls>,
    /// In short steps.
    pub(crate) steps: Arc<Cube>,
    /// All time in one step; only where it is finished.
    pub(crate) whole: Option<Arc<Cube>>,
}

/// So many runs of a block of so many spans may be left out.
pub(super) fn left_max(spans: u64) -> u64 {
    64 + spans / 512
}

/// The parents of the spans of a run, by their places; `None` where some may have been sent twice, or are their own
/// ancestors: then the run is not counted.
pub(crate) fn parents(spans: &[Kin]) -> Option<Vec<Option<usize>>> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|at| (spans[*at].start, spans[*at].id));
    let sorted: Vec<Kin> = order.iter().map(|at| spans[*at]).collect();
    if sorted.windows(2).any(|pair| (pair[0].start, pair[0].id) == (pair[1].start, pair[1].id)) {
        return None;
    }
    let found = model::parents(&sorted);
    let mut parents = vec![None; spans.len()];
    for (place, parent) in order.iter().zip(&found) {
        parents[*place] = parent.map(|parent| order[parent]);
    }
    is_forest(&parents).then_some(parents)
}

/// True where nobody is his own ancestor.
fn is_forest(parents: &[Option<usize>]) -> bool {
    const UNSEEN: usize = usize::MAX;
    let mut walks = vec![UNSEEN; parents.len()];
    for first in 0..parents.len() {
        let mut at = Some(first);
        while let Some(here) = at.filter(|here| walks[*here] == UNSEEN) {
            walks[here] = first;
            at = parents[here];
            if at.is_some_and(|next| walks[next] == first) {
                return false;
            }
        }
    }
    true
}

impl Section for Calls {
    const KIND: u32 = kind::CALLS;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        let mut calls = Packed::default();
        for call in &self.calls {
            calls.put(call.parent.into());
            calls.put(call.child.into());
            calls.put((call.kind as u64) << 1 | u64::from(call.has_queue));
        }
        out.bytes(1, &calls.0);
        let (mut ids, mut times) = (Vec::new(), Packed::default());
        for left in &self.left {
            ids.extend_from_slice(&left.id.0);
            times.put(left.start);
            times.put(left.end - left.start);
        }
        out.bytes(2, &ids);
        out.bytes(3, &times.0);
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut read = Self::default();
        let parsed = Parsed::of(raw)?;
        let (mut numbers, ids) = (Unpacked(parsed.bytes(1)?), parsed.bytes(2)?);
        let mut times = Unpacked(parsed.bytes(3)?);
        while !numbers.is_done() {
            let (parent, child, how) = (numbers.u32()?, numbers.u32()?, numbers.u32()?);
            let kind = Kind::from_number(u8::try_from(how >> 1).ok()?);
            read.calls.push(Call { parent, child, kind, has_queue: how & 1 == 1 });
        }
        let (ids, rest) = ids.as_chunks::<16>();
        for id in ids {
            let start = times.next()?;
            let end = start.checked_add(times.next()?)?;
            read.left.push(Left { id: TraceId(*id), start, end });
        }
        (rest.is_empty() && times.is_done()).then_some(read)
    }

    fn bytes(&self) -> usize {
        self.calls.len() * size_of::<Call>() + self.left.len() * size_of::<Left>()
    }
}

#[cfg(test)]
mod tests {
    use model::SpanId;

    use super::{Kin, Kind, parents};

    fn kin(start: u64, id: u8, parent: u8) -> Kin {
        let parent = (parent > 0).then_some(SpanId([parent; 8]));
        Kin { start, id: SpanId([id; 8]), parent, kind: Kind::Internal }
    }

    #[test]
    fn a_parent_may_start_after_its_child_and_may_be_missing() {
        let found = parents(&[kin(30, 3, 1), kin(10, 1, 2), kin(20, 2, 9)]);
        assert_eq!(found, Some(vec![Some(1), Some(2), None]));
    }

    #[test]
    fn spans_that_may_be_one_and_cycles_are_not_counted() {
        assert_eq!(parents(&[kin(10, 1, 0), kin(10, 1, 0)]), None);
        assert_eq!(parents(&[kin(5, 9, 3), kin(10, 1, 2), kin(20, 2, 3), kin(30, 3, 1)]), None);
        assert_eq!(parents(&[kin(10, 1, 1)]), Some(vec![None]), "nobody is his own parent");
    }
}
