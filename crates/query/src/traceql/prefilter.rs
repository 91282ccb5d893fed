//! What a store can do of a query: a filter on single spans that no matching trace fails.
//!
//! The filter may let traces through that do not match, since `eval` decides; it never leaves one out. Parts that only a
//! whole trace can answer (relations, aggregates, the root) become "every span".

use model::TraceId;
use store::{Compare, Condition, Field as Stored, Filter, Level, Operand, TraceFilter};

use super::ast::{
    Comparison, Expr, ExprKind, Field, Form, Intrinsic, Joint, Literal, Pipeline, Scope, Spanset, Stage,
};

/// What a store looks for.
#[derive(Clone, Debug)]
pub struct Prefilter {
    /// What one span of the trace passes.
    pub spans: Filter,
    /// What the trace passes.
    pub trace: TraceFilter,
    /// The only traces that can match.
    pub ids: Option<Vec<TraceId>>,
}

/// The filter of a pipeline: that of its leading spansets.
#[must_use]
pub fn prefilter(pipeline: &Pipeline) -> Prefilter {
    let mut found = Prefilter { spans: Filter::All, trace: TraceFilter::default(), ids: None };
    let mut stages = pipeline.stages.iter();
    let Some(Stage::Spans(first)) = stages.next() else { return found };
    let mut all = vec![of_spanset(first)];
    if let Spanset::Filter(condition) = first {
        condition.iter().for_each(|condition| of_trace(condition, &mut found));
        for stage in stages {
            let Stage::Spans(Spanset::Filter(condition)) = stage else { break };
            all.extend(condition.as_ref().map(of_expr));
            condition.iter().for_each(|condition| of_trace(condition, &mut found));
        }
    }
    found.spans = and(all);
    found
}

/// A filter that some span of every matching trace passes, as selective as one side of a pair allows.
fn of_spanset(spans: &Spanset) -> Filter {
    match spans {
        Spanset::Filter(condition) => condition.as_ref().map_or(Filter::All, of_expr),
        Spanset::Pipeline(pipeline) => prefilter(pipeline).spans,
        Spanset::Pair(left, joint, right) => {
            let (left, right) = (of_spanset(left), of_spanset(right));
            match joint {
                Joint::Or => or(vec![left, right]),
                Joint::Structure(_, Form::Without) => right,
                Joint::And | Joint::Structure(..) if matches!(right, Filter::All) => left,
                Joint::And | Joint::Structure(..) => right,
            }
        }
    }
}

/// A filter that every span passes for which the condition is true.
fn of_expr(condition: &Expr) -> Filter {
    match &condition.kind {
        ExprKind::And(left, right) => and(vec![of_expr(left), of_expr(right)]),
        ExprKind::Or(left, right) => or(vec![of_expr(left), of_expr(right)]),
        ExprKind::Compare(left, comparison, right) => match (&left.kind, &right.kind) {
            (ExprKind::Field(field), ExprKind::Literal(literal)) => of_field(field, *comparison, literal),
            (ExprKind::Literal(literal), ExprKind::Field(field)) => {
                of_field(field, mirrored(*comparison), literal)
            }
            _ => Filter::All,
        },
        ExprKind::Match(inside, pattern, is_negated) => match &inside.kind {
            ExprKind::Field(field) => {
                let compare = if *is_negated { Compare::MatchesNot } else { Compare::Matches };
                any_of(field, compare, &Operand::Pattern(pattern.clone()))
            }
            _ => Filter::All,
        },
        ExprKind::Field(field) => any_of(field, Compare::Equal, &Operand::Bool(true)),
        _ => Filter::All,
    }
}

fn of_field(field: &Field, comparison: Comparison, literal: &Literal) -> Filter {
    let operand = match literal {
        Literal::Text(text) => Operand::Text(text.clone()),
        Literal::Int(int) | Literal::Duration(int) => Operand::Int(*int),
        Literal::Float(float) => Operand::Number(*float),
        Literal::Bool(bool) => Operand::Bool(*bool),
        Literal::Status(status) => Operand::Status(*status),
        Literal::Kind(kind) => Operand::Kind(*kind),
        Literal::Nil => return of_nil(field, comparison),
    };
    let compare = match comparison {
        Comparison::Equal => Compare::Equal,
        Comparison::Unequal => Compare::Exists,
        Comparison::Less => Compare::Less,
        Comparison::AtMost => Compare::AtMost,
        Comparison::Greater => Compare::Greater,
        Comparison::AtLeast => Compare::AtLeast,
    };
    let has_order = matches!(operand, Operand::Text(_) | Operand::Int(_) | Operand::Number(_));
    match compare {
        Compare::Exists => any_of(field, compare, &Operand::None),
        Compare::Equal => any_of(field, compare, &operand),
        _ if has_order => any_of(field, compare, &operand),
        _ => Filter::All,
    }
}

fn of_nil(field: &Field, comparison: Comparison) -> Filter {
    match comparison {
        Comparison::Unequal => any_of(field, Compare::Exists, &Operand::None),
        Comparison::Equal => and(places(field)
            .unwrap_or_default()
            .into_iter()
            .map(|field| is(field, Compare::Missing, Operand::None))
            .collect()),
        _ => Filter::All,
    }
}

/// A comparison with whichever place the field's value may stand in.
fn any_of(field: &Field, compare: Compare, operand: &Operand) -> Filter {
    let Some(places) = places(field) else { return Filter::All };
    or(places.into_iter().map(|field| is(field, compare, operand.clone())).collect())
}

fn is(field: Stored, compare: Compare, operand: Operand) -> Filter {
    Filter::Is(Condition { field, compare, operand })
}

/// Where a store finds the values of a field; `None` for what it does not know of a single span.
fn places(field: &Field) -> Option<Vec<Stored>> {
    Some(match field {
        Field::Attribute { of_parent: true, .. } => return None,
        Field::Attribute { scope: Scope::Resource, key, .. } if key == "service.name" => {
            vec![Stored::Service]
        }
        Field::Attribute { scope, key, .. } => {
            let levels: &[Level] = match scope {
                Scope::Any => &[Level::Span, Level::Resource],
                Scope::Span => &[Level::Span],
                Scope::Resource => &[Level::Resource],
                Scope::Event => &[Level::Event],
                Scope::Link => &[Level::Link],
                Scope::Instrumentation => &[Level::Scope],
            };
            levels.iter().map(|level| Stored::Attribute { level: *level, key: key.clone() }).collect()
        }
        Field::Intrinsic(intrinsic) => vec![match intrinsic {
            Intrinsic::Duration => Stored::Duration,
            Intrinsic::Name => Stored::Name,
            Intrinsic::Kind => Stored::Kind,
            Intrinsic::Status => Stored::Status,
            Intrinsic::EventName => Stored::EventName,
            _ => return None,
        }],
    })
}

/// What the conditions that hold on every span say of the trace.
fn of_trace(condition: &Expr, found: &mut Prefilter) {
    match &condition.kind {
        ExprKind::And(left, right) => {
            of_trace(left, found);
            of_trace(right, found);
        }
        ExprKind::Compare(left, comparison, right) => {
            if let (ExprKind::Field(Field::Intrinsic(field)), ExprKind::Literal(literal)) =
                (&left.kind, &right.kind)
            {
                narrow(*field, *comparison, literal, found);
            }
        }
        _ => {}
    }
}

fn narrow(field: Intrinsic, comparison: Comparison, literal: &Literal, found: &mut Prefilter) {
    match (field, literal) {
        (Intrinsic::TraceId, Literal::Text(text)) if comparison == Comparison::Equal => {
            found.ids = Some(TraceId::parse(text).into_iter().collect());
        }
        (Intrinsic::TraceDuration, Literal::Int(nanos) | Literal::Duration(nanos)) => {
            let nanos = u64::try_from(*nanos).unwrap_or(0);
            let filter = &mut found.trace;
            if matches!(comparison, Comparison::Equal | Comparison::Greater | Comparison::AtLeast) {
                filter.duration_min = filter.duration_min.max(Some(nanos));
            }
            if matches!(comparison, Comparison::Equal | Comparison::Less | Comparison::AtMost) {
                filter.duration_max = [filter.duration_max, Some(nanos)].into_iter().flatten().min();
            }
        }
        _ => {}
    }
}

/// The comparison with its sides exchanged.
fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Greater => Comparison::Less,
        Comparison::AtLeast => Comparison::AtMost,
        same => same,
    }
}

fn and(all: Vec<Filter>) -> Filter {
    let mut kept: Vec<Filter> = Vec::new();
    for filter in all {
        match filter {
            Filter::All => {}
            Filter::And(more) => kept.extend(more),
            filter => kept.push(filter),
        }
    }
    match kept.len() {
        0 => Filter::All,
        1 => kept.remove(0),
        _ => Filter::And(kept),
    }
}

fn or(mut any: Vec<Filter>) -> Filter {
    if any.iter().any(|filter| matches!(filter, Filter::All)) {
        return Filter::All;
    }
    if any.len() == 1 { any.remove(0) } else { Filter::Or(any) }
}
