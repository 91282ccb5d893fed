//! Who calls whom: services in layers, their operations, databases, topics and pods, all drawn from one seed.
//!
//! Calls go from a layer to a later one, or to a later service of the same layer, so the graph has no circle. The
//! same seed and number of services give the same topology whatever else the traffic does.

use std::ops::Range;

use crate::chance::Chance;
use crate::language::{self, Language};
use crate::names::{NEW, Names, OLD};

mod build;
mod resource;

/// Operations of each service.
pub(crate) const OPERATIONS: usize = 15;

/// Statements of each service's database.
pub(crate) const STATEMENTS: usize = 12;

/// The part a service plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Edge,
    Api,
    Domain,
    Data,
    Worker,
}

/// Everything that stays the same while traffic flows.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) services: Vec<Service>,
    pub(crate) pods: Vec<Pod>,
    /// Where requests enter.
    pub(crate) edges: Vec<usize>,
    pub(crate) user_agents: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) noun: &'static str,
    pub(crate) layer: Layer,
    pub(crate) language: &'static Language,
    pub(crate) names: &'static Names,
    pub(crate) operations: Vec<Operation>,
    pub(crate) database: Database,
    /// Functions that make internal spans.
    pub(crate) functions: Vec<String>,
    /// Topics it writes to; none where nobody would read them.
    pub(crate) topics: Vec<Topic>,
    pub(crate) stacks: Vec<String>,
    /// Its own attribute keys.
    pub(crate) keys: Keys,
    /// Indexes of its pods.
    pub(crate) pods: Range<usize>,
    /// Content of its `InstrumentationScope`s, by area.
    pub(crate) scopes: [Vec<u8>; 5],
}

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) method: &'static str,
    /// With `{id}` where a number goes.
    pub(crate) route: String,
    /// What it calls, the most frequent first.
    pub(crate) calls: Vec<Call>,
}

/// An operation of another service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) service: usize,
    pub(crate) operation: usize,
}

#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) system: &'static str,
    pub(crate) port: i64,
    pub(crate) name: String,
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) span_name: String,
    pub(crate) operation: &'static str,
    /// The table.
    pub(crate) collection: String,
    pub(crate) text: String,
    /// A literal is appended, as programs do that build their statements by hand.
    pub(crate) takes_literal: bool,
}

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    /// The services that read it.
    pub(crate) consumers: Vec<usize>,
    /// Consumers begin a trace of their own and link to the producer.
    pub(crate) linked: bool,
}

#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) mode: String,
    pub(crate) shard: String,
    pub(crate) bucket: String,
    pub(crate) reference: String,
}

#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) service: usize,
    /// Content of its `Resource`.
    pub(crate) resource: Vec<u8>,
}

impl Topology {
    /// Draws `count` services.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut chance = Chance::new(seed ^ 0x746f_706f_6c6f_6779);
        let mut services: Vec<Service> = build::plan(count)
            .into_iter()
            .enumerate()
            .map(|(place, seat)| build::service(&mut chance, place, seat))
            .collect();
        build::connect(&mut chance, &mut services);
        let mut pods = Vec::new();
        for (place, service) in services.iter_mut().enumerate() {
            let first = pods.len();
            resource::pods(&mut chance, place, service, &mut pods);
            service.pods = first..pods.len();
        }
        let edges = (0..services.len()).filter(|place| services[*place].layer == Layer::Edge).collect();
        Self { services, pods, edges, user_agents: user_agents() }
    }

    /// One of a service's pods.
    #[inline]
    pub(crate) fn pod(&self, chance: &mut Chance, service: usize) -> usize {
        let pods = &self.services[service].pods;
        pods.start + chance.below(pods.len() as u64) as usize
    }
}

fn user_agents() -> Vec<String> {
    const SYSTEMS: [&str; 4] = [
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "iPhone; CPU iPhone OS 17_4 like Mac OS X",
    ];
    let agent = |place: usize| {
        format!(
            "Mozilla/5.0 ({}) AppleWebKit/{}.36 (KHTML, like Gecko) Chrome/{}.0.{}.{} Safari/537.36",
            SYSTEMS[place % 4],
            530 + place % 8,
            90 + place % 40,
            4000 + place * 7,
            place % 200
        )
    };
    (0..300).map(agent).collect()
}

fn generation(place: usize) -> &'static Names {
    if place % 12 == 7 { &OLD } else { &NEW }
}

fn language(place: usize) -> &'static Language {
    static LANGUAGES: [Language; 5] = language::ALL;
    &LANGUAGES[place % LANGUAGES.len()]
}
