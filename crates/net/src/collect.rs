//! Collects the body of a request into one piece of contiguous memory, or refuses it.
//!
//! In: a body that a stranger sends as fast or as slowly as he likes. Out: [`Collected`], or the reason why not.
//! Bounded by [`CollectLimits`] and by a [`Budget`] shared with all other requests: an announced length is reserved before
//! the first byte is read, a body without one reserves as it grows. A body that arrives in one
//! piece is not copied; any other is copied once.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::body::BoxError;
use crate::budget::{Budget, Permit};
use crate::inflate::{self, Cap, Encoding, InflateError};

/// What one body may cost.
#[derive(Clone, Debug)]
pub struct CollectLimits {
    /// The largest body, as it travels and inflated; a larger one is refused.
    pub bytes_max: usize,
    /// The longest pause between two pieces; a longer one ends the request.
    pub idle_max: Duration,
    /// The least average speed once the first `idle_max` has passed; a slower body ends the request.
    pub bytes_per_s_min: u32,
    /// The longest time for all of it; a longer one ends the request.
    pub total_max: Duration,
    /// How many pieces without content may come; more end the request.
    pub empty_pieces_max: u32,
}

impl Default for CollectLimits {
    fn default() -> CollectLimits {
        CollectLimits {
            bytes_max: 64 << 20,
            idle_max: Duration::from_secs(15),
            bytes_per_s_min: 1024,
            total_max: Duration::from_secs(120),
            empty_pieces_max: 1000,
        }
    }
}

/// A whole body and what it has reserved. Keep the permit as long as the bytes are used.
#[derive(Debug)]
pub struct Collected {
    /// The body.
    pub bytes: Bytes,
    /// Its share of the budget.
    pub permit: Permit,
}

/// Why a body was not collected.
#[derive(Debug)]
pub enum CollectError {
    /// Larger than the limit, as it travels.
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The shared budget has no room now.
    Busy,
    /// It came too slowly or stopped.
    TooSlow,
    /// The client went away or broke the protocol.
    Broken(BoxError),
}

impl std::fmt::Display for CollectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CollectError::TooLarge { bytes_max } => write!(f, "the body is larger than {bytes_max} bytes"),
            CollectError::Busy => f.write_str("too many bytes are in flight, send again later"),
            CollectError::TooSlow => f.write_str("the body came too slowly"),
            CollectError::Broken(cause) => write!(f, "the body could not be read: {cause}"),
        }
    }
}

impl std::error::Error for CollectError {}

/// Where the length of a body can be known before it has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// In the header `content-length`, if at all.
    Header,
    /// In the five bytes before a gRPC message.
    GrpcPrefix,
}

/// Reads `body` to its end. What a refused client still sends is thrown away for a while, so that
/// it gets to read the answer.
pub async fn collect<B>(
    headers: &HeaderMap,
    mut body: B,
    announced: Announced,
    budget: &Budget,
    limits: &CollectLimits,
) -> Result<Collected, CollectError>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let waits_to_be_asked = headers.contains_key(EXPECT);
    let answer = read(headers, &mut body, announced, budget, limits).await;
    let undelivered = matches!(answer, Err(CollectError::TooLarge { .. } | CollectError::Busy));
    if undelivered && !waits_to_be_asked && !body.is_end_stream() {
        tokio::spawn(discard(body));
    }
    answer
}

/// Like [`inflated`], but what may take longer than a moment happens on another thread.
pub async fn unpacked(
    collected: Collected,
    encodings: &[Encoding],
    bytes_max: usize,
) -> Result<Collected, InflateError> {
    const INLINE_MAX: usize = 8 << 10;
    const INLINE_OUTPUT_MAX: usize = 256 << 10;
    if encodings.is_empty() {
        return Ok(collected);
    }
    if collected.bytes.len() <= INLINE_MAX {
        let copy = Collected { bytes: collected.bytes.clone(), permit: collected.permit.sibling() };
        match inflated(copy, encodings, bytes_max.min(INLINE_OUTPUT_MAX)) {
            Err(InflateError::TooLarge { .. }) if bytes_max > INLINE_OUTPUT_MAX => {}
            outcome => return outcome,
        }
    }
    let encodings = encodings.to_vec();
    let task = tokio::task::spawn_blocking(move || inflated(collected, &encodings, bytes_max));
    task.await.unwrap_or_else(|cause| Err(InflateError::Broken(std::io::Error::other(cause))))
}

/// Undoes `content-encoding` layers, the last one first; without any, the bytes are passed on as they are.
pub fn inflated(
    collected: Collected,
    encodings: &[Encoding],
    bytes_max: usize,
) -> Result<Collected, InflateError> {
    let Collected { mut bytes, mut permit } = collected;
    for encoding in encodings.iter().rev() {
        let mut output_permit = permit.sibling();
        let mut cap = Cap { bytes_max, permit: Some(&mut output_permit) };
        bytes = inflate::inflate(*encoding, &bytes, &mut cap)?.into();
        permit = output_permit;
    }
    Ok(Collected { bytes, permit })
}

async fn read<B>(
    headers: &HeaderMap,
    body: &mut B,
    announced: Announced,
    budget: &Budget,
    limits: &CollectLimits,
) -> Result<Collected, CollectError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut pieces = Pieces {
        limits,
        permit: budget.reserve(0).ok_or(CollectError::Busy)?,
        first: Bytes::new(),
        joined: BytesMut::new(),
        total: 0,
        empty: 0,
    };
    pieces.expect(length.unwrap_or(0))?;
    let started = Instant::now();
    loop {
        let wait_max = limits.idle_max.min(limits.total_max.saturating_sub(started.elapsed()));
        let frame = match tokio::time::timeout(wait_max, body.frame()).await {
            Err(_) => return Err(CollectError::TooSlow),
            Ok(None) => return Ok(pieces.whole()),
            Ok(Some(Err(cause))) => return Err(CollectError::Broken(cause.into())),
            Ok(Some(Ok(frame))) => frame,
        };
        if let Ok(data) = frame.into_data() {
            pieces.add(data, announced)?;
        }
        let elapsed = started.elapsed();
        let floor = elapsed.as_secs().saturating_mul(limits.bytes_per_s_min.into());
        if elapsed > limits.idle_max && (pieces.total as u64) < floor {
            return Err(CollectError::TooSlow);
        }
    }
}

struct Pieces<'a> {
    limits: &'a CollectLimits,
    permit: Permit,
    /// The only piece so far.
    first: Bytes,
    /// All pieces, as soon as there are two.
    joined: BytesMut,
    total: usize,
    empty: u32,
}

impl Pieces<'_> {
    /// Admits a body of this length before it is there.
    fn expect(&mut self, length: usize) -> Result<(), CollectError> {
        if length > self.limits.bytes_max {
            return Err(CollectError::TooLarge { bytes_max: self.limits.bytes_max });
        }
        if self.permit.grow_to(length) { Ok(()) } else { Err(CollectError::Busy) }
    }

    fn add(&mut self, data: Bytes, announced: Announced) -> Result<(), CollectError> {
        if data.is_empty() {
            self.empty += 1;
            return if self.empty > self.limits.empty_pieces_max {
                Err(CollectError::TooSlow)
            } else {
                Ok(())
            };
        }
        let before = self.total;
        self.total += data.len();
        if before == 0 {
            self.first = data;
            return self.expect(self.total.max(self.announced(announced)));
        }
        if before == self.first.len() {
            let first = std::mem::take(&mut self.first);
            let whole = grpc_length(&first).filter(|_| announced == Announced::GrpcPrefix);
            let length = whole.unwrap_or(0).max(self.permit.bytes()).max(self.total);
            self.expect(length)?;
            self.joined.reserve(length);
            self.joined.extend_from_slice(&first);
        }
        if self.joined.capacity() < self.total {
            let doubled = (self.joined.capacity() * 2).min(self.limits.bytes_max).max(self.total);
            self.expect(doubled)?;
            self.joined.reserve(doubled - self.joined.len());
        }
        self.expect(self.total)?;
        self.joined.extend_from_slice(&data);
        Ok(())
    }

    fn announced(&self, announced: Announced) -> usize {
        match announced {
            Announced::Header => 0,
            Announced::GrpcPrefix => grpc_length(&self.first).unwrap_or(0),
        }
    }

    fn whole(mut self) -> Collected {
        let bytes = if self.joined.is_empty() { self.first } else { self.joined.freeze() };
        self.permit.shrink_to(bytes.len());
        Collected { bytes, permit: self.permit }
    }
}

fn grpc_length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(1..5)?.first_chunk().map(|length| u32::from_be_bytes(*length))?;
    Some((length as usize).saturating_add(5))
}

/// A client that is still writing does not see the answer until it is done or cut off.
async fn discard<B>(mut body: B)
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    const BYTES_MAX: usize = 256 << 20;
    const TIME_MAX: Duration = Duration::from_secs(5);
    let swallow = async {
        let mut total = 0;
        while let Some(Ok(frame)) = body.frame().await {
            total += frame.data_ref().map_or(1, |data| data.len().max(1));
            if total > BYTES_MAX {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(TIME_MAX, swallow).await;
}

#[cfg(test)]
mod tests;
