//! Listeners, TLS, limits, compression and clients.
//!
//! What every component that speaks over a socket shares. [`Server`] serves HTTP/1.1, HTTP/2 and with
//! [`grpc`] unary and streaming gRPC on a [`Listener`]; [`collect`](mod@collect) takes a body in under a [`Budget`];
//! [`status`] is the one table that says how an outcome is answered. Clients are in [`client`], the
//! blocks of the configuration in [`settings`]. Nothing here knows what a span is.

pub mod body;
pub mod budget;
pub mod client;
pub mod collect;
pub mod compress;
pub mod grpc;
pub mod inflate;
pub mod listen;
pub mod origin;
pub mod retry;
pub mod server;
pub mod settings;
pub mod status;
pub mod tls;
mod watch;

pub use body::Body;
pub use budget::{Budget, Permit};
pub use inflate::Encoding;
pub use listen::{Listener, is_loopback};
pub use server::{Handler, HttpLimits, Peer, Server, handler};
pub use status::{Situation, Status};
pub use watch::ConnectionTimes;
