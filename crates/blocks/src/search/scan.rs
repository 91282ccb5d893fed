//! Hands over every span that starts inside a range once, page by page of the files.

use std::sync::Arc;
use std::time::Duration;

use model::{Batch, Tenant, TimeRange};
use store::scan::{within, without};
use store::{Ask, Plan, ReadError};

use super::repeats::Repeats;
use super::{Place, Run, Sources};
use crate::block::{BlockView, GroupReader};
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};
use crate::index::Group;

/// What is to be handed over. Memory is bounded by the pages of one page number, and by what was found of spans that were
/// sent again.
#[derive(Debug)]
pub struct Scan {
    sources: Sources,
    tenant: Tenant,
    time: TimeRange,
    /// Blocks that are handed over otherwise.
    apart: Vec<Arc<BlockView>>,
    /// What is left out, once it was found out.
    repeats: Option<Repeats>,
}

impl Scan {
    /// Everything in these sources that is of the tenant and starts inside.
    #[must_use]
    pub fn new(sources: Sources, tenant: &Tenant, time: TimeRange) -> Self {
        Self { sources, tenant: tenant.clone(), time, apart: Vec::new(), repeats: None }
    }

    /// Keeps those of its blocks apart, and answers their places among these, of which every span is to be handed over.
    /// Reads files and computes.
    pub(crate) fn set_apart(&mut self, views: &[Arc<BlockView>]) -> Vec<usize> {
        let repeats = self.repeats();
        let is_here = |view: &Arc<BlockView>| self.sources.blocks.iter().any(|here| Arc::ptr_eq(here, view));
        let is_whole = |at: &usize| is_here(&views[*at]) && repeats.count(&views[*at]) == 0;
        let whole: Vec<usize> = (0..views.len()).filter(is_whole).collect();
        self.apart = whole.iter().map(|at| views[*at].clone()).collect();
        self.repeats = Some(repeats);
        whole
    }

    /// Where it cannot be read which spans are the same, that is said when they are read.
    fn repeats(&self) -> Repeats {
        let all = Plan::new(self.tenant.clone(), Ask::Traces);
        let plan = Plan { time: self.time, time_limit: Duration::MAX, bytes_max: u64::MAX, ..all };
        Repeats::of(&mut Run::new(&plan, &self.sources, &|| false))
    }

    fn group(
        &self,
        (view, group): (&BlockView, &Group),
        repeats: &Repeats,
        take: &mut dyn FnMut(Batch) -> bool,
    ) -> Result<bool> {
        let left_out = repeats.rows(Place { view, group });
        let mut reader = GroupReader::new(view, group)?;
        for (number, zone) in group.zones()?.iter().enumerate() {
            if !self.time.overlaps(zone.start_min, zone.start_max) {
                continue;
            }
            let first = (number * PAGE_ROWS) as u32;
            let rows = first..first + reader.rows(number) as u32;
            let rows: Vec<u32> = rows.filter(|row| left_out.binary_search(row).is_err()).collect();
            let mut rebuilder = Rebuilder::default();
            reader.rebuild(&rows, None, &mut rebuilder)?;
            reader.forget(number);
            let batch = Batch::read(rebuilder.finish().into(), self.tenant.clone());
            let batch = within(batch.doing(Next::Repair, "put the spans of a page together")?, self.time);
            if !batch.is_empty() && !take(batch) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl store::Scan for Scan {
    fn run(mut self: Box<Self>, take: &mut dyn FnMut(Batch) -> bool) -> std::result::Result<(), ReadError> {
        let repeats = self.repeats.take().unwrap_or_else(|| self.repeats());
        let is_apart = |view: &&Arc<BlockView>| self.apart.iter().any(|apart| Arc::ptr_eq(apart, view));
        for view in self.sources.blocks.iter().filter(|view| !is_apart(view)) {
            for group in view.groups.iter().filter(|group| group.tenant == self.tenant) {
                match self.group((view, group), &repeats, take) {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    Err(error) => return Err(ReadError::Failed { reason: error.to_string() }),
                }
            }
        }
        for batch in self.sources.head.iter().filter(|batch| *batch.tenant() == self.tenant) {
            let within = within(without(batch.clone(), repeats.places(batch)), self.time);
            if !within.is_empty() && !take(within) {
                break;
            }
        }
        Ok(())
    }
}
