//! Everything of a tenant, handed over part by part: for exports and for whoever counts anew.

use model::{Batch, TimeRange, same};

use crate::ReadError;

/// Spans that are about to be handed over: those that were kept when it was asked for.
pub trait Scan: Send {
    /// Hands over batches, in no order, until `take` answers false. A span that was written several times comes once.
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
        let repeated = same::repeated(&self.all);
        for (number, batch) in (0..).zip(self.all) {
            let places: Vec<u32> =
                (0..batch.len() as u32).filter(|place| repeated.contains(&(number, *place))).collect();
            let within = within(without(batch, &places), self.time);
            if !within.is_empty() && !take(within) {
                break;
            }
        }
        Ok(())
    }
}

/// The spans of a batch but for those at these places, which ascend.
#[must_use]
pub fn without(batch: Batch, places: &[u32]) -> Batch {
    if places.is_empty() {
        return batch;
    }
    batch.select(|place| places.binary_search(&(place as u32)).is_err())
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
