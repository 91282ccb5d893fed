//! How spans stand to each other: masks over the nodes of a trace, which come parents before children.

use std::collections::HashMap;

use super::super::ast::{Form, Relation};
use super::Subject;

/// The spans that a relation between two masks answers.
pub(super) fn related(
    subject: &Subject<'_>,
    (left, right): (&[bool], &[bool]),
    relation: Relation,
    form: Form,
) -> Vec<bool> {
    let parents: Vec<Option<usize>> =
        subject.trace.nodes().iter().map(|node| node.parent.map(|parent| parent as usize)).collect();
    let with = |mask: &[bool], partner: Relation| match partner {
        Relation::Child => above(&parents, mask, false),
        Relation::Descendant => above(&parents, mask, true),
        Relation::Parent => below(&parents, mask, false),
        Relation::Ancestor => below(&parents, mask, true),
        Relation::Sibling => beside(&parents, mask),
    };
    let partners = with(left, relation);
    let both =
        |mask: &[bool], other: &[bool]| mask.iter().zip(other).map(|(one, two)| *one && *two).collect();
    let kept: Vec<bool> = both(right, &partners);
    match form {
        Form::Right => kept,
        Form::Without => right.iter().zip(&partners).map(|(one, has)| *one && !has).collect(),
        Form::Both => {
            let others: Vec<bool> = both(left, &with(right, opposite(relation)));
            kept.iter().zip(&others).map(|(one, two)| *one || *two).collect()
        }
    }
}

/// The relation seen from the other side.
fn opposite(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Descendant => Relation::Ancestor,
        Relation::Parent => Relation::Child,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// Spans whose parent (or any ancestor, where it is `far`) is in the mask.
fn above(parents: &[Option<usize>], mask: &[bool], far: bool) -> Vec<bool> {
    let mut has = vec![false; mask.len()];
    for at in 0..mask.len() {
        has[at] = parents[at].is_some_and(|parent| mask[parent] || far && has[parent]);
    }
    has
}

/// Spans one of whose children (or descendants, where it is `far`) is in the mask.
fn below(parents: &[Option<usize>], mask: &[bool], far: bool) -> Vec<bool> {
    let mut has = vec![false; mask.len()];
    for at in (0..mask.len()).rev() {
        if let Some(parent) = parents[at] {
            has[parent] |= mask[at] || far && has[at];
        }
    }
    has
}

/// Spans with another span of the same parent in the mask; roots have no siblings.
fn beside(parents: &[Option<usize>], mask: &[bool]) -> Vec<bool> {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for (parent, is_in) in parents.iter().zip(mask) {
        if let Some(parent) = parent {
            *counts.entry(*parent).or_default() += usize::from(*is_in);
        }
    }
    let others = |at: usize| parents[at].map_or(0, |parent| counts[&parent] - usize::from(mask[at]));
    (0..mask.len()).map(|at| others(at) > 0).collect()
}
