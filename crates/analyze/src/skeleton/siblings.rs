//! Equal siblings: many children of one span with the same service, operation and kind, as a loop of queries leaves them.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::StatusCode;
use serde::{Deserialize, Serialize};

use super::Columns;
use crate::EXACT_MAX;

/// Fewer equal siblings are no group.
pub const GROUP_MIN: usize = 5;

/// Equal siblings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The row of their parent; -1 for tops of the trace.
    pub parent: i64,
    /// How many they are.
    pub count: u64,
    /// Their rows, ascending; where a skeleton is folded those that are shown.
    pub members: Vec<u32>,
    /// Their durations together.
    pub total_ns: u64,
    /// The middle one of their durations.
    pub p50_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many failed.
    pub errors: u64,
    /// True where no two of them run at one time.
    pub in_turn: bool,
}

/// The groups of a trace, by the row of their first member.
pub(super) fn groups(columns: &Columns) -> Vec<Group> {
    let mut groups = Vec::new();
    let parents = std::iter::once(None).chain((0..columns.len()).map(Some));
    for parent in parents {
        let below = parent.map_or(columns.len(), |at| columns.descendants[at] as usize);
        if below >= GROUP_MIN {
            of_parent(columns, parent, &mut groups);
        }
    }
    groups.sort_unstable_by_key(|group| group.members[0]);
    groups
}

fn of_parent(columns: &Columns, parent: Option<usize>, into: &mut Vec<Group>) {
    if columns.children(parent).nth(GROUP_MIN - 1).is_none() {
        return;
    }
    let mut alike: HashMap<(u32, u32, u8), Vec<u32>, FixedState> = HashMap::default();
    for child in columns.children(parent) {
        let key = (columns.service[child], columns.name[child], columns.kind[child]);
        alike.entry(key).or_default().push(child as u32);
    }
    let many = alike.into_values().filter(|members| members.len() >= GROUP_MIN);
    into.extend(many.map(|members| group(columns, parent, members)));
}

fn group(columns: &Columns, parent: Option<usize>, members: Vec<u32>) -> Group {
    let mut durations: Vec<u64> = members.iter().map(|at| columns.duration_ns[*at as usize]).collect();
    durations.sort_unstable();
    let failed = |at: &&u32| columns.status[**at as usize] == StatusCode::Error as u8;
    let mut times: Vec<(u64, u64)> =
        members.iter().map(|at| (columns.start_ns[*at as usize], columns.end_ns(*at as usize))).collect();
    times.sort_unstable();
    Group {
        parent: parent.map_or(-1, |at| at as i64),
        total_ns: durations.iter().fold(0, |sum: u64, duration| sum.saturating_add(*duration)).min(EXACT_MAX),
        p50_ns: durations[(durations.len() - 1) / 2],
        max_ns: durations[durations.len() - 1],
        errors: members.iter().filter(failed).count() as u64,
        in_turn: times.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        count: members.len() as u64,
        members,
    }
}
