//! One row of a table, and the values of its columns.

use std::borrow::Cow;
use std::cell::OnceCell;

use model::{Attribute, Attributes, Event, Link, Span, StatusCode, Summary, Trace};
use store::Level;

use super::{Column, Table};
use crate::traceql::eval::Value;

/// A trace as rows see it: whole, or as what a list shows of it.
pub(super) enum Of<'a> {
    /// Its summary is made where a column asks for it.
    Trace(&'a Trace, OnceCell<Summary>),
    Summary(&'a Summary),
}

impl<'a> Of<'a> {
    pub(super) fn trace(trace: &'a Trace) -> Self {
        Self::Trace(trace, OnceCell::new())
    }

    fn summary(&self) -> &Summary {
        match self {
            Self::Trace(trace, summary) => summary.get_or_init(|| trace.summary()),
            Self::Summary(summary) => summary,
        }
    }
}

/// A row; of `traces` the span is the one that met the conditions.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) of: &'a Of<'a>,
    pub(super) span: Option<Span<'a>>,
    pub(super) event: Option<Event<'a>>,
    pub(super) link: Option<Link<'a>>,
}

impl<'a> Row<'a> {
    pub(super) fn of(of: &'a Of<'a>, span: Option<Span<'a>>) -> Self {
        Self { of, span, event: None, link: None }
    }

    /// The rows that a span makes in a table.
    pub(super) fn each(table: Table, of: &'a Of<'a>, span: Span<'a>, see: &mut dyn FnMut(Self)) {
        let row = Self::of(of, Some(span));
        match table {
            Table::Traces | Table::Spans => see(row),
            Table::Events => span.events().for_each(|event| see(Self { event: Some(event), ..row })),
            Table::Links => span.links().for_each(|link| see(Self { link: Some(link), ..row })),
        }
    }

    pub(super) fn value(&self, column: &Column) -> Value<'a> {
        if column.is_of_trace() {
            return self.of_trace(column);
        }
        let Some(span) = self.span else { return Value::Nil };
        match column {
            Column::SpanId => owned(span.span_id().to_string()),
            Column::ParentId => span.parent().map_or(Value::Nil, |parent| owned(parent.to_string())),
            Column::Service => Value::Text(span.service().into()),
            Column::Name => Value::Text(span.name().into()),
            Column::Kind => Value::Kind(span.kind()),
            Column::Status => Value::Status(span.status()),
            Column::StatusMessage => text(span.status_message()),
            Column::Start => nanos(span.start()),
            Column::End => nanos(span.end()),
            Column::Duration => Value::Duration(whole(span.duration())),
            Column::ScopeName => text(span.scope().name()),
            Column::ScopeVersion => text(span.scope().version()),
            Column::Error => error(span),
            Column::EventName => match self.event {
                Some(event) => text(event.name()),
                None => Value::all(span.events().map(|event| text(event.name()))),
            },
            Column::EventTime => self.event.map_or(Value::Nil, |event| nanos(event.time())),
            Column::LinkTraceId => self.link.map_or(Value::Nil, |link| owned(link.trace_id().to_string())),
            Column::LinkSpanId => self.link.map_or(Value::Nil, |link| owned(link.span_id().to_string())),
            Column::Attributes => json(self.own(span)),
            Column::Attribute { level, key } => self.attribute(span, *level, key),
            _ => Value::Nil,
        }
    }

    fn of_trace(&self, column: &Column) -> Value<'a> {
        let summary = self.of.summary();
        match column {
            Column::TraceId => owned(summary.id.to_string()),
            Column::TraceStart => nanos(summary.start),
            Column::TraceEnd => nanos(summary.end),
            Column::TraceDuration => Value::Duration(whole(summary.duration())),
            Column::RootService => owned(summary.root_service.clone()),
            Column::RootName => owned(summary.root_name.clone()),
            Column::SpanCount => Value::Int(whole(summary.spans)),
            Column::ErrorCount => Value::Int(whole(summary.errors)),
            Column::Services => {
                Value::all(summary.services.iter().map(|service| owned(service.name.clone())))
            }
            _ => Value::Nil,
        }
    }

    /// The attributes of the row itself.
    fn own(&self, span: Span<'a>) -> Attributes<'a> {
        let part = self.event.map(|event| event.attributes());
        let part = part.or_else(|| self.link.map(|link| link.attributes()));
        part.unwrap_or_else(|| span.attributes())
    }

    /// Every value of a key at a level; of events and links those of the row, where it is one.
    fn attribute(&self, span: Span<'a>, level: Level, key: &str) -> Value<'a> {
        let mut values = Vec::new();
        let mut take = |here: Level, attributes: Attributes<'a>| {
            if level == here || level == Level::Any {
                values.extend(attributes.values_of(key).map(Value::of_attribute));
            }
        };
        take(Level::Span, span.attributes());
        take(Level::Resource, span.resource().attributes());
        take(Level::Scope, span.scope().attributes());
        match self.event {
            Some(event) => take(Level::Event, event.attributes()),
            None => span.events().for_each(|event| take(Level::Event, event.attributes())),
        }
        match self.link {
            Some(link) => take(Level::Link, link.attributes()),
            None => span.links().for_each(|link| take(Level::Link, link.attributes())),
        }
        Value::all(values.into_iter())
    }
}

/// True where the span failed or says so in an attribute; what else the attribute says comes with it.
fn error<'a>(span: Span<'a>) -> Value<'a> {
    let mut said = Vec::new();
    store::eval::any_attribute(Level::Any, span, &mut |attributes| {
        said.extend(attributes.values_of("error").map(|value| value.to_text()));
        false
    });
    let is_error = span.status() == StatusCode::Error || said.iter().any(|text| text == "true");
    let others = said.into_iter().filter(|text| !matches!(text.as_ref(), "true" | "false" | ""));
    let values: Vec<Value<'a>> =
        is_error.then_some(Value::Bool(true)).into_iter().chain(others.map(Value::Text)).collect();
    if values.is_empty() { Value::Bool(false) } else { Value::all(values.into_iter()) }
}

/// Key-values as a JSON object.
fn json<'a>(attributes: Attributes<'a>) -> Value<'a> {
    let pair = |Attribute { key, value }: Attribute<'_>| {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let value = match value {
            model::Value::Int(_) | model::Value::Bool(_) | model::Value::Array(_) | model::Value::Map(_) => {
                value.to_text().into_owned()
            }
            model::Value::Double(number) if number.is_finite() => value.to_text().into_owned(),
            other => text(&other.to_text()),
        };
        format!("{}:{value}", text(key))
    };
    let pairs: Vec<String> = attributes.map(pair).collect();
    if pairs.is_empty() { Value::Nil } else { owned(format!("{{{}}}", pairs.join(","))) }
}

fn text(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Nil } else { Value::Text(Cow::Borrowed(text)) }
}

fn owned(text: String) -> Value<'static> {
    Value::Text(Cow::Owned(text))
}

fn nanos(at: u64) -> Value<'static> {
    Value::Int(whole(at))
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
