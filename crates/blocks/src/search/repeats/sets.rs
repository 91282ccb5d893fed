//! Row groups that are looked up together, and the spans of their traces.

use std::sync::Arc;

use model::{SpanId, Tenant};

use super::super::Run;
use super::table::{self, Spot, Token};
use crate::block::{BlockView, GroupReader, pages};
use crate::columns::schema::leaf;
use crate::columns::shred::TraceRows;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;
use crate::index::section::kind;
use crate::index::short;
use crate::index::tokens::id_token;
use crate::memory::{Key, Memory};

/// Row groups of a tenant that are looked up together.
#[derive(Debug)]
pub(in crate::search) struct Set<'a> {
    pub(in crate::search) view: &'a BlockView,
    /// The number of the block.
    pub(in crate::search) block: u64,
    /// The row group with which the set begins, of whatever tenant.
    first: usize,
    /// The numbers of the tenant's row groups.
    pub(in crate::search) groups: Vec<u32>,
    /// The first and the last span start.
    pub(in crate::search) extent: (u64, u64),
}

/// All sets with spans of the tenant. Blocks have the numbers of their memory, if they share one, else their places.
pub(in crate::search) fn all<'a>(run: &Run<'a>) -> Vec<Set<'a>> {
    let views = run.views();
    let numbers = numbers(run);
    let mut sets: Vec<Set<'a>> = Vec::new();
    for (block, view) in numbers.into_iter().zip(views) {
        let mut last = None;
        let mut is_new = true;
        let mut first = 0;
        for (at, group) in view.groups.iter().enumerate() {
            if group.set().is_none() || group.set() != last {
                (last, first, is_new) = (group.set(), at, true);
            }
            if group.tenant != run.plan.tenant {
                continue;
            }
            if std::mem::take(&mut is_new) {
                sets.push(Set { view, block, first, groups: Vec::new(), extent: (u64::MAX, 0) });
            }
            let Some(set) = sets.last_mut() else { continue };
            set.groups.push(at as u32);
            set.extent = (set.extent.0.min(group.extent.0), set.extent.1.max(group.extent.1));
        }
    }
    sets
}

/// The numbers of the blocks.
pub(in crate::search) fn numbers(run: &Run<'_>) -> Vec<u64> {
    let views = run.views();
    match memory(run).is_some() {
        true => views.iter().map(|view| *view.number).collect(),
        false => (0..).take(views.len()).collect(),
    }
}

/// The memory from which all blocks have their numbers; none where they have them from several.
pub(in crate::search) fn memory<'a>(run: &Run<'a>) -> Option<&'a Arc<Memory>> {
    let views = run.views();
    let mut memories =
        views.into_iter().filter_map(|view| view.groups.first()).map(|group| group.index().memory());
    let first = run.memory.or_else(|| memories.next())?;
    memories.all(|memory| Arc::ptr_eq(first, memory)).then_some(first)
}

/// A row group: the number of its block, and its own.
pub(in crate::search) type GroupId = (u64, u32);

impl Set<'_> {
    /// Its row groups.
    pub(in crate::search) fn ids(&self) -> impl Iterator<Item = GroupId> {
        self.groups.iter().map(|group| (self.block, *group))
    }

    /// The hashes of its trace ids, those of other tenants too, each as often as it has runs of rows; in ascending order.
    pub(in crate::search) fn hashes(&self) -> Result<Arc<Vec<u32>>> {
        let group = &self.view.groups[self.first];
        let Some(set) = group.set() else { return group.id_hashes().map(Arc::new) };
        let kept = &group.index().memory().index;
        let key = Key { block: group.index().block(), kind: kind::HASHES, number: set.into() };
        if let Some(known) = kept.get::<Vec<u32>>(key) {
            return Ok(known);
        }
        let hashes = Arc::new(group.id_hashes()?);
        kept.put_made(key, hashes.clone(), hashes.len() * 4);
        Ok(hashes)
    }

    /// The hashes of traces that may hold a span twice in this set.
    pub(super) fn own_hashes(&self, run: &mut Run<'_>) -> Result<Vec<u32>> {
        if self.view.is_joined {
            return Ok(Vec::new());
        }
        let hashes = self.hashes()?;
        let mut own: Vec<u32> =
            hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        for group in self.groups.iter().map(|at| &self.view.groups[*at as usize]) {
            let runs = group.runs()?;
            let mut reader = GroupReader::new(self.view, group)?;
            for rows in runs.iter().filter(|rows| !rows.plain && rows.count > 1) {
                reader.forget_before(rows.first as usize / PAGE_ROWS);
                own.push(short(id_token(reader.trace_id(rows.first)?)));
            }
            run.work += reader.work;
        }
        Ok(own)
    }

    /// Where the traces with these hashes are: by row group, in row order.
    pub(in crate::search) fn runs(
        &self,
        run: &mut Run<'_>,
        tenant: &Tenant,
        hashes: &[u32],
    ) -> Result<Vec<(usize, TraceRows)>> {
        let mut found = self.view.with_hashes(tenant, (self.first, hashes), &mut run.work)?;
        found.sort_unstable_by_key(|(at, rows)| (*at, rows.first));
        Ok(found)
    }

    /// Visits the spans of traces in these runs, which come by row group and in row order.
    pub(super) fn each(
        &self,
        run: &mut Run<'_>,
        runs: &[(usize, TraceRows)],
        mut visit: impl FnMut(Token, Spot),
    ) -> Result<()> {
        for of_group in runs.chunk_by(|left, right| left.0 == right.0) {
            let at = of_group[0].0;
            let mut reader = GroupReader::new(self.view, &self.view.groups[at])?;
            for (_, rows) in of_group {
                reader.forget_before(rows.first as usize / PAGE_ROWS);
                let trace = id_token(rows.id);
                let end = rows.first + rows.count;
                for number in pages(&(rows.first..end)) {
                    let (ids, starts) =
                        (reader.page(leaf::SPAN_ID, number)?, reader.page(leaf::START, number)?);
                    let (Some(ids), Some(starts)) = (ids, starts) else { continue };
                    let base = (number * PAGE_ROWS) as u32;
                    let here = rows.first.max(base)..end.min(base + reader.rows(number) as u32);
                    for row in here {
                        let ((ids, id), (starts, start)) =
                            (ids.values.at((row - base) as usize), starts.values.at((row - base) as usize));
                        let id = SpanId(ids.bytes(id).try_into().unwrap_or_default());
                        let token = table::token(trace, id, starts.int(start) as u64);
                        visit(token, Spot { block: self.block, group: at as u32, row });
                    }
                }
            }
            run.work += reader.work;
        }
        Ok(())
    }
}

/// The hashes that two ascending lists have in common, each once.
pub(in crate::search) fn common(left: &[u32], right: &[u32]) -> Vec<u32> {
    let (few, mut many) = if left.len() < right.len() { (left, right) } else { (right, left) };
    let mut common = Vec::new();
    for hash in few {
        many = &many[before(many, *hash)..];
        if many.first() == Some(hash) && common.last() != Some(hash) {
            common.push(*hash);
        }
    }
    common
}

/// How many of an ascending list come before a hash: found in steps that double, since mostly it is not far.
fn before(list: &[u32], hash: u32) -> usize {
    let mut end = 1;
    while end < list.len() && list[end - 1] < hash {
        end *= 2;
    }
    let begin = end / 2;
    let end = end.min(list.len());
    begin + list[begin..end].partition_point(|other| *other < hash)
}
