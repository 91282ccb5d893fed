//! Asks the store for the parts of a map.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::Kind;
use model::view::UNKNOWN_SERVICE;
use query::scope::Counted;
use query::traceql::ast::{Field as Named, Intrinsic};
use query::{Error, Query, Scope};
use store::metrics::Tally;
use store::uses::{Means, Target};
use store::{Ask, Edge, Field, Filter, Operand, Use};

use super::super::red::service_field;
use super::super::scope::BOUNDS;
use super::peers::{Peer, is_message};
use super::{EdgeKind, Parts};

pub(super) async fn gather(query: &Query, scope: &Scope) -> Result<Parts, Error> {
    let mut parts = Parts::default();
    nodes(query, scope, &mut parts).await?;
    let is_message =
        Filter::And(vec![Filter::equal(Field::Kind, Operand::Kind(Kind::Consumer)), is_message()]);
    for edge in calls(query, &scope.and(Filter::Not(Box::new(is_message))), &mut parts).await? {
        let sum = Tally { errors: edge.errors, durations: edge.durations };
        parts.service(&edge.parent);
        parts.service(&edge.child);
        parts.edges.entry((edge.parent, edge.child, EdgeKind::Call)).or_default().merge(&sum);
    }
    peers(query, scope, &mut parts).await?;
    Ok(parts)
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
    let counted =
        scope.count(query, &[service_field(), Named::Intrinsic(Intrinsic::Kind)], None, BOUNDS).await?;
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

/// What sends no spans. A peer that answered once under its name is a service.
async fn peers(query: &Query, scope: &Scope, parts: &mut Parts) -> Result<(), Error> {
    let uses = uses(query, scope, parts).await?;
    let answered = uses.iter().filter(|row| row.answered > 0).map(|row| row.target.name.clone());
    let services: HashSet<String> = parts.nodes.keys().cloned().chain(answered).collect();
    for Use { service, target, errors, durations, .. } in uses {
        if target.means != Means::Peer || !services.contains(&target.name) {
            parts.peer(&service, Peer::of(target), &Tally { errors, durations });
        }
    }
    Ok(())
}

/// Uses, counted by the store where it can, else trace by trace.
async fn uses(query: &Query, scope: &Scope, parts: &mut Parts) -> Result<Vec<Use>, Error> {
    if let Some(plan) = scope.plan(Ask::Uses) {
        let (uses, answer) = query.uses(&plan).await?;
        parts.work += answer.work;
        parts.partial = parts.partial.take().or(answer.partial);
        return Ok(uses);
    }
    let sums: BTreeMap<(String, Target<String>), (Tally, u64)> = BTreeMap::new();
    let (sums, visited) = scope
        .visit(query, BOUNDS, sums, |sums, subject, places| {
            let called = (0..subject.len()).filter_map(|at| Some((at, subject.parent(at)?)));
            let is_call = |(at, parent): &(usize, usize)| {
                subject.span(*at).service() != subject.span(*parent).service()
            };
            let answered: HashSet<usize> = called.filter(is_call).map(|(_, parent)| parent).collect();
            for at in places {
                let span = subject.span(*at);
                if let Some(target) = Target::of_span(span) {
                    let is_answered = target.means == Means::Peer && answered.contains(at);
                    let of = (span.service().to_owned(), target.to_owned());
                    let (sum, answered) = sums.entry(of).or_default();
                    sum.add(span.duration(), span.status() == model::StatusCode::Error);
                    *answered += u64::from(is_answered);
                }
            }
        })
        .await?;
    parts.work += visited.work;
    parts.partial = parts.partial.take().or(visited.partial);
    Ok(sums.into_iter().map(|(of, (sum, answered))| Use::of(of, sum, answered)).collect())
}
