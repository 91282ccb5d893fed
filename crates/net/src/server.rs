//! Serves HTTP/1.1 and HTTP/2 (with TLS or by prior knowledge) over one listener.
//!
//! In: a [`Listener`], perhaps TLS, and a handler. The handler gets every request; what it needs of
//! routing is its own business. A panic in it becomes a 500 and is counted. Bounded by
//! [`HttpLimits`]; at the end, what is at work is finished within `drain_max`.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, Version};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch::{self, Receiver};
use tokio::task::JoinSet;

use crate::body::{Body, BoxError};
use crate::listen::Listener;
use crate::tls::TlsServer;
use crate::watch::{AtWork, ConnectionTimes, Verdict, Watch, Watched};

/// What one connection may take up.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// When a connection is closed for saying too little.
    pub times: ConnectionTimes,
    /// Requests at work on one HTTP/2 connection; further ones wait at the client.
    pub streams_max: u32,
    /// What a client may send ahead on one HTTP/2 stream.
    pub stream_window_bytes: u32,
    /// What a client may send ahead on one HTTP/2 connection.
    pub connection_window_bytes: u32,
    /// The largest HTTP/2 frame.
    pub frame_bytes_max: u32,
    /// The largest header list; a larger one is refused (431).
    pub header_bytes_max: u32,
    /// HTTP/2 streams that are reset before they are looked at; more close the connection.
    pub reset_streams_max: usize,
    /// A ping after this long without a byte (HTTP/2), so that dead peers are noticed.
    pub ping_after: Duration,
    /// How long the peer may take to answer the ping.
    pub ping_answer_max: Duration,
    /// How long requests at work may go on once the server stops; then they are cut off.
    pub drain_max: Duration,
}

impl Default for HttpLimits {
    fn default() -> HttpLimits {
        HttpLimits {
            times: ConnectionTimes::default(),
            streams_max: 128,
            stream_window_bytes: 4 << 20,
            connection_window_bytes: 16 << 20,
            frame_bytes_max: 1 << 20,
            header_bytes_max: 32 << 10,
            reset_streams_max: 64,
            ping_after: Duration::from_secs(60),
            ping_answer_max: Duration::from_secs(20),
            drain_max: Duration::from_secs(10),
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Peer {
    /// His address.
    pub addr: SocketAddr,
    /// True if what he says travels encrypted.
    pub tls: bool,
    /// The certificate that he proved to own, DER.
    pub certificate: Option<Bytes>,
}

/// Answers requests.
pub type Handler = Arc<dyn Fn(Request<Incoming>, Peer) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// Makes a [`Handler`] of an async function.
pub fn handler<F, A>(answer: F) -> Handler
where
    F: Fn(Request<Incoming>, Peer) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    Arc::new(move |request, peer| answer(request, peer).boxed())
}

/// How many requests ended in a caught panic, in all servers of this process.
pub fn panics() -> u64 {
    PANICS.load(Relaxed)
}

static PANICS: AtomicU64 = AtomicU64::new(0);

/// A listener with all that it takes to speak HTTP on it.
#[derive(Debug)]
pub struct Server {
    /// Where connections come from.
    pub listener: Listener,
    /// Set if the listener speaks TLS, and nothing else.
    pub tls: Option<TlsServer>,
    /// What a connection may take up.
    pub limits: HttpLimits,
}

impl Server {
    /// Serves until `stop` is done, then accepts no more, lets requests at work finish, and returns.
    pub async fn serve(self, handler: Handler, stop: impl Future<Output = ()>) {
        let (announce_stop, stopping) = watch::channel(false);
        let shared =
            Arc::new(Shared { builder: builder(&self.limits), limits: self.limits, tls: self.tls, handler });
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                (stream, addr, slot) = self.listener.accept() => {
                    let connection = Arc::clone(&shared).connection(stream, addr, stopping.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(slot);
                    });
                }
            }
        }
        drop(self.listener);
        let _ = announce_stop.send(true);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(shared.limits.drain_max, all).await.is_err() {
            tracing::warn!(open = connections.len(), "connections are cut off after the time for draining");
            connections.shutdown().await;
        }
    }
}

struct Shared {
    builder: auto::Builder<TokioExecutor>,
    limits: HttpLimits,
    tls: Option<TlsServer>,
    handler: Handler,
}

impl Shared {
    async fn connection(self: Arc<Shared>, stream: TcpStream, addr: SocketAddr, stopping: Receiver<bool>) {
        let Some(tls) = &self.tls else {
            let peer = Peer { addr, tls: false, certificate: None };
            return self.talk(stream, peer, stopping).await;
        };
        match tls.accept(stream).await {
            Ok(stream) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                let certificate = shown.map(|certificate| Bytes::copy_from_slice(certificate));
                self.talk(stream, Peer { addr, tls: true, certificate }, stopping).await;
            }
            Err(cause) => tracing::debug!(peer = %addr, %cause, "the TLS handshake failed"),
        }
    }

    async fn talk<T>(self: &Arc<Shared>, stream: T, peer: Peer, mut stopping: Receiver<bool>)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watch = Watch::new();
        let io = TokioIo::new(Watched { stream, watch: Arc::clone(&watch) });
        let addr = peer.addr;
        let service = service_fn(|request: Request<Incoming>| {
            let at_work = watch.begin(request.version() == Version::HTTP_2);
            Arc::clone(self).answer(request, peer.clone(), at_work)
        });
        let mut connection = pin!(self.builder.serve_connection(io, service));
        let mut look = tokio::time::interval(self.limits.times.look_every());
        let mut cut = pin!(tokio::time::sleep(Duration::MAX));
        let mut retired = false;
        loop {
            let retire = tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(cause) = ended {
                        tracing::debug!(peer = %addr, %cause, "the connection ended");
                    }
                    return;
                }
                () = &mut cut => return,
                _ = stopping.wait_for(|stop| *stop), if !retired => true,
                _ = look.tick() => match watch.verdict(&self.limits.times) {
                    Verdict::Keep => false,
                    Verdict::Retire => true,
                    Verdict::Cut => return,
                },
            };
            if retire && !retired {
                retired = true;
                connection.as_mut().graceful_shutdown();
                cut.as_mut().reset(tokio::time::Instant::now() + self.limits.times.grace);
            }
        }
    }

    async fn answer(
        self: Arc<Shared>,
        request: Request<Incoming>,
        peer: Peer,
        at_work: AtWork,
    ) -> Result<Response<Answered>, Infallible> {
        let path = request.uri().path().to_owned();
        let answer = AssertUnwindSafe(async { (self.handler)(request, peer).await }).catch_unwind().await;
        let response = answer.unwrap_or_else(|_| {
            PANICS.fetch_add(1, Relaxed);
            tracing::error!(path, "a request ended in a panic; this is a bug in faden");
            let mut response = Response::new(Body::full("internal error"));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        Ok(response.map(|body| Answered { body, _at_work: at_work }))
    }
}

/// The answer's body; the request is at work as long as it lives.
struct Answered {
    body: Body,
    _at_work: AtWork,
}

impl http_body::Body for Answered {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn builder(limits: &HttpLimits) -> auto::Builder<TokioExecutor> {
    const HTTP1_BUFFER_MAX: usize = 256 << 10;
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HTTP1_BUFFER_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_frame_size(limits.frame_bytes_max)
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(limits.header_bytes_max)
        .max_pending_accept_reset_streams(limits.reset_streams_max)
        .keep_alive_interval(limits.ping_after)
        .keep_alive_timeout(limits.ping_answer_max);
    builder
}

#[cfg(test)]
mod tests;
