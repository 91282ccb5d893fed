//! Which spans stand there more than once, since they were sent again: counts leave out all but one of each.
//!
//! Copies are of one trace and start together, so only traces that lie in several places at that time are looked at, or
//! several times in one. What was found between row groups is kept ([`known`]): they never change. What was found in the
//! head is kept as long as the head only grows ([`head`]).

mod classes;
mod head;
mod known;
pub(super) mod sets;
mod table;

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::Batch;

use super::{Place, Run};
use crate::block::{BlockView, GroupReader};
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};

/// Up to one of so many spans of a block are taken out one by one …
const FEW_PART: u64 = 64;

/// … and up to so many of any.
const FEW: u64 = 256;

/// The spans that counts leave out.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Rows in ascending order, by the address of their block and the number of their row group.
    rows: HashMap<(usize, u32), Vec<u32>, FixedState>,
    /// Places in ascending order, by the address of their batch.
    head: HashMap<usize, Vec<u32>, FixedState>,
}

impl Repeats {
    /// Of all that starts when the plan asks for.
    pub(super) fn of(run: &mut Run<'_>) -> Self {
        let sets = sets::all(run);
        let (rows, head) = (known::rows(run, &sets), head::places(run, &sets));
        Self { rows, head }
    }

    /// The rows of a row group that are left out.
    pub(super) fn rows(&self, place: Place<'_>) -> &[u32] {
        let key = (std::ptr::from_ref(place.view).addr(), place.group.number);
        self.rows.get(&key).map_or(&[], Vec::as_slice)
    }

    /// How many rows of a block are left out: its index counts so many spans too much.
    pub(super) fn count(&self, view: &BlockView) -> u64 {
        self.rows_of(view).map(|(_, rows)| rows.len() as u64).sum()
    }

    /// True where it takes less to count the rows of a block that are left out, and take them out of what its index
    /// counts, than to count the others.
    pub(super) fn are_few(&self, view: &BlockView) -> bool {
        self.count(view) <= (view.spans() / FEW_PART).max(FEW)
    }

    fn rows_of(&self, view: &BlockView) -> impl Iterator<Item = (u32, &[u32])> {
        let address = std::ptr::from_ref(view).addr();
        let here = self.rows.iter().filter(move |((block, _), _)| *block == address);
        here.map(|((_, group), rows)| (*group, rows.as_slice()))
    }

    /// The spans of a block that are left out, some at a time; of their leaves `only` these, if some are given.
    pub(super) fn each(
        &self,
        run: &mut Run<'_>,
        (view, only): (&BlockView, Option<&[usize]>),
        mut visit: impl FnMut(&Run<'_>, &Batch),
    ) -> Result<()> {
        for (group, rows) in self.rows_of(view) {
            let mut reader = GroupReader::new(view, &view.groups[group as usize])?;
            for of_page in
                rows.chunk_by(|left, right| *left as usize / PAGE_ROWS == *right as usize / PAGE_ROWS)
            {
                let mut rebuilder = Rebuilder::default();
                reader.rebuild(of_page, only, &mut rebuilder)?;
                reader.forget(of_page[0] as usize / PAGE_ROWS);
                let batch = Batch::read(rebuilder.finish().into(), reader.group.tenant.clone());
                visit(run, &batch.doing(Next::Repair, "put spans together that were sent again")?);
            }
            run.work += reader.work;
        }
        Ok(())
    }

    /// The spans of a batch of the head that are left out.
    pub(super) fn places(&self, batch: &Batch) -> &[u32] {
        self.head.get(&std::ptr::from_ref(batch).addr()).map_or(&[], Vec::as_slice)
    }
}
