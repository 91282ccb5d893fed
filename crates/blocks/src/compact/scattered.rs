//! Where the runs are of traces that stand in several.
//!
//! First told by bits of their ids' hashes, which take four bytes per run and never more than [`BITS_MAX`] say; then the
//! places of those that the bits point at are noted, twelve bytes each, of which only equal hashes stay. So a merge finds
//! the other runs of a trace at once, and asks no row group that has none.

use model::TraceId;

use super::pages::Pages;
use crate::error::Result;
use crate::index::short;
use crate::index::tokens::id_token;

/// Bits of each of the two sets; with more runs than a sixteenth of it, more traces seem to be in several.
const BITS_MAX: u64 = 1 << 28;

/// Bits for each run.
const BITS_PER_RUN: u64 = 16;

/// The runs of traces that stand in several, or seem to.
pub(super) struct Scattered(Vec<Place>);

/// The hash of the trace, the input, and the place among its traces.
type Place = (u32, u32, u32);

impl Scattered {
    /// That of all inputs, which have so many runs.
    pub(super) fn of(inputs: &[Pages<'_>], runs: u64) -> Result<Self> {
        let mut suspects = Suspects::of(runs);
        for pages in inputs {
            pages.traces()?.all().iter().for_each(|run| suspects.add(hash(run.id)));
        }
        let mut places: Vec<Place> = Vec::new();
        for (input, pages) in (0..).zip(inputs) {
            let traces = pages.traces()?;
            let hashes = (0..).zip(traces.all()).map(|(at, run)| (hash(run.id), input, at));
            places.extend(hashes.filter(|(hash, ..)| suspects.may_hold(*hash)));
        }
        places.sort_unstable();
        let is_alone = |at: usize| {
            let same = |other: Option<&Place>| other.is_some_and(|other| other.0 == places[at].0);
            !same(at.checked_sub(1).and_then(|at| places.get(at))) && !same(places.get(at + 1))
        };
        let scattered = (0..places.len()).filter(|at| !is_alone(*at)).map(|at| places[at]);
        Ok(Self(scattered.collect()))
    }

    /// The runs that may be of a trace, as input and place among its traces, in this order; none where it stands in one run.
    pub(super) fn places(&self, id: TraceId) -> impl Iterator<Item = (u32, u32)> {
        let hash = hash(id);
        let first = self.0.partition_point(|place| place.0 < hash);
        let same = self.0[first..].iter().take_while(move |place| place.0 == hash);
        same.map(|(_, input, at)| (*input, *at))
    }
}

fn hash(id: TraceId) -> u32 {
    short(id_token(id))
}

/// The traces that may stand in several runs: one in one run may seem to be in several, never the other way round.
struct Suspects {
    once: Vec<u64>,
    twice: Vec<u64>,
    mask: u64,
}

impl Suspects {
    /// None yet; so many runs will be added.
    fn of(runs: u64) -> Self {
        let bits = (runs * BITS_PER_RUN).next_power_of_two().clamp(64, BITS_MAX);
        let words = (bits / 64) as usize;
        Self { once: vec![0; words], twice: vec![0; words], mask: bits - 1 }
    }

    /// Adds a run; those of which another was added before may stand in several.
    fn add(&mut self, hash: u32) {
        let (word, bit) = self.place(hash);
        self.twice[word] |= self.once[word] & bit;
        self.once[word] |= bit;
    }

    fn may_hold(&self, hash: u32) -> bool {
        let (word, bit) = self.place(hash);
        self.twice[word] & bit != 0
    }

    fn place(&self, hash: u32) -> (usize, u64) {
        let at = u64::from(hash) & self.mask;
        ((at / 64) as usize, 1 << (at % 64))
    }
}
