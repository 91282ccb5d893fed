//! Hands over every span that starts inside a range, page by page of the files.

use model::{Batch, Tenant, TimeRange};
use store::ReadError;
use store::scan::within;

use super::Sources;
use crate::block::{BlockView, GroupReader};
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};
use crate::index::Group;

/// What is to be handed over. Memory is bounded by the pages of one page number.
#[derive(Debug)]
pub struct Scan {
    sources: Sources,
    tenant: Tenant,
    time: TimeRange,
}

impl Scan {
    /// Everything in these sources that is of the tenant and starts inside.
    #[must_use]
    pub fn new(sources: Sources, tenant: &Tenant, time: TimeRange) -> Self {
        Self { sources, tenant: tenant.clone(), time }
    }

    fn group(&self, view: &BlockView, group: &Group, take: &mut dyn FnMut(Batch) -> bool) -> Result<bool> {
        let mut reader = GroupReader::new(view, group)?;
        for (number, zone) in group.zones()?.iter().enumerate() {
            if !self.time.overlaps(zone.start_min, zone.start_max) {
                continue;
            }
            let first = (number * PAGE_ROWS) as u32;
            let rows: Vec<u32> = (first..first + reader.rows(number) as u32).collect();
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
    fn run(self: Box<Self>, take: &mut dyn FnMut(Batch) -> bool) -> std::result::Result<(), ReadError> {
        for view in &self.sources.blocks {
            for group in view.groups.iter().filter(|group| group.tenant == self.tenant) {
                match self.group(view, group, take) {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    Err(error) => return Err(ReadError::Failed { reason: error.to_string() }),
                }
            }
        }
        let head = self.sources.head.iter().filter(|batch| *batch.tenant() == self.tenant).cloned();
        Box::new(store::scan::Batches { all: head.collect(), time: self.time }).run(take)
    }
}
