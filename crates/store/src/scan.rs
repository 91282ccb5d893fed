//! Everything of a tenant, handed over part by part: for exports and for whoever counts anew.

use model::{Batch, TimeRange};

use crate::ReadError;

/// Spans that are about to be handed over: those that were kept when it was asked for.
pub trait Scan: Send {
    /// Hands over batches, in no order, until `take` answers false. A span that was written twice may come twice.
    /// It reads files and computes: call it where blocking is fine.
    ///
    /// # Errors
    /// [`ReadError`]; what was handed over before is right.
    fn run(self: Box<Self>, take: &mut dyn FnMut(Batch) -> bool) -> Result<(), ReadError>;
}

/// Batches in memory.
#[derive(Debug)]
pub struct Batches {
    /// Of one tenant.
    pub all: Vec<Batch>,
    /// Only spans that start inside are handed over.
    pub time: TimeRange,
}

impl Scan for Batches {
    fn run(self: Box<Self>, take: &mut dyn FnMut(Batch) -> bool) -> Result<(), ReadError> {
        for batch in self.all {
            let within = within(batch, self.time);
            if !within.is_empty() && !take(within) {
                break;
            }
        }
        Ok(())
    }
}

/// The spans of a batch that start inside.
#[must_use]
pub fn within(batch: Batch, time: TimeRange) -> Batch {
    let rows = batch.rows();
    if rows.iter().all(|row| time.contains(row.start)) {
        return batch;
    }
    batch.select(|place| time.contains(rows[place].start))
}
