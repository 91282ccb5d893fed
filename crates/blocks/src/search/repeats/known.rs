//! What is known of spans that stand in several row groups, or several times in one.
//!
//! Row groups never change, so each is compared with the others once. Kept is which rows repeat a span of which row group:
//! whatever row groups a question has, those rows are left out whose original it has, too. It is kept among the parts of
//! indexes, under their budget, and found again where it had to go. Memory is bounded by the spans of [`TRACES_MAX`] traces,
//! and by what is found.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Tenant, TraceId};

use super::super::Run;
use super::classes::classes;
use super::sets::{self, GroupId, Set, common};
use super::table::{Spot, Table};
use crate::columns::shred::TraceRows;
use crate::error::Result;
use crate::index::section::kind;
use crate::memory::{Key, Memory};

/// Traces whose spans are compared at once.
const TRACES_MAX: usize = 8192;

/// A row whose span stands in this row group, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Repeat {
    spot: Spot,
    of: GroupId,
}

/// What is known of the row groups of a tenant.
#[derive(Clone, Debug)]
struct Known {
    tenant: Tenant,
    /// The row groups that were compared with each other.
    groups: HashSet<GroupId, FixedState>,
    repeats: BTreeSet<Repeat>,
}

/// The rows that are left out, by the address of their block and the number of their row group.
pub(super) fn rows(run: &mut Run<'_>, sets: &[Set<'_>]) -> HashMap<(usize, u32), Vec<u32>, FixedState> {
    let plan = run.plan;
    let is_asked = |set: &&Set<'_>| plan.ids.is_some() || plan.time.overlaps(set.extent.0, set.extent.1);
    let asked: Vec<&Set<'_>> = sets.iter().filter(is_asked).collect();
    let mut left_out: HashMap<(usize, u32), Vec<u32>, FixedState> = HashMap::default();
    let memory = sets::memory(run).map(Arc::as_ref);
    let known = memory.and_then(|memory| kept(memory, &plan.tenant));
    let is_known = |set: &Set<'_>, known: &Known| set.ids().all(|id| known.groups.contains(&id));
    let known = match known {
        Some(known) if asked.iter().all(|set| is_known(set, &known)) => known,
        known => {
            let known = Arc::new(found(run, (sets, &asked), known.as_deref()));
            if let Some(memory) = memory {
                keep(memory, known.clone());
            }
            known
        }
    };
    if known.repeats.is_empty() {
        return left_out;
    }
    let present: HashMap<GroupId, usize, FixedState> =
        sets.iter().flat_map(|set| set.ids().map(|id| (id, std::ptr::from_ref(set.view).addr()))).collect();
    for Repeat { spot, of } in &known.repeats {
        if let (Some(view), true) = (present.get(&(spot.block, spot.group)), present.contains_key(of)) {
            let rows = left_out.entry((*view, spot.group)).or_default();
            if rows.last() != Some(&spot.row) {
                rows.push(spot.row);
            }
        }
    }
    left_out
}

fn key(tenant: &Tenant) -> Key {
    Key { block: u64::MAX, kind: kind::REPEATS, number: FixedState::default().hash_one(tenant) }
}

fn kept(memory: &Memory, tenant: &Tenant) -> Option<Arc<Known>> {
    memory.index.get::<Known>(key(tenant)).filter(|known| known.tenant == *tenant)
}

fn keep(memory: &Memory, known: Arc<Known>) {
    let bytes = known.groups.len() * 2 * size_of::<GroupId>() + known.repeats.len() * 2 * size_of::<Repeat>();
    memory.index.put_dear(key(&known.tenant), known, bytes);
}

/// Compares the row groups that are asked for, as far as they are not known, with each other and with those that are.
fn found(run: &mut Run<'_>, (sets, asked): (&[Set<'_>], &[&Set<'_>]), known: Option<&Known>) -> Known {
    let present: HashSet<GroupId, FixedState> = sets.iter().flat_map(Set::ids).collect();
    let tenant = run.plan.tenant.clone();
    let mut now = match known {
        Some(known) => known.clone(),
        None => Known { tenant, groups: HashSet::default(), repeats: BTreeSet::new() },
    };
    now.groups.retain(|id| present.contains(id));
    let has_both = |repeat: &Repeat| {
        present.contains(&(repeat.spot.block, repeat.spot.group)) && present.contains(&repeat.of)
    };
    now.repeats.retain(has_both);
    let is_known = |set: &Set<'_>| set.ids().all(|id| now.groups.contains(&id));
    let (mut compared, mut new): (Vec<&Set<'_>>, Vec<&Set<'_>>) = (Vec::new(), Vec::new());
    for set in sets {
        let is_asked = asked.iter().any(|asked| std::ptr::eq(*asked, set));
        match is_known(set) {
            true => compared.push(set),
            false if is_asked => new.push(set),
            false => {}
        }
    }
    for set in new {
        match compare(run, set, &compared) {
            Ok(Some(repeats)) => {
                now.repeats.extend(repeats);
                now.groups.extend(set.ids());
            }
            Ok(None) => break,
            Err(error) => run.go_on_without(&error),
        }
        compared.push(set);
    }
    now
}

/// The repeats between a set and others, and in it; `None` where the time was over before all were found.
fn compare(run: &mut Run<'_>, set: &Set<'_>, others: &[&Set<'_>]) -> Result<Option<Vec<Repeat>>> {
    let hashes = set.hashes()?;
    let mut wanted = set.own_hashes(run)?;
    let mut shared: Vec<(&Set<'_>, Vec<u32>)> = Vec::new();
    for other in others {
        let is_near = set.extent.0 <= other.extent.1 && other.extent.0 <= set.extent.1;
        if is_near && !(set.view.is_joined && set.block == other.block) {
            let common = common(&hashes, &other.hashes()?);
            wanted.extend_from_slice(&common);
            shared.push((*other, common));
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let mut repeats = Vec::new();
    for some in wanted.chunks(TRACES_MAX) {
        if run.is_over_time() {
            return Ok(None);
        }
        compare_some(run, set, (&shared, some), &mut repeats)?;
    }
    Ok(Some(repeats))
}

/// The same for the traces with some hashes.
fn compare_some(
    run: &mut Run<'_>,
    set: &Set<'_>,
    (shared, some): (&[(&Set<'_>, Vec<u32>)], &[u32]),
    repeats: &mut Vec<Repeat>,
) -> Result<()> {
    let tenant = run.plan.tenant.clone();
    let own = set.runs(run, &tenant, some)?;
    let mut sets = vec![set];
    let mut theirs: Vec<(&Set<'_>, Vec<(usize, TraceRows)>)> = Vec::new();
    let times = Times::of(&own);
    let mut met = Times::default();
    for (other, hashes) in shared {
        let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
        let from = hashes.partition_point(|hash| hash < first);
        let to = hashes.partition_point(|hash| hash <= last);
        let mut runs = other.runs(run, &tenant, &hashes[from..to])?;
        runs.retain(|(_, rows)| times.overlap(rows));
        runs.iter().for_each(|(_, rows)| met.add(rows));
        if !runs.is_empty() {
            sets.push(*other);
            theirs.push((*other, runs));
        }
    }
    let is_needed = |at: usize| {
        let rows = &own[at].1;
        !set.view.is_joined && (!rows.plain || times.has_several(rows)) || met.overlap(rows)
    };
    let own: Vec<_> = (0..own.len()).filter(|at| is_needed(*at)).map(|at| own[at]).collect();
    let spans = own.iter().map(|(_, rows)| rows.count as usize).sum();
    let mut table = Table::with_room(spans);
    set.each(run, &own, |token, spot| table.add(token, spot))?;
    for (other, runs) in &theirs {
        other.each(run, runs, |token, spot| table.compare(token, spot))?;
    }
    for class in classes(run, (&sets, &[]), table.alike().to_vec())? {
        add_repeats(&class, repeats);
    }
    Ok(())
}

/// When each trace ran, as far as is known, and in how many runs of rows.
#[derive(Default)]
struct Times(HashMap<TraceId, (u64, u64, u32), FixedState>);

impl Times {
    fn of(runs: &[(usize, TraceRows)]) -> Self {
        let mut times = Self::default();
        runs.iter().for_each(|(_, rows)| times.add(rows));
        times
    }

    fn add(&mut self, rows: &TraceRows) {
        let (start, end, runs) = self.0.entry(rows.id).or_insert((u64::MAX, 0, 0));
        (*start, *end, *runs) = ((*start).min(rows.start), (*end).max(rows.end), *runs + 1);
    }

    fn overlap(&self, rows: &TraceRows) -> bool {
        self.0.get(&rows.id).is_some_and(|(start, end, _)| rows.start <= *end && *start <= rows.end)
    }

    fn has_several(&self, rows: &TraceRows) -> bool {
        self.0.get(&rows.id).is_some_and(|(.., runs)| *runs > 1)
    }
}

/// Which of the same spans repeat which: in a row group all but the first, and the first those of other row groups.
fn add_repeats(class: &[Spot], repeats: &mut Vec<Repeat>) {
    let group = |spot: &Spot| (spot.block, spot.group);
    let mut earlier: Vec<GroupId> = Vec::new();
    for of_group in class.chunk_by(|left, right| group(left) == group(right)) {
        let of = group(&of_group[0]);
        repeats.extend(earlier.iter().map(|earlier| Repeat { spot: of_group[0], of: *earlier }));
        repeats.extend(of_group[1..].iter().map(|spot| Repeat { spot: *spot, of }));
        earlier.push(of);
    }
}
