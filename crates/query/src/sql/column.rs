//! The columns of each table, and what a name stands for.

use store::{Field, Level};

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// A whole trace.
    Traces,
    /// A span.
    Spans,
    /// An event of a span.
    Events,
    /// A link of a span.
    Links,
}

impl Table {
    /// Reads its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Traces, Self::Spans, Self::Events, Self::Links];
        all.into_iter().find(|table| table.as_str().eq_ignore_ascii_case(name))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Spans => "spans",
            Self::Events => "events",
            Self::Links => "links",
        }
    }

    /// The columns that `*` stands for.
    pub(super) fn star(self) -> &'static [&'static str] {
        match self {
            Self::Traces => {
                &["trace_id", "start", "duration", "root_service", "root_name", "spans", "errors", "services"]
            }
            Self::Spans => &[
                "trace_id",
                "span_id",
                "parent_span_id",
                "start",
                "duration",
                "service",
                "name",
                "kind",
                "status",
                "status_message",
            ],
            Self::Events => &["trace_id", "span_id", "time", "service", "span_name", "name", "attributes"],
            Self::Links => &[
                "trace_id",
                "span_id",
                "service",
                "span_name",
                "linked_trace_id",
                "linked_span_id",
                "attributes",
            ],
        }
    }
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Anything, most often text.
    Any,
    /// Numbers.
    Number,
    /// Nanoseconds since 1970.
    Time,
    /// Nanoseconds from one time to another.
    Duration,
}

impl Type {
    /// The word that answers say.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Number => "number",
            Self::Time => "time",
            Self::Duration => "duration",
        }
    }
}

/// Something of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are called as in `NAMES`")]
pub enum Column {
    TraceId,
    TraceStart,
    TraceEnd,
    TraceDuration,
    RootService,
    RootName,
    SpanCount,
    ErrorCount,
    Services,
    SpanId,
    ParentId,
    Service,
    Name,
    Kind,
    Status,
    StatusMessage,
    Start,
    End,
    Duration,
    ScopeName,
    ScopeVersion,
    Error,
    EventName,
    EventTime,
    LinkTraceId,
    LinkSpanId,
    Attributes,
    Attribute { level: Level, key: String },
}

/// Names that mean the same in every table, with the one that advice tells first.
const NAMES: &[(&str, Column)] = &[
    ("trace_id", Column::TraceId),
    ("traceid", Column::TraceId),
    ("trace_start", Column::TraceStart),
    ("trace_end", Column::TraceEnd),
    ("trace_duration", Column::TraceDuration),
    ("trace.duration", Column::TraceDuration),
    ("root_service", Column::RootService),
    ("root_service_name", Column::RootService),
    ("root_name", Column::RootName),
    ("root_operation", Column::RootName),
    ("span_id", Column::SpanId),
    ("spanid", Column::SpanId),
    ("parent_span_id", Column::ParentId),
    ("parent_id", Column::ParentId),
    ("service", Column::Service),
    ("service_name", Column::Service),
    ("service.name", Column::Service),
    ("tags.service.name", Column::Service),
    ("resource.service.name", Column::Service),
    ("operation", Column::Name),
    ("operation_name", Column::Name),
    ("operation.name", Column::Name),
    ("span_name", Column::Name),
    ("span.name", Column::Name),
    ("kind", Column::Kind),
    ("span_kind", Column::Kind),
    ("span.kind", Column::Kind),
    ("status", Column::Status),
    ("status_code", Column::Status),
    ("span.status", Column::Status),
    ("status_message", Column::StatusMessage),
    ("span_start", Column::Start),
    ("span_end", Column::End),
    ("span_duration", Column::Duration),
    ("span.duration", Column::Duration),
    ("scope_name", Column::ScopeName),
    ("scope.name", Column::ScopeName),
    ("scope_version", Column::ScopeVersion),
    ("scope.version", Column::ScopeVersion),
    ("error", Column::Error),
    ("tags.error", Column::Error),
    ("event_name", Column::EventName),
    ("event.name", Column::EventName),
];

/// Names that mean something of the row itself.
const OF_TRACES: &[(&str, Column)] = &[
    ("start", Column::TraceStart),
    ("start_time", Column::TraceStart),
    ("timestamp", Column::TraceStart),
    ("end_time", Column::TraceEnd),
    ("duration", Column::TraceDuration),
    ("name", Column::Name),
    ("spans", Column::SpanCount),
    ("span_count", Column::SpanCount),
    ("errors", Column::ErrorCount),
    ("error_count", Column::ErrorCount),
    ("services", Column::Services),
];
const OF_SPANS: &[(&str, Column)] = &[
    ("start", Column::Start),
    ("start_time", Column::Start),
    ("timestamp", Column::Start),
    ("end_time", Column::End),
    ("duration", Column::Duration),
    ("name", Column::Name),
    ("attributes", Column::Attributes),
];
const OF_EVENTS: &[(&str, Column)] = &[
    ("time", Column::EventTime),
    ("timestamp", Column::EventTime),
    ("start", Column::EventTime),
    ("start_time", Column::EventTime),
    ("name", Column::EventName),
    ("duration", Column::Duration),
    ("attributes", Column::Attributes),
];
const OF_LINKS: &[(&str, Column)] = &[
    ("start", Column::Start),
    ("start_time", Column::Start),
    ("duration", Column::Duration),
    ("name", Column::Name),
    ("linked_trace_id", Column::LinkTraceId),
    ("linked_span_id", Column::LinkSpanId),
    ("attributes", Column::Attributes),
];

/// The words before a key that say where it stands; `attributes` is of the row itself.
const LEVELS: [(&str, Level); 10] = [
    ("tags", Level::Any),
    ("tag", Level::Any),
    ("span", Level::Span),
    ("resource", Level::Resource),
    ("resource_attributes", Level::Resource),
    ("scope", Level::Scope),
    ("instrumentation", Level::Scope),
    ("event", Level::Event),
    ("link", Level::Link),
    ("span_attributes", Level::Span),
];

impl Column {
    /// Finds what a name means; a name with a dot that is not known is an attribute.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub(super) fn parse(table: Table, name: &str) -> Result<Self, (String, String)> {
        let own = match table {
            Table::Traces => OF_TRACES,
            Table::Spans => OF_SPANS,
            Table::Events => OF_EVENTS,
            Table::Links => OF_LINKS,
        };
        let known = || own.iter().chain(NAMES);
        let is_name = |(known, _): &&(&str, Self)| known.eq_ignore_ascii_case(name);
        if let Some((_, column)) = known().find(is_name) {
            return Ok(column.clone());
        }
        if let Some((word, key)) = name.split_once('.') {
            let table = [table.as_str(), table.as_str().trim_end_matches('s')];
            if !key.contains('.') && table[0] == word && known().any(|(known, _)| *known == key) {
                return Self::parse(Table::parse(word).unwrap_or(Table::Spans), key);
            }
            let level = LEVELS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
            let own = ("attributes", own_level(table[0]));
            let level =
                level.or_else(|| own.0.eq_ignore_ascii_case(word).then_some(&own)).map(|(_, level)| *level);
            return Ok(match level {
                Some(level) => Self::Attribute { level, key: key.into() },
                None => Self::Attribute { level: Level::Any, key: name.into() },
            });
        }
        let near = known().map(|(known, _)| (strsim::osa_distance(name, known), *known));
        let near = near.filter(|(distance, known)| *distance <= known.len() / 3).min();
        let advice = near.map_or(String::new(), |(_, known)| format!("did you mean `{known}`? "));
        let message = format!("`{name}` is no column of {}", table.as_str());
        Err((message, format!("{advice}For an attribute of that name write `tags.{name}`")))
    }

    /// True where it is the same for every span of a trace.
    pub(super) fn is_of_trace(&self) -> bool {
        matches!(
            self,
            Self::TraceId
                | Self::TraceStart
                | Self::TraceEnd
                | Self::TraceDuration
                | Self::RootService
                | Self::RootName
                | Self::SpanCount
                | Self::ErrorCount
                | Self::Services
        )
    }

    /// What its values are.
    pub(super) fn kind(&self) -> Type {
        match self {
            Self::TraceStart | Self::TraceEnd | Self::Start | Self::End | Self::EventTime => Type::Time,
            Self::TraceDuration | Self::Duration => Type::Duration,
            Self::SpanCount | Self::ErrorCount => Type::Number,
            _ => Type::Any,
        }
    }

    /// Where a store finds its values on a span; of events and links those of all that the span has.
    pub(super) fn field(&self) -> Option<Field> {
        Some(match self {
            Self::Service => Field::Service,
            Self::Name => Field::Name,
            Self::Kind => Field::Kind,
            Self::Status => Field::Status,
            Self::StatusMessage => Field::StatusMessage,
            Self::Duration => Field::Duration,
            Self::ScopeName => Field::ScopeName,
            Self::ScopeVersion => Field::ScopeVersion,
            Self::EventName => Field::EventName,
            Self::LinkTraceId => Field::LinkTraceId,
            Self::LinkSpanId => Field::LinkSpanId,
            Self::Attribute { level, key } => Field::Attribute { level: *level, key: key.clone() },
            _ => return None,
        })
    }

    /// True where a row of the table has one value of several that its span has.
    pub(super) fn is_of_part(&self, table: Table) -> bool {
        let level = match self {
            Self::EventName | Self::EventTime => Level::Event,
            Self::LinkTraceId | Self::LinkSpanId => Level::Link,
            Self::Attribute { level, .. } => *level,
            _ => return false,
        };
        match table {
            Table::Events => matches!(level, Level::Event | Level::Any),
            Table::Links => matches!(level, Level::Link | Level::Any),
            Table::Traces | Table::Spans => false,
        }
    }
}

/// Where the attributes of a row stand.
fn own_level(table: &str) -> Level {
    match Table::parse(table) {
        Some(Table::Events) => Level::Event,
        Some(Table::Links) => Level::Link,
        _ => Level::Span,
    }
}
