//! How long many spans took, in a few hundred bytes: count, sum, least and greatest exactly, every quantile within
//! [`RELATIVE_ERROR`].
//!
//! Durations fall into buckets that grow with them: every doubling is cut into the same number of equal parts, and below
//! that number each duration has a bucket of its own. Sketches of parts add up to exactly the sketch of the whole, in any
//! order. Bounded by [`BUCKETS`] counters; those outside the occupied range are not kept.

/// Every doubling is cut into `2^PARTS_BITS` buckets.
const PARTS_BITS: u32 = 5;
const PARTS: u64 = 1 << PARTS_BITS;

/// How many buckets there are.
pub const BUCKETS: usize = ((64 - PARTS_BITS + 1) as usize) << PARTS_BITS;

/// A quantile is off by at most this part of its true value.
pub const RELATIVE_ERROR: f64 = 1.0 / (2 * PARTS) as f64;

/// What is known of many durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
    /// The bucket of the first counter.
    first: usize,
    /// The last is not 0, nor is the first.
    counters: Vec<u64>,
}

impl Sketch {
    /// Counts a duration.
    pub fn add(&mut self, duration: u64) {
        self.extend(1, u128::from(duration), (duration, duration));
        *self.counter(bucket(duration)) += 1;
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.extend(other.count, other.sum, (other.min, other.max));
        self.reach(other.first, other.first + other.counters.len() - 1);
        let from = other.first - self.first;
        for (counter, more) in self.counters[from..].iter_mut().zip(&other.counters) {
            *counter += more;
        }
    }

    /// Takes out one of the durations that were counted; `has_equal` says that another one as long remains. False, and
    /// nothing is taken out, where the least or the greatest would not be known afterwards.
    pub fn remove(&mut self, duration: u64, has_equal: bool) -> bool {
        let at = bucket(duration).checked_sub(self.first).and_then(|at| self.counters.get_mut(at));
        let is_end = duration <= self.min || self.max <= duration;
        let Some(counter) = at.filter(|counter| **counter > u64::from(is_end)) else { return false };
        if is_end && !has_equal {
            return false;
        }
        *counter -= 1;
        self.count -= 1;
        self.sum -= u128::from(duration);
        true
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The least; `None` where none was counted.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest; `None` where none was counted.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The duration at this part of the sorted durations: of `n`, the `⌈q · n⌉`th; `None` where none was counted.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        if rank == self.count {
            return self.max();
        }
        let mut seen = 0;
        let at = self.counters.iter().position(|counter| {
            seen += counter;
            seen >= rank
        })?;
        let (low, width) = bounds(self.first + at);
        Some((low + (width - 1) / 2).clamp(self.min, self.max))
    }

    /// The occupied buckets, ascending: the least duration of each, and how many fell into it.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let occupied = self.counters.iter().enumerate().filter(|(_, counter)| **counter > 0);
        occupied.map(|(at, counter)| (bounds(self.first + at).0, *counter))
    }

    fn extend(&mut self, count: u64, sum: u128, (min, max): (u64, u64)) {
        if self.count == 0 {
            (self.min, self.max) = (min, max);
        }
        self.min = self.min.min(min);
        self.max = self.max.max(max);
        self.count += count;
        self.sum += sum;
    }

    fn counter(&mut self, bucket: usize) -> &mut u64 {
        self.reach(bucket, bucket);
        &mut self.counters[bucket - self.first]
    }

    /// Makes room for the counters of these buckets.
    fn reach(&mut self, low: usize, high: usize) {
        if self.counters.is_empty() {
            self.first = low;
        }
        if low < self.first {
            let more = self.first - low;
            self.counters.splice(..0, std::iter::repeat_n(0, more));
            self.first = low;
        }
        if self.first + self.counters.len() <= high {
            self.counters.resize(high - self.first + 1, 0);
        }
    }
}

/// The bytes of a sketch: varints.
///
/// The count; of a single duration the duration itself, and nothing of none. Else the occupied buckets: how many empty
/// ones lie before it (the first: its number), doubled, plus 1 where the bucket holds more than one duration; then, of
/// such, how many beyond two. They end when the count is reached. Then how far the least lies above the bottom of the first
/// bucket, the greatest above that of the last, and the sum above that of all bottoms.
impl Sketch {
    /// Appends the sketch.
    pub fn write(&self, out: &mut Vec<u8>) {
        put(out, self.count.into());
        if self.count <= 1 {
            (0..self.count).for_each(|_| put(out, self.sum));
            return;
        }
        let (mut skipped, mut bottoms) = (self.first as u128, 0_u128);
        for (at, counter) in self.counters.iter().enumerate() {
            if *counter == 0 {
                skipped += 1;
                continue;
            }
            put(out, skipped << 1 | u128::from(*counter > 1));
            if *counter > 1 {
                put(out, u128::from(*counter - 2));
            }
            bottoms += u128::from(bounds(self.first + at).0) * u128::from(*counter);
            skipped = 0;
        }
        let last = self.first + self.counters.len() - 1;
        put(out, u128::from(self.min - bounds(self.first).0));
        put(out, u128::from(self.max - bounds(last).0));
        put(out, self.sum - bottoms);
    }

    /// Adds the sketch at the front of the bytes, and takes it off; `None` where there is none. What was added of a
    /// broken one stays.
    pub fn merge_bytes(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let count = take(bytes)?;
        if count <= 1 {
            for _ in 0..count {
                self.add(take(bytes)?);
            }
            return Some(());
        }
        let (mut next, mut seen, mut bottoms) = (0_usize, 0_u64, 0_u128);
        let (mut first, mut last) = (None, 0);
        while seen < count {
            let number = take(bytes)?;
            let at = next.checked_add(usize::try_from(number >> 1).ok()?).filter(|at| *at < BUCKETS)?;
            let more = if number & 1 == 1 { take(bytes)?.checked_add(2)? } else { 1 };
            seen = seen.checked_add(more).filter(|seen| *seen <= count)?;
            bottoms += u128::from(bounds(at).0) * u128::from(more);
            let counter = self.counter(at);
            *counter = counter.checked_add(more)?;
            first.get_or_insert(at);
            (next, last) = (at + 1, at);
        }
        let mut above = |at: usize| {
            let (low, width) = bounds(at);
            Some(low + take(bytes).filter(|above| *above < width)?)
        };
        let (min, max) = (above(first?)?, above(last)?);
        let sum = take_wide(bytes)?.checked_add(bottoms).filter(|_| min <= max)?;
        self.count.checked_add(count)?;
        self.sum.checked_add(sum)?;
        self.extend(count, sum, (min, max));
        Some(())
    }

    /// Takes the sketch at the front of the bytes off without looking at it.
    pub fn skip_bytes(bytes: &mut &[u8]) -> Option<()> {
        let count = take(bytes)?;
        let mut seen = 0_u64;
        while count > 1 && seen < count {
            let more = if take(bytes)? & 1 == 1 { take(bytes)?.checked_add(2)? } else { 1 };
            seen = seen.checked_add(more)?;
        }
        (0..if count > 1 { 3 } else { count }).try_for_each(|_| take_wide(bytes).map(drop))
    }
}

/// The least duration that does not fall into the same bucket as this one.
#[must_use]
pub fn bucket_end(duration: u64) -> u64 {
    let (low, length) = bounds(bucket(duration));
    low.saturating_add(length)
}

fn bucket(duration: u64) -> usize {
    if duration < PARTS {
        return duration as usize;
    }
    let doublings = duration.ilog2() - PARTS_BITS;
    ((u64::from(doublings) << PARTS_BITS) + (duration >> doublings)) as usize
}

/// The least duration of a bucket, and how many it holds.
fn bounds(bucket: usize) -> (u64, u64) {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return (bucket, 1);
    }
    let doublings = (bucket >> PARTS_BITS) - 1;
    ((bucket - (doublings << PARTS_BITS)) << doublings, 1 << doublings)
}

fn put(out: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn take_wide(bytes: &mut &[u8]) -> Option<u128> {
    let mut number = 0;
    for shift in (0..128).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u128::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
