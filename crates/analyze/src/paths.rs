//! The ways that requests take from service to service, over many traces.
//!
//! A way begins at a root and has one step for each span that enters a service: a root, or a span whose parent belongs to
//! another service. Bounded by [`PATHS_MAX`] ways and [`STEPS_MAX`] steps of each; what is beyond is left out.

use std::collections::HashMap;

use model::{Trace, TraceId};

/// So many ways are told apart.
pub const PATHS_MAX: usize = 1_000;

/// The steps of one way; the rest of a longer one is left out.
pub const STEPS_MAX: usize = 100;

/// A service that is entered, and by which operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    /// The service.
    pub service: String,
    /// The operation by which it is entered.
    pub operation: String,
}

/// A way and who took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// From the root on.
    pub steps: Vec<Step>,
    /// How often it was taken.
    pub count: u64,
    /// The first trace that took it.
    pub example: TraceId,
}

/// The ways of some traces.
#[derive(Debug, Default)]
pub struct Paths {
    found: HashMap<Vec<Step>, (u64, TraceId)>,
    is_cut: bool,
}

impl Paths {
    /// Takes in the ways of a trace.
    pub fn add(&mut self, trace: &Trace) {
        let nodes = trace.nodes();
        // The last step of the way that leads to each span.
        let mut steps: Vec<Option<usize>> = vec![None; nodes.len()];
        let mut is_passed = vec![false; nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            let parent = node.parent.map(|parent| parent as usize);
            let service = trace.span(node).service();
            let enters = parent.is_none_or(|parent| trace.span(&nodes[parent]).service() != service);
            steps[at] = if enters { Some(at) } else { parent.and_then(|parent| steps[parent]) };
            if let Some(before) = parent.filter(|_| enters).and_then(|parent| steps[parent]) {
                is_passed[before] = true;
            }
        }
        for at in (0..nodes.len()).filter(|at| steps[*at] == Some(*at) && !is_passed[*at]) {
            self.count(way(trace, &steps, at), trace.id());
        }
    }

    fn count(&mut self, steps: Vec<Step>, example: TraceId) {
        if let Some((count, _)) = self.found.get_mut(&steps) {
            *count += 1;
        } else if self.found.len() < PATHS_MAX {
            self.found.insert(steps, (1, example));
        } else {
            self.is_cut = true;
        }
    }

    /// True where there are more than [`PATHS_MAX`].
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Those that lead through the service (and this operation of it), the most frequent first.
    #[must_use]
    pub fn through(self, service: Option<&str>, operation: Option<&str>) -> Vec<Path> {
        let is_asked = |step: &Step| {
            service.is_none_or(|service| step.service == service)
                && operation.is_none_or(|operation| step.operation == operation)
        };
        let of = |(steps, (count, example))| Path { steps, count, example };
        let mut paths: Vec<Path> =
            self.found.into_iter().map(of).filter(|path| path.steps.iter().any(is_asked)).collect();
        paths.sort_by(|left, right| right.count.cmp(&left.count).then_with(|| left.steps.cmp(&right.steps)));
        paths
    }
}

/// The steps from the root to the span at this place.
fn way(trace: &Trace, steps: &[Option<usize>], last: usize) -> Vec<Step> {
    let mut way = Vec::new();
    let mut next = Some(last);
    while let Some(at) = next {
        let node = &trace.nodes()[at];
        let span = trace.span(node);
        way.push(Step { service: span.service().to_owned(), operation: span.name().to_owned() });
        next = node.parent.and_then(|parent| steps[parent as usize]);
    }
    way.reverse();
    way.truncate(STEPS_MAX);
    way
}

#[cfg(test)]
mod tests {
    use model::{Tenant, Trace};
    use store::conformance::{Draft, batch, trace_id};

    use super::Paths;

    fn trace(number: u64) -> Trace {
        let spans = [
            Draft::new(number, 1).service("web").name("GET /"),
            Draft::new(number, 2).service("web").name("ask").under(1),
            Draft::new(number, 3).service("cart").name("add").under(2),
            Draft::new(number, 4).service("db").name("query").under(3),
            Draft::new(number, 5).service("db").name("query").under(3),
            Draft::new(number, 6).service("auth").name("check").under(1),
        ];
        Trace::join(trace_id(number), vec![batch(&Tenant::default(), &spans)]).unwrap()
    }

    #[test]
    fn every_way_is_told_with_its_count_and_a_trace_that_took_it() {
        let mut paths = Paths::default();
        [1, 2].into_iter().for_each(|number| paths.add(&trace(number)));
        let found = paths.through(Some("db"), None);
        assert_eq!(found.len(), 1);
        let services: Vec<&str> = found[0].steps.iter().map(|step| step.service.as_str()).collect();
        assert_eq!((services, found[0].count, found[0].example), (vec!["web", "cart", "db"], 4, trace_id(1)));
        let mut paths = Paths::default();
        paths.add(&trace(1));
        assert_eq!(paths.through(None, None).len(), 2);
    }
}
