//! Evaluates pipelines over one whole trace: the meaning of every stage.
//!
//! In: a trace that may match. Out: its spansets, or nothing. Which traces come here is chosen by `prefilter.rs`, which
//! never leaves one out; the answer to a question is made here alone.

mod expression;
mod scalar;
mod structure;
mod subject;
mod value;

use std::collections::HashMap;

pub use self::subject::Subject;
pub use self::value::Value;
pub(super) use self::value::{compute, suits};
use super::ast::{Direction, Expr, Joint, Pipeline, Spanset, Stage};

/// Spans of one trace that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<'a> {
    /// Places in [`model::Trace::nodes`], ascending; never empty.
    pub spans: Vec<u32>,
    /// The values of `by(…)`, with what was grouped by, in the order of the stages.
    pub groups: Vec<(String, Value<'a>)>,
    /// The numbers that were compared, such as `count()`.
    pub numbers: Vec<(String, Value<'a>)>,
}

/// Runs the stages of a pipeline over a trace; no spanset where it does not match.
#[must_use]
pub fn run<'a>(pipeline: &'a Pipeline, subject: &Subject<'a>) -> Vec<Found<'a>> {
    let every = Found { spans: (0..subject.len() as u32).collect(), groups: Vec::new(), numbers: Vec::new() };
    let mut sets = vec![every];
    for stage in &pipeline.stages {
        sets = match stage {
            Stage::Spans(spans) => sets.into_iter().filter_map(|set| narrow(spans, set, subject)).collect(),
            Stage::Keep(left, comparison, right) => {
                let holds = |set: &mut Found<'a>| scalar::keeps((left, *comparison, right), set, subject);
                sets.into_iter().filter_map(|mut set| holds(&mut set).then_some(set)).collect()
            }
            Stage::Group(by) => sets.into_iter().flat_map(|set| split(by, set, subject)).collect(),
            Stage::Coalesce => coalesced(sets),
            Stage::Select(_) | Stage::Order(..) | Stage::Distinct(_) => sets,
        };
    }
    sets
}

/// What a trace is ordered by: the greatest value of its spans, or the least where the order ascends.
#[must_use]
pub fn rank<'a>(by: &'a Expr, direction: Direction, sets: &[Found<'a>], subject: &Subject<'a>) -> Value<'a> {
    let values = sets.iter().flat_map(|set| &set.spans).map(|at| subject.eval(by, *at as usize));
    let values = values.filter(|value| *value != Value::Nil);
    let best = match direction {
        Direction::Ascending => values.min_by(Value::order),
        Direction::Descending => values.max_by(Value::order),
    };
    best.unwrap_or(Value::Nil)
}

/// The first value that spans of the trace have.
#[must_use]
pub fn first<'a>(of: &'a Expr, sets: &[Found<'a>], subject: &Subject<'a>) -> Value<'a> {
    let mut values = sets.iter().flat_map(|set| &set.spans).map(|at| subject.eval(of, *at as usize));
    values.find(|value| *value != Value::Nil).unwrap_or(Value::Nil)
}

fn narrow<'a>(spans: &'a Spanset, set: Found<'a>, subject: &Subject<'a>) -> Option<Found<'a>> {
    let mut within = vec![false; subject.len()];
    set.spans.iter().for_each(|at| within[*at as usize] = true);
    let kept = places(&matching(spans, &within, subject));
    (!kept.is_empty()).then_some(Found { spans: kept, ..set })
}

/// Which of the spans `within` match.
fn matching<'a>(spans: &'a Spanset, within: &[bool], subject: &Subject<'a>) -> Vec<bool> {
    match spans {
        Spanset::Filter(None) => within.to_vec(),
        Spanset::Filter(Some(condition)) => {
            let holds = |at: usize| within[at] && subject.eval(condition, at) == Value::Bool(true);
            (0..within.len()).map(holds).collect()
        }
        Spanset::Pipeline(pipeline) => {
            let mut kept = vec![false; within.len()];
            let sets = run(pipeline, subject);
            sets.iter().flat_map(|set| &set.spans).for_each(|at| kept[*at as usize] = within[*at as usize]);
            kept
        }
        Spanset::Pair(left, joint, right) => {
            let (left, right) = (matching(left, within, subject), matching(right, within, subject));
            let is_empty = |mask: &[bool]| !mask.contains(&true);
            match joint {
                Joint::And if is_empty(&left) || is_empty(&right) => vec![false; within.len()],
                Joint::And | Joint::Or => left.iter().zip(&right).map(|(left, right)| left | right).collect(),
                Joint::Structure(relation, form) => {
                    structure::related(subject, (&left, &right), *relation, *form)
                }
            }
        }
    }
}

fn split<'a>(by: &'a Expr, set: Found<'a>, subject: &Subject<'a>) -> Vec<Found<'a>> {
    let mut sets: Vec<Found<'a>> = Vec::new();
    let mut places: HashMap<(std::mem::Discriminant<Value<'a>>, String), usize> = HashMap::new();
    for at in &set.spans {
        let value = subject.eval(by, *at as usize);
        let place = *places.entry((std::mem::discriminant(&value), value.to_text())).or_insert(sets.len());
        if let Some(same) = sets.get_mut(place) {
            same.spans.push(*at);
            continue;
        }
        let mut groups = set.groups.clone();
        groups.push((format!("by({})", by), value));
        sets.push(Found { spans: vec![*at], groups, numbers: set.numbers.clone() });
    }
    sets
}

fn coalesced(sets: Vec<Found<'_>>) -> Vec<Found<'_>> {
    let mut spans: Vec<u32> = sets.into_iter().flat_map(|set| set.spans).collect();
    spans.sort_unstable();
    spans.dedup();
    if spans.is_empty() {
        return Vec::new();
    }
    vec![Found { spans, groups: Vec::new(), numbers: Vec::new() }]
}

fn places(mask: &[bool]) -> Vec<u32> {
    let places = mask.iter().enumerate().filter(|(_, is_in)| **is_in);
    places.map(|(at, _)| at as u32).collect()
}
