//! Takes a question apart into the conditions that it joins.

use std::ops::Range;
use std::sync::Arc;

use super::CONDITIONS_MAX;
use crate::Search;
use crate::scope::Scope;
use crate::traceql::ast::{Comparison, Expr, ExprKind, Field, Joint, Literal, Pipeline, Spanset, Stage};

/// One condition of a question.
#[derive(Clone, Debug)]
pub struct Condition {
    /// As people read it.
    pub text: String,
    /// The spans that meet it alone, in the time of the question.
    pub scope: Scope,
    /// The expression, where it is one of the query.
    pub(super) expr: Option<Expr>,
    /// Which pair of braces it stands in.
    braces: usize,
}

impl Condition {
    /// The spans that meet both: on one span where they stand in the same braces, else in one trace.
    pub(super) fn with(&self, other: &Self) -> Scope {
        let (Some(left), Some(right)) = (&self.expr, &other.expr) else {
            let pipeline = self.scope.pipeline.clone().or_else(|| other.scope.pipeline.clone());
            let both = self.scope.and(other.scope.search.spans.clone());
            let mut both = Scope { pipeline, ..both };
            let trace = &other.scope.search.trace;
            both.search.trace.duration_min = both.search.trace.duration_min.max(trace.duration_min);
            both.search.trace.duration_max = both.search.trace.duration_max.or(trace.duration_max);
            return both;
        };
        let spans = if self.braces == other.braces {
            let at = left.at.clone();
            let both = ExprKind::And(Box::new(left.clone()), Box::new(right.clone()));
            Spanset::Filter(Some(Expr { kind: both, at }))
        } else {
            let filter = |expr: &Expr| Box::new(Spanset::Filter(Some(expr.clone())));
            Spanset::Pair(filter(left), Joint::And, filter(right))
        };
        Scope {
            pipeline: Some(Arc::new(Pipeline { stages: vec![Stage::Spans(spans)] })),
            ..self.scope.clone()
        }
    }

    /// What is compared, how, with what and where in the text; for conditions of that simple form.
    pub(super) fn compared(&self) -> Option<(&Field, Comparison, &Literal, Range<usize>)> {
        let expr = self.expr.as_ref()?;
        let ExprKind::Compare(left, comparison, right) = &expr.kind else { return None };
        match (&left.kind, &right.kind) {
            (ExprKind::Field(field), ExprKind::Literal(literal)) => {
                Some((field, *comparison, literal, expr.at.clone()))
            }
            _ => None,
        }
    }

    /// The same with another expression.
    pub(super) fn changed(&self, kind: ExprKind) -> Scope {
        spans_of(&self.scope, Expr { kind, at: 0..0 })
    }
}

/// The conditions of a scope's query and of its named parameters, each of which is given with what it means alone.
#[must_use]
pub fn conditions(scope: &Scope, named: Vec<(String, Search)>) -> Vec<Condition> {
    let alone = Scope {
        tenant: scope.tenant.clone(),
        search: Search { time: scope.search.time, ..Search::default() },
        pipeline: None,
    };
    let mut all: Vec<Condition> = Vec::new();
    let parameter = |(text, search): (String, Search)| {
        let search = Search { time: scope.search.time, ..search };
        Condition { text, scope: Scope { search, ..alone.clone() }, expr: None, braces: 0 }
    };
    all.extend(named.into_iter().map(parameter));
    let mut filters = Vec::new();
    scope.pipeline.iter().for_each(|pipeline| of_pipeline(pipeline, &mut filters));
    for (braces, filter) in filters.into_iter().enumerate() {
        let mut parts = Vec::new();
        of_expr(filter, &mut parts);
        all.extend(parts.into_iter().map(|expr| Condition {
            text: expr.to_string(),
            scope: spans_of(&alone, expr.clone()),
            expr: Some(expr.clone()),
            braces,
        }));
    }
    all.truncate(CONDITIONS_MAX);
    all
}

fn spans_of(alone: &Scope, expr: Expr) -> Scope {
    let stages = vec![Stage::Spans(Spanset::Filter(Some(expr)))];
    Scope { pipeline: Some(Arc::new(Pipeline { stages })), ..alone.clone() }
}

fn of_pipeline<'a>(pipeline: &'a Pipeline, into: &mut Vec<&'a Expr>) {
    for stage in &pipeline.stages {
        if let Stage::Spans(spans) = stage {
            of_spanset(spans, into);
        }
    }
}

fn of_spanset<'a>(spans: &'a Spanset, into: &mut Vec<&'a Expr>) {
    match spans {
        Spanset::Filter(condition) => into.extend(condition.iter()),
        Spanset::Pipeline(pipeline) => of_pipeline(pipeline, into),
        Spanset::Pair(left, _, right) => {
            of_spanset(left, into);
            of_spanset(right, into);
        }
    }
}

fn of_expr<'a>(condition: &'a Expr, into: &mut Vec<&'a Expr>) {
    match &condition.kind {
        ExprKind::And(left, right) => {
            of_expr(left, into);
            of_expr(right, into);
        }
        _ => into.push(condition),
    }
}
