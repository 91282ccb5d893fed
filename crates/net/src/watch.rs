//! Watches one connection: what it reads and writes, and how many requests are at work on it.
//!
//! From that follows when a connection is closed: it began a request and does not finish the
//! header, it has nothing to say, it does not read what it asked for, or it is too old.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// How long a connection may do nothing, or too little.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionTimes {
    /// From the first byte of a request to the end of its header (HTTP/1), and until a new
    /// connection says anything at all. Then it is closed.
    pub header_max: Duration,
    /// Without a request (HTTP/1), or without any byte. Then it is closed.
    pub idle_max: Duration,
    /// While the peer takes nothing of what we write. Then it is closed.
    pub write_stall_max: Duration,
    /// Without a request, on HTTP/2 as well. Then it is shut down gracefully.
    pub request_idle_max: Option<Duration>,
    /// From its beginning. Then it is shut down gracefully.
    pub age_max: Option<Duration>,
    /// What a graceful shutdown may take before the connection is cut.
    pub grace: Duration,
}

impl Default for ConnectionTimes {
    fn default() -> ConnectionTimes {
        ConnectionTimes {
            header_max: Duration::from_secs(10),
            idle_max: Duration::from_secs(120),
            write_stall_max: Duration::from_secs(30),
            request_idle_max: None,
            age_max: None,
            grace: Duration::from_secs(20),
        }
    }
}

impl ConnectionTimes {
    /// How often a connection is looked at, so that no limit is exceeded by more than a quarter.
    pub(crate) fn look_every(&self) -> Duration {
        let shortest = [Some(self.header_max), Some(self.idle_max), Some(self.write_stall_max)]
            .into_iter()
            .chain([self.request_idle_max, self.age_max])
            .flatten()
            .min();
        (shortest.unwrap_or(Duration::MAX) / 4).clamp(Duration::from_millis(10), Duration::from_secs(5))
    }
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    /// Finish what is at work, accept nothing more.
    Retire,
    /// At once.
    Cut,
}

/// What is known about a connection. Moments are milliseconds since it began, plus one; 0 means never.
#[derive(Debug)]
pub(crate) struct Watch {
    began: Instant,
    at_work: AtomicUsize,
    /// The end of the last request.
    finished: AtomicU64,
    /// The first byte since the last request was complete.
    first_byte: AtomicU64,
    last_byte: AtomicU64,
    blocked: AtomicU64,
    http2: AtomicBool,
}

impl Watch {
    pub(crate) fn new() -> Arc<Watch> {
        Arc::new(Watch {
            began: Instant::now(),
            at_work: AtomicUsize::new(0),
            finished: AtomicU64::new(0),
            first_byte: AtomicU64::new(0),
            last_byte: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            http2: AtomicBool::new(false),
        })
    }

    /// A request has come; it is at work until the answer is dropped.
    pub(crate) fn begin(self: &Arc<Watch>, http2: bool) -> AtWork {
        self.http2.store(http2, Relaxed);
        self.at_work.fetch_add(1, Relaxed);
        AtWork(Arc::clone(self))
    }

    pub(crate) fn verdict(&self, times: &ConnectionTimes) -> Verdict {
        let now = self.now();
        let passed =
            |since: u64, limit: Duration| since != 0 && u128::from(now - since.min(now)) > limit.as_millis();
        if passed(self.blocked.load(Relaxed), times.write_stall_max) {
            return Verdict::Cut;
        }
        let idle = self.at_work.load(Relaxed) == 0;
        let (first, last) = (self.first_byte.load(Relaxed), self.last_byte.load(Relaxed));
        let silent_from_the_start = last == 0 && passed(1, times.header_max);
        let stuck_in_header = !self.http2.load(Relaxed) && passed(first, times.header_max);
        if idle && (silent_from_the_start || stuck_in_header || passed(last, times.idle_max)) {
            return Verdict::Cut;
        }
        let finished = self.finished.load(Relaxed).max(1);
        let unused = idle && times.request_idle_max.is_some_and(|limit| passed(finished, limit));
        let old = times.age_max.is_some_and(|limit| passed(1, limit));
        if unused || old { Verdict::Retire } else { Verdict::Keep }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn has_read(&self, bytes: &[u8]) {
        let now = self.now();
        if self.last_byte.swap(now, Relaxed) == 0 && bytes.starts_with(b"PRI") {
            self.http2.store(true, Relaxed);
        }
        if self.first_byte.load(Relaxed) == 0 {
            self.first_byte.store(now, Relaxed);
        }
    }

    fn has_written<T>(&self, outcome: Poll<T>) -> Poll<T> {
        if outcome.is_ready() {
            self.blocked.store(0, Relaxed);
        } else if self.blocked.load(Relaxed) == 0 {
            self.blocked.store(self.now(), Relaxed);
        }
        outcome
    }
}

/// One request that is being worked on.
#[derive(Debug)]
pub(crate) struct AtWork(Arc<Watch>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.first_byte.store(0, Relaxed);
        let now = self.0.now();
        self.0.finished.store(now, Relaxed);
        self.0.last_byte.store(now, Relaxed);
        self.0.at_work.fetch_sub(1, Relaxed);
    }
}

/// A stream whose reads and writes are seen by a [`Watch`].
pub(crate) struct Watched<T> {
    pub(crate) stream: T,
    pub(crate) watch: Arc<Watch>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if let Some(read @ [_, ..]) = buf.filled().get(before..) {
            self.watch.has_read(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch.has_written(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch.has_written(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch.has_written(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
