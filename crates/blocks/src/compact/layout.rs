//! Chooses the columns of the output by what the indexes of the inputs tell.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use store::Level;

use crate::block::BlockView;
use crate::columns::keys::KeyFacts;
use crate::columns::promote;
use crate::columns::schema::{Kind, Layout};
use crate::error::Result;
use crate::index::Group;

/// Bytes that a text which has a column now would take in the tail, about: nobody counted them.
const TEXT_BYTES: u64 = 16;

/// The layout of a block that is made of these row groups.
pub(super) fn choose<'a>(groups: impl Iterator<Item = (&'a BlockView, &'a Group)>) -> Result<Layout> {
    let mut all: HashMap<(Level, String), KeyFacts, FixedState> = HashMap::default();
    let mut rows = 0;
    for (view, group) in groups {
        rows += u64::from(group.rows);
        for facts in group.keys()?.iter() {
            let fresh =
                || KeyFacts { spans: 0, in_tail: 0, tail_bytes: 0, tail_types: [0; 5], ..facts.clone() };
            let sum = all.entry((facts.level, facts.key.clone())).or_insert_with(fresh);
            sum.spans += facts.spans;
            sum.in_tail += facts.in_tail;
            sum.tail_bytes += facts.tail_bytes;
            sum.tail_types.iter_mut().zip(facts.tail_types).for_each(|(sum, count)| *sum += count);
            let promoted = &view.layout.promoted;
            if let Some(key) = promoted.iter().find(|key| key.level == facts.level && key.key == facts.key) {
                let in_column = facts.spans.saturating_sub(facts.in_tail);
                sum.in_tail += in_column;
                sum.tail_bytes += in_column * if key.kind == Kind::Text { TEXT_BYTES } else { 8 };
                let class = [Kind::Text, Kind::Int, Kind::Double, Kind::Bool]
                    .iter()
                    .position(|kind| *kind == key.kind);
                class.into_iter().for_each(|class| sum.tail_types[class] += in_column);
            }
        }
    }
    Ok(promote::chosen(all.into_values().collect(), rows))
}
