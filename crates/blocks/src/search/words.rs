//! Filters that service, operation, kind and status decide: compared once for all spans that have these in common.

use model::{Kind, StatusCode, Value};
use store::eval;
use store::plan::{Condition, Field, Filter};

/// What some spans have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) service: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) status: StatusCode,
}

/// True where the filter compares no other fields than these.
pub(super) fn compares_only(filter: &Filter, fields: &[Field]) -> bool {
    match filter {
        Filter::All => true,
        Filter::Is(condition) => fields.contains(&condition.field),
        Filter::And(filters) | Filter::Or(filters) => {
            filters.iter().all(|filter| compares_only(filter, fields))
        }
        Filter::Not(filter) => compares_only(filter, fields),
    }
}

/// True where spans of these words pass a filter that [compares only](compares_only) such.
pub(super) fn passes(filter: &Filter, words: Words<'_>) -> bool {
    match filter {
        Filter::All => true,
        Filter::Is(condition) => holds(condition, words),
        Filter::And(all) => all.iter().all(|filter| passes(filter, words)),
        Filter::Or(any) => any.iter().any(|filter| passes(filter, words)),
        Filter::Not(filter) => !passes(filter, words),
    }
}

/// What is known of some spans: their service, and perhaps their status.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub(super) service: &'a str,
    pub(super) status: Option<StatusCode>,
}

/// What a filter says of every such span; `None` where that depends on the span.
pub(super) fn decided(filter: &Filter, span: Span<'_>) -> Option<bool> {
    match filter {
        Filter::All => Some(true),
        Filter::Is(condition) => match (&condition.field, span.status) {
            (Field::Service, _) => Some(eval::holds_of(condition, Value::Text(span.service))),
            (Field::Status, Some(status)) => Some(eval::holds_of(condition, Value::Text(status.as_str()))),
            _ => None,
        },
        Filter::And(all) => one_of(all, span, false),
        Filter::Or(any) => one_of(any, span, true),
        Filter::Not(filter) => decided(filter, span).map(|verdict| !verdict),
    }
}

/// The verdict where one of the filters gives it, or all give the other.
fn one_of(filters: &[Filter], span: Span<'_>, verdict: bool) -> Option<bool> {
    let mut all = Some(!verdict);
    for filter in filters {
        match decided(filter, span) {
            Some(found) if found == verdict => return Some(verdict),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

impl<'a> Words<'a> {
    /// The text of a field, by which spans are compared and grouped; empty for a field of another kind.
    pub(super) fn text(&self, field: &Field) -> &'a str {
        match field {
            Field::Service => self.service,
            Field::Name => self.name,
            Field::Kind => self.kind.as_str(),
            Field::Status => self.status.as_str(),
            _ => "",
        }
    }
}

fn holds(condition: &Condition, words: Words<'_>) -> bool {
    eval::holds_of(condition, Value::Text(words.text(&condition.field)))
}
