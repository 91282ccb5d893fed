//! Keys and values of attributes, for completion.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use query::traceql::ast::{Field, Intrinsic, Scope};
use query::traceql::{loose, prefilter};
use store::plan::LIMIT_MAX;
use store::{Ask, Filter, Level, Name, Plan};
use wire::json::Writer;

use super::reply::{Refusal, json};
use super::{Asked, Tempo};

/// The scopes of keys, as Tempo names them, with where a store looks for them.
const SCOPES: [(&str, Level); 5] = [
    ("resource", Level::Resource),
    ("span", Level::Span),
    ("event", Level::Event),
    ("link", Level::Link),
    ("instrumentation", Level::Scope),
];

/// What every span has, as completion offers it.
const INTRINSICS: [&str; 19] = [
    "duration",
    "event:name",
    "event:timeSinceStart",
    "instrumentation:name",
    "instrumentation:version",
    "kind",
    "link:spanID",
    "link:traceID",
    "name",
    "rootName",
    "rootServiceName",
    "span:childCount",
    "span:duration",
    "span:id",
    "span:parentID",
    "status",
    "statusMessage",
    "trace:id",
    "traceDuration",
];

pub(super) async fn keys(State(api): State<Arc<Tempo>>, asked: Asked) -> Result<Response, Refusal> {
    let scopes = scopes(&api, &asked).await?;
    let all = of_all_scopes(&scopes, &asked)?;
    Ok(json(|out| {
        out.object(|out| out.key("tagNames").array(|out| all.iter().for_each(|key| out.text(key))));
    }))
}

pub(super) async fn keys_by_scope(State(api): State<Arc<Tempo>>, asked: Asked) -> Result<Response, Refusal> {
    let scopes = scopes(&api, &asked).await?;
    Ok(json(|out| {
        out.object(|out| {
            out.key("scopes").array(|out| {
                for (name, keys) in scopes.iter().filter(|(_, keys)| !keys.is_empty()) {
                    out.object(|out| {
                        out.key("name").text(name);
                        out.key("tags").array(|out| keys.iter().for_each(|key| out.text(key)));
                    });
                }
            });
        });
    }))
}

/// The keys of all scopes, each once.
pub(super) fn of_all_scopes<'s>(
    scopes: &'s [(&'static str, Vec<String>)],
    asked: &Asked,
) -> Result<Vec<&'s str>, Refusal> {
    let all: BTreeSet<&str> = scopes.iter().flat_map(|(_, keys)| keys.iter().map(String::as_str)).collect();
    Ok(all.into_iter().take(asked.params.names_max()?).collect())
}

/// The keys of each scope that was asked for, as many as were asked for.
pub(super) async fn scopes(api: &Tempo, asked: &Asked) -> Result<Vec<(&'static str, Vec<String>)>, Refusal> {
    let wanted = asked.params.first("scope").filter(|scope| *scope != "none");
    let known = || SCOPES.iter().map(|(name, _)| *name).chain(["intrinsic"]);
    if let Some(scope) = wanted.filter(|scope| known().all(|name| name != *scope)) {
        let names: Vec<&str> = known().collect();
        let message = format!("invalid scope: {scope:?} is none of {}", names.join(", "));
        return Err(Refusal::bad_request(message));
    }
    let max = asked.params.names_max()?;
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted == name);
    let found = if wanted == Some("intrinsic") { Vec::new() } else { ask(api, asked, Ask::Keys).await? };
    let mut scopes = Vec::new();
    for (name, level) in SCOPES.iter().filter(|(name, _)| is_wanted(name)) {
        let keys = found.iter().filter(|key| key.kind == level.as_str()).map(|key| key.name.clone());
        scopes.push((*name, keys.take(max).collect()));
    }
    if is_wanted("intrinsic") {
        scopes.push(("intrinsic", INTRINSICS.into_iter().take(max).map(str::to_owned).collect()));
    }
    Ok(scopes)
}

pub(super) async fn values(
    State(api): State<Arc<Tempo>>,
    Path(tag): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let found = untyped_values_of(&api, &asked, &tag).await?;
    let all = texts(&found);
    Ok(json(|out| {
        out.object(|out| out.key("tagValues").array(|out| all.iter().for_each(|value| out.text(value))));
    }))
}

pub(super) async fn typed_values(
    State(api): State<Arc<Tempo>>,
    Path(tag): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let found = typed_values_of(&api, &asked, &tag).await?;
    Ok(json(|out| {
        out.object(|out| out.key("tagValues").array(|out| found.iter().for_each(|value| typed(value, out))));
    }))
}

/// The values of a tag of the older API, which names attributes without their scope.
pub(super) async fn untyped_values_of(
    api: &Tempo,
    asked: &Asked,
    tag: &str,
) -> Result<Vec<TagValue>, Refusal> {
    values_of(api, asked, &field(tag).unwrap_or_else(|| unscoped(tag))).await
}

/// The values of a tag with its scope.
pub(super) async fn typed_values_of(api: &Tempo, asked: &Asked, tag: &str) -> Result<Vec<TagValue>, Refusal> {
    let fault = || {
        Refusal::bad_request(format!(
            "{tag:?} names no tag: write a scope before it, as in span.{tag} or .{tag}"
        ))
    };
    values_of(api, asked, &field(tag).ok_or_else(fault)?).await
}

/// The values without their types, each once.
pub(super) fn texts(values: &[TagValue]) -> BTreeSet<&str> {
    values.iter().map(|value| value.text.as_str()).collect()
}

fn typed(value: &TagValue, out: &mut Writer) {
    out.object(|out| {
        out.key("type").text(value.kind);
        out.key("value").text(&value.text);
    });
}

/// A value and its type in Tempo's words.
pub(super) struct TagValue {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl TagValue {
    fn all(kind: &'static str, texts: impl IntoIterator<Item = impl Into<String>>) -> Vec<Self> {
        texts.into_iter().map(|text| Self { kind, text: text.into() }).collect()
    }
}

async fn values_of(api: &Tempo, asked: &Asked, field: &Field) -> Result<Vec<TagValue>, Refusal> {
    let max = asked.params.names_max()?;
    let mut values = all_values_of(api, asked, field).await?;
    values.truncate(max);
    Ok(values)
}

async fn all_values_of(api: &Tempo, asked: &Asked, field: &Field) -> Result<Vec<TagValue>, Refusal> {
    let names = |found: Vec<Name>| {
        let unique: BTreeSet<String> = found.into_iter().map(|name| name.name).collect();
        TagValue::all("string", unique)
    };
    match field {
        Field::Intrinsic(Intrinsic::Status) => Ok(TagValue::all("keyword", ["error", "ok", "unset"])),
        Field::Intrinsic(Intrinsic::Kind) => {
            let kinds = ["client", "consumer", "internal", "producer", "server", "unspecified"];
            Ok(TagValue::all("keyword", kinds))
        }
        Field::Intrinsic(Intrinsic::Name | Intrinsic::RootName) => {
            Ok(names(ask(api, asked, Ask::Operations).await?))
        }
        Field::Intrinsic(Intrinsic::RootService) => Ok(names(ask(api, asked, Ask::Services).await?)),
        Field::Intrinsic(_) => Ok(Vec::new()),
        Field::Attribute { key, scope: Scope::Resource | Scope::Any, .. } if key == "service.name" => {
            Ok(names(ask(api, asked, Ask::Services).await?))
        }
        Field::Attribute { scope, key, .. } => attribute_values(api, asked, *scope, key).await,
    }
}

async fn attribute_values(
    api: &Tempo,
    asked: &Asked,
    scope: Scope,
    key: &str,
) -> Result<Vec<TagValue>, Refusal> {
    let mut values = BTreeMap::new();
    for level in scope.levels() {
        let found = ask(api, asked, Ask::Values { key: key.to_owned(), level: *level }).await?;
        values.extend(found.into_iter().map(|value| ((value.name, word(value.kind)), ())));
    }
    Ok(values.into_keys().map(|(text, kind)| TagValue { kind, text }).collect())
}

/// Tempo's word for the type of a value.
fn word(kind: &'static str) -> &'static str {
    if kind == "double" { "float" } else { kind }
}

async fn ask(api: &Tempo, asked: &Asked, ask: Ask) -> Result<Vec<Name>, Refusal> {
    let typed = asked.params.first("q").and_then(loose::readable);
    let plan = Plan {
        time: asked.params.time()?,
        spans: typed.map_or(Filter::All, |pipeline| prefilter(&pipeline).spans),
        limit: LIMIT_MAX,
        ..Plan::new(asked.tenant.clone(), ask)
    };
    Ok(api.query.names(&plan).await?.0)
}

fn field(tag: &str) -> Option<Field> {
    tag.parse().ok()
}

/// The older path names attributes without a scope.
fn unscoped(tag: &str) -> Field {
    Field::Attribute { scope: Scope::Any, key: tag.to_owned(), of_parent: false }
}
