//! Which spans of the head stand in it before, or in a row group.
//!
//! The head grows by batches that never change, so each is compared when a question meets it first, and row groups when
//! they are new. Once a batch or a row group is gone, all are compared anew. What is kept takes some fifty bytes for each span
//! of the head, under the budget of indexes; where it has no room all are compared each time.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::FixedState;
use model::batch::Identity;
use model::{Batch, Tenant};

use super::super::Run;
use super::classes::classes;
use super::sets::{self, GroupId, Set};
use super::table::{self, HEAD, Spot, Table, Token, Traces};
use crate::error::Result;
use crate::index::section::kind;
use crate::index::short;
use crate::index::tokens::id_token;
use crate::memory::{Key, Memory};

/// What is known of a head.
#[derive(Debug)]
struct Known {
    tenant: Tenant,
    /// Its batches in their order, with the numbers that they got as they came.
    batches: Vec<(Identity, u32)>,
    spans: Table,
    traces: Traces,
    /// The first and the last span start.
    extent: (u64, u64),
    /// The row groups that it was compared with.
    groups: HashSet<GroupId, FixedState>,
    /// Of the spans that look alike, how many were compared by all that they hold.
    judged: usize,
    /// The repeated spans, in ascending order.
    repeated: Vec<Spot>,
}

/// The places that are left out, in ascending order, by the address of their batch.
pub(super) fn places(run: &mut Run<'_>, sets: &[Set<'_>]) -> HashMap<usize, Vec<u32>, FixedState> {
    let mut places: HashMap<usize, Vec<u32>, FixedState> = HashMap::default();
    if run.head.is_empty() {
        return places;
    }
    let tenant = &run.plan.tenant;
    let key =
        Key { block: u64::MAX, kind: kind::REPEATS_OF_HEAD, number: FixedState::default().hash_one(tenant) };
    let memory: Option<&Memory> = sets::memory(run).map(Arc::as_ref);
    let kept = memory.and_then(|memory| memory.index.get::<Mutex<Known>>(key));
    let kept = kept.unwrap_or_else(|| Arc::new(Mutex::new(Known::nothing(tenant))));
    // Whoever else asks needs the same, and waits for it.
    let mut known = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if known.tenant != *tenant {
        *known = Known::nothing(tenant);
    }
    let before = known.bytes();
    match known.follow(run, sets) {
        Ok(batches) => {
            for spot in &known.repeated {
                let batch = std::ptr::from_ref(batches[spot.group as usize]).addr();
                places.entry(batch).or_default().push(spot.row);
            }
        }
        Err(error) => {
            known.forget();
            run.go_on_without(&error);
        }
    }
    let bytes = known.bytes();
    drop(known);
    if let Some(memory) = memory.filter(|_| bytes != before) {
        memory.index.put_dear(key, kept, bytes);
    }
    places
}

impl Known {
    fn nothing(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.clone(),
            batches: Vec::new(),
            spans: Table::with_room(0),
            traces: Traces::of(0),
            extent: (u64::MAX, 0),
            groups: HashSet::default(),
            judged: 0,
            repeated: Vec::new(),
        }
    }

    fn forget(&mut self) {
        *self = Self::nothing(&self.tenant);
    }

    /// What it takes in memory, about.
    fn bytes(&self) -> usize {
        let groups = self.groups.capacity() * 2 * size_of::<GroupId>();
        let batches = self.batches.capacity() * size_of::<(Identity, u32)>();
        let repeated = self.repeated.capacity() * size_of::<Spot>();
        size_of::<Self>() + self.spans.bytes() + self.traces.bytes() + groups + batches + repeated
    }

    /// Compares what is new, and answers the batches of the head by their numbers. Where the time is over, nothing is known.
    fn follow<'a>(&mut self, run: &mut Run<'a>, sets: &[Set<'_>]) -> Result<Vec<&'a Batch>> {
        if !self.knows_all_of(run, sets) {
            self.forget();
        }
        let (batches, traces) = self.add(&run.head);
        let extent = self.extent;
        let near = || sets.iter().filter(move |set| extent.0 <= set.extent.1 && set.extent.0 <= extent.1);
        for set in near() {
            if run.is_over_time() {
                self.forget();
                return Ok(Vec::new());
            }
            let hashes = set.hashes()?;
            let shared = match set.ids().all(|id| self.groups.contains(&id)) {
                true => among(&hashes, &traces),
                false => self.traces.among(&hashes),
            };
            self.compare(run, set, &shared)?;
        }
        self.groups.extend(near().flat_map(Set::ids));
        if self.judged < self.spans.alike().len() {
            self.judge(run, (&near().collect::<Vec<_>>(), &batches))?;
        }
        Ok(batches)
    }

    /// True where the head has all batches in the order that is known, and no row group is gone.
    fn knows_all_of(&self, run: &Run<'_>, sets: &[Set<'_>]) -> bool {
        let mut known = self.batches.iter().peekable();
        for batch in &run.head {
            known.next_if(|(known, _)| batch.is(known));
        }
        let groups = sets.iter().flat_map(Set::ids).filter(|id| self.groups.contains(id));
        known.next().is_none() && groups.count() == self.groups.len()
    }

    /// Adds the spans of those batches that are not known. Answers all batches by their numbers, and the hashes of the traces
    /// of the new ones, in ascending order.
    fn add<'a>(&mut self, head: &[&'a Batch]) -> (Vec<&'a Batch>, Vec<u32>) {
        let mut known = std::mem::take(&mut self.batches).into_iter().peekable();
        if known.peek().is_none() {
            let spans = head.iter().map(|batch| batch.len()).sum();
            (self.spans, self.traces) = (Table::with_room(spans), Traces::of(spans));
        }
        let mut next = known.len();
        let mut batches = vec![head[0]; head.len()];
        let mut traces = Vec::new();
        for batch in head {
            let of_it = known.next_if(|(known, _)| batch.is(known)).unwrap_or_else(|| {
                let number = next as u32;
                next += 1;
                self.add_batch(batch, number, &mut traces);
                (batch.identity(), number)
            });
            batches[of_it.1 as usize] = *batch;
            self.batches.push(of_it);
        }
        traces.sort_unstable();
        traces.dedup();
        (batches, traces)
    }

    fn add_batch(&mut self, batch: &Batch, number: u32, traces: &mut Vec<u32>) {
        let mut last = None;
        for (place, row) in (0..).zip(batch.rows()) {
            let trace = match last {
                Some((id, trace)) if id == row.trace_id => trace,
                _ => {
                    let trace = id_token(row.trace_id);
                    self.traces.add(short(trace));
                    traces.push(short(trace));
                    trace
                }
            };
            last = Some((row.trace_id, trace));
            self.extent = (self.extent.0.min(row.start), self.extent.1.max(row.start));
            let spot = Spot { block: HEAD, group: number, row: place };
            self.spans.add(table::token(trace, row.span_id, row.start), spot);
        }
    }

    /// Compares the spans of some traces of a set with those of the head.
    fn compare(&mut self, run: &mut Run<'_>, set: &Set<'_>, shared: &[u32]) -> Result<()> {
        if shared.is_empty() {
            return Ok(());
        }
        let runs = set.runs(run, &self.tenant, shared)?;
        set.each(run, &runs, |token, spot| self.spans.compare(token, spot))
    }

    /// Finds out which of the spans that look like one that was just met are the same.
    fn judge(&mut self, run: &mut Run<'_>, (sets, batches): (&[&Set<'_>], &[&Batch])) -> Result<()> {
        let all = self.spans.alike();
        let new: HashSet<Token, FixedState> = all[self.judged..].iter().map(|(token, _)| *token).collect();
        let alike: Vec<(Token, Spot)> =
            all.iter().filter(|(token, _)| new.contains(token)).copied().collect();
        self.judged = all.len();
        let looked_at: HashSet<Spot, FixedState> = alike.iter().map(|(_, spot)| *spot).collect();
        self.repeated.retain(|spot| !looked_at.contains(spot));
        for class in classes(run, (sets, batches), alike)? {
            let first = usize::from(class[0].block == HEAD);
            self.repeated.extend(class.into_iter().filter(|spot| spot.block == HEAD).skip(first));
        }
        self.repeated.sort_unstable();
        Ok(())
    }
}

/// Which of a few hashes are among many; both lists in ascending order.
fn among(many: &[u32], few: &[u32]) -> Vec<u32> {
    few.iter().copied().filter(|hash| many.binary_search(hash).is_ok()).collect()
}
