//! What a journal frame says of a batch, and which of its spans are skewed.

use bytes::{BufMut, Bytes, BytesMut};
use journal::Frame;
use model::{Batch, Tenant, time::UnixNanos};
use tokio::sync::OwnedSemaphorePermit;

use super::head::Part;
use crate::{
    error::{Doing, Error, Next, Result},
    retain,
    settings::Settings,
};

/// Frames of this kind hold spans.
pub(crate) const SPANS: u8 = 1;

const VERSION: u8 = 1;
const META_BYTES_MIN: usize = 9;

/// A batch and when it was received.
pub(crate) struct Record {
    pub(crate) batch: Batch,
    pub(crate) received_ns: UnixNanos,
}

impl Record {
    /// The frame that keeps it.
    pub(crate) fn encode(&self) -> Frame {
        let tenant = self.batch.tenant().as_str();
        let mut meta = BytesMut::with_capacity(META_BYTES_MIN + tenant.len());
        meta.put_u8(VERSION);
        meta.put_u64_le(self.received_ns);
        meta.put_slice(tenant.as_bytes());
        Frame::new(SPANS, meta.freeze(), self.batch.bytes().clone())
    }

    /// Reads what `encode` wrote.
    pub(crate) fn decode(meta: &[u8], body: Bytes) -> Result<Self> {
        let wrong = || Error::new(Next::Repair, "a journal frame does not say whose spans it holds");
        let (received_ns, tenant) = match meta {
            [VERSION, rest @ ..] => rest.split_first_chunk::<8>().ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        let tenant = std::str::from_utf8(tenant).ok().and_then(Tenant::parse).ok_or_else(wrong)?;
        let batch = Batch::read(body, tenant).doing(Next::Repair, "read the spans of a journal frame")?;
        Ok(Self { batch, received_ns: u64::from_le_bytes(*received_ns) })
    }

    /// Sorts out the spans whose clocks cannot be right.
    pub(crate) fn split(self, settings: &Settings, mut room: Option<OwnedSemaphorePermit>) -> Vec<Part> {
        let received_ns = self.received_ns;
        let retention = settings.retention.of(self.batch.tenant().as_str()).time;
        let skew_max = settings.limits.skew_max;
        let rows = self.batch.rows();
        let skewed = |place: usize| retain::is_skewed(rows[place].start, received_ns, retention, skew_max);
        let count = (0..rows.len()).filter(|place| skewed(*place)).count();
        if count == 0 || count == rows.len() {
            return vec![Part { skew: count > 0, received_ns, room, batch: self.batch }];
        }
        let rest = room.as_mut().and_then(|room| room.split(room.num_permits() / 2));
        let part = |skew, room| Part {
            batch: self.batch.select(|place| skewed(place) == skew),
            skew,
            received_ns,
            room,
        };
        vec![part(false, room), part(true, rest)]
    }
}
