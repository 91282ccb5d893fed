//! Which runs of rows a row group has, one for each trace; whose they are stands in the column of trace ids.

use std::ops::Deref;

use model::TraceId;
use model::proto::Message;

use super::packed::{Packed, Parsed, Unpacked};
use super::section::{About, Section, kind};
use crate::columns::shred::TraceRows;

/// The rows of one trace, without its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceRun {
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// The earliest start.
    pub(crate) start: u64,
    /// The latest end.
    pub(crate) end: u64,
    /// As in [`TraceRows`].
    pub(crate) plain: bool,
}

impl TraceRun {
    /// The rows as those of this trace.
    pub(crate) fn of(self, id: TraceId) -> TraceRows {
        let Self { first, count, start, end, plain } = self;
        TraceRows { id, first, count, start, end, plain }
    }
}

/// The runs of a row group, in row order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs(Vec<TraceRun>);

impl Runs {
    /// Takes the traces of a row group, in row order.
    pub(crate) fn new(traces: &[TraceRows]) -> Self {
        let run = |rows: &TraceRows| {
            let TraceRows { first, count, start, end, plain, .. } = *rows;
            TraceRun { first, count, start, end, plain }
        };
        Self(traces.iter().map(run).collect())
    }

    /// How long the longest takes.
    pub(crate) fn longest(&self) -> Option<u64> {
        self.0.iter().map(|run| run.end - run.start).max()
    }
}

impl Deref for Runs {
    type Target = [TraceRun];

    fn deref(&self) -> &[TraceRun] {
        &self.0
    }
}

/// The traces of a row group, sorted by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Traces(Vec<TraceRows>);

impl Traces {
    pub(crate) fn new(mut rows: Vec<TraceRows>) -> Self {
        rows.sort_unstable_by_key(|trace| (trace.id, trace.first));
        Self(rows)
    }

    /// All runs of rows, sorted by id; a trace may have several.
    pub(crate) fn all(&self) -> &[TraceRows] {
        &self.0
    }

    /// The runs of rows of a trace.
    pub(crate) fn of(&self, id: TraceId) -> &[TraceRows] {
        let first = self.0.partition_point(|trace| trace.id < id);
        let count = self.0[first..].iter().take_while(|trace| trace.id == id).count();
        &self.0[first..first + count]
    }

    /// What they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<TraceRows>()
    }
}

impl Section for Runs {
    const KIND: u32 = kind::RUNS;

    fn write(&self) -> Vec<u8> {
        let (mut counts, mut times) = (Packed::default(), Packed::default());
        let mut last = 0;
        for run in &self.0 {
            counts.put(u64::from(run.count) << 1 | u64::from(run.plain));
            times.signed(run.start.wrapping_sub(last) as i64);
            times.put(run.end - run.start);
            last = run.start;
        }
        let mut out = Message::new();
        out.bytes(2, &counts.0);
        out.bytes(3, &times.0);
        out.into_bytes()
    }

    fn read(raw: &[u8], about: About) -> Option<Self> {
        let parsed = Parsed::of(raw)?;
        let (mut counts, mut times) = (Unpacked(parsed.bytes(2)?), Unpacked(parsed.bytes(3)?));
        let (mut first, mut last) = (0_u32, 0_u64);
        let mut runs = Vec::new();
        while !counts.is_done() {
            let number = counts.next()?;
            let count = u32::try_from(number >> 1).ok().filter(|count| *count > 0)?;
            let start = last.wrapping_add(times.signed()? as u64);
            let end = start.checked_add(times.next()?)?;
            runs.push(TraceRun { first, count, start, end, plain: number & 1 == 1 });
            first = first.checked_add(count)?;
            last = start;
        }
        (first == about.rows).then_some(Self(runs))
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<TraceRun>()
    }
}
