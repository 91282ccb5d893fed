//! Folds what sends no spans behind the services that use it.
//!
//! A queue between services becomes a message from each that sends to each that takes; its figures are those of the
//! sender.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::metrics::Tally;

use super::{EdgeKind, NodeKind, Parts, Red};

/// A database, queue or peer that a service uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Behind {
    /// Its id on the unfolded map.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// What it is.
    pub kind: NodeKind,
    /// How often the service used it.
    pub calls: u64,
    /// How many of the uses failed.
    pub errors: u64,
    /// 95 % of them took at most so long.
    pub p95_ns: u64,
}

impl Parts {
    /// Takes all but services away; gives what each service used.
    pub(super) fn fold(&mut self) -> BTreeMap<String, Vec<Behind>> {
        let mut behind: BTreeMap<String, Vec<Behind>> = BTreeMap::new();
        let mut senders: BTreeMap<String, Vec<(String, Tally)>> = BTreeMap::new();
        let mut takers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((from, to, _), sum) in &self.edges {
            let (service, peer) = match (self.is_service(from), self.is_service(to)) {
                (true, false) => (from, to),
                (false, true) => (to, from),
                _ => continue,
            };
            behind.entry(service.clone()).or_default().push(self.behind(peer, sum));
            if service == from {
                senders.entry(peer.clone()).or_default().push((service.clone(), sum.clone()));
            } else {
                takers.entry(peer.clone()).or_default().push(service.clone());
            }
        }
        let ids: Vec<String> = self.nodes.keys().filter(|id| !self.is_service(id)).cloned().collect();
        self.edges.retain(|(from, to, _), _| !ids.contains(from) && !ids.contains(to));
        for (queue, takers) in takers {
            for (sender, sum) in senders.get(&queue).into_iter().flatten() {
                for taker in takers.iter().filter(|taker| *taker != sender) {
                    let ends = (sender.clone(), taker.clone(), EdgeKind::Message);
                    self.edges.entry(ends).or_default().merge(sum);
                }
            }
        }
        ids.iter().for_each(|id| drop(self.nodes.remove(id)));
        behind
    }

    fn is_service(&self, id: &str) -> bool {
        self.nodes.get(id).is_some_and(|part| part.kind == NodeKind::Service)
    }

    fn behind(&self, id: &str, sum: &Tally) -> Behind {
        let part = &self.nodes[id];
        let red = Red::of(sum, None);
        let (calls, errors, p95_ns) = (red.spans, red.errors, red.p95_ns);
        Behind { id: id.to_owned(), label: part.label.clone(), kind: part.kind, calls, errors, p95_ns }
    }
}
