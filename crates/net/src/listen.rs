//! Binds addresses and accepts connections for ever.
//!
//! `localhost:4317` listens on both loopback addresses, `:4317` on all. Running out of file
//! descriptors, or a client that is gone before it is accepted, never ends the loop: it waits a
//! moment and goes on. Connections beyond [`ConnectionLimits`] are closed at once and counted.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select_all;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How many connections may be open at one time. A further one is closed at once.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// In all.
    pub connections_max: usize,
    /// From one address; loopback addresses are exempt.
    pub connections_per_ip_max: usize,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits { connections_max: 10_000, connections_per_ip_max: 256 }
    }
}

/// An address could not be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The address as the configuration names it.
    pub endpoint: String,
    /// What the system said.
    pub cause: io::Error,
}

impl BindError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => "another process holds this port: stop it, or set a different one",
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: choose a higher one",
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address: use one that it has, or 0.0.0.0 for all"
            }
            _ => "write it as host:port, such as localhost:4317",
        }
    }
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot listen on {}: {}", self.endpoint, self.cause)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// What a listener has seen so far.
#[derive(Debug, Default)]
pub struct ListenStats {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections closed at once because of a limit.
    pub refused: AtomicU64,
    /// Failures to accept.
    pub failed: AtomicU64,
    /// True while connections cannot be accepted, for want of file descriptors for instance.
    pub starved: AtomicBool,
}

/// A bound address, ready to accept.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    limits: ConnectionLimits,
    stats: Arc<ListenStats>,
    open: Arc<Open>,
}

impl Listener {
    /// Listens on `host:port`, `:port` (every address) or `[v6]:port`. Port 0 takes a free one.
    pub async fn bind(endpoint: &str) -> Result<Listener, BindError> {
        let failed = |cause| BindError { endpoint: endpoint.to_owned(), cause };
        let sockets = bind_all(endpoint).await.map_err(failed)?;
        Ok(Listener {
            sockets,
            limits: ConnectionLimits::default(),
            stats: Arc::default(),
            open: Arc::default(),
        })
    }

    /// Replaces the limits.
    pub fn with_limits(self, limits: ConnectionLimits) -> Listener {
        Listener { limits, ..self }
    }

    /// The (first) address that is listened on, with the port that was really taken.
    pub fn local_addr(&self) -> SocketAddr {
        let first = self.sockets.first().and_then(|socket| socket.local_addr().ok());
        first.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
    }

    /// Counters that stay readable while the listener is at work.
    pub fn stats(&self) -> Arc<ListenStats> {
        Arc::clone(&self.stats)
    }

    /// The next connection. Never fails; failures are waited out.
    pub async fn accept(&self) -> (TcpStream, SocketAddr, Slot) {
        let mut pause = PAUSE_MIN;
        loop {
            let waiting = self.sockets.iter().map(|socket| Box::pin(socket.accept()));
            match select_all(waiting).await.0 {
                Ok((stream, addr)) => {
                    self.stats.starved.store(false, Relaxed);
                    pause = PAUSE_MIN;
                    let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
                    if let Some(slot) = Open::enter(&self.open, addr.ip(), self.limits) {
                        self.stats.accepted.fetch_add(1, Relaxed);
                        let _ = stream.set_nodelay(true);
                        return (stream, addr, slot);
                    }
                    let refused = self.stats.refused.fetch_add(1, Relaxed);
                    if refused.is_power_of_two() || refused == 0 {
                        tracing::warn!(peer = %addr, "too many connections, closed this one");
                    }
                }
                Err(cause) if is_one_clients_fault(&cause) => {
                    self.stats.failed.fetch_add(1, Relaxed);
                }
                Err(cause) => {
                    self.stats.failed.fetch_add(1, Relaxed);
                    if !self.stats.starved.swap(true, Relaxed) {
                        tracing::error!(listener = %self.local_addr(), %cause, "cannot accept connections, trying on");
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }
}

/// True if only this machine can reach the address.
pub fn is_loopback(addr: &SocketAddr) -> bool {
    addr.ip().to_canonical().is_loopback()
}

/// One open connection's place among the limits; free again when dropped.
#[derive(Debug)]
pub struct Slot {
    open: Arc<Open>,
    ip: IpAddr,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut per_ip = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        per_ip.total -= 1;
        if let Some(count) = per_ip.by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                per_ip.by_ip.remove(&self.ip);
            }
        }
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);
const BACKLOG: u32 = 1024;

#[derive(Debug, Default)]
struct Open(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

impl Open {
    fn enter(open: &Arc<Open>, ip: IpAddr, limits: ConnectionLimits) -> Option<Slot> {
        let mut counts = open.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from_here = counts.by_ip.get(&ip).copied().unwrap_or(0);
        let crowded = from_here >= limits.connections_per_ip_max && !ip.is_loopback();
        if counts.total >= limits.connections_max || crowded {
            return None;
        }
        counts.total += 1;
        counts.by_ip.insert(ip, from_here + 1);
        Some(Slot { open: Arc::clone(open), ip })
    }
}

fn is_one_clients_fault(cause: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(cause.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn bind_all(endpoint: &str) -> io::Result<Vec<TcpListener>> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    let (host, port) = endpoint.rsplit_once(':').ok_or_else(|| invalid("the port is missing"))?;
    let port: u16 = port.parse().map_err(|_| invalid("the port is not a number up to 65535"))?;
    if host.is_empty() {
        let any = bind_one(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
        return any
            .or_else(|_| bind_one(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))))
            .map(|one| vec![one]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return bind_localhost(port);
    }
    let addr =
        tokio::net::lookup_host(endpoint).await?.next().ok_or_else(|| invalid("the host has no address"))?;
    Ok(vec![bind_one(addr)?])
}

/// Clients disagree about which of the two addresses `localhost` is, so both are served where both exist.
fn bind_localhost(port: u16) -> io::Result<Vec<TcpListener>> {
    let v4 = bind_one(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let port = v4.local_addr()?.port();
    let mut sockets = vec![v4];
    match bind_one(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
        Ok(v6) => sockets.push(v6),
        Err(cause) => tracing::debug!(port, %cause, "not listening on [::1]"),
    }
    Ok(sockets)
}

fn bind_one(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests;
