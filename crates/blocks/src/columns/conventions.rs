//! The attributes that have a column of their own in every block, and their older names.
//!
//! A column holds a key under its current name or under one of its older names; the bit-set column `old_names` says
//! which, so that every span is given back as it was sent. The place in [`FIXED`] and in [`OLD_NAMES`] is part of the
//! format: both lists only grow at their ends. Source: OpenTelemetry semantic conventions 1.2x and 1.3x.

use store::Level;

use super::schema::Kind;

/// A key with a column of its own.
pub(crate) struct Fixed {
    pub(crate) level: Level,
    pub(crate) key: &'static str,
    pub(crate) kind: Kind,
}

/// An older name of a key, with the bit that marks it.
pub(crate) struct OldName {
    pub(crate) key: &'static str,
    pub(crate) now: &'static str,
}

const fn resource(key: &'static str) -> Fixed {
    Fixed { level: Level::Resource, key, kind: Kind::Text }
}

const fn text(key: &'static str) -> Fixed {
    Fixed { level: Level::Span, key, kind: Kind::Text }
}

const fn int(key: &'static str) -> Fixed {
    Fixed { level: Level::Span, key, kind: Kind::Int }
}

/// The columns, in file order.
pub(crate) const FIXED: &[Fixed] = &[
    resource("service.name"),
    resource("service.version"),
    resource("service.namespace"),
    resource("service.instance.id"),
    resource("deployment.environment.name"),
    resource("k8s.pod.name"),
    resource("k8s.namespace.name"),
    resource("k8s.node.name"),
    resource("container.id"),
    resource("host.name"),
    resource("telemetry.sdk.language"),
    resource("cloud.availability_zone"),
    text("http.request.method"),
    text("http.route"),
    int("http.response.status_code"),
    text("url.path"),
    text("url.full"),
    text("url.scheme"),
    text("server.address"),
    int("server.port"),
    text("user_agent.original"),
    text("client.address"),
    text("network.protocol.version"),
    text("db.system.name"),
    text("db.namespace"),
    text("db.operation.name"),
    text("db.query.text"),
    text("messaging.system"),
    text("messaging.destination.name"),
    text("rpc.system"),
    text("rpc.service"),
    text("rpc.method"),
    text("error.type"),
    text("code.function.name"),
    int("thread.id"),
    text("thread.name"),
];

/// The place of `service.name` in [`FIXED`].
pub(crate) const SERVICE: usize = 0;

const fn old(key: &'static str, now: &'static str) -> OldName {
    OldName { key, now }
}

/// The older names; the place is the bit in `old_names`.
pub(crate) const OLD_NAMES: &[OldName] = &[
    old("deployment.environment", "deployment.environment.name"),
    old("http.method", "http.request.method"),
    old("http.status_code", "http.response.status_code"),
    old("http.url", "url.full"),
    old("http.scheme", "url.scheme"),
    old("http.user_agent", "user_agent.original"),
    old("http.client_ip", "client.address"),
    old("http.flavor", "network.protocol.version"),
    old("net.peer.name", "server.address"),
    old("net.host.name", "server.address"),
    old("net.peer.port", "server.port"),
    old("net.host.port", "server.port"),
    old("db.system", "db.system.name"),
    old("db.name", "db.namespace"),
    old("db.operation", "db.operation.name"),
    old("db.statement", "db.query.text"),
    old("messaging.destination", "messaging.destination.name"),
    old("code.function", "code.function.name"),
];

/// The place in [`FIXED`] of the column that holds a key of a level, and the bit of its older name.
pub(crate) fn fixed(level: Level, key: &str) -> Option<(usize, Option<u8>)> {
    let place = |key: &str| FIXED.iter().position(|fixed| fixed.level == level && fixed.key == key);
    let older = || {
        let bit = OLD_NAMES.iter().position(|old| old.key == key)?;
        Some((place(OLD_NAMES[bit].now)?, Some(bit as u8)))
    };
    place(key).map(|at| (at, None)).or_else(older)
}

/// The older name in a bit set that a column of [`FIXED`] came under.
pub(crate) fn older_name(bits: i64, column: usize) -> Option<&'static str> {
    let now = FIXED.get(column)?.key;
    let is_marked =
        |(bit, old): (usize, &'static OldName)| (bits >> bit & 1 == 1 && old.now == now).then_some(old.key);
    OLD_NAMES.iter().enumerate().find_map(is_marked)
}
