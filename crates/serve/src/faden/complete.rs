//! `complete`: what can stand at a place of a query, from what is stored in the time asked about.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use query::Scope;
use query::diagnose::written;
use query::scope::Bounds;
use query::traceql::ast::{Field, Intrinsic, Scope as Place};
use query::traceql::complete::{Wanted, wanted};
use query::traceql::parse;
use serde::{Deserialize, Serialize};
use store::Ask;

use super::{Api, Asked, Failed, JsonBody};

/// So many suggestions are made.
pub const ITEMS_MAX: usize = 50;

/// What looking for suggestions may cost.
const BOUNDS: Bounds = Bounds { time_limit: Duration::from_secs(2), traces_max: 1_000 };

const COMPARISONS: [&str; 8] = ["=", "!=", "=~", "!~", ">", ">=", "<", "<="];
const RELATIONS: [&str; 8] = ["&&", "||", ">>", ">", "<<", "<", "~", "|"];
const FUNCTIONS: [&str; 14] = [
    "count()",
    "avg(duration)",
    "max(duration)",
    "by()",
    "select()",
    "rate()",
    "count_over_time()",
    "quantile_over_time(duration, .99)",
    "histogram_over_time(duration)",
    "max_over_time(duration)",
    "compare({ status = error })",
    "topk(10)",
    "coalesce()",
    "order by duration desc",
];
const INTRINSICS: [Intrinsic; 12] = [
    Intrinsic::Duration,
    Intrinsic::Name,
    Intrinsic::Kind,
    Intrinsic::Status,
    Intrinsic::StatusMessage,
    Intrinsic::TraceDuration,
    Intrinsic::RootName,
    Intrinsic::RootService,
    Intrinsic::ChildCount,
    Intrinsic::EventName,
    Intrinsic::ScopeName,
    Intrinsic::TraceId,
];

/// An unfinished query.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unfinished {
    text: String,
    /// The byte of the text at which something is to stand.
    pos: usize,
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    end: Option<String>,
    #[serde(default)]
    last: Option<String>,
}

/// What can stand there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    /// The first byte of what a suggestion replaces.
    pub from: usize,
    /// The byte after it.
    pub to: usize,
    /// Suggestions, the likeliest first.
    pub items: Vec<Item>,
    /// What is wrong with the whole text; absent where it is a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Wrong>,
}

/// A suggestion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What is to be inserted.
    pub insert: String,
    /// What people read.
    pub label: String,
    /// `key`, `value`, `operator` or `function`.
    pub kind: String,
    /// Spans that have it; absent where nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spans: Option<u64>,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// In words.
    pub message: String,
    /// What would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The column of the first wrong letter, counted from 1.
    pub column: usize,
    /// How many letters are wrong.
    pub length: usize,
}

pub(super) async fn complete(
    State(api): State<Arc<Api>>,
    asked: Asked,
    JsonBody(body): JsonBody<Unfinished>,
) -> Result<Json<Completed>, Failed> {
    asked.nothing_more()?;
    let times = [("start", body.start), ("end", body.end), ("last", body.last)];
    let pairs = times.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    let scope = Asked { tenant: asked.tenant, pairs }.timed_scope(api.faden.clock.as_ref())?;
    let (wanted, range) = wanted(&body.text, body.pos);
    let begun = body.text[range.clone()].to_lowercase();
    let all = match &wanted {
        Wanted::Key => keys(&api, &scope).await?,
        Wanted::Value(field, is_quoted) => values(&api, &scope, (field, *is_quoted)).await?,
        Wanted::Comparison => words(&COMPARISONS, "operator"),
        Wanted::Junction => words(&["&&", "||", "}"], "operator"),
        Wanted::Relation => words(&RELATIONS, "operator"),
        Wanted::Function => words(&FUNCTIONS, "function"),
        Wanted::Start => words(&["{ }"], "operator"),
    };
    let error = parse(&body.text).err().map(|mistake| Wrong {
        message: mistake.message,
        remedy: mistake.remedy,
        column: mistake.column,
        length: mistake.length,
    });
    Ok(Json(Completed { from: range.start, to: range.end, items: matching(all, &begun), error }))
}

/// Those that begin so, then those that contain it, each the most frequent first.
fn matching(all: Vec<Item>, begun: &str) -> Vec<Item> {
    let rank = |item: &Item| {
        let label = item.label.to_lowercase();
        let place = label.find(begun)?;
        Some((place > 0, std::cmp::Reverse(item.spans.unwrap_or(0))))
    };
    let mut ranked: Vec<_> = all.into_iter().filter_map(|item| Some((rank(&item)?, item))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, item)| item).take(ITEMS_MAX).collect()
}

fn words(words: &[&str], kind: &str) -> Vec<Item> {
    let item = |word: &&str| Item {
        insert: (*word).to_owned(),
        label: (*word).to_owned(),
        kind: kind.to_owned(),
        spans: None,
    };
    words.iter().map(item).collect()
}

async fn keys(api: &Api, scope: &Scope) -> Result<Vec<Item>, Failed> {
    let intrinsics: Vec<&str> = INTRINSICS.iter().map(|intrinsic| intrinsic.word()).collect();
    let mut items = words(&intrinsics, "key");
    let Some(plan) = scope.plan(Ask::Keys) else { return Ok(items) };
    let (names, _) = api.faden.query.names(&plan).await?;
    items.extend(names.into_iter().map(|name| {
        let scope = match name.kind {
            "resource" => Place::Resource,
            "scope" => Place::Instrumentation,
            "event" => Place::Event,
            "link" => Place::Link,
            _ => Place::Span,
        };
        let label = written(&Field::Attribute { scope, key: name.name, of_parent: false });
        Item { insert: label.clone(), label, kind: "key".into(), spans: Some(name.spans) }
    }));
    Ok(items)
}

async fn values(api: &Api, scope: &Scope, (name, is_quoted): (&str, bool)) -> Result<Vec<Item>, Failed> {
    let Ok(field) = name.parse::<Field>() else { return Ok(Vec::new()) };
    let is_word = match field {
        Field::Intrinsic(Intrinsic::Kind | Intrinsic::Status) => true,
        Field::Intrinsic(Intrinsic::Duration | Intrinsic::TraceDuration) => {
            return Ok(words(&["1ms", "10ms", "100ms", "1s", "10s"], "value"));
        }
        _ => false,
    };
    let counted = scope.count(&api.faden.query, &[field], None, BOUNDS).await?;
    let item = |row: store::Metric| {
        let label = row.by[0].clone()?;
        let escaped = label.replace('\\', "\\\\").replace('"', "\\\"");
        let insert = match (is_word, is_quoted) {
            (true, _) => label.clone(),
            (false, true) => format!("{escaped}\""),
            (false, false) => format!("\"{escaped}\""),
        };
        Some(Item { insert, label, kind: "value".into(), spans: Some(row.sum.spans()) })
    };
    Ok(counted.rows.into_iter().filter_map(item).collect())
}
