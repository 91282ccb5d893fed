//! One trace as expressions see it: its spans, and what holds for the whole trace, computed once.

use std::borrow::Cow;
use std::cell::OnceCell;

use model::{Attributes, Span, Summary, Trace};

use super::super::ast::{Expr, Field, Intrinsic, Scope};
use super::value::Value;

/// A trace that is being evaluated.
pub struct Subject<'a> {
    pub(super) trace: &'a Trace,
    spans: Vec<Span<'a>>,
    summary: OnceCell<Summary>,
    nested: OnceCell<Vec<(i64, i64)>>,
}

impl<'a> Subject<'a> {
    /// Looks at a trace.
    #[must_use]
    pub fn new(trace: &'a Trace) -> Self {
        Self { trace, spans: trace.spans().collect(), summary: OnceCell::new(), nested: OnceCell::new() }
    }

    /// The trace itself.
    #[must_use]
    pub fn trace(&self) -> &'a Trace {
        self.trace
    }

    /// How many spans it has.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a trace has at least one span")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// A span by its place in [`Trace::nodes`].
    #[must_use]
    pub fn span(&self, at: usize) -> Span<'a> {
        self.spans[at]
    }

    /// The place of a span's parent.
    #[must_use]
    pub fn parent(&self, at: usize) -> Option<usize> {
        self.trace.nodes()[at].parent.map(|parent| parent as usize)
    }

    /// What the list of traces shows.
    pub fn summary(&self) -> &Summary {
        self.summary.get_or_init(|| self.trace.summary())
    }

    /// The value of an expression on a span.
    #[must_use]
    pub fn eval(&self, expr: &'a Expr, at: usize) -> Value<'a> {
        super::expression::eval(expr, at, self)
    }

    /// The value of a field on a span.
    #[must_use]
    pub fn field(&self, field: &Field, at: usize) -> Value<'a> {
        match field {
            Field::Intrinsic(intrinsic) => self.intrinsic(*intrinsic, at),
            Field::Attribute { scope, key, of_parent } => {
                let node = &self.trace.nodes()[at];
                let at = if *of_parent { node.parent.map(|parent| parent as usize) } else { Some(at) };
                at.map_or(Value::Nil, |at| attribute(self.spans[at], *scope, key))
            }
        }
    }

    fn intrinsic(&self, intrinsic: Intrinsic, at: usize) -> Value<'a> {
        let span = self.spans[at];
        let nanos = |nanos: u64| Value::Duration(i64::try_from(nanos).unwrap_or(i64::MAX));
        let owned = |text: String| Value::Text(Cow::Owned(text));
        match intrinsic {
            Intrinsic::Duration => nanos(span.duration()),
            Intrinsic::Name => text(span.name()),
            Intrinsic::Kind => Value::Kind(span.kind()),
            Intrinsic::Status => Value::Status(span.status()),
            Intrinsic::StatusMessage => text(span.status_message()),
            Intrinsic::SpanId => owned(span.span_id().to_string()),
            Intrinsic::ParentId => span.parent().map_or(Value::Nil, |parent| owned(parent.to_string())),
            Intrinsic::ChildCount => Value::Int(i64::from(self.trace.nodes()[at].children)),
            Intrinsic::TraceDuration => nanos(self.summary().duration()),
            Intrinsic::RootName => owned(self.summary().root_name.clone()),
            Intrinsic::RootService => owned(self.summary().root_service.clone()),
            Intrinsic::TraceId => owned(span.trace_id().to_string()),
            Intrinsic::EventName => Value::all(span.events().map(|event| text(event.name()))),
            Intrinsic::EventTime => {
                Value::all(span.events().map(|event| nanos(event.time().saturating_sub(span.start()))))
            }
            Intrinsic::LinkTraceId => Value::all(span.links().map(|link| owned(link.trace_id().to_string()))),
            Intrinsic::LinkSpanId => Value::all(span.links().map(|link| owned(link.span_id().to_string()))),
            Intrinsic::ScopeName => text(span.scope().name()),
            Intrinsic::ScopeVersion => text(span.scope().version()),
            Intrinsic::NestedSetLeft => Value::Int(self.nested()[at].0),
            Intrinsic::NestedSetRight => Value::Int(self.nested()[at].1),
            Intrinsic::NestedSetParent => {
                let parent = self.trace.nodes()[at].parent;
                Value::Int(parent.map_or(-1, |parent| self.nested()[parent as usize].0))
            }
        }
    }

    /// Both numbers of every span: counted on entering and on leaving it.
    fn nested(&self) -> &[(i64, i64)] {
        self.nested.get_or_init(|| {
            let nodes = self.trace.nodes();
            let mut nested = vec![(0, 0); nodes.len()];
            let mut open: Vec<usize> = Vec::new();
            let mut number = 0;
            for (at, node) in nodes.iter().enumerate() {
                while open.last().is_some_and(|last| node.parent != Some(*last as u32)) {
                    number += 1;
                    nested[open.pop().expect("it has a last")].1 = number;
                }
                number += 1;
                nested[at].0 = number;
                open.push(at);
            }
            while let Some(at) = open.pop() {
                number += 1;
                nested[at].1 = number;
            }
            nested
        })
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

fn attribute<'a>(span: Span<'a>, scope: Scope, key: &str) -> Value<'a> {
    let get = |attributes: Attributes<'a>| attributes.get(key).map_or(Value::Nil, Value::of_attribute);
    match scope {
        Scope::Span => get(span.attributes()),
        Scope::Resource => get(span.resource().attributes()),
        Scope::Instrumentation => get(span.scope().attributes()),
        Scope::Event => Value::all(span.events().map(|event| get(event.attributes()))),
        Scope::Link => Value::all(span.links().map(|link| get(link.attributes()))),
        Scope::Any => match get(span.attributes()) {
            Value::Nil => get(span.resource().attributes()),
            value => value,
        },
    }
}
