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
    /// True where exactly the spans that pass `spans` match, so that nothing is left to be evaluated.
    pub is_exact: bool,
}

/// The filter of a pipeline: that of its leading spansets.
#[must_use]
pub fn prefilter(pipeline: &Pipeline) -> Prefilter {
    let mut found =
        Prefilter { spans: Filter::All, trace: TraceFilter::default(), ids: None, is_exact: false };
    let Some(Stage::Spans(first)) = pipeline.stages.first() else { return found };
    let mut all = of_spanset(first);
    if let Spanset::Filter(condition) = first {
        condition.iter().for_each(|condition| of_trace(condition, &mut found));
        for stage in &pipeline.stages[1..] {
            let Stage::Spans(Spanset::Filter(condition)) = stage else {
                all.is_exact &= matches!(stage, Stage::Select(_));
                break;
            };
            all = all.and(condition.as_ref().map_or(Part::EVERY, of_expr));
            condition.iter().for_each(|condition| of_trace(condition, &mut found));
        }
    }
    Prefilter { spans: all.filter, is_exact: all.is_exact, ..found }
}

/// A filter that no span fails which matches.
pub(crate) struct Part {
    filter: Filter,
    /// True where no other span passes it.
    is_exact: bool,
}

impl Part {
    /// Every span, which is right for a condition that every span meets.
    pub(crate) const EVERY: Self = Self { filter: Filter::All, is_exact: true };

    /// Every span, for want of a better filter.
    pub(crate) const UNKNOWN: Self = Self { filter: Filter::All, is_exact: false };

    /// The filter that only spans pass which match.
    pub(crate) fn exactly(filter: Filter) -> Self {
        Self { filter, is_exact: true }
    }

    /// A filter that other spans pass as well.
    pub(crate) fn roughly_as(filter: Filter) -> Self {
        Self { filter, is_exact: false }
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact
    }

    pub(crate) fn into_filter(self) -> Filter {
        self.filter
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { filter: and(vec![self.filter, other.filter]), is_exact: self.is_exact && other.is_exact }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self { filter: or(vec![self.filter, other.filter]), is_exact: self.is_exact && other.is_exact }
    }

    fn roughly(self) -> Self {
        Self { is_exact: false, ..self }
    }
}

/// A filter that some span of every matching trace passes, as selective as one side of a pair allows.
fn of_spanset(spans: &Spanset) -> Part {
    match spans {
        Spanset::Filter(condition) => condition.as_ref().map_or(Part::EVERY, of_expr),
        Spanset::Pipeline(pipeline) => Part { filter: prefilter(pipeline).spans, is_exact: false },
        Spanset::Pair(left, joint, right) => {
            let (left, right) = (of_spanset(left), of_spanset(right));
            match joint {
                Joint::Or => left.or(right),
                Joint::Structure(_, Form::Without) => right.roughly(),
                Joint::And | Joint::Structure(..) if matches!(right.filter, Filter::All) => left.roughly(),
                Joint::And | Joint::Structure(..) => right.roughly(),
            }
        }
    }
}

/// A filter that every span passes for which the condition is true.
fn of_expr(condition: &Expr) -> Part {
    match &condition.kind {
        ExprKind::And(left, right) => of_expr(left).and(of_expr(right)),
        ExprKind::Or(left, right) => of_expr(left).or(of_expr(right)),
        ExprKind::Compare(left, comparison, right) => match (&left.kind, &right.kind) {
            (ExprKind::Field(field), ExprKind::Literal(literal)) => of_field(field, *comparison, literal),
            (ExprKind::Literal(literal), ExprKind::Field(field)) => {
                of_field(field, comparison.mirrored(), literal)
            }
            _ => Part::UNKNOWN,
        },
        ExprKind::Match(inside, pattern, is_negated) => match &inside.kind {
            ExprKind::Field(field) => {
                let compare = if *is_negated { Compare::MatchesNot } else { Compare::Matches };
                any_of(field, compare, &Operand::Pattern(pattern.clone()))
            }
            _ => Part::UNKNOWN,
        },
        ExprKind::Field(field) => any_of(field, Compare::Equal, &Operand::Bool(true)),
        ExprKind::Literal(Literal::Bool(true)) => Part::EVERY,
        _ => Part::UNKNOWN,
    }
}

fn of_field(field: &Field, comparison: Comparison, literal: &Literal) -> Part {
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
        Comparison::Unequal => Compare::Unequal,
        Comparison::Less => Compare::Less,
        Comparison::AtMost => Compare::AtMost,
        Comparison::Greater => Compare::Greater,
        Comparison::AtLeast => Compare::AtLeast,
    };
    let has_order = matches!(operand, Operand::Text(_) | Operand::Int(_) | Operand::Number(_));
    match compare {
        Compare::Equal | Compare::Unequal => any_of(field, compare, &operand),
        _ if has_order => any_of(field, compare, &operand),
        _ => Part::UNKNOWN,
    }
}

fn of_nil(field: &Field, comparison: Comparison) -> Part {
    match (comparison, field) {
        (Comparison::Unequal, _) => any_of(field, Compare::Exists, &Operand::None),
        (Comparison::Equal, Field::Attribute { .. }) if !is_service(field) => {
            let Some(places) = places(field) else { return Part::UNKNOWN };
            let missing = places.into_iter().map(|place| is(place, Compare::Missing, Operand::None));
            Part { filter: and(missing.collect()), is_exact: true }
        }
        _ => Part::UNKNOWN,
    }
}

/// A comparison with the first place in which the field has a value.
fn any_of(field: &Field, compare: Compare, operand: &Operand) -> Part {
    let Some(places) = places(field) else { return Part::UNKNOWN };
    let mut any = Vec::new();
    let mut before = Vec::new();
    for place in places {
        let here = is(place.clone(), compare, operand.clone());
        any.push(and(before.iter().cloned().chain([here]).collect()));
        before.push(is(place, Compare::Missing, Operand::None));
    }
    let is_exact = !is_service(field) || matches!((compare, operand), (Compare::Equal, Operand::Text(_)));
    Part { filter: or(any), is_exact }
}

/// A store gives a span without a service a name for it, which is no attribute.
fn is_service(field: &Field) -> bool {
    matches!(field, Field::Attribute { scope: Scope::Resource, key, .. } if key == "service.name")
}

fn is(field: Stored, compare: Compare, operand: Operand) -> Filter {
    Filter::Is(Condition { field, compare, operand })
}

/// Where a store finds the values of a field; `None` for what it does not know of a single span.
fn places(field: &Field) -> Option<Vec<Stored>> {
    Some(match field {
        Field::Attribute { of_parent: true, .. } => return None,
        Field::Attribute { .. } if is_service(field) => vec![Stored::Service],
        Field::Attribute { scope, key, .. } => {
            scope.levels().iter().map(|level| Stored::Attribute { level: *level, key: key.clone() }).collect()
        }
        Field::Intrinsic(intrinsic) => vec![match intrinsic {
            Intrinsic::Duration => Stored::Duration,
            Intrinsic::Name => Stored::Name,
            Intrinsic::Kind => Stored::Kind,
            Intrinsic::Status => Stored::Status,
            Intrinsic::EventName => Stored::EventName,
            Intrinsic::LinkTraceId => Stored::LinkTraceId,
            Intrinsic::LinkSpanId => Stored::LinkSpanId,
            _ => return None,
        }],
    })
}

/// Where a store finds the text of a label; `None` where it would answer another one.
pub(crate) fn stored(label: &Field) -> Option<Stored> {
    match label {
        Field::Attribute { scope: Scope::Resource, key, of_parent: false } if key == "service.name" => {
            Some(Stored::Service)
        }
        Field::Attribute { scope, key, of_parent: false } => {
            let level = match scope {
                Scope::Span => Level::Span,
                Scope::Resource => Level::Resource,
                Scope::Instrumentation => Level::Scope,
                Scope::Any | Scope::Event | Scope::Link => return None,
            };
            Some(Stored::Attribute { level, key: key.clone() })
        }
        Field::Intrinsic(Intrinsic::Name) => Some(Stored::Name),
        Field::Intrinsic(Intrinsic::Kind) => Some(Stored::Kind),
        Field::Intrinsic(Intrinsic::Status) => Some(Stored::Status),
        _ => None,
    }
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
        (Intrinsic::RootName, Literal::Text(text)) if comparison == Comparison::Equal => {
            found.trace.root_name.get_or_insert_with(|| text.clone());
        }
        (Intrinsic::RootService, Literal::Text(text)) if comparison == Comparison::Equal => {
            found.trace.root_service.get_or_insert_with(|| text.clone());
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
