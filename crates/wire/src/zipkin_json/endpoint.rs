//! Who is at either end of a span: a service name, an address, a port.
//!
//! OpenTelemetry says this in attributes, whose names have changed over the years; all of them are read.

use std::borrow::Cow;
use std::net::IpAddr;

use model::{Kind, Span, Value};

/// One end of a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The service, in lower case.
    pub name: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: Option<u16>,
}

/// The attributes of a span that may name the service at its other end, the best first.
pub const REMOTE_NAMES: [&str; 7] = [
    "peer.service",
    "server.address",
    "net.peer.name",
    "net.sock.peer.name",
    "peer.hostname",
    "db.name",
    "db.namespace",
];

/// The attributes that hold the address of the other end, the best first.
const REMOTE_ADDRESSES: [&str; 6] = [
    "network.peer.address",
    "net.sock.peer.addr",
    "net.peer.ip",
    "server.address",
    "net.peer.name",
    "client.address",
];

const REMOTE_PORTS: [&str; 4] = ["network.peer.port", "net.sock.peer.port", "net.peer.port", "server.port"];
const LOCAL_ADDRESSES: [&str; 3] = ["network.local.address", "net.sock.host.addr", "net.host.ip"];
const LOCAL_PORTS: [&str; 3] = ["network.local.port", "net.sock.host.port", "net.host.port"];

/// The service at the other end, in lower case: the first attribute that names one. Only `peer.service` is believed on
/// spans that called nobody; an address is no name.
pub fn remote_name<'a>(kind: Kind, get: impl Fn(&str) -> Option<Cow<'a, str>>) -> Option<String> {
    let is_caller = matches!(kind, Kind::Client | Kind::Producer);
    let keys = if is_caller { &REMOTE_NAMES[..] } else { &REMOTE_NAMES[..1] };
    let named = |key: &&str| get(key).filter(|name| !name.is_empty() && name.parse::<IpAddr>().is_err());
    keys.iter().find_map(named).map(|name| name.to_lowercase())
}

impl Endpoint {
    /// The end that recorded the span.
    pub(super) fn local(span: Span<'_>) -> Self {
        let (address, port) = (first(span, &LOCAL_ADDRESSES), first(span, &LOCAL_PORTS));
        Self { name: Some(span.service().to_lowercase()), address, port }
    }

    /// The end that it talked to.
    pub(super) fn remote(span: Span<'_>) -> Self {
        let name = remote_name(span.kind(), |key| text(span, key));
        match span.kind() {
            Kind::Internal | Kind::Unspecified => Self { name, ..Self::default() },
            Kind::Client | Kind::Producer => {
                Self { name, address: first(span, &REMOTE_ADDRESSES), port: first(span, &REMOTE_PORTS) }
            }
            // On the called side, `server.*` is that side itself.
            Kind::Server | Kind::Consumer => {
                let addresses = REMOTE_ADDRESSES.into_iter().filter(|key| *key != "server.address");
                let ports = &REMOTE_PORTS[..3];
                Self { name, address: first(span, &addresses.collect::<Vec<_>>()), port: first(span, ports) }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn text<'a>(span: Span<'a>, key: &str) -> Option<Cow<'a, str>> {
    span.attributes().get(key).map(|value: Value<'a>| value.to_text())
}

fn first<T: std::str::FromStr>(span: Span<'_>, keys: &[&str]) -> Option<T> {
    keys.iter().find_map(|key| text(span, key)?.parse().ok())
}
