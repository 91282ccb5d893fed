//! `search/facets`: the values that the found spans have, with counts.
//!
//! Each key is one count of the store, all at once. Of a key with more values than a store counts at once the list is
//! partial and says so; so are counts where traces had to be looked at.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::future::try_join_all;
use query::Scope;
use query::answer::{About, Work};
use query::diagnose::written;
use query::scope::Counted;
use query::traceql::ast::{Field, Intrinsic, Literal};
use serde::{Deserialize, Serialize};
use store::Metric;

use super::super::scope::{AboutCounts, BOUNDS, shown};
use super::super::{Api, Asked, Failed};

/// So many keys are counted at once.
pub const FACETS_MAX: usize = 20;
/// So many values of a key are told.
pub const VALUES_MAX: usize = 100;

/// Values of a key that are told where no number is given.
const VALUES_DEFAULT: usize = 10;

/// The keys that are counted where none is named.
const KEYS: [&str; 14] = [
    "resource.service.name",
    "name",
    "kind",
    "status",
    "span.http.request.method",
    "span.http.response.status_code",
    "span.http.route",
    "span.rpc.method",
    "span.db.system.name",
    "span.messaging.destination.name",
    "span.error.type",
    "resource.service.version",
    "resource.deployment.environment.name",
    "resource.k8s.pod.name",
];

/// Values with counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facets {
    /// Spans that were found.
    pub spans: u64,
    /// Each key with its values, in the order in which they were asked for.
    pub facets: Vec<Facet>,
    /// How the counts came about.
    #[serde(flatten)]
    pub about: AboutCounts,
}

/// A key with its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facet {
    /// The key, as TraceQL names it.
    pub key: String,
    /// The key without its scope.
    pub label: String,
    /// The most frequent values.
    pub values: Vec<FacetValue>,
    /// How many values there are.
    pub distinct: usize,
    /// Spans with values that are not told.
    pub others: u64,
    /// Spans without the key.
    pub missing: u64,
    /// Why values or counts may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

/// A value with its spans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FacetValue {
    /// The value, as people read it.
    pub value: String,
    /// The condition that picks it: `{ … }` around it is a query.
    pub filter: String,
    /// Its spans.
    pub spans: u64,
    /// Those that failed.
    pub errors: u64,
    /// Half of the spans took at most so long.
    pub p50_ns: u64,
    /// 99 % of them.
    pub p99_ns: u64,
}

pub(in super::super) async fn facets(
    State(api): State<Arc<Api>>,
    mut asked: Asked,
) -> Result<Json<Facets>, Failed> {
    let values_max = asked.number("values", VALUES_DEFAULT, VALUES_MAX)?;
    let named = asked.take("keys");
    let keys = match &named {
        Some(text) => keys(text)?,
        None => KEYS.iter().filter_map(|key| key.parse().ok()).collect(),
    };
    let scope = asked.scope(api.faden.clock.as_ref())?;
    let counts =
        keys.iter().map(|key| scope.count(&api.faden.query, std::slice::from_ref(key), None, BOUNDS));
    let counted: Vec<Counted> = try_join_all(counts).await?;
    let mut work = store::Work::default();
    counted.iter().for_each(|counted| work += counted.work);
    let spans = counted.iter().map(|counted| sum(&counted.rows)).max().unwrap_or(0);
    let looked_at = counted.iter().filter_map(|counted| counted.looked_at).max();
    let partial = counted.iter().find(|_| looked_at.is_some()).and_then(|counted| counted.partial.clone());
    let about = AboutCounts { looked_at, answer: About { next: None, partial, work: Work::from(work) } };
    let facets = keys.iter().zip(counted).map(|(key, counted)| facet(key, counted, values_max));
    let facets = facets.filter(|facet| named.is_some() || facet.distinct > 0).collect();
    Ok(Json(Facets { spans, facets, about }))
}

fn keys(text: &str) -> Result<Vec<Field>, Failed> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > FACETS_MAX {
        return Err(Failed::invalid(format!("keys: {} are more than {FACETS_MAX}", names.len()))
            .remedy("ask several times"));
    }
    let field = |name: &&str| {
        let wrong = |why| Failed::invalid(format!("keys: `{}`: {why}", shown(name)));
        name.parse::<Field>().map_err(wrong)
    };
    names.iter().map(field).collect()
}

fn sum(rows: &[Metric]) -> u64 {
    rows.iter().map(|row| row.sum.spans()).sum()
}

fn facet(key: &Field, counted: Counted, values_max: usize) -> Facet {
    let all = sum(&counted.rows);
    let (mut there, missing): (Vec<Metric>, Vec<Metric>) =
        counted.rows.into_iter().partition(|row| row.by[0].is_some());
    there.sort_by(|left, right| {
        right.sum.spans().cmp(&left.sum.spans()).then_with(|| left.by[0].cmp(&right.by[0]))
    });
    let distinct = there.len();
    there.truncate(values_max);
    let missing = sum(&missing);
    let label = match key {
        Field::Attribute { key, .. } => key.clone(),
        Field::Intrinsic(intrinsic) => intrinsic.word().to_owned(),
    };
    Facet {
        key: written(key),
        label,
        distinct,
        others: all - missing - sum(&there),
        missing,
        values: there.iter().map(|row| value(key, row)).collect(),
        partial: counted.partial,
    }
}

fn value(key: &Field, row: &Metric) -> FacetValue {
    let value = row.by[0].clone().unwrap_or_default();
    let quantile = |q| row.sum.durations.quantile(q).unwrap_or(0).min(analyze::EXACT_MAX);
    let literal = match key {
        Field::Intrinsic(Intrinsic::Kind | Intrinsic::Status) => value.clone(),
        _ => Literal::Text(value.clone()).to_string(),
    };
    FacetValue {
        filter: format!("{} = {literal}", written(key)),
        spans: row.sum.spans(),
        errors: row.sum.errors,
        p50_ns: quantile(0.5),
        p99_ns: quantile(0.99),
        value,
    }
}

/// The spans of a scope that were found, for charts that need no more.
pub(super) async fn all(api: &Api, scope: &Scope) -> Result<Counted, Failed> {
    Ok(scope.count(&api.faden.query, &[], None, BOUNDS).await?)
}
