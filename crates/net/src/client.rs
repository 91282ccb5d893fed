//! An HTTP client: HTTP/1.1 and HTTP/2, with or without TLS, with a pool of idle connections.
//!
//! Waiting for an answer is bounded by the caller, connecting by [`ClientLimits`]. A request is sent
//! at most once, except when its connection turns out to be closed before a byte of it was written.

mod connect;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::body::Body;
use crate::tls::{ClientTls, TlsClient, TlsError};
use connect::Connector;

/// What a client may take up.
#[derive(Clone, Debug)]
pub struct ClientLimits {
    /// How long opening a connection may take, name lookup included.
    pub connect_max: Duration,
    /// Connections kept for later, per server; more are closed after use.
    pub idle_connections_max: usize,
    /// How long they are kept.
    pub idle_max: Duration,
    /// A ping after this long without a byte (HTTP/2). None: never.
    pub ping_after: Option<Duration>,
    /// How long the answer to the ping may take before the connection counts as dead.
    pub ping_answer_max: Duration,
    /// Pings go out while nothing is being asked, too.
    pub ping_while_idle: bool,
}

impl Default for ClientLimits {
    fn default() -> ClientLimits {
        ClientLimits {
            connect_max: Duration::from_secs(5),
            idle_connections_max: 100,
            idle_max: Duration::from_secs(90),
            ping_after: Some(Duration::from_secs(10)),
            ping_answer_max: Duration::from_secs(10),
            ping_while_idle: false,
        }
    }
}

/// Sends requests.
#[derive(Clone, Debug)]
pub struct HttpClient(legacy::Client<Connector, Body>);

/// No answer came: what failed, and why.
#[derive(Debug)]
pub struct ClientError(legacy::Error);

impl std::fmt::Display for ClientError {
    /// The whole chain of causes, because the first alone says nothing.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = std::error::Error::source(&self.0);
        while let Some(inner) = cause {
            write!(f, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl HttpClient {
    /// Speaks HTTP/1.1, and HTTP/2 to servers that choose it in the TLS handshake.
    pub fn new(tls: ClientTls, limits: &ClientLimits) -> Result<HttpClient, TlsError> {
        HttpClient::with(tls, limits, false)
    }

    /// Speaks HTTP/2 only, without TLS by prior knowledge, as gRPC does.
    pub fn http2_only(tls: ClientTls, limits: &ClientLimits) -> Result<HttpClient, TlsError> {
        HttpClient::with(tls, limits, true)
    }

    fn with(tls: ClientTls, limits: &ClientLimits, http2_only: bool) -> Result<HttpClient, TlsError> {
        const FRAME_BYTES_MAX: u32 = 1 << 20;
        const WINDOW_BYTES: u32 = 4 << 20;
        let connector = Connector { tls: TlsClient::new(tls)?, connect_max: limits.connect_max, http2_only };
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.idle_max)
            .pool_max_idle_per_host(limits.idle_connections_max)
            .http2_only(http2_only)
            .http2_initial_stream_window_size(WINDOW_BYTES)
            .http2_initial_connection_window_size(WINDOW_BYTES)
            .http2_max_frame_size(FRAME_BYTES_MAX)
            .http2_keep_alive_interval(limits.ping_after)
            .http2_keep_alive_timeout(limits.ping_answer_max)
            .http2_keep_alive_while_idle(limits.ping_while_idle);
        Ok(HttpClient(builder.build(connector)))
    }

    /// Sends the request to where its URI points, and waits for the head of the answer as long as
    /// the caller does.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, ClientError> {
        self.0.request(request).await.map_err(ClientError)
    }
}
