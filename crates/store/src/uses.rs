//! What services use that sends no spans of its own: databases, queues, and peers without instrumentation.
//!
//! A span tells it by its attributes ([`KEYS`]), which count where they are text. A client or producer span tells of a peer
//! unless it tells of a database or queue; whether a span of another service answered it, only its trace knows.

use model::{Kind, Span, Trace, Value};

use crate::metrics::Tally;
use crate::plan::{Compare, Condition, Field, Filter, Level, Operand};
use crate::sketch::Sketch;

/// The keys of a span that tell what it uses; of a key that it has twice, the first counts.
pub const KEYS: [&str; 10] = [
    "db.system.name",
    "db.system",
    "db.namespace",
    "db.name",
    "messaging.system",
    "messaging.destination.name",
    "messaging.destination",
    "peer.service",
    "server.address",
    "net.peer.name",
];

/// What kind of thing is used, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Means {
    /// A database is asked.
    Database,
    /// A message is left in a queue.
    Queue,
    /// A message is taken from one.
    Source,
    /// Something else is called.
    Peer,
}

impl Means {
    /// Each of them; the place is its number.
    pub const EACH: [Self; 4] = [Self::Database, Self::Queue, Self::Source, Self::Peer];
}

/// Something that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target<T> {
    /// How.
    pub means: Means,
    /// Which database or queue system; empty for a peer.
    pub system: T,
    /// The name of the database, queue or peer; empty where only the system is known.
    pub name: T,
}

impl<'a> Target<&'a str> {
    /// What a span of this kind uses, by the texts of its [`KEYS`].
    #[must_use]
    pub fn of(kind: Kind, texts: &[Option<&'a str>; KEYS.len()]) -> Option<Self> {
        let first = |texts: &[Option<&'a str>]| texts.iter().flatten().find(|text| !text.is_empty()).copied();
        let target = |means, system, name| Some(Self { means, system, name });
        if let Some(system) = first(&texts[..2]) {
            return target(Means::Database, system, first(&texts[2..4]).unwrap_or_default());
        }
        let means = match kind {
            Kind::Client | Kind::Producer => Means::Queue,
            Kind::Consumer => Means::Source,
            _ => return None,
        };
        if let Some(system) = first(&texts[4..5]) {
            let is_message = kind != Kind::Client;
            return target(means, system, first(&texts[5..7]).unwrap_or_default()).filter(|_| is_message);
        }
        target(Means::Peer, "", first(&texts[7..])?).filter(|_| kind != Kind::Consumer)
    }

    /// What a span uses.
    #[must_use]
    pub fn of_span(span: Span<'a>) -> Option<Self> {
        let mut values = [None; KEYS.len()];
        for attribute in span.attributes() {
            if let Some(at) = KEYS.iter().position(|key| *key == attribute.key) {
                values[at].get_or_insert(attribute.value);
            }
        }
        let text = |value: Option<Value<'a>>| match value {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        Self::of(span.kind(), &values.map(text))
    }

    /// The same, on its own.
    #[must_use]
    pub fn to_owned(self) -> Target<String> {
        Target { means: self.means, system: self.system.into(), name: self.name.into() }
    }
}

/// How a service uses something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The service of the spans.
    pub service: String,
    /// What they use.
    pub target: Target<String>,
    /// How many spans.
    pub spans: u64,
    /// For a peer: how many of those have a child that belongs to another service; else 0.
    pub answered: u64,
    /// How many of those failed.
    pub errors: u64,
    /// How long they took.
    pub durations: Sketch,
}

impl Use {
    /// The use of which spans add up to this; so many of them were answered.
    #[must_use]
    pub fn of((service, target): (String, Target<String>), sum: Tally, answered: u64) -> Self {
        Self { service, target, spans: sum.spans(), answered, errors: sum.errors, durations: sum.durations }
    }
}

/// Visits the spans of a trace that use something; each with its target, and whether it was answered (see
/// [`Use::answered`]).
pub fn each<'a>(trace: &'a Trace, mut visit: impl FnMut(Span<'a>, Target<&'a str>, bool)) {
    let nodes = trace.nodes();
    let mut answered = vec![false; nodes.len()];
    for node in nodes {
        let Some(parent) = node.parent.map(|parent| parent as usize) else { continue };
        if !answered[parent] {
            answered[parent] = trace.span(&nodes[parent]).service() != trace.span(node).service();
        }
    }
    for (node, answered) in nodes.iter().zip(answered) {
        let span = trace.span(node);
        if let Some(target) = Target::of_span(span) {
            visit(span, target, answered && target.means == Means::Peer);
        }
    }
}

/// The filter that spans pass which have one of the [`KEYS`].
#[must_use]
pub fn has_any() -> Filter {
    let exists = |key: &str| {
        let field = Field::Attribute { level: Level::Span, key: key.into() };
        Filter::Is(Condition { field, compare: Compare::Exists, operand: Operand::None })
    };
    Filter::Or(KEYS.into_iter().map(exists).collect())
}

#[cfg(test)]
mod tests {
    use super::{KEYS, Kind, Means, Target};

    #[track_caller]
    fn check(kind: Kind, pairs: &[(&str, &str)], expected: Option<(Means, &str, &str)>) {
        let text = |key: &str| pairs.iter().find(|(other, _)| *other == key).map(|(_, text)| *text);
        let found = Target::of(kind, &KEYS.map(text));
        assert_eq!(found.map(|target| (target.means, target.system, target.name)), expected);
    }

    #[test]
    fn a_span_uses_a_database_else_a_queue_else_a_peer() {
        let all = [("db.system", "redis"), ("messaging.system", "kafka"), ("peer.service", "mail")];
        check(Kind::Internal, &all[..1], Some((Means::Database, "redis", "")));
        check(Kind::Producer, &all, Some((Means::Database, "redis", "")));
        check(Kind::Producer, &all[1..], Some((Means::Queue, "kafka", "")));
        check(Kind::Consumer, &all[1..], Some((Means::Source, "kafka", "")));
        check(Kind::Client, &all[2..], Some((Means::Peer, "", "mail")));
        check(Kind::Producer, &all[2..], Some((Means::Peer, "", "mail")));
    }

    #[test]
    fn only_who_calls_or_takes_a_message_uses_something() {
        check(Kind::Client, &[("messaging.system", "kafka"), ("server.address", "a")], None);
        check(Kind::Server, &[("messaging.system", "kafka")], None);
        check(Kind::Consumer, &[("server.address", "a")], None);
        check(Kind::Internal, &[("peer.service", "a")], None);
    }

    #[test]
    fn newer_keys_come_before_older_ones_and_empty_texts_are_none() {
        let database =
            [("db.system.name", ""), ("db.system", "redis"), ("db.name", "b"), ("db.namespace", "a")];
        check(Kind::Client, &database, Some((Means::Database, "redis", "a")));
        let queue = [("messaging.system", "kafka"), ("messaging.destination", "old")];
        check(Kind::Producer, &queue, Some((Means::Queue, "kafka", "old")));
        check(Kind::Client, &[("peer.service", ""), ("net.peer.name", "a")], Some((Means::Peer, "", "a")));
        check(Kind::Client, &[("peer.service", "")], None);
    }
}
