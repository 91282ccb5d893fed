//! What a name in a filter stands for.

use store::{Field, Level};

/// What can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Something of one span.
    Span(Field),
    /// The duration of the whole trace.
    TraceDuration,
}

/// The names that are no attributes, as advice lists them.
const INTRINSICS: [(&str, Intrinsic); 24] = [
    ("service", Intrinsic::Service),
    ("service.name", Intrinsic::Service),
    ("resource.service.name", Intrinsic::Service),
    ("name", Intrinsic::Name),
    ("operation", Intrinsic::Name),
    ("span:name", Intrinsic::Name),
    ("kind", Intrinsic::Kind),
    ("span:kind", Intrinsic::Kind),
    ("status", Intrinsic::Status),
    ("span:status", Intrinsic::Status),
    ("statusMessage", Intrinsic::StatusMessage),
    ("span:statusMessage", Intrinsic::StatusMessage),
    ("duration", Intrinsic::Duration),
    ("span:duration", Intrinsic::Duration),
    ("traceDuration", Intrinsic::TraceDuration),
    ("trace:duration", Intrinsic::TraceDuration),
    ("event:name", Intrinsic::EventName),
    ("link:traceID", Intrinsic::LinkTraceId),
    ("link:spanID", Intrinsic::LinkSpanId),
    ("instrumentation:name", Intrinsic::ScopeName),
    ("scope:name", Intrinsic::ScopeName),
    ("instrumentation:version", Intrinsic::ScopeVersion),
    ("scope:version", Intrinsic::ScopeVersion),
    ("status_message", Intrinsic::StatusMessage),
];

#[derive(Clone, Copy)]
enum Intrinsic {
    Service,
    Name,
    Kind,
    Status,
    StatusMessage,
    Duration,
    TraceDuration,
    EventName,
    LinkTraceId,
    LinkSpanId,
    ScopeName,
    ScopeVersion,
}

/// The words before a key that say where it stands.
const LEVELS: [(&str, Level); 6] = [
    ("span.", Level::Span),
    ("resource.", Level::Resource),
    ("event.", Level::Event),
    ("link.", Level::Link),
    ("instrumentation.", Level::Scope),
    ("scope.", Level::Scope),
];

/// Names of TraceQL that this subset leaves out.
const FOREIGN: [&str; 19] = [
    "rootName",
    "rootServiceName",
    "nestedSetLeft",
    "nestedSetRight",
    "nestedSetParent",
    "parent",
    "trace:rootName",
    "trace:rootService",
    "trace:id",
    "span:id",
    "span:parentID",
    "span:childCount",
    "event:timeSinceStart",
    "count",
    "avg",
    "min",
    "max",
    "sum",
    "rate",
];

/// Finds what a bare name means.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn subject(name: &str) -> Result<Subject, (String, String)> {
    if let Some((_, intrinsic)) = INTRINSICS.iter().find(|(known, _)| *known == name) {
        return Ok(subject_of(*intrinsic));
    }
    if FOREIGN.contains(&name) {
        let message = format!("`{name}` is not part of this filter yet");
        return Err((message, format!("for an attribute of that name write `.{name}`")));
    }
    if let Some(key) = name.strip_prefix("parent.") {
        let message = "conditions on the parent are not part of this filter".to_owned();
        return Err((message, format!("for an attribute of the span itself write `.{key}`")));
    }
    if let Some(attribute) = attribute(name) {
        return attribute;
    }
    match nearest(name) {
        Some(known) => Err((
            format!("`{name}` is not known"),
            format!("did you mean `{known}`? For an attribute of that name write `.{name}`"),
        )),
        None => Ok(attribute_at(Level::Any, name)),
    }
}

/// Finds what a name with quoted parts means: always an attribute.
pub(super) fn quoted_subject(name: &str) -> Result<Subject, (String, String)> {
    attribute(name).unwrap_or_else(|| Ok(attribute_at(Level::Any, name)))
}

fn attribute(name: &str) -> Option<Result<Subject, (String, String)>> {
    if let Some(key) = name.strip_prefix('.') {
        return Some(named(Level::Any, name, key));
    }
    let (prefix, level) = LEVELS.iter().find(|(prefix, _)| name.starts_with(prefix))?;
    Some(named(*level, name, &name[prefix.len()..]))
}

fn named(level: Level, name: &str, key: &str) -> Result<Subject, (String, String)> {
    if key.is_empty() {
        return Err((format!("`{name}` names no key"), format!("write `{name}http.route`, for instance")));
    }
    Ok(attribute_at(level, key))
}

fn attribute_at(level: Level, key: &str) -> Subject {
    Subject::Span(Field::Attribute { level, key: key.into() })
}

fn subject_of(intrinsic: Intrinsic) -> Subject {
    Subject::Span(match intrinsic {
        Intrinsic::TraceDuration => return Subject::TraceDuration,
        Intrinsic::Service => Field::Service,
        Intrinsic::Name => Field::Name,
        Intrinsic::Kind => Field::Kind,
        Intrinsic::Status => Field::Status,
        Intrinsic::StatusMessage => Field::StatusMessage,
        Intrinsic::Duration => Field::Duration,
        Intrinsic::EventName => Field::EventName,
        Intrinsic::LinkTraceId => Field::LinkTraceId,
        Intrinsic::LinkSpanId => Field::LinkSpanId,
        Intrinsic::ScopeName => Field::ScopeName,
        Intrinsic::ScopeVersion => Field::ScopeVersion,
    })
}

/// A known name that a slip of the fingers may have turned into this one. Dotted names are keys, unless only the first
/// word of a long level is misspelt.
fn nearest(name: &str) -> Option<&'static str> {
    let is_slip = |known: &str, typed: &str| {
        let allowed = if known.len() > 5 { 2 } else { 1 };
        typed.len() > 2 && strsim::osa_distance(&typed.to_lowercase(), &known.to_lowercase()) <= allowed
    };
    if let Some((level, _)) = name.split_once('.') {
        let long =
            LEVELS.iter().map(|(known, _)| known.trim_end_matches('.')).filter(|known| known.len() > 5);
        return long.into_iter().find(|known| *known != level && is_slip(known, level));
    }
    INTRINSICS.iter().map(|(known, _)| *known).find(|known| is_slip(known, name))
}
