//! What a service uses that sends no spans, as a node of the map.

use store::uses::{Means, Target};
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

impl Peer {
    pub(super) fn of(Target { means, system, name }: Target<String>) -> Self {
        let (word, node, edge) = match means {
            Means::Database => ("database", NodeKind::Database, EdgeKind::Query),
            Means::Queue | Means::Source => ("queue", NodeKind::Queue, EdgeKind::Message),
            Means::Peer => ("peer", NodeKind::Peer, EdgeKind::Call),
        };
        let (id, label) = match (system.is_empty(), name.is_empty()) {
            (true, _) => (format!("{word}:{name}"), name),
            (false, true) => (format!("{word}:{system}"), system.clone()),
            (false, false) => (format!("{word}:{system}/{name}"), name),
        };
        let system = Some(system).filter(|system| !system.is_empty());
        Self { id, label, node, system, edge, is_source: means == Means::Source }
    }
}

/// Spans of messages.
pub(super) fn is_message() -> Filter {
    let field = Field::Attribute { level: Level::Span, key: "messaging.system".into() };
    Filter::Is(Condition { field, compare: Compare::Exists, operand: Operand::None })
}
