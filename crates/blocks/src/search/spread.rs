//! Which traces have spans in more than one place: in several runs of rows, or in the head too.
//!
//! Known by hashes: a trace that is in one place only may rarely seem spread, never the other way round. Closed blocks never
//! change: which of their traces are spread over them is found once and kept as long as memory has room, so that a question
//! only compares what the head and open blocks have besides.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Tenant, TraceId};

use super::Run;
use crate::block::BlockView;
use crate::columns::shred::TraceRows;
use crate::error::Result;
use crate::index::section::kind;
use crate::index::short;
use crate::index::tokens::id_token;
use crate::memory::{Key, Memory};

/// A block, by its place among others, and the row group with which one of its sets begins.
type SetOf = (u32, u32);

/// No block: the head.
const HEAD: SetOf = (u32::MAX, 0);

/// The traces with spans in more than one place; blocks are told by their places among those of the question.
pub(super) struct Spread {
    /// Those that have spans in the head or in an open block.
    recent: Repeats,
    closed: Arc<Closed>,
    /// The places of the closed blocks.
    places: Vec<u32>,
}

/// Hashes that are in more than one place.
#[derive(Debug, Default)]
struct Repeats {
    hashes: Vec<u32>,
    /// The set of row groups that has a trace, with the hash.
    places: Vec<(SetOf, u32)>,
}

/// The traces of closed blocks, which are told by their places among the closed ones.
#[derive(Debug)]
struct Closed {
    of: Vec<u64>,
    /// Of each run of rows, ascending.
    hashes: Vec<u32>,
    /// The set of each, as a place among `sets`.
    set_of: Vec<u32>,
    sets: Vec<SetOf>,
    repeats: Repeats,
}

/// The runs of a closed block whose traces are spread over closed ones.
#[derive(Debug)]
struct Rows {
    tenant: Tenant,
    /// The closed blocks.
    of: Vec<u64>,
    /// With the places of their row groups.
    rows: Vec<(usize, TraceRows)>,
}

impl Spread {
    /// `None` where it can't be told of all.
    pub(super) fn of(run: &mut Run<'_>) -> Option<Self> {
        let views = run.views();
        let is_closed = |place: &u32| views[*place as usize].groups[0].index().is_finished();
        let (places, open): (Vec<u32>, Vec<u32>) = (0..).take(views.len()).partition(is_closed);
        let closed = Closed::of(run, &views, &places)?;
        let mut recent: Vec<(u32, SetOf)> = Vec::new();
        for batch in &run.head {
            recent.extend(batch.rows().iter().map(|row| (short(id_token(row.trace_id)), HEAD)));
            recent.dedup();
        }
        recent.sort_unstable();
        recent.dedup();
        for place in open {
            for (first, hashes) in hashes(run, views[place as usize])? {
                recent.extend(hashes.into_iter().map(|hash| (hash, (place, first))));
            }
        }
        recent.sort();
        let recent = Repeats::of(&closed.beside(&recent, &places));
        Some(Self { recent, closed, places })
    }

    pub(super) fn holds(&self, id: TraceId) -> bool {
        let hash = short(id_token(id));
        self.recent.find(hash).is_some() || self.closed.repeats.find(hash).is_some()
    }

    /// The runs of a block that are of spread traces, each with the place of its row group; some more than once.
    pub(super) fn all_in(&self, run: &mut Run<'_>, view: &BlockView) -> Result<Vec<(usize, TraceRows)>> {
        let Some(block) = run.views().iter().position(|other| std::ptr::eq(*other, view)) else {
            return Ok(Vec::new());
        };
        let mut found = self.recent.runs_in(run, view, block as u32)?;
        if let Some(place) = self.places.iter().position(|place| *place as usize == block) {
            found.extend_from_slice(&self.closed.runs_in(run, view, place as u32)?.rows);
        }
        Ok(found)
    }
}

/// The hashes of the traces in each set of a block, with the row group that it begins with; `None` where they can't be read,
/// or nobody waits for them.
fn hashes(run: &mut Run<'_>, view: &BlockView) -> Option<Vec<(u32, Vec<u32>)>> {
    let mut all = Vec::new();
    let mut last = None;
    for (at, group) in (0..).zip(&view.groups) {
        if group.set().is_none() || group.set() != last {
            if run.is_abandoned() {
                return None;
            }
            let hashes = group.id_hashes().inspect_err(|error| run.go_on_without(error)).ok()?;
            all.push((at, hashes));
            last = group.set();
        }
    }
    Some(all)
}

/// The memory of closed blocks.
fn memory<'a>(views: &[&'a BlockView], places: &[u32]) -> Option<&'a Arc<Memory>> {
    let mut common: Option<&Arc<Memory>> = None;
    for place in places {
        let index = views.get(*place as usize)?.groups.first()?.index();
        let memory = index.memory();
        let is_closed = index.is_finished() && common.is_none_or(|common| Arc::ptr_eq(common, memory));
        common = is_closed.then_some(memory);
        common?;
    }
    common
}

impl Repeats {
    /// Of all hashes, ascending.
    fn of(all: &[(u32, SetOf)]) -> Self {
        let mut found = Self::default();
        for chunk in all.chunk_by(|left, right| left.0 == right.0).filter(|chunk| chunk.len() > 1) {
            found.hashes.push(chunk[0].0);
            found.places.extend(chunk.iter().filter(|(_, of)| *of != HEAD).map(|(hash, of)| (*of, *hash)));
        }
        found.places.sort_unstable();
        found.places.dedup();
        found
    }

    fn find(&self, hash: u32) -> Option<usize> {
        self.hashes.binary_search(&hash).ok()
    }

    /// The runs of the block at a place.
    fn runs_in(&self, run: &mut Run<'_>, view: &BlockView, block: u32) -> Result<Vec<(usize, TraceRows)>> {
        let from = self.places.partition_point(|((other, _), _)| *other < block);
        let here = &self.places[from..];
        let here = &here[..here.partition_point(|((other, _), _)| *other == block)];
        let mut found = Vec::new();
        for set in here.chunk_by(|left, right| left.0 == right.0) {
            let hashes: Vec<u32> = set.iter().map(|(_, hash)| *hash).collect();
            let first = set[0].0.1 as usize;
            found.extend(view.with_hashes(&run.plan.tenant, (first, &hashes), &mut run.work)?);
        }
        Ok(found)
    }
}

impl Closed {
    /// That of the blocks at these places.
    fn of(run: &mut Run<'_>, views: &[&BlockView], places: &[u32]) -> Option<Arc<Self>> {
        let of: Vec<u64> =
            places.iter().map(|place| views[*place as usize].groups[0].index().block()).collect();
        let memory = memory(views, places);
        let number = FixedState::default().hash_one(&of);
        let key = of.first().map(|block| Key { block: *block, kind: kind::SPREAD, number });
        let kept = memory.zip(key).and_then(|(memory, key)| memory.index.get::<Self>(key));
        if let Some(kept) = kept.filter(|kept| kept.of == of) {
            return Some(kept);
        }
        let (mut all, mut sets) = (Vec::new(), Vec::new());
        for (block, place) in (0..).zip(places) {
            for (first, hashes) in hashes(run, views[*place as usize])? {
                all.extend(hashes.into_iter().map(|hash| (hash, sets.len() as u32)));
                sets.push((block, first));
            }
        }
        // Those of a set ascend already, which a stable sort makes use of.
        all.sort();
        let (hashes, set_of): (Vec<u32>, Vec<u32>) = all.into_iter().unzip();
        let entries: Vec<(u32, SetOf)> = hashes
            .iter()
            .zip(&set_of)
            .enumerate()
            .filter(|(at, (hash, _))| {
                let is_same = |at: Option<usize>| at.and_then(|at| hashes.get(at)) == Some(*hash);
                is_same(at.checked_sub(1)) || is_same(at.checked_add(1))
            })
            .map(|(_, (hash, set))| (*hash, sets[*set as usize]))
            .collect();
        let closed = Arc::new(Self { of, hashes, set_of, sets, repeats: Repeats::of(&entries) });
        if let Some((memory, key)) = memory.zip(key) {
            memory.index.put(key, closed.clone(), closed.bytes());
        }
        Some(closed)
    }

    fn bytes(&self) -> usize {
        let Repeats { hashes, places } = &self.repeats;
        let numbers = self.hashes.len() + self.set_of.len() + hashes.len();
        numbers * size_of::<u32>()
            + places.len() * size_of::<(SetOf, u32)>()
            + self.sets.len() * size_of::<SetOf>()
    }

    /// These hashes, ascending, and those of the closed blocks, at these places, that are among them.
    fn beside(&self, recent: &[(u32, SetOf)], places: &[u32]) -> Vec<(u32, SetOf)> {
        let mut all = Vec::with_capacity(recent.len());
        let mut from = 0;
        for chunk in recent.chunk_by(|left, right| left.0 == right.0) {
            let hash = chunk[0].0;
            let begin = all.len();
            all.extend_from_slice(chunk);
            from += self.hashes[from..].iter().take_while(|other| **other < hash).count();
            let same = self.hashes[from..].iter().take_while(|other| **other == hash).count();
            all.extend(self.set_of[from..from + same].iter().map(|set| {
                let (block, first) = self.sets[*set as usize];
                (hash, (places[block as usize], first))
            }));
            from += same;
            all[begin..].sort_unstable();
        }
        all
    }

    /// The runs of the block at a place.
    fn runs_in(&self, run: &mut Run<'_>, view: &BlockView, place: u32) -> Result<Arc<Rows>> {
        let index = view.groups[0].index();
        let tenant = run.plan.tenant.clone();
        let number = FixedState::default().hash_one((&self.of, &tenant));
        let key = Key { block: index.block(), kind: kind::SPREAD_RUNS, number };
        let is_so = |kept: &Arc<Rows>| kept.of == self.of && kept.tenant == tenant;
        if let Some(kept) = index.memory().index.get::<Rows>(key).filter(is_so) {
            return Ok(kept);
        }
        let rows = self.repeats.runs_in(run, view, place)?;
        let bytes = size_of::<Rows>() + rows.len() * size_of::<(usize, TraceRows)>();
        let rows = Arc::new(Rows { tenant, of: self.of.clone(), rows });
        index.memory().index.put(key, rows.clone(), bytes);
        Ok(rows)
    }
}
