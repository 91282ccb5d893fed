//! Where the traces of a block are: looked up by the hash of an id, and believed once the row itself has the id.

use std::sync::Arc;

use model::{Tenant, TraceId};
use store::Work;

use super::{BlockView, GroupReader};
use crate::columns::shred::TraceRows;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Error, Result};
use crate::index::section::kind;
use crate::index::{Group, Runs, Traces};
use crate::memory::Key;

/// What becomes of a search besides its answer: what was read, and what could not be.
pub(crate) struct Beside<'a> {
    pub(crate) work: &'a mut Work,
    pub(crate) lost: &'a mut dyn FnMut(Error),
}

impl BlockView {
    /// All traces of a row group.
    ///
    /// # Errors
    /// Where the index or the ids can't be read, or are damaged.
    pub(crate) fn traces(&self, group: &Group) -> Result<Arc<Traces>> {
        let kept = &group.index().memory().index;
        let key = Key { block: group.index().block(), kind: kind::TRACES, number: group.number.into() };
        if let Some(known) = kept.get::<Traces>(key) {
            return Ok(known);
        }
        let traces = Arc::new(self.named(group, &*group.runs()?)?);
        kept.put(key, traces.clone(), traces.bytes());
        Ok(traces)
    }

    /// The same for whoever reads those of every row group once.
    ///
    /// # Errors
    /// As [`BlockView::traces`].
    pub(crate) fn passing_traces(&self, group: &Group) -> Result<Traces> {
        self.named(group, &*group.passing_runs()?)
    }

    /// The runs with the ids of their traces.
    fn named(&self, group: &Group, runs: &Runs) -> Result<Traces> {
        let mut reader = GroupReader::new(self, group)?.passing();
        let mut rows = Vec::with_capacity(runs.len());
        for run in runs.iter() {
            rows.push(run.of(reader.trace_id(run.first)?));
        }
        Ok(Traces::new(rows))
    }

    /// Where the rows of a trace are, with the places of their row groups. What can't be looked up is looked for among
    /// all traces.
    pub(crate) fn find(
        &self,
        tenant: &Tenant,
        id: TraceId,
        beside: &mut Beside<'_>,
    ) -> Vec<(usize, TraceRows)> {
        let mut found = Vec::new();
        let mut last: Option<(u32, Option<Vec<u32>>)> = None;
        for (at, group) in self.groups.iter().enumerate().filter(|(_, group)| group.tenant == *tenant) {
            if group.set().is_none() || last.as_ref().map(|(set, _)| *set) != group.set() {
                let runs = group.with_id(id).map_err(&mut *beside.lost).ok();
                last = Some((group.set().unwrap_or(u32::MAX), runs));
            }
            let Some((_, runs)) = &last else { continue };
            let here = match runs {
                Some(runs) => self.believed(group, id, &group.own_runs(runs), beside.work),
                None => self.traces(group).map(|traces| traces.of(id).to_vec()),
            };
            match here {
                Ok(rows) => found.extend(rows.into_iter().map(|rows| (at, rows))),
                Err(error) => (beside.lost)(error),
            }
        }
        found
    }

    /// The rows of a tenant's traces that have one of these hashes, in the set that begins with this row group, each with the
    /// place of its row group.
    ///
    /// # Errors
    /// Where the index or the ids can't be read, or are damaged.
    pub(crate) fn with_hashes(
        &self,
        tenant: &Tenant,
        (first, hashes): (usize, &[u32]),
        work: &mut Work,
    ) -> Result<Vec<(usize, TraceRows)>> {
        let Some(begin) = self.groups.get(first) else { return Ok(Vec::new()) };
        let mut runs = Vec::new();
        for hash in hashes {
            runs.extend(begin.with_hash(*hash)?);
        }
        runs.sort_unstable();
        runs.dedup();
        let is_of = |group: &Group| match (begin.set(), group.set()) {
            (Some(set), Some(other)) => set == other,
            _ => std::ptr::eq(group, &**begin),
        };
        let mut found = Vec::new();
        for (at, group) in (first..).zip(&self.groups[first..]).take_while(|(_, group)| is_of(group)) {
            let own = group.own_runs(&runs);
            if own.is_empty() || group.tenant != *tenant {
                continue;
            }
            let all = group.runs()?;
            let mut reader = GroupReader::new(self, group)?;
            for run in own.iter().filter_map(|run| all.get(*run as usize)) {
                reader.forget_before(run.first as usize / PAGE_ROWS);
                found.push((at, run.of(reader.trace_id(run.first)?)));
            }
            *work += reader.work;
        }
        Ok(found)
    }

    /// Those of some runs that are of the trace.
    fn believed(&self, group: &Group, id: TraceId, runs: &[u32], work: &mut Work) -> Result<Vec<TraceRows>> {
        let mut found = Vec::new();
        if runs.is_empty() {
            return Ok(found);
        }
        let all = group.runs()?;
        let mut reader = GroupReader::new(self, group)?;
        for run in runs.iter().filter_map(|run| all.get(*run as usize)) {
            if reader.trace_id(run.first)? == id {
                found.push(run.of(id));
            }
            reader.forget_before(run.first as usize / PAGE_ROWS);
        }
        *work += reader.work;
        Ok(found)
    }
}
