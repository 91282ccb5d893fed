//! Lays a later file over an earlier one.

use std::collections::HashMap;

use crate::{Entry, Node, Value};

/// Mappings merge deep and keep the earlier order; everything else is replaced by the later file.
pub(crate) fn merge(earlier: Node, mut later: Node) -> Node {
    later.value = match (earlier.value, later.value) {
        (Value::Mapping(entries), Value::Mapping(additions)) => Value::Mapping(lay_over(entries, additions)),
        (_, value) => value,
    };
    later
}

fn lay_over(mut entries: Vec<Entry>, additions: Vec<Entry>) -> Vec<Entry> {
    let known: HashMap<String, usize> =
        entries.iter().enumerate().map(|(position, entry)| (entry.key.clone(), position)).collect();
    for addition in additions {
        let Some(position) = known.get(&addition.key) else {
            entries.push(addition);
            continue;
        };
        let entry = &mut entries[*position];
        let nothing = Node::new(entry.place.clone(), Value::Null);
        let earlier = std::mem::replace(&mut entry.value, nothing);
        *entry = Entry { value: merge(earlier, addition.value), ..addition };
    }
    entries
}
