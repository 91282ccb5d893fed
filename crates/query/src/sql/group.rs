//! Rows that have something in common, and what is computed of them.

use std::collections::HashMap;

use super::Column;
use super::aggregate::State;
use super::ast::{Expr, Statement};
use super::eval::Scope;
use super::row::Row;
use super::run::GROUPS_MAX;
use crate::traceql::eval::Value;

/// Groups so far.
#[derive(Default)]
pub(super) struct Groups(HashMap<Vec<Option<String>>, Group>);

struct Group {
    key: Vec<Value<'static>>,
    states: Vec<State>,
}

impl Groups {
    /// Takes in a row.
    ///
    /// # Errors
    /// Why there is no room for it.
    pub(super) fn add(&mut self, statement: &Statement, row: Row<'_>) -> Result<(), String> {
        let scope = Scope::of(row);
        let by = statement.group.as_deref().unwrap_or_default();
        let key: Vec<Value<'_>> = by.iter().map(|expr| common(expr, &scope, row)).collect();
        let texts: Vec<Option<String>> =
            key.iter().map(|value| (*value != Value::Nil).then(|| value.to_text())).collect();
        if self.0.len() >= GROUPS_MAX && !self.0.contains_key(&texts) {
            return Err(format!(
                "there are more than {GROUPS_MAX} groups; narrow the time range or the conditions"
            ));
        }
        let group = self.0.entry(texts).or_insert_with(|| Group {
            key: key.into_iter().map(Value::into_owned).collect(),
            states: statement.aggregates.iter().map(|aggregate| State::new(aggregate.kind)).collect(),
        });
        for (state, aggregate) in group.states.iter_mut().zip(&statement.aggregates) {
            let value = match &aggregate.of {
                Some(of) => scope.eval(of),
                None => Value::Bool(true),
            };
            if !state.add(aggregate.kind, value) {
                let most = super::aggregate::VALUES_MAX;
                return Err(format!(
                    "an aggregate has more than {most} values; narrow the time range or the conditions"
                ));
            }
        }
        Ok(())
    }

    /// The groups, ordered by what they have in common; with nothing in common it is one, even of no rows.
    pub(super) fn finish(self, statement: &Statement) -> Vec<(Vec<Value<'static>>, Vec<Value<'static>>)> {
        let mut groups: Vec<(Vec<Option<String>>, Group)> = self.0.into_iter().collect();
        groups.sort_by(|(left, _), (right, _)| left.cmp(right));
        let finished = |states: Vec<State>| {
            let pairs = states.into_iter().zip(&statement.aggregates);
            pairs.map(|(state, aggregate)| state.finish(aggregate.kind)).collect()
        };
        if groups.is_empty() && statement.group.as_ref().is_some_and(Vec::is_empty) {
            let states = statement.aggregates.iter().map(|aggregate| State::new(aggregate.kind)).collect();
            return vec![(Vec::new(), finished(states))];
        }
        groups.into_iter().map(|(_, group)| (group.key, finished(group.states))).collect()
    }
}

/// What rows are grouped by: of an attribute one text, as a store groups by it.
fn common<'a>(expr: &'a Expr, scope: &Scope<'a>, row: Row<'a>) -> Value<'a> {
    let (Expr::Column(column @ Column::Attribute { .. }), Some(span), None, None) =
        (expr, row.span, row.event, row.link)
    else {
        return scope.eval(expr);
    };
    let text = column.field().and_then(|field| store::metrics::text_of(&field, span));
    text.map_or(Value::Nil, Value::Text)
}
