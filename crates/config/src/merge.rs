//! Lays a later file over an earlier one.

use crate::{Entry, Node, Value};

/// Mappings merge deep and keep the earlier order; everything else is replaced by the later file.
pub(crate) fn merge(earlier: Node, mut later: Node) -> Node {
    later.value = match (earlier.value, later.value) {
        (Value::Mapping(entries), Value::Mapping(additions)) => Value::Mapping(lay_over(entries, additions)),
        (_, value) => value,
    };
    later
}

fn lay_over(entries: Vec<Entry>, additions: Vec<Entry>) -> Vec<Entry> {
    let mut additions: Vec<Option<Entry>> = additions.into_iter().map(Some).collect();
    let mut merged = Vec::with_capacity(entries.len());
    for entry in entries {
        let addition = additions.iter_mut().find(|slot| slot.as_ref().is_some_and(|a| a.key == entry.key));
        merged.push(match addition.and_then(Option::take) {
            Some(addition) => Entry { value: merge(entry.value, addition.value), ..addition },
            None => entry,
        });
    }
    merged.extend(additions.into_iter().flatten());
    merged
}
