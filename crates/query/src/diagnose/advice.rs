//! What is there instead of what a condition asks for: the key under another name or on another level, or another value.

use store::{Ask, Plan};

use super::{Condition, Counting, Hint};
use crate::Error;
use crate::scope::Bounds;
use crate::traceql::ast::{Comparison, Expr, ExprKind, Field, Literal, Scope as Place};

/// Keys whose name the semantic conventions have changed: old, new.
const RENAMED: [(&str, &str); 15] = [
    ("http.status_code", "http.response.status_code"),
    ("http.method", "http.request.method"),
    ("http.url", "url.full"),
    ("http.target", "url.path"),
    ("http.scheme", "url.scheme"),
    ("http.user_agent", "user_agent.original"),
    ("http.client_ip", "client.address"),
    ("net.peer.name", "server.address"),
    ("net.peer.port", "server.port"),
    ("db.system", "db.system.name"),
    ("db.name", "db.namespace"),
    ("db.statement", "db.query.text"),
    ("db.operation", "db.operation.name"),
    ("messaging.operation", "messaging.operation.name"),
    ("deployment.environment", "deployment.environment.name"),
];

/// So many other keys are tried.
const TRIED_MAX: usize = 5;
/// So many values are told.
const VALUES_MAX: usize = 5;

/// What would find more than a condition that finds nothing.
pub(super) async fn hint(
    counting: &mut Counting<'_>,
    condition: &Condition,
    text: &str,
) -> Result<Option<Hint>, Error> {
    let Some((field, comparison, literal, at)) = condition.compared() else { return Ok(None) };
    let exchanged = |field: &Field, literal: &Literal| {
        let condition = format!("{} {} {literal}", written(field), comparison.sign());
        Some(format!("{}{condition}{}", text.get(..at.start)?, text.get(at.end..)?))
    };
    let exists = condition.changed(compare(field, Comparison::Unequal, &Literal::Nil));
    if counting.spans(&exists).await?.is_some_and(|spans| spans > 0) {
        return of_values(counting, &exists, (field, literal), exchanged).await;
    }
    let Field::Attribute { scope, key, of_parent: false } = field else { return Ok(None) };
    let keys = keys(counting, condition).await?;
    for (level, other) in others((*scope, key), &keys).into_iter().take(TRIED_MAX) {
        let other = Field::Attribute { scope: level, key: other, of_parent: false };
        let spans = counting.spans(&condition.changed(compare(&other, comparison, literal))).await?;
        if let Some(spans) = spans.filter(|spans| *spans > 0) {
            let text = format!("no span has {field} in this time; {spans} have it as {other}");
            return Ok(Some(Hint { text, replace: exchanged(&other, literal) }));
        }
    }
    let near = others((*scope, key), &keys).into_iter().next();
    let near = near.map(|(level, other)| format!("; there is {}{other}", level.prefix()));
    let text = format!("no span has {field} in this time{}", near.unwrap_or_default());
    Ok(Some(Hint { text, replace: None }))
}

fn compare(field: &Field, comparison: Comparison, literal: &Literal) -> ExprKind {
    let side = |kind| Box::new(Expr { kind, at: 0..0 });
    ExprKind::Compare(
        side(ExprKind::Field(field.clone())),
        comparison,
        side(ExprKind::Literal(literal.clone())),
    )
}

/// A field as a query names it, quoted where its key needs it.
#[must_use]
pub fn written(field: &Field) -> String {
    let Field::Attribute { key, .. } = field else { return field.to_string() };
    let is_plain = key.chars().all(|letter| letter.is_alphanumeric() || "._-:/@".contains(letter));
    if is_plain {
        return field.to_string();
    }
    let whole = field.to_string();
    let prefix = &whole[..whole.len() - key.len()];
    format!("{prefix}\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The keys of the time, with the scope they stand in.
async fn keys(counting: &mut Counting<'_>, condition: &Condition) -> Result<Vec<(Place, String)>, Error> {
    let mut everything = condition.scope.clone();
    everything.pipeline = None;
    let Some(plan) = everything.plan(Ask::Keys) else { return Ok(Vec::new()) };
    let (names, _) = counting.query.names(&Plan { time_limit: super::TIME_LIMIT, ..plan }).await?;
    let place = |name: store::Name| {
        let scope = match name.kind {
            "resource" => Place::Resource,
            "scope" => Place::Instrumentation,
            "event" => Place::Event,
            "link" => Place::Link,
            _ => Place::Span,
        };
        (scope, name.name)
    };
    Ok(names.into_iter().map(place).collect())
}

/// Keys that may be meant, the likeliest first.
fn others((scope, key): (Place, &str), known: &[(Place, String)]) -> Vec<(Place, String)> {
    let twin = RENAMED.iter().find_map(|(old, new)| match key {
        key if key == *old => Some(*new),
        key if key == *new => Some(*old),
        _ => None,
    });
    let distance = |other: &str| {
        if other == key {
            return Some(0);
        }
        if Some(other) == twin {
            return Some(1);
        }
        if other.eq_ignore_ascii_case(key) || other.replace('_', ".") == key.replace('_', ".") {
            return Some(2);
        }
        let letters = strsim::damerau_levenshtein(other, key);
        (letters <= 2 && letters * 3 < key.len()).then_some(2 + letters)
    };
    let mut ranked: Vec<(usize, &(Place, String))> = known
        .iter()
        .filter(|(place, other)| (*place, other.as_str()) != (scope, key))
        .filter_map(|known| Some((distance(&known.1)?, known)))
        .collect();
    ranked.sort_by_key(|(distance, (_, other))| (*distance, other.clone()));
    ranked.into_iter().map(|(_, known)| known.clone()).collect()
}

/// The values that a field has instead, the nearest or the most frequent first.
async fn of_values(
    counting: &mut Counting<'_>,
    exists: &crate::Scope,
    (field, literal): (&Field, &Literal),
    exchanged: impl Fn(&Field, &Literal) -> Option<String>,
) -> Result<Option<Hint>, Error> {
    let bounds = Bounds { time_limit: super::TIME_LIMIT, traces_max: super::TRACES_MAX };
    let counted = exists.count(counting.query, std::slice::from_ref(field), None, bounds).await?;
    let mut values: Vec<(String, u64)> =
        counted.rows.into_iter().filter_map(|row| Some((row.by[0].clone()?, row.sum.spans()))).collect();
    values.sort_by_key(|(value, spans)| (std::cmp::Reverse(*spans), value.clone()));
    let told = told(field, &values);
    let Literal::Text(asked) = literal else {
        return Ok(told.map(|text| Hint { text, replace: None }));
    };
    let near = |value: &str| {
        let (value, asked) = (value.to_lowercase(), asked.to_lowercase());
        let letters = strsim::damerau_levenshtein(&value, &asked);
        (letters == 0 || letters <= 2 && letters * 3 < asked.len()).then_some(letters)
    };
    let nearest = values.iter().filter_map(|(value, spans)| Some((near(value)?, value, spans))).min();
    let Some((_, value, spans)) = nearest else {
        return Ok(told.map(|text| Hint { text, replace: None }));
    };
    let text = format!("did you mean {value} ({spans})?");
    Ok(Some(Hint { text, replace: exchanged(field, &Literal::Text(value.clone())) }))
}

/// The most frequent values, in words.
fn told(field: &Field, values: &[(String, u64)]) -> Option<String> {
    let first: Vec<String> =
        values.iter().take(VALUES_MAX).map(|(value, spans)| format!("{value} ({spans})")).collect();
    let more = if values.len() > VALUES_MAX {
        format!(" and {} more", values.len() - VALUES_MAX)
    } else {
        String::new()
    };
    (!first.is_empty()).then(|| format!("{field} is {}{more}", first.join(", ")))
}
