//! Which traces a search of Zipkin means.
//!
//! As in Zipkin, each condition may hold on a span of its own, but all of these belong to the named service; the time is
//! that of the root, or of the earliest span where the root is missing; a bare word is a tag or an annotation.

use std::collections::BTreeMap;

use model::{TimeRange, Trace};
use store::{Compare, Condition, Field, Filter, Level, Operand};
use wire::zipkin_json::{View, views};

use super::params::Params;
use super::reply::Refusal;

/// Conditions of one `annotationQuery` beyond this are refused.
const CONDITIONS_MAX: usize = 100;

/// What a search asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) time: TimeRange,
    pub(super) service: Option<String>,
    pub(super) name: Option<String>,
    remote: Option<String>,
    /// Tags with their values; an empty value asks for the tag, or for the annotation, whatever its value.
    annotations: BTreeMap<String, String>,
    /// Microseconds, both ends inside.
    duration: Option<(u64, Option<u64>)>,
}

impl Wanted {
    pub(super) fn read(params: &Params, time: TimeRange) -> Result<Self, Refusal> {
        let lower = |name: &str| params.first(name).map(str::to_lowercase);
        let (min, max) = (params.positive("minDuration")?, params.positive("maxDuration")?);
        let duration = match (min, max) {
            (None, None) => None,
            (None, Some(_)) => {
                return Err(Refusal::bad_request("maxDuration is only valid with minDuration"));
            }
            (Some(min), Some(max)) if max < min => {
                return Err(Refusal::bad_request("maxDuration < minDuration"));
            }
            (Some(min), max) => Some((min, max)),
        };
        Ok(Self {
            time,
            service: lower("serviceName"),
            // The UI of older versions asks for all of them so.
            name: lower("spanName").filter(|name| name != "all"),
            remote: lower("remoteServiceName"),
            annotations: annotations(params.first("annotationQuery").unwrap_or_default())?,
            duration,
        })
    }

    /// Conditions that some span of every matching trace passes, each on a span of its own.
    pub(super) fn conditions(&self) -> Vec<Filter> {
        let mut all: Vec<Filter> = self.annotations.iter().map(|(key, value)| tag(key, value)).collect();
        if let Some((min, max)) = self.duration {
            // A microsecond is begun with its first nanosecond, and what takes none is said to take one.
            let least = if min == 1 { 0 } else { min.saturating_mul(1_000) };
            let mut bounds = vec![is(Field::Duration, Compare::AtLeast, int(least))];
            bounds.extend(max.map(|max| {
                is(Field::Duration, Compare::Less, int(max.saturating_add(1).saturating_mul(1_000)))
            }));
            all.push(Filter::And(bounds));
        }
        all
    }

    /// True where a trace is meant.
    pub(super) fn suits(&self, trace: &Trace) -> bool {
        let at = time_of(trace);
        self.time.start <= at && at < self.time.end && self.suits_spans(trace)
    }

    fn suits_spans(&self, trace: &Trace) -> bool {
        let mut left = self.annotations.clone();
        let (mut service, mut name, mut remote) =
            (self.service.is_none(), self.name.is_none(), self.remote.is_none());
        let mut duration = self.duration.is_none();
        for view in views(trace) {
            if self.service.as_deref().is_some_and(|service| view.local().name.as_deref() != Some(service)) {
                continue;
            }
            service = true;
            name = name || self.name.as_deref() == Some(view.name().as_str());
            remote = remote || self.remote == view.remote().name;
            duration = duration || self.duration.is_some_and(|bounds| lasts(&view, bounds));
            strike(&mut left, &view);
        }
        service && name && remote && duration && left.is_empty()
    }
}

/// When a trace happened: the start of its root, else its earliest start.
fn time_of(trace: &Trace) -> u64 {
    let roots = trace.spans().filter(|span| span.parent().is_none() && span.start() > 0);
    let start = roots.map(|span| span.start()).min();
    start.or_else(|| trace.spans().map(|span| span.start()).filter(|start| *start > 0).min()).unwrap_or(0)
}

fn lasts(view: &View<'_>, (min, max): (u64, Option<u64>)) -> bool {
    let duration = view.duration();
    min <= duration && max.is_none_or(|max| duration <= max)
}

/// Takes away what the span has.
fn strike(left: &mut BTreeMap<String, String>, view: &View<'_>) {
    if left.is_empty() {
        return;
    }
    for (_, value) in view.annotations() {
        if left.get(value.as_ref()).is_some_and(String::is_empty) {
            left.remove(value.as_ref());
        }
    }
    for (key, value) in view.tags() {
        if left.get(key).is_some_and(|wanted| wanted.is_empty() || *wanted == value) {
            left.remove(key);
        }
    }
}

/// Reads `error and http.method=GET`.
fn annotations(text: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let mut wanted = BTreeMap::new();
    for condition in text.split(" and ").map(str::trim).filter(|condition| !condition.is_empty()) {
        match condition.split_once('=') {
            Some((key, value)) => _ = wanted.insert(key.to_owned(), value.to_owned()),
            None => _ = wanted.entry(condition.to_owned()).or_default(),
        }
        if wanted.len() > CONDITIONS_MAX {
            let message = format!("annotationQuery has more than {CONDITIONS_MAX} conditions");
            return Err(Refusal::bad_request(message));
        }
    }
    Ok(wanted)
}

/// Every span that has the tag or the annotation passes, and some others.
fn tag(key: &str, value: &str) -> Filter {
    let attribute = Field::Attribute { level: Level::Any, key: key.into() };
    let here = match value {
        "" => is(attribute, Compare::Exists, Operand::None),
        value => Filter::equal(attribute, Operand::Text(value.into())),
    };
    let there = |field| is(field, Compare::Exists, Operand::None);
    let made = match key {
        // These tags are made of other parts of a span.
        "error" => is(Field::Status, Compare::Equal, Operand::Status(model::StatusCode::Error)),
        "otel.status_code" => is(Field::Status, Compare::Unequal, Operand::Status(model::StatusCode::Unset)),
        "otel.scope.name" => there(Field::ScopeName),
        "otel.scope.version" => there(Field::ScopeVersion),
        "span.kind" => Filter::equal(Field::Kind, Operand::Kind(model::Kind::Internal)),
        "w3c.tracestate" => return Filter::All,
        // The annotation of an event with attributes is JSON, which begins with its name.
        _ if value.is_empty() && key.starts_with('"') => there(Field::EventName),
        _ if value.is_empty() => Filter::equal(Field::EventName, Operand::Text(key.into())),
        _ => return here,
    };
    Filter::Or(vec![here, made])
}

fn is(field: Field, compare: Compare, operand: Operand) -> Filter {
    Filter::Is(Condition { field, compare, operand })
}

fn int(number: u64) -> Operand {
    Operand::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
