//! Which spans of the head stand in it before, or in a row group.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::Tenant;
use model::batch::Identity;

use super::super::Run;
use super::classes::classes;
use super::sets::{self, GroupId, Set};
use super::table::{self, HEAD, Spot, Table, Traces};
use crate::error::Result;
use crate::index::section::kind;
use crate::index::short;
use crate::index::tokens::id_token;
use crate::memory::{Key, Memory};

/// What was found in a head, and what of it depends on.
#[derive(Debug)]
struct Found {
    tenant: Tenant,
    batches: Vec<Identity>,
    /// The first and the last span start of the head.
    extent: (u64, u64),
    /// The row groups that it was compared with.
    groups: Vec<GroupId>,
    /// The repeated spans, in ascending order.
    repeated: Vec<Spot>,
}

/// The places that are left out, in ascending order, by the address of their batch.
pub(super) fn places(run: &mut Run<'_>, sets: &[Set<'_>]) -> HashMap<usize, Vec<u32>, FixedState> {
    let mut places: HashMap<usize, Vec<u32>, FixedState> = HashMap::default();
    if run.head.is_empty() {
        return places;
    }
    let memory = sets.first().map(|set| set.view.groups[0].index().memory());
    let memory = memory.filter(|_| sets::is_shared(&run.views()));
    let found = match memory.and_then(|memory| kept(run, memory, sets)) {
        Some(known) => known,
        None => found(run, (sets, memory)).unwrap_or_else(|error| {
            run.go_on_without(&error);
            Arc::default()
        }),
    };
    for spot in &*found {
        let batch = std::ptr::from_ref(run.head[spot.group as usize]).addr();
        places.entry(batch).or_default().push(spot.row);
    }
    places
}

fn key(tenant: &Tenant) -> Key {
    Key { block: u64::MAX, kind: kind::REPEATS_OF_HEAD, number: FixedState::default().hash_one(tenant) }
}

/// What was found in a head that was as this one.
fn kept(run: &Run<'_>, memory: &Memory, sets: &[Set<'_>]) -> Option<Arc<[Spot]>> {
    let found = memory.index.get::<Found>(key(&run.plan.tenant))?;
    let are_same = found.tenant == run.plan.tenant
        && found.batches.len() == run.head.len()
        && run.head.iter().zip(&found.batches).all(|(batch, known)| batch.is(known))
        && near(sets, found.extent).flat_map(Set::ids).eq(found.groups.iter().copied());
    are_same.then(|| found.repeated.as_slice().into())
}

/// The sets with spans that start within an extent.
fn near<'s, 'a>(sets: &'s [Set<'a>], extent: (u64, u64)) -> impl Iterator<Item = &'s Set<'a>> {
    sets.iter().filter(move |set| extent.0 <= set.extent.1 && set.extent.0 <= extent.1)
}

fn found(run: &mut Run<'_>, (sets, memory): (&[Set<'_>], Option<&Arc<Memory>>)) -> Result<Arc<[Spot]>> {
    let (mut table, traces, extent) = added(run);
    let tenant = run.plan.tenant.clone();
    let mut met = Vec::new();
    for set in near(sets, extent) {
        if run.is_over_time() {
            return Ok(Arc::default());
        }
        let mut shared: Vec<u32> =
            set.hashes()?.iter().copied().filter(|hash| traces.may_hold(*hash)).collect();
        shared.dedup();
        if shared.is_empty() {
            continue;
        }
        let runs = set.runs(run, &tenant, &shared)?;
        set.each(run, &runs, |token, spot| table.compare(token, spot))?;
        met.push(set);
    }
    let mut repeated = Vec::new();
    for class in classes(run, &met, table.alike())? {
        let first = usize::from(class[0].block == HEAD);
        repeated.extend(class.into_iter().filter(|spot| spot.block == HEAD).skip(first));
    }
    repeated.sort_unstable();
    let answer = repeated.as_slice().into();
    if let Some(memory) = memory {
        let batches: Vec<Identity> = run.head.iter().map(|batch| batch.identity()).collect();
        let groups: Vec<_> = near(sets, extent).flat_map(Set::ids).collect();
        let bytes = size_of_val(&*batches) + size_of_val(&*groups) + size_of_val(&*repeated);
        memory.index.put(key(&tenant), Arc::new(Found { tenant, batches, extent, groups, repeated }), bytes);
    }
    Ok(answer)
}

/// All spans of the head, their traces, and the first and the last span start.
fn added(run: &Run<'_>) -> (Table, Traces, (u64, u64)) {
    let spans = run.head.iter().map(|batch| batch.len()).sum();
    let (mut table, mut traces) = (Table::with_room(spans), Traces::of(spans));
    let mut extent = (u64::MAX, 0);
    let mut last = None;
    for (group, batch) in (0..).zip(&run.head) {
        for (place, row) in (0..).zip(batch.rows()) {
            let trace = match last {
                Some((id, trace)) if id == row.trace_id => trace,
                _ => id_token(row.trace_id),
            };
            traces.add(short(trace));
            last = Some((row.trace_id, trace));
            extent = (extent.0.min(row.start), extent.1.max(row.start));
            let spot = Spot { block: HEAD, group, row: place };
            table.add(table::token(trace, row.span_id, row.start), spot);
        }
    }
    (table, traces, extent)
}
