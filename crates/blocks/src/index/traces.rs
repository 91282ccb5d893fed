//! Which traces a row group holds, and where.

use model::TraceId;
use model::proto::Message;

use super::packed::{Packed, Parsed, Unpacked};
use super::section::{About, Section, kind};
use super::tokens::{Filter, id_token};
use crate::columns::shred::TraceRows;

/// The traces of a row group, sorted by id, with a filter that spares most searches for absent ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Traces {
    sorted: Vec<TraceRows>,
    filter: Filter,
}

impl Traces {
    pub(crate) fn new(mut rows: Vec<TraceRows>) -> Self {
        rows.sort_unstable_by_key(|trace| (trace.id, trace.first));
        let filter = Filter::of(&mut rows.iter().map(|trace| id_token(trace.id)).collect());
        Self { sorted: rows, filter }
    }

    /// All runs of rows, sorted by id; a trace may have several.
    pub(crate) fn all(&self) -> &[TraceRows] {
        &self.sorted
    }

    /// All runs of rows in row order.
    pub(crate) fn by_row(&self) -> Vec<TraceRows> {
        let mut rows = self.sorted.clone();
        rows.sort_unstable_by_key(|trace| trace.first);
        rows
    }

    /// The runs of rows of a trace.
    pub(crate) fn of(&self, id: TraceId) -> &[TraceRows] {
        if !self.filter.may_hold(id_token(id)) {
            return &[];
        }
        let first = self.sorted.partition_point(|trace| trace.id < id);
        let count = self.sorted[first..].iter().take_while(|trace| trace.id == id).count();
        &self.sorted[first..first + count]
    }
}

impl Section for Traces {
    const KIND: u32 = kind::TRACES;

    fn write(&self) -> Vec<u8> {
        let traces = self.by_row();
        let mut ids = Vec::with_capacity(16 * traces.len());
        let (mut counts, mut times) = (Packed::default(), Packed::default());
        let mut last = 0;
        for trace in &traces {
            ids.extend_from_slice(&trace.id.0);
            counts.put(u64::from(trace.count) << 1 | u64::from(trace.plain));
            times.signed(trace.start.wrapping_sub(last) as i64);
            times.put(trace.end - trace.start);
            last = trace.start;
        }
        let mut out = Message::new();
        out.bytes(1, &ids);
        out.bytes(2, &counts.0);
        out.bytes(3, &times.0);
        out.into_bytes()
    }

    fn read(raw: &[u8], about: About) -> Option<Self> {
        let parsed = Parsed::of(raw)?;
        let (mut counts, mut times) = (Unpacked(parsed.bytes(2)?), Unpacked(parsed.bytes(3)?));
        let (mut first, mut last) = (0_u32, 0_u64);
        let (ids, rest) = parsed.bytes(1)?.as_chunks::<16>();
        let mut traces = Vec::with_capacity(ids.len());
        for id in ids {
            let number = counts.next()?;
            let count = u32::try_from(number >> 1).ok().filter(|count| *count > 0)?;
            let start = last.wrapping_add(times.signed()? as u64);
            let end = start.checked_add(times.next()?)?;
            traces.push(TraceRows { id: TraceId(*id), first, count, start, end, plain: number & 1 == 1 });
            first = first.checked_add(count)?;
            last = start;
        }
        (rest.is_empty() && first == about.rows).then(|| Self::new(traces))
    }

    fn bytes(&self) -> usize {
        self.sorted.len() * size_of::<TraceRows>() + self.filter.words.len() * 8
    }
}
