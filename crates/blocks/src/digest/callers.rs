//! Counts the calls in the runs of a row group, from its columns before they are encoded.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use store::Level;

use super::build::Rows;
use super::calls::{CALLERS_MAX, Call, Called, Calls, Left, MESSAGING, left_max};
use super::cubes::{Cells, Cube, Role};
use super::relations::Relations;
use super::users::Answers;
use crate::columns::schema::leaf;
use crate::columns::shred::Shredded;
use crate::columns::values::Levels;

/// The calls of a row group, and which rows were answered, of which the service of each row is known; `None` where they are too many, or the columns do
/// not suffice to count them.
pub(super) fn called(
    shredded: &Shredded,
    (rows, kin): (&Rows<'_>, &Relations<'_>),
    services: &[u32],
) -> Option<(Called, Answers)> {
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
