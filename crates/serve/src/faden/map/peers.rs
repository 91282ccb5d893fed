//! What a client, producer or consumer span talks to, by its attributes.

use store::{Compare, Condition, Field, Filter, Level, Operand};

use super::{EdgeKind, NodeKind};

/// The far side of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) node: NodeKind,
    pub(super) system: Option<String>,
    pub(super) edge: EdgeKind,
    /// True where the span takes from it.
    pub(super) is_source: bool,
}

/// Which database a span asks; each pair is the key of today and the one before.
pub(super) const DATABASE: [&str; 4] = ["db.system.name", "db.system", "db.namespace", "db.name"];
/// Which queue a span leaves a message in, or takes one from.
pub(super) const QUEUE: [&str; 3] =
    ["messaging.system", "messaging.destination.name", "messaging.destination"];
/// Whom a span calls.
pub(super) const ADDRESS: [&str; 3] = ["peer.service", "server.address", "net.peer.name"];

type Texts<'a> = &'a [Option<String>];

/// The first of some texts that is there.
fn first(texts: Texts<'_>) -> Option<&str> {
    texts.iter().flatten().map(String::as_str).find(|text| !text.is_empty())
}

/// The database of the texts of [`DATABASE`].
pub(super) fn database(texts: Texts<'_>) -> Option<Peer> {
    let system = first(&texts[..2])?;
    let (id, label) = match first(&texts[2..]) {
        Some(name) => (format!("database:{system}/{name}"), name.to_owned()),
        None => (format!("database:{system}"), system.to_owned()),
    };
    let system = Some(system.to_owned());
    Some(Peer { id, label, node: NodeKind::Database, system, edge: EdgeKind::Query, is_source: false })
}

/// The queue of the texts of [`QUEUE`].
pub(super) fn queue(texts: Texts<'_>, is_source: bool) -> Option<Peer> {
    let system = first(&texts[..1])?;
    let (id, label) = match first(&texts[1..]) {
        Some(name) => (format!("queue:{system}/{name}"), name.to_owned()),
        None => (format!("queue:{system}"), system.to_owned()),
    };
    let system = Some(system.to_owned());
    Some(Peer { id, label, node: NodeKind::Queue, system, edge: EdgeKind::Message, is_source })
}

/// The peer of the texts of [`ADDRESS`].
pub(super) fn address(texts: Texts<'_>) -> Option<Peer> {
    let name = first(texts)?.to_owned();
    let id = format!("peer:{name}");
    Some(Peer { id, label: name, node: NodeKind::Peer, system: None, edge: EdgeKind::Call, is_source: false })
}

/// An attribute of the span itself.
pub(super) fn own(key: &str) -> Field {
    Field::Attribute { level: Level::Span, key: key.into() }
}

/// Spans that have one of the keys.
pub(super) fn has_any(keys: &[&str]) -> Filter {
    let exists = |key: &&str| {
        Filter::Is(Condition { field: own(key), compare: Compare::Exists, operand: Operand::None })
    };
    Filter::Or(keys.iter().map(exists).collect())
}
