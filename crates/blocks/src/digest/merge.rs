//! Makes one digest of several.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use store::Level;
use store::sketch::Sketch;

use super::Digest;
use super::build::{Builder, OfTexts};
use super::calls::{CALLERS_MAX, Call, Called, Calls, left_max};
use super::cubes::{Cells, Cube, Role, STEPS, call_bytes_max};
use super::listing::{Listing, OPERATIONS_MAX, Operation};
use super::{users, valued};

/// One digest of all; a finished one has every cube.
pub(super) fn merge(digests: &[Arc<Digest>], is_finished: bool) -> Digest {
    let listings: Vec<&Listing> = digests.iter().map(|digest| &*digest.listing).collect();
    let (listing, places) = merged(&listings);
    let kinds = listing.kinds();
    let kind_of = |of: &Operation| kinds.binary_search(&(of.service, of.kind)).unwrap_or(0) as u32;
    let spans = listing.operations.iter().map(|of| of.spans).sum();
    let to_kind: Vec<u32> = listing.operations.iter().map(kind_of).collect();
    let cube = |role: Role| {
        let parts =
            digests.iter().zip(&places).filter_map(|(digest, places)| part(role, digest, places, &to_kind));
        let subjects = if role == Role::Operations { listing.operations.len() } else { kinds.len() };
        let bounds = (role.step(), role.bytes_max(spans));
        Arc::new(cube(&parts.collect::<Vec<_>>(), subjects, bounds))
    };
    let whole = is_finished.then(|| cube(Role::Whole));
    let cubes = [Some(cube(Role::Operations)), Some(cube(Role::Services)), whole];
    let called = called(digests, &listing, (spans, is_finished));
    let used = users::merged(digests, &listing, (spans, is_finished)).filter(|_| called.is_some());
    let values = valued::merged(digests, (spans, is_finished));
    Digest { listing: Arc::new(listing), cubes, called, used, values }
}

/// The calls of all; `None` where those of one are not known, or they are too many.
fn called<'a>(
    digests: &'a [Arc<Digest>],
    listing: &Listing,
    (spans, is_finished): (u64, bool),
) -> Option<Called> {
    let mut of_each = Vec::new();
    let mut calls = Calls::default();
    for digest in digests {
        let called = digest.called.as_ref()?;
        let service = |at: u32| {
            let text = digest.listing.services.get(at as usize)?;
            listing.services.binary_search(text).ok().map(|at| at as u32)
        };
        let moved =
            |call: &Call| Some(Call { parent: service(call.parent)?, child: service(call.child)?, ..*call });
        let moved: Vec<Call> = called.calls.calls.iter().map(moved).collect::<Option<_>>()?;
        calls.calls.extend_from_slice(&moved);
        calls.left.extend_from_slice(&called.calls.left);
        of_each.push((called, moved));
    }
    calls.calls.sort_unstable();
    calls.calls.dedup();
    calls.left.sort_unstable();
    if calls.left.len() as u64 > left_max(spans) || calls.calls.len() > CALLERS_MAX {
        return None;
    }
    let place = |call: &Call| calls.calls.binary_search(call).unwrap_or(0) as u32;
    let part = |(called, moved): &(&'a Called, Vec<Call>)| -> Part<'a> {
        (&called.steps, moved.iter().map(place).collect())
    };
    let parts: Vec<Part<'_>> = of_each.iter().map(part).collect();
    let bounds = (Role::Services.step(), call_bytes_max(spans));
    let steps = Arc::new(cube(&parts, calls.calls.len(), bounds));
    let whole = is_finished.then(|| Arc::new(with_step(&parts, calls.calls.len(), 0)));
    Some(Called { calls: Arc::new(calls), steps, whole })
}

/// A cube, and the subjects that its own become.
pub(super) type Part<'a> = (&'a Cube, Vec<u32>);

/// The cube of a digest that a role can be made from.
fn part<'a>(role: Role, digest: &'a Digest, places: &[u32], to_kind: &[u32]) -> Option<Part<'a>> {
    let [operations, services, _] = &digest.cubes;
    if role == Role::Operations {
        return Some((operations.as_ref()?, places.to_vec()));
    }
    let kind_at = |at: usize| to_kind[places[at] as usize];
    if let Some(services) = services {
        // The first operation of a service with a kind stands for it.
        let kinds = digest.listing.kinds();
        let mut becomes = vec![0; kinds.len()];
        for (at, of) in digest.listing.operations.iter().enumerate() {
            becomes[kinds.binary_search(&(of.service, of.kind)).unwrap_or(0)] = kind_at(at);
        }
        return Some((services, becomes));
    }
    Some((operations.as_ref()?, (0..places.len()).map(kind_at).collect()))
}

/// One listing of all, and where the operations of each stand in it.
fn merged(listings: &[&Listing]) -> (Listing, Vec<Vec<u32>>) {
    let mut of_service: BTreeMap<&str, Vec<(Option<&str>, u8)>> = BTreeMap::new();
    let mut keys: BTreeMap<(Level, &str), u64> = BTreeMap::new();
    for listing in listings {
        for of in &listing.operations {
            of_service.entry(listing.service(of)).or_default().push((listing.name(of), of.kind as u8));
        }
        for (level, key, spans) in &listing.keys {
            *keys.entry((*level, key)).or_default() += spans;
        }
    }
    let mut told_apart: HashMap<&str, bool, FixedState> = HashMap::default();
    for (service, mut operations) in of_service {
        operations.sort_unstable();
        operations.dedup();
        let is_told = operations.len() <= OPERATIONS_MAX && operations.iter().all(|(name, _)| name.is_some());
        told_apart.insert(service, is_told);
    }
    let all = listings.iter().flat_map(|listing| listing.operations.iter().map(move |of| (*listing, of)));
    let builder = Builder::of(all.map(|(listing, of)| texts(listing, of, &told_apart)));
    let keys = keys.into_iter().map(|((level, key), spans)| (level, key.into(), spans)).collect();
    let mut whole = builder.listing(keys);
    let mut places = Vec::new();
    for listing in listings {
        let place = |of: &Operation| builder.place(texts(listing, of, &told_apart));
        let here: Vec<u32> = listing.operations.iter().map(place).collect();
        for (of, place) in listing.operations.iter().zip(&here) {
            whole.operations[*place as usize].spans += of.spans;
            whole.operations[*place as usize].errors += of.errors;
        }
        places.push(here);
    }
    (whole, places)
}

/// The texts of an operation; without its name where those of its service are not told apart.
fn texts<'a>(
    listing: &'a Listing,
    of: &Operation,
    told_apart: &HashMap<&str, bool, FixedState>,
) -> OfTexts<'a> {
    let service = listing.service(of);
    (service, listing.name(of).filter(|_| told_apart[service]), of.kind as u8)
}

/// One cube of all, with steps as short as its bytes allow.
pub(super) fn cube(parts: &[Part<'_>], subjects: usize, (step_min, bytes_max): (u64, u64)) -> Cube {
    let given = parts.iter().map(|(cube, _)| longer(cube.step)).max().unwrap_or(0);
    let shortest = longer(step_min).max(given);
    let mut steps = STEPS.into_iter().filter(|step| longer(*step) >= shortest);
    let mut merged = with_step(parts, subjects, steps.next().unwrap_or(0));
    for step in steps {
        if merged.len() <= bytes_max {
            break;
        }
        merged = with_step(parts, subjects, step);
    }
    merged
}

/// The length of a step, where all time is the longest.
fn longer(step: u64) -> u64 {
    step.wrapping_sub(1)
}

pub(super) fn with_step(parts: &[Part<'_>], subjects: usize, step: u64) -> Cube {
    let mut of_subject: Vec<Vec<(&Cube, usize)>> = vec![Vec::new(); subjects];
    for (cube, becomes) in parts {
        for (at, subject) in becomes.iter().enumerate() {
            of_subject[*subject as usize].push((cube, at));
        }
    }
    let mut merged = Cube::new(step);
    for sources in of_subject {
        let mut cells = Cells::default();
        for (cube, at) in sources {
            let added = cube.visit(at, |status, begin, bytes| {
                let sketch: &mut Sketch = cells[status].entry(Cube::begin(step, begin)).or_default();
                sketch.merge_bytes(bytes)
            });
            debug_assert!(added.is_some(), "what was pushed comes back");
        }
        merged.push(&cells);
    }
    merged
}
