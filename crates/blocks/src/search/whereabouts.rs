//! Where those traces lie that no row group can tell of alone: traces in several runs of rows, and all of the head.
//!
//! Row groups and batches never change, so each is compared with the others once: what is known is kept, and brought up to
//! date in its place with those that came and went, so that a question while spans come in only looks at what is new. It is kept
//! among the parts of indexes, under their budget, and found again where it had to go. From when to when each of these traces
//! lasts is known too, so that they are ranked without looking at what they lie in.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard};

use foldhash::fast::FixedState;
use model::batch::Identity;
use model::{Batch, Tenant, TraceId};

use super::Run;
use super::places::{Known, Lasts};
use super::repeats::sets::{self, GroupId, Set, common};
use crate::columns::shred::TraceRows;
use crate::error::Result;
use crate::index::section::kind;
use crate::index::short;
use crate::index::tokens::id_token;
use crate::memory::{Key, Memory};

/// With so many row groups and batches that are not known yet, it takes little to bring it up to date.
const NEAR_GROUPS: usize = 4;
const NEAR_BATCHES: usize = 64;

/// What is known of the row groups and the head of a tenant.
#[derive(Clone, Debug, Default)]
pub(super) struct Whereabouts {
    /// The row groups that were compared with each other.
    groups: HashSet<GroupId, FixedState>,
    /// The numbers of the head's batches.
    batches: HashMap<Identity, u64, FixedState>,
    /// The next one.
    number: u64,
    /// The traces in several runs, and those with spans in the head.
    pub(super) traces: HashMap<TraceId, Known, FixedState>,
    /// What the places of these traces take.
    places_bytes: usize,
}

/// What is known, which one question brings up to date at a time.
struct Shared {
    tenant: Tenant,
    known: Mutex<Arc<Whereabouts>>,
}

/// Rows of the head, and when their spans last.
type Rows = (Vec<(u64, u32)>, Lasts);

/// What runs were found of each trace.
type Found = HashMap<TraceId, Vec<(GroupId, TraceRows)>, FixedState>;

impl Whereabouts {
    /// Of everything that the question looks at, where that is known without looking at anything.
    pub(super) fn as_kept(run: &Run<'_>) -> Option<Arc<Self>> {
        let known = kept(sets::memory(run)?, &run.plan.tenant)?.at_rest()?;
        known.is_of(run, &sets::all(run)).then_some(known)
    }

    /// The same where that is known of all but a little that came since, which is looked at.
    pub(super) fn if_near(run: &mut Run<'_>) -> Option<Arc<Self>> {
        let known = kept(sets::memory(run)?, &run.plan.tenant)?.at_rest()?;
        let new_groups =
            sets::all(run).iter().flat_map(Set::ids).filter(|id| !known.groups.contains(id)).count();
        let new_batches =
            run.head.iter().filter(|batch| !known.batches.contains_key(&batch.identity())).count();
        drop(known);
        if new_groups > NEAR_GROUPS || new_batches > NEAR_BATCHES {
            return None;
        }
        Self::of(run)
    }

    /// Of everything that the question looks at; `None` where it can't be told, or nobody waits for it.
    pub(super) fn of(run: &mut Run<'_>) -> Option<Arc<Self>> {
        let sets = sets::all(run);
        let memory = sets::memory(run).cloned();
        let shared = memory.as_ref().and_then(|memory| kept(memory, &run.plan.tenant));
        let shared = shared.unwrap_or_else(|| Arc::new(Shared::new(&run.plan.tenant)));
        let mut known = shared.lock();
        if known.is_of(run, &sets) {
            return Some(known.clone());
        }
        let now = Arc::make_mut(&mut known);
        now.let_go(run, &sets);
        let added = now.add_groups(run, &sets).and_then(|()| now.add_batches(run, &sets));
        added.inspect_err(|error| run.go_on_without(error)).ok()?;
        if run.is_abandoned() {
            return None;
        }
        let now = known.clone();
        drop(known);
        if let Some(memory) = memory {
            memory.index.put_dear(key(&run.plan.tenant), shared.clone(), now.bytes());
        }
        Some(now)
    }

    /// True where the trace lies in more than one place.
    pub(super) fn is_spread(&self, id: TraceId) -> bool {
        self.traces.get(&id).is_some_and(|known| known.places.is_spread())
    }

    /// True where the row group is known.
    pub(super) fn has(&self, group: GroupId) -> bool {
        self.groups.contains(&group)
    }

    /// The place among those of the question's head of each batch, by its number.
    pub(super) fn order(&self, run: &Run<'_>) -> HashMap<u64, usize, FixedState> {
        let number = |(at, batch): (usize, &&Batch)| Some((*self.batches.get(&batch.identity())?, at));
        run.head.iter().enumerate().filter_map(number).collect()
    }

    fn is_of(&self, run: &Run<'_>, sets: &[Set<'_>]) -> bool {
        self.groups.len() == sets.iter().map(|set| set.groups.len()).sum::<usize>()
            && self.batches.len() == run.head.len()
            && sets.iter().flat_map(Set::ids).all(|id| self.groups.contains(&id))
            && run.head.iter().all(|batch| self.batches.contains_key(&batch.identity()))
    }

    /// Forgets row groups and batches that are not there any more.
    fn let_go(&mut self, run: &Run<'_>, sets: &[Set<'_>]) {
        let groups: HashSet<GroupId, FixedState> = sets.iter().flat_map(Set::ids).collect();
        let batches: HashSet<Identity, FixedState> = run.head.iter().map(|batch| batch.identity()).collect();
        let (groups_before, batches_before) = (self.groups.len(), self.batches.len());
        self.groups.retain(|group| groups.contains(group));
        self.batches.retain(|batch, _| batches.contains(batch));
        if (self.groups.len(), self.batches.len()) == (groups_before, batches_before) {
            return;
        }
        let number = |batch: &&Batch| Some(*self.batches.get(&batch.identity())?);
        let batches: HashMap<u64, &Batch, FixedState> =
            run.head.iter().filter_map(|batch| Some((number(batch)?, *batch))).collect();
        let has = |group: &GroupId| self.groups.contains(group);
        let places_bytes = &mut self.places_bytes;
        self.traces.retain(|_, known| {
            let places = &known.places;
            let stays = places.runs.iter().all(|(group, _)| has(group))
                && places.head.iter().all(|(batch, _)| batches.contains_key(batch));
            if stays {
                return true;
            }
            *places_bytes -= places.bytes();
            let left = places.without(&has, &batches);
            left.is_some_and(|left| {
                *places_bytes += left.places.bytes();
                *known = left;
                true
            })
        });
    }

    /// Compares row groups that are not known yet with each other, with the others and with the head.
    fn add_groups(&mut self, run: &mut Run<'_>, sets: &[Set<'_>]) -> Result<()> {
        let (old, new): (Vec<&Set<'_>>, Vec<&Set<'_>>) =
            sets.iter().partition(|set| set.ids().all(|id| self.groups.contains(&id)));
        if new.is_empty() {
            return Ok(());
        }
        let mut hashes: Vec<u32> = Vec::new();
        for set in &new {
            hashes.extend_from_slice(&set.hashes()?);
        }
        // Those of a set ascend already, which a stable sort makes use of.
        hashes.sort();
        let several = hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        let mut shared: Vec<u32> = several.chain(self.in_head()).collect();
        hashes.dedup();
        let mut found = Found::default();
        for set in old {
            if run.is_abandoned() {
                return Ok(());
            }
            let here = common(&hashes, &set.hashes()?);
            look_up(run, (set, &here), &mut found)?;
            shared.extend(here);
        }
        shared.sort_unstable();
        shared.dedup();
        for set in &new {
            if run.is_abandoned() {
                return Ok(());
            }
            let here = common(&shared, &set.hashes()?);
            look_up(run, (set, &here), &mut found)?;
        }
        for (id, runs) in found {
            let mut known = self.traces.get(&id).cloned().unwrap_or_default();
            let before = known.places.runs.len();
            let bytes_before = self.traces.get(&id).map_or(0, |known| known.places.bytes());
            let places = Arc::make_mut(&mut known.places);
            places.runs.extend(runs);
            places.runs.sort_unstable_by_key(|(group, rows)| (*group, rows.first));
            places.runs.dedup_by_key(|(group, rows)| (*group, rows.first));
            if places.is_spread() && before < places.runs.len() {
                places.runs.shrink_to_fit();
                known.lasts.add_runs(&places.runs);
                self.places_bytes = self.places_bytes + places.bytes() - bytes_before;
                self.traces.insert(id, known);
            }
        }
        self.groups.extend(new.into_iter().flat_map(Set::ids));
        Ok(())
    }

    /// Finds where else the traces lie of batches that are not known yet.
    fn add_batches(&mut self, run: &mut Run<'_>, sets: &[Set<'_>]) -> Result<()> {
        let mut new: HashMap<TraceId, Rows, FixedState> = HashMap::default();
        let mut batches: Vec<(Identity, u64)> = Vec::new();
        for batch in run.head.iter().filter(|batch| !self.batches.contains_key(&batch.identity())) {
            let number = self.number;
            self.number += 1;
            batches.push((batch.identity(), number));
            for (place, row) in (0..).zip(batch.rows()) {
                let (rows, lasts) = new.entry(row.trace_id).or_default();
                rows.push((number, place));
                lasts.add_row(row);
            }
        }
        let unknown = new.keys().filter(|id| !self.traces.contains_key(id));
        let mut hashes: Vec<u32> = unknown.map(|id| short(id_token(*id))).collect();
        hashes.sort_unstable();
        let mut found = Found::default();
        for set in sets.iter().filter(|_| !hashes.is_empty()) {
            if run.is_abandoned() {
                return Ok(());
            }
            let here = common(&hashes, &set.hashes()?);
            look_up(run, (set, &here), &mut found)?;
        }
        for (id, (rows, lasts)) in new {
            let is_new = !self.traces.contains_key(&id);
            let known = self.traces.entry(id).or_default();
            let runs = found.remove(&id).unwrap_or_default();
            known.lasts.add(lasts.start, lasts.end);
            known.lasts.add_runs(&runs);
            let bytes_before = if is_new { 0 } else { known.places.bytes() };
            let places = Arc::make_mut(&mut known.places);
            places.runs.extend(runs);
            places.head.extend(rows);
            self.places_bytes = self.places_bytes + places.bytes() - bytes_before;
        }
        self.batches.extend(batches);
        Ok(())
    }

    /// The hashes of the traces in the head.
    fn in_head(&self) -> impl Iterator<Item = u32> {
        let in_head = self.traces.iter().filter(|(_, known)| !known.places.head.is_empty());
        in_head.map(|(id, _)| short(id_token(*id)))
    }

    fn bytes(&self) -> usize {
        self.traces.capacity() * size_of::<(TraceId, Known)>()
            + self.places_bytes
            + self.groups.len() * size_of::<GroupId>()
            + self.batches.len() * size_of::<(Identity, u64)>()
    }
}

/// Adds the runs of the traces in a set that have one of these hashes.
fn look_up(run: &mut Run<'_>, (set, hashes): (&Set<'_>, &[u32]), found: &mut Found) -> Result<()> {
    if hashes.is_empty() {
        return Ok(());
    }
    let tenant = run.plan.tenant.clone();
    for (group, rows) in set.runs(run, &tenant, hashes)? {
        found.entry(rows.id).or_default().push(((set.block, group as u32), rows));
    }
    Ok(())
}

impl Shared {
    fn new(tenant: &Tenant) -> Self {
        Self { tenant: tenant.clone(), known: Mutex::default() }
    }

    /// What is known, unless somebody is at it.
    fn at_rest(&self) -> Option<Arc<Whereabouts>> {
        self.known.try_lock().ok().map(|known| known.clone())
    }

    /// What is known, to bring it up to date; whoever waits for it needs the same. What a panic left half done is made anew.
    fn lock(&self) -> MutexGuard<'_, Arc<Whereabouts>> {
        self.known.lock().unwrap_or_else(|poisoned| {
            let mut known = poisoned.into_inner();
            *known = Arc::default();
            self.known.clear_poison();
            known
        })
    }
}

fn key(tenant: &Tenant) -> Key {
    Key { block: u64::MAX, kind: kind::WHEREABOUTS, number: FixedState::default().hash_one(tenant) }
}

fn kept(memory: &Memory, tenant: &Tenant) -> Option<Arc<Shared>> {
    memory.index.get::<Shared>(key(tenant)).filter(|shared| shared.tenant == *tenant)
}
