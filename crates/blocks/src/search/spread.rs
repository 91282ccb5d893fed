//! Which traces have spans in more than one place: in several runs of rows, or in the head too.
//!
//! Known by hashes: a trace that is in one place only may rarely seem spread, never the other way round.

use model::TraceId;

use super::Run;
use crate::block::BlockView;
use crate::index::short;
use crate::index::tokens::id_token;

/// The traces with spans in more than one place.
pub(super) struct Spread {
    hashes: Vec<u32>,
    /// The blocks with each of the hashes, [`HEAD`]'s too; those of a hash begin where `begins` says.
    blocks: Vec<u32>,
    begins: Vec<usize>,
    /// The set of row groups that has a trace, with the hash.
    places: Vec<(SetOf, u32)>,
}

/// A block, by its place among those of the question, and the row group with which one of its sets begins.
type SetOf = (u32, u32);

/// No block: the head.
const HEAD: SetOf = (u32::MAX, 0);

impl Spread {
    /// `None` where it can't be told of all.
    pub(super) fn of(run: &mut Run<'_>) -> Option<Self> {
        let rows = run.head.iter().flat_map(|batch| batch.rows());
        let mut all: Vec<(u32, SetOf)> = rows.map(|row| (short(id_token(row.trace_id)), HEAD)).collect();
        all.sort_unstable();
        all.dedup();
        for (block, view) in (0..).zip(run.views()) {
            if run.is_abandoned() {
                return None;
            }
            let mut last = None;
            for (at, group) in (0..).zip(&view.groups) {
                if group.set().is_none() || group.set() != last {
                    let hashes = group.id_hashes();
                    let hashes = hashes.inspect_err(|error| run.go_on_without(error)).ok()?;
                    all.extend(hashes.into_iter().map(|hash| (hash, (block, at))));
                    last = group.set();
                }
            }
        }
        all.sort_unstable();
        let repeated = all.chunk_by(|left, right| left.0 == right.0).filter(|chunk| chunk.len() > 1);
        let (mut hashes, mut places) = (Vec::new(), Vec::new());
        let (mut blocks, mut begins): (Vec<u32>, Vec<usize>) = (Vec::new(), Vec::new());
        for chunk in repeated {
            hashes.push(chunk[0].0);
            begins.push(blocks.len());
            blocks.extend(chunk.chunk_by(|left, right| left.1.0 == right.1.0).map(|of| of[0].1.0));
            places.extend(chunk.iter().filter(|(_, of)| *of != HEAD).map(|(hash, of)| (*of, *hash)));
        }
        places.sort_unstable();
        places.dedup();
        Some(Self { hashes, blocks, begins, places })
    }

    pub(super) fn holds(&self, id: TraceId) -> bool {
        self.hashes.binary_search(&short(id_token(id))).is_ok()
    }

    /// The blocks that a spread trace may have rows in, by their places, ascending; `None` where it may be in the head, or
    /// is not spread.
    pub(super) fn homes(&self, id: TraceId) -> Option<&[u32]> {
        let at = self.hashes.binary_search(&short(id_token(id))).ok()?;
        let end = self.begins.get(at + 1).copied().unwrap_or(self.blocks.len());
        Some(&self.blocks[self.begins[at]..end]).filter(|blocks| blocks.last() != Some(&HEAD.0))
    }

    /// For each set of a block, by its first row group, the hashes of the spread traces in it.
    pub(super) fn in_block(&self, run: &Run<'_>, view: &BlockView) -> Vec<(usize, Vec<u32>)> {
        let Some(block) = run.views().iter().position(|other| std::ptr::eq(*other, view)) else {
            return Vec::new();
        };
        let from = self.places.partition_point(|((other, _), _)| (*other as usize) < block);
        let here = self.places[from..].iter().take_while(|((other, _), _)| *other as usize == block);
        let here: Vec<_> = here.collect();
        let sets = here.chunk_by(|left, right| left.0 == right.0);
        sets.map(|set| (set[0].0.1 as usize, set.iter().map(|(_, hash)| *hash).collect())).collect()
    }
}
