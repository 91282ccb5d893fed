//! Lists: services, operations, remote services, tags, and who calls whom.
//!
//! Zipkin knows names in lower case only, so a name that is asked for stands for all that differ from it by case.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::{Kind, Tenant};
use query::Query;
use store::plan::{LIMIT_MAX, more_rows};
use store::{Ask, Field, Filter, Level, Operand, Plan, Rows};
use wire::zipkin_json::{REMOTE_NAMES, remote_name};

use super::reply::{Refusal, json, list};
use super::{Asked, Zipkin};

pub(super) async fn services(State(api): State<Arc<Zipkin>>, asked: Asked) -> Result<Response, Refusal> {
    let found = api.query.services(asked.tenant).await?;
    let names: BTreeSet<String> = found.iter().map(|service| service.name.to_lowercase()).collect();
    Ok(list(names.len(), None, names.iter().map(String::as_str)))
}

pub(super) async fn spans(State(api): State<Arc<Zipkin>>, asked: Asked) -> Result<Response, Refusal> {
    let (count, spans) = of_service(&api, &asked).await?;
    let plan = Plan { spans, limit: LIMIT_MAX, ..Plan::new(asked.tenant, Ask::Operations) };
    let (found, answer) = api.query.names(&plan).await?;
    let names: BTreeSet<String> = found.iter().map(|name| name.name.to_lowercase()).collect();
    Ok(list(count, answer.partial.as_deref(), names.iter().map(String::as_str)))
}

/// Whom the spans of a service talk to: found by what the attributes of its spans have in common.
pub(super) async fn remote_services(
    State(api): State<Arc<Zipkin>>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (count, spans) = of_service(&api, &asked).await?;
    let key = |key: &str| Field::Attribute { level: Level::Span, key: key.into() };
    let by = [Field::Kind].into_iter().chain(REMOTE_NAMES.map(key)).collect();
    let ask = Ask::Metrics { by, step: None };
    let plan = Plan { spans, limit: LIMIT_MAX, ..Plan::new(asked.tenant, ask) };
    let answer = api.query.run(&plan).await?;
    let Rows::Metrics(rows) = answer.rows else { return Err(Refusal::bad_request("no such list")) };
    let names: BTreeSet<String> = rows.iter().filter_map(|row| remote_of(&row.by)).collect();
    Ok(list(count, answer.partial.as_deref(), names.iter().map(String::as_str)))
}

/// The remote service that spans of this kind and these attributes have.
fn remote_of(by: &[Option<String>]) -> Option<String> {
    let (kind, values) = by.split_first()?;
    let kind = kind.as_deref().and_then(Kind::parse).unwrap_or(Kind::Unspecified);
    remote_name(kind, |key| {
        let at = REMOTE_NAMES.iter().position(|name| *name == key)?;
        values.get(at)?.as_deref().map(Cow::Borrowed)
    })
}

pub(super) async fn keys(State(api): State<Arc<Zipkin>>, asked: Asked) -> Result<Response, Refusal> {
    let plan = Plan { limit: LIMIT_MAX, ..Plan::new(asked.tenant, Ask::Keys) };
    let (found, answer) = api.query.names(&plan).await?;
    let is_tag = |level: &str| [Level::Span, Level::Resource].iter().any(|tag| tag.as_str() == level);
    let tags = found.iter().filter(|key| is_tag(key.kind) && key.name != "service.name");
    let names: BTreeSet<&str> = tags.map(|key| key.name.as_str()).collect();
    Ok(list(0, answer.partial.as_deref(), names.into_iter()))
}

pub(super) async fn values(State(api): State<Arc<Zipkin>>, asked: Asked) -> Result<Response, Refusal> {
    let key = asked.params.required("key")?;
    let found = api.query.values(asked.tenant.clone(), Level::Any, key).await?;
    let names: BTreeSet<&str> = found.iter().map(|value| value.name.as_str()).collect();
    Ok(list(0, None, names.into_iter()))
}

pub(super) async fn dependencies(State(api): State<Arc<Zipkin>>, asked: Asked) -> Result<Response, Refusal> {
    asked.params.required("endTs")?;
    let time = asked.params.time(api.clock.now())?;
    let plan = Plan { time, limit: LIMIT_MAX, ..Plan::new(asked.tenant, Ask::Edges) };
    let (edges, answer) = api.query.edges(&plan).await?;
    let mut calls: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for edge in &edges {
        let (calls, errors) =
            calls.entry((edge.parent.to_lowercase(), edge.child.to_lowercase())).or_default();
        (*calls, *errors) = (*calls + edge.calls, *errors + edge.errors);
    }
    Ok(json(answer.partial.as_deref(), |out| {
        out.array(|out| {
            for ((parent, child), (calls, errors)) in &calls {
                out.object(|out| {
                    out.key("parent").text(parent);
                    out.key("child").text(child);
                    out.key("callCount").int(*calls);
                    if *errors > 0 {
                        out.key("errorCount").int(*errors);
                    }
                });
            }
        });
    }))
}

/// The filter for the spans of the service that is asked for, and how many services there are.
async fn of_service(api: &Zipkin, asked: &Asked) -> Result<(usize, Filter), Refusal> {
    let service = asked.params.required("serviceName")?.to_lowercase();
    let found = api.query.services(asked.tenant.clone()).await?;
    let names: BTreeSet<String> = found.iter().map(|service| service.name.to_lowercase()).collect();
    let same = found.into_iter().map(|found| found.name).filter(|name| name.to_lowercase() == service);
    Ok((names.len(), any_equal(&Field::Service, same)))
}

/// The filter for one of the services that are called so, whatever their case.
pub(super) async fn service_filter(query: &Query, tenant: &Tenant, service: &str) -> Result<Filter, Refusal> {
    let found = query.services(tenant.clone()).await?;
    let same = found.into_iter().map(|found| found.name).filter(|name| name.to_lowercase() == service);
    Ok(any_equal(&Field::Service, same))
}

/// The filter for one of the operations that are called so, whatever their case. There may be too many to list: then
/// every span passes, and the search looks at each.
pub(super) async fn name_filter(
    query: &Query,
    tenant: &Tenant,
    (spans, name): (Filter, &str),
) -> Result<Filter, Refusal> {
    let plan = Plan { spans, limit: LIMIT_MAX, ..Plan::new(tenant.clone(), Ask::Operations) };
    let (found, answer) = query.names(&plan).await?;
    if answer.partial.as_deref() == Some(&more_rows(LIMIT_MAX)) {
        return Ok(Filter::All);
    }
    let same: BTreeSet<String> =
        found.into_iter().map(|found| found.name).filter(|found| found.to_lowercase() == name).collect();
    Ok(any_equal(&Field::Name, same.into_iter()))
}

/// With no name at all it is a filter that no span passes.
fn any_equal(field: &Field, names: impl Iterator<Item = String>) -> Filter {
    let mut any: Vec<Filter> = names.map(|name| Filter::equal(field.clone(), Operand::Text(name))).collect();
    if any.len() == 1 { any.remove(0) } else { Filter::Or(any) }
}
