//! Counts the calls in the runs of a row group, from its columns before they are encoded.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Kin, SpanId};
use store::Level;

use super::build::Rows;
use super::calls::{CALLERS_MAX, Call, Called, Calls, Left, MESSAGING, left_max, parents};
use super::cubes::{Cells, Cube, Role};
use super::users::Answers;
use crate::columns::schema::leaf;
use crate::columns::shred::{Shredded, TraceRows};
use crate::columns::values::{Column, Levels, Values};

/// The calls of a row group, and which rows were answered, of which the service of each row is known; `None` where they are too many, or the columns do
/// not suffice to count them.
pub(super) fn called(shredded: &Shredded, rows: &Rows<'_>, services: &[u32]) -> Option<(Called, Answers)> {
    let kin = Relations::of(shredded)?;
    let with_queue = with_queue(shredded)?;
    let mut of_call: HashMap<Call, Vec<u32>, FixedState> = HashMap::default();
    let mut calls = Calls::default();
    let mut found: Vec<(u32, u32)> = Vec::new();
    let all = shredded.rows as usize;
    let mut answers = Answers { is_answered: vec![false; all], is_counted: vec![true; all] };
    for run in &shredded.traces {
        if !kin.parents_of(run, rows, &mut found) {
            calls.left.push(Left { id: run.id, start: run.start, end: run.end });
            answers.is_counted[run.first as usize..(run.first + run.count) as usize].fill(false);
            continue;
        }
        for (child, parent) in found.drain(..) {
            let (of_parent, of_child) = (services[parent as usize], services[child as usize]);
            if of_parent != of_child {
                answers.is_answered[parent as usize] = true;
                let has_queue = with_queue.binary_search(&child).is_ok();
                let kind = rows.kind(child as usize);
                let call = Call { parent: of_parent, child: of_child, kind, has_queue };
                of_call.entry(call).or_default().push(child);
            }
        }
    }
    if calls.left.len() as u64 > left_max(shredded.rows.into()) || of_call.len() > CALLERS_MAX {
        return None;
    }
    calls.left.sort_unstable();
    let mut of_call: Vec<(Call, Vec<u32>)> = of_call.into_iter().collect();
    of_call.sort_unstable_by_key(|(call, _)| *call);
    let mut cube = Cube::new(Role::Services.step());
    for (call, children) in of_call {
        let mut cells = Cells::default();
        for child in children {
            let (status, start, duration) = rows.cell(child as usize);
            cells[status].entry(Cube::begin(cube.step, start)).or_default().add(duration);
        }
        cube.push(&cells);
        calls.calls.push(call);
    }
    Some((Called { calls: Arc::new(calls), steps: Arc::new(cube), whole: None }, answers))
}

/// The rows that carry the key of queues, in ascending order; `None` where some have it outside its column.
fn with_queue(shredded: &Shredded) -> Option<&[u32]> {
    let facts = shredded.keys.iter().find(|facts| facts.level == Level::Span && facts.key == MESSAGING);
    if facts.is_some_and(|facts| facts.in_tail > 0) {
        return None;
    }
    match &shredded.columns[messaging_leaf()].levels {
        Levels::Present(rows) => Some(rows),
        _ => None,
    }
}

fn messaging_leaf() -> usize {
    let fixed = crate::columns::conventions::FIXED.iter();
    let place = fixed.take_while(|fixed| fixed.level != Level::Span || fixed.key != MESSAGING).count();
    leaf::FIXED + place
}

/// The columns that say whose child a span is.
struct Relations<'a> {
    ids: &'a [u8],
    distances: (&'a [u32], &'a [i32]),
    absent: (&'a [u32], &'a [u8]),
}

impl<'a> Relations<'a> {
    fn of(shredded: &'a Shredded) -> Option<Self> {
        let columns = &shredded.columns;
        let Values::Id { bytes: ids, .. } = &columns[leaf::SPAN_ID].values else { return None };
        let Values::Int32(distances) = &columns[leaf::PARENT_DISTANCE].values else { return None };
        let Values::Id { bytes: absent, .. } = &columns[leaf::PARENT_ID].values else { return None };
        Some(Self {
            ids,
            distances: (present(&columns[leaf::PARENT_DISTANCE])?, distances),
            absent: (present(&columns[leaf::PARENT_ID])?, absent),
        })
    }

    /// The rows of a run that have a parent in it, each with the parent's; false where the run can't be counted.
    fn parents_of(&self, run: &TraceRows, rows: &Rows<'_>, found: &mut Vec<(u32, u32)>) -> bool {
        found.clear();
        let (first, end) = (run.first, run.first + run.count);
        let near = self.distances_of(first, end);
        if run.plain {
            found.extend(near.filter_map(|(row, distance)| {
                let parent = i64::from(row) - i64::from(distance);
                let parent = u32::try_from(parent).ok().filter(|parent| first <= *parent && *parent < row)?;
                Some((row, parent))
            }));
            return true;
        }
        let kin = |row: u32| Kin {
            start: rows.cell(row as usize).1,
            id: id(self.ids, row as usize),
            parent: None,
            kind: rows.kind(row as usize),
        };
        let mut spans: Vec<Kin> = (first..end).map(kin).collect();
        for (row, distance) in near {
            let parent = usize::try_from(i64::from(row) - i64::from(distance)).unwrap_or(usize::MAX);
            if parent < self.ids.len() / 8 {
                spans[(row - first) as usize].parent = Some(id(self.ids, parent));
            }
        }
        let (with, absent) = self.absent;
        let from = with.partition_point(|row| *row < first);
        for (at, row) in with.iter().enumerate().skip(from).take_while(|(_, row)| **row < end) {
            spans[(row - first) as usize].parent = Some(id(absent, at));
        }
        let Some(parents) = parents(&spans) else { return false };
        let known = (first..).zip(parents).filter_map(|(row, parent)| Some((row, first + parent? as u32)));
        found.extend(known);
        true
    }

    fn distances_of(&self, first: u32, end: u32) -> impl Iterator<Item = (u32, i32)> {
        let (with, distances) = self.distances;
        let from = with.partition_point(|row| *row < first);
        let here = with[from..].iter().zip(&distances[from..]).take_while(move |(row, _)| **row < end);
        here.map(|(row, distance)| (*row, *distance))
    }
}

fn present(column: &Column) -> Option<&[u32]> {
    match &column.levels {
        Levels::Present(rows) => Some(rows),
        _ => None,
    }
}

fn id(ids: &[u8], at: usize) -> SpanId {
    SpanId(ids.get(at * 8..at * 8 + 8).and_then(|id| id.try_into().ok()).unwrap_or_default())
}
