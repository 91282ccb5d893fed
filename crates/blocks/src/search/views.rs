//! The blocks of a question by their numbers, and traces read from where they are known to lie.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Batch, TraceId};

use super::Run;
use super::places::Places;
use super::repeats::sets;
use super::skeleton::{Depth, Wanted, in_block};
use crate::block::BlockView;
use crate::error::Result;
use crate::memory::Memory;

/// The blocks of a question by their numbers.
pub(super) struct Views<'a> {
    views: Vec<&'a BlockView>,
    pub(super) places: HashMap<u64, usize, FixedState>,
    /// What all of them share, if they do.
    pub(super) memory: Option<Arc<Memory>>,
}

impl<'a> Views<'a> {
    pub(super) fn of(run: &Run<'a>) -> Self {
        let views = run.views();
        let numbers = sets::numbers(run);
        let places = numbers.into_iter().enumerate().map(|(place, number)| (number, place)).collect();
        let memory = sets::memory(run).cloned();
        Self { views, places, memory }
    }

    /// Reads the runs of traces: each with its place among those of its trace.
    pub(super) fn read(
        &self,
        run: &mut Run<'a>,
        some: &[&(TraceId, Arc<Places>)],
        depth: Depth<'_>,
    ) -> Result<Vec<Vec<(u32, Batch)>>> {
        let mut wanted: Vec<Vec<Wanted>> = vec![Vec::new(); self.views.len()];
        let mut begins = vec![0];
        for (_, places) in some {
            let begin = begins.last().copied().unwrap_or(0);
            for (at, ((block, group), rows)) in places.runs.iter().enumerate() {
                if let Some(place) = self.places.get(block) {
                    wanted[*place].push((*group as usize, rows.first, rows.count, begin + at));
                }
            }
            begins.push(begin + places.runs.len());
        }
        let mut parts: Vec<Vec<(u32, Batch)>> = some.iter().map(|_| Vec::new()).collect();
        for (view, wanted) in self.views.iter().zip(wanted) {
            in_block(run, (view, wanted), depth, &mut |at, part| {
                let of = begins.partition_point(|begin| *begin <= at) - 1;
                parts[of].push(((at - begins[of]) as u32, part));
            })?;
        }
        Ok(parts)
    }
}
