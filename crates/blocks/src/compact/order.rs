//! The order of the rows of several row groups in one: by trace start, trace id, span start.
//!
//! Nothing is decoded for a trace that stands in one run of rows: its run is taken as it is. Runs of one trace in several
//! row groups are merged by span start, spans that were sent twice are left out, and the parents are looked for anew.
//! In memory: the runs of those row groups that lie around the same time, where the runs of scattered traces are, and one
//! output row group of about [`GROUP_BYTES_MAX`]; a trace that is larger than a row group is merged piece by piece.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use foldhash::fast::FixedState;
use model::{SpanId, TraceId, same};

use super::pages::Pages;
use super::scattered::Scattered;
use crate::columns::order::GROUP_ROWS_MAX;
use crate::columns::schema::leaf;
use crate::columns::shred::{Parents, TraceRows};
use crate::error::Result;

/// Bytes that the columns of one output row group take, about: it ends where the rows that it takes come to that.
pub const GROUP_BYTES_MAX: u64 = 128 << 20;

/// How much larger values are in memory than in their pages, about.
const UNPACKED: u64 = 8;

/// Row groups that are merged, and how far.
pub(super) struct Merge<'a> {
    pub(super) inputs: Vec<Input<'a>>,
    /// The next run of each input; for one that is not loaded, the earliest that it may have.
    waiting: BinaryHeap<Reverse<(u64, TraceId, u32)>>,
    scattered: Scattered,
    /// Runs that were joined to an earlier one, by input and first row.
    taken: HashSet<(u32, u32), FixedState>,
    /// A trace of which a part fitted into the last group.
    joining: Option<Joining>,
}

/// One row group that is merged.
pub(super) struct Input<'a> {
    pub(super) pages: Pages<'a>,
    /// Its runs from the last to the first; none before the merge reaches it.
    runs: Option<Vec<TraceRows>>,
    /// Bytes that a row takes in memory, about.
    row_bytes: u64,
}

/// The rows of one output row group.
#[derive(Default)]
pub(super) struct Ordered {
    pub(super) segments: Vec<Segment>,
    pub(super) traces: Vec<TraceRows>,
    /// The parents of rows whose trace was joined or cut, by row; the other rows keep theirs.
    pub(super) parents: Vec<(u32, Parent)>,
    pub(super) rows: u32,
    /// Bytes that they take in memory, about.
    bytes: u64,
    /// Spans that were left out because they stand there already.
    pub(super) repeated: u64,
}

/// Neighbouring rows of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) input: u32,
    pub(super) first: u32,
    pub(super) count: u32,
    /// Their parents stand in [`Ordered::parents`].
    pub(super) has_new_parents: bool,
}

/// Where the parent of a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// So many rows before.
    Distance(i32),
    /// In another row group, or nowhere.
    Id(SpanId),
    /// There is none.
    None,
}

impl<'a> Merge<'a> {
    pub(super) fn new(inputs: Vec<Pages<'a>>) -> Result<Self> {
        let mut waiting = BinaryHeap::new();
        let mut runs = 0;
        for (at, pages) in inputs.iter().enumerate() {
            let all = pages.group().passing_runs()?;
            let earliest = all.iter().map(|run| run.start).min().unwrap_or(u64::MAX);
            waiting.push(Reverse((earliest, TraceId::default(), at as u32)));
            runs += all.len() as u64;
        }
        let scattered = Scattered::of(&inputs, runs)?;
        let inputs = inputs.into_iter().map(Input::new).collect::<Result<_>>()?;
        Ok(Self { waiting, scattered, taken: HashSet::default(), joining: None, inputs })
    }

    /// The rows of the next row group; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Ordered>> {
        let mut out = Ordered::default();
        if let Some(joining) = self.joining.take() {
            self.join(joining, &mut out)?;
        }
        while self.joining.is_none() && out.has_room(1, 0) {
            let Some((input, run)) = self.peek()? else { break };
            let runs = self.runs_of((input, run))?;
            let rows: u64 = runs.iter().map(|(_, run)| u64::from(run.count)).sum();
            let bytes = runs.iter().map(|(input, run)| self.bytes_of(*input, run.count)).sum();
            if out.rows > 0 && !out.has_room(rows, bytes) && Ordered::default().has_room(rows, bytes) {
                break;
            }
            self.take(&runs);
            match &runs[..] {
                [(input, run)] if run.plain && out.has_room(rows, bytes) => out.whole(*input, *run, bytes),
                _ => {
                    let joining = Joining::new(self, &runs)?;
                    self.join(joining, &mut out)?;
                }
            }
        }
        Ok((out.rows > 0).then_some(out))
    }

    /// The run that comes next.
    fn peek(&mut self) -> Result<Option<(u32, TraceRows)>> {
        while let Some(Reverse((start, id, at))) = self.waiting.peek().copied() {
            let runs = self.inputs[at as usize].load()?;
            while runs.last().is_some_and(|run| self.taken.remove(&(at, run.first))) {
                runs.pop();
            }
            match runs.last().copied() {
                Some(run) if (run.start, run.id) == (start, id) => return Ok(Some((at, run))),
                Some(run) => {
                    self.waiting.pop();
                    self.waiting.push(Reverse((run.start, run.id, at)));
                }
                None => {
                    self.waiting.pop();
                    *runs = Vec::new();
                }
            }
        }
        Ok(None)
    }

    /// Every run of the trace that this one is of, in the order of the inputs.
    fn runs_of(&self, (input, run): (u32, TraceRows)) -> Result<Vec<(u32, TraceRows)>> {
        let mut runs = Vec::new();
        for (input, at) in self.scattered.places(run.id) {
            let other = self.inputs[input as usize].pages.traces()?.all()[at as usize];
            runs.extend((other.id == run.id).then_some((input, other)));
        }
        if runs.is_empty() {
            runs.push((input, run));
        }
        Ok(runs)
    }

    fn take(&mut self, runs: &[(u32, TraceRows)]) {
        self.taken.extend(runs.iter().map(|(input, run)| (*input, run.first)));
    }

    /// Merges a trace into a group until it is over or the group is full.
    fn join(&mut self, mut joining: Joining, out: &mut Ordered) -> Result<()> {
        let mut piece = Piece::default();
        while out.has_room(piece.rows.len() as u64 + 1, 0) {
            let Some(row) = joining.next(self, &mut out.repeated)? else { break };
            out.bytes += self.bytes_of(row.0, 1);
            piece.push(self, row)?;
        }
        piece.finish(joining.id, out);
        if !joining.heads.is_empty() {
            self.joining = Some(joining);
        }
        Ok(())
    }

    /// What rows of an input take in memory, about.
    fn bytes_of(&self, input: u32, rows: u32) -> u64 {
        self.inputs[input as usize].row_bytes * u64::from(rows)
    }

    /// Forgets the pages that were decoded.
    pub(super) fn forget(&mut self) {
        self.inputs.iter_mut().for_each(|input| input.pages.forget());
    }

    fn pages(&mut self, input: u32) -> &mut Pages<'a> {
        &mut self.inputs[input as usize].pages
    }
}

impl<'a> Input<'a> {
    fn new(pages: Pages<'a>) -> Result<Self> {
        let group = pages.group();
        let parts = group.parts()?;
        let packed: u64 =
            parts.iter().flat_map(|chunk| &chunk.pages).map(|part| u64::from(part.length)).sum();
        let row_bytes = packed * UNPACKED / u64::from(group.rows.max(1));
        Ok(Self { pages, runs: None, row_bytes })
    }

    /// Its runs by their start, the last first.
    fn load(&mut self) -> Result<&mut Vec<TraceRows>> {
        if self.runs.is_none() {
            let mut runs = self.pages.traces()?.all().to_vec();
            runs.sort_unstable_by_key(|run| Reverse((run.start, run.id, run.first)));
            self.runs = Some(runs);
        }
        Ok(self.runs.get_or_insert_default())
    }
}

impl Ordered {
    /// Do so many rows of so many bytes fit as well?
    fn has_room(&self, rows: u64, bytes: u64) -> bool {
        u64::from(self.rows) + rows <= GROUP_ROWS_MAX as u64
            && (self.rows == 0 && rows <= 1 || self.bytes + bytes <= GROUP_BYTES_MAX)
    }

    /// Takes a run of rows as it is.
    fn whole(&mut self, input: u32, run: TraceRows, bytes: u64) {
        self.bytes += bytes;
        self.traces.push(TraceRows { first: self.rows, ..run });
        self.segment(Segment { input, first: run.first, count: run.count, has_new_parents: false });
    }

    fn segment(&mut self, segment: Segment) {
        self.rows += segment.count;
        match self.segments.last_mut() {
            Some(last)
                if (last.input, last.first + last.count, last.has_new_parents)
                    == (segment.input, segment.first, segment.has_new_parents) =>
            {
                last.count += segment.count;
            }
            _ => self.segments.push(segment),
        }
    }
}

/// A trace whose rows are merged: one by one, so that its size does not matter.
struct Joining {
    id: TraceId,
    /// The input and the end of each run.
    runs: Vec<(u32, u32)>,
    /// The next row of each run, by start.
    heads: BinaryHeap<Reverse<(u64, usize, u32)>>,
    /// The rows that began at the same time as the last.
    seen: HashMap<SpanId, Vec<(u32, u32)>, FixedState>,
    seen_at: u64,
}

impl Joining {
    fn new(merge: &mut Merge<'_>, runs: &[(u32, TraceRows)]) -> Result<Self> {
        let mut heads = BinaryHeap::new();
        for (number, (input, run)) in runs.iter().enumerate() {
            let start = merge.pages(*input).int(leaf::START, run.first)?.unwrap_or(0) as u64;
            heads.push(Reverse((start, number, run.first)));
        }
        Ok(Self {
            id: runs[0].1.id,
            runs: runs.iter().map(|(input, run)| (*input, run.first + run.count)).collect(),
            heads,
            seen: HashMap::default(),
            seen_at: 0,
        })
    }

    /// The next row that was not there yet, by input.
    fn next(&mut self, merge: &mut Merge<'_>, repeated: &mut u64) -> Result<Option<(u32, u32)>> {
        while let Some(Reverse((start, number, row))) = self.heads.pop() {
            let (input, end) = self.runs[number];
            if row + 1 < end {
                let next = merge.pages(input).int(leaf::START, row + 1)?.unwrap_or(0) as u64;
                self.heads.push(Reverse((next, number, row + 1)));
            }
            if self.seen_at != start {
                self.seen.clear();
                self.seen_at = start;
            }
            let id = merge.pages(input).id(leaf::SPAN_ID, row)?.unwrap_or_default();
            let others = self.seen.entry(id).or_default();
            if is_among(merge, (input, row), others)? {
                *repeated += 1;
                continue;
            }
            others.push((input, row));
            return Ok(Some((input, row)));
        }
        Ok(None)
    }
}

/// True where a row's span equals that of another row in everything.
fn is_among(merge: &mut Merge<'_>, (input, row): (u32, u32), others: &[(u32, u32)]) -> Result<bool> {
    if others.is_empty() {
        return Ok(false);
    }
    let content = same::content(merge.pages(input).rebuilt(&[row])?.span(0));
    for (input, row) in others {
        if same::content(merge.pages(*input).rebuilt(&[*row])?.span(0)) == content {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The rows of a trace in one output group.
#[derive(Default)]
struct Piece {
    rows: Vec<(u32, u32)>,
    ids: Vec<SpanId>,
    parents: Vec<Option<SpanId>>,
    start: Option<u64>,
    end: u64,
}

impl Piece {
    fn push(&mut self, merge: &mut Merge<'_>, (input, row): (u32, u32)) -> Result<()> {
        let pages = merge.pages(input);
        let start = pages.int(leaf::START, row)?.unwrap_or(0);
        let end = start.wrapping_add(pages.int(leaf::DURATION, row)?.unwrap_or(0)) as u64;
        let start = start as u64;
        self.start.get_or_insert(start);
        self.end = self.end.max(start).max(end);
        self.rows.push((input, row));
        self.ids.push(pages.id(leaf::SPAN_ID, row)?.unwrap_or_default());
        self.parents.push(pages.parent(row)?);
        Ok(())
    }

    fn finish(self, id: TraceId, out: &mut Ordered) {
        let Some(start) = self.start else { return };
        let (first, count) = (out.rows, self.rows.len() as u32);
        let mut parents = Parents::new(self.ids);
        for (place, ((input, row), parent)) in self.rows.into_iter().zip(self.parents).enumerate() {
            let parent = match parent.map(|id| (id, parents.find(id, place))) {
                Some((_, Some(at))) => {
                    parents.are_before &= at < place;
                    Parent::Distance(place as i32 - at as i32)
                }
                Some((id, None)) => Parent::Id(id),
                None => Parent::None,
            };
            out.parents.push((out.rows, parent));
            out.segment(Segment { input, first: row, count: 1, has_new_parents: true });
        }
        let plain = parents.are_before && parents.are_distinct();
        out.traces.push(TraceRows { id, first, count, start, end: self.end, plain });
    }
}
