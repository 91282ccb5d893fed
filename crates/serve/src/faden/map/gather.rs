//! Asks the store for the parts of a map.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::Kind;
use model::view::UNKNOWN_SERVICE;
use query::scope::{Bounds, Counted};
use query::traceql::ast::{Field as Named, Intrinsic, Scope as Place};
use query::{Error, Query, Scope};
use store::metrics::Tally;
use store::{Ask, Edge, Field, Filter, Operand};

use super::super::red::service_field;
use super::super::scope::BOUNDS;
use super::peers::{ADDRESS, DATABASE, QUEUE, address, database, has_any, queue};
use super::{EdgeKind, Parts};

/// So many traces are looked at to learn which service answers at which address.
const LEARNT: Bounds = Bounds { time_limit: std::time::Duration::from_secs(2), traces_max: 1_000 };

pub(super) async fn gather(query: &Query, scope: &Scope) -> Result<Parts, Error> {
    let mut parts = Parts::default();
    nodes(query, scope, &mut parts).await?;
    let is_message = Filter::And(vec![kind(Kind::Consumer), has_any(&QUEUE[..1])]);
    for edge in calls(query, &scope.and(Filter::Not(Box::new(is_message))), &mut parts).await? {
        let sum = Tally { errors: edge.errors, durations: edge.durations };
        parts.service(&edge.parent);
        parts.service(&edge.child);
        parts.edges.entry((edge.parent, edge.child, EdgeKind::Call)).or_default().merge(&sum);
    }
    databases(query, scope, &mut parts).await?;
    queues(query, scope, &mut parts).await?;
    addresses(query, scope, &mut parts).await?;
    Ok(parts)
}

fn kind(kind: Kind) -> Filter {
    Filter::equal(Field::Kind, Operand::Kind(kind))
}

fn any_kind(kinds: &[Kind]) -> Filter {
    Filter::Or(kinds.iter().map(|of| kind(*of)).collect())
}

fn attribute(key: &&str) -> Named {
    Named::Attribute { scope: Place::Span, key: (*key).into(), of_parent: false }
}

/// The service and some more that spans are counted by.
fn by(more: impl IntoIterator<Item = Named>) -> Vec<Named> {
    std::iter::once(service_field()).chain(more).collect()
}

impl Parts {
    /// Notes what an answer cost, and whether it is whole; gives its rows with their services.
    fn take(&mut self, counted: Counted) -> Vec<(String, store::Metric)> {
        self.work += counted.work;
        self.partial = self.partial.take().or(counted.partial);
        let service = |row: &store::Metric| row.by[0].clone().unwrap_or_else(|| UNKNOWN_SERVICE.into());
        counted.rows.into_iter().map(|row| (service(&row), row)).collect()
    }
}

/// Services with the spans by which requests enter them, or with all spans where there are none of these.
async fn nodes(query: &Query, scope: &Scope, parts: &mut Parts) -> Result<(), Error> {
    let counted = scope.count(query, &by([Named::Intrinsic(Intrinsic::Kind)]), None, BOUNDS).await?;
    let mut all: HashMap<String, Tally> = HashMap::new();
    for (service, row) in parts.take(counted) {
        if matches!(row.by[1].as_deref(), Some("server" | "consumer")) {
            parts.service(&service).sum.merge(&row.sum);
        }
        all.entry(service).or_default().merge(&row.sum);
    }
    for (service, sum) in all {
        let part = parts.service(&service);
        if part.sum.spans() == 0 {
            part.sum = sum;
        }
    }
    Ok(())
}

/// Calls between services; counted by the store where it can, else trace by trace.
async fn calls(query: &Query, scope: &Scope, parts: &mut Parts) -> Result<Vec<Edge>, Error> {
    if let Some(plan) = scope.plan(Ask::Edges) {
        let (edges, answer) = query.edges(&plan).await?;
        parts.work += answer.work;
        parts.partial = parts.partial.take().or(answer.partial);
        return Ok(edges);
    }
    let sums: HashMap<(String, String), Tally> = HashMap::new();
    let (sums, visited) = scope
        .visit(query, BOUNDS, sums, |sums, subject, places| {
            for at in places {
                let Some(parent) = subject.parent(*at) else { continue };
                let (child, parent) = (subject.span(*at), subject.span(parent));
                if child.service() != parent.service() {
                    let ends = (parent.service().to_owned(), child.service().to_owned());
                    let failed = child.status() == model::StatusCode::Error;
                    sums.entry(ends).or_default().add(child.duration(), failed);
                }
            }
        })
        .await?;
    parts.work += visited.work;
    parts.partial = parts.partial.take().or(visited.partial);
    Ok(sums.into_iter().map(|(ends, sum)| Edge::of(ends, sum)).collect())
}

async fn databases(query: &Query, scope: &Scope, parts: &mut Parts) -> Result<(), Error> {
    let some = scope.and(has_any(&DATABASE[..2]));
    let counted = some.count(query, &by(DATABASE.iter().map(attribute)), None, BOUNDS).await?;
    for (service, row) in parts.take(counted) {
        if let Some(peer) = database(&row.by[1..]) {
            parts.peer(&service, peer, &row.sum);
        }
    }
    Ok(())
}

async fn queues(query: &Query, scope: &Scope, parts: &mut Parts) -> Result<(), Error> {
    for (of, is_source) in [(Kind::Producer, false), (Kind::Consumer, true)] {
        let some = scope.and(kind(of)).and(has_any(&QUEUE[..1]));
        let counted = some.count(query, &by(QUEUE.iter().map(attribute)), None, BOUNDS).await?;
        for (service, row) in parts.take(counted) {
            if let Some(peer) = queue(&row.by[1..], is_source) {
                parts.peer(&service, peer, &row.sum);
            }
        }
    }
    Ok(())
}

/// Peers that are no database, no queue and no service.
async fn addresses(query: &Query, scope: &Scope, parts: &mut Parts) -> Result<(), Error> {
    let known = [&DATABASE[..2], &QUEUE[..1]].concat();
    let some = scope
        .and(any_kind(&[Kind::Client, Kind::Producer]))
        .and(Filter::Not(Box::new(has_any(&known))))
        .and(has_any(&ADDRESS));
    let counted = some.count(query, &by(ADDRESS.iter().map(attribute)), None, BOUNDS).await?;
    let rows = parts.take(counted);
    if rows.is_empty() {
        return Ok(());
    }
    let (answered, learning) = some.visit(query, LEARNT, BTreeSet::new(), learn).await?;
    parts.work += learning.work;
    let services: HashSet<String> = parts.nodes.keys().cloned().collect();
    for (service, row) in rows {
        if let Some(peer) = address(&row.by[1..])
            && !answered.contains(&peer.label)
            && !services.contains(&peer.label)
        {
            parts.peer(&service, peer, &row.sum);
        }
    }
    Ok(())
}

/// Notes the addresses at which another service answered.
fn learn(answered: &mut BTreeSet<String>, subject: &query::traceql::eval::Subject<'_>, places: &[usize]) {
    let mut has_answer: HashSet<usize> = HashSet::new();
    for at in 0..subject.len() {
        if let Some(parent) = subject.parent(at)
            && subject.span(at).service() != subject.span(parent).service()
        {
            has_answer.insert(parent);
        }
    }
    for at in places.iter().filter(|at| has_answer.contains(at)) {
        let attributes = subject.span(*at).attributes();
        let texts: Vec<Option<String>> =
            ADDRESS.iter().map(|key| Some(attributes.get(key)?.to_text().into_owned())).collect();
        answered.extend(address(&texts).map(|peer| peer.label));
    }
}
