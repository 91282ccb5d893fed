//! Which blocks were made of which, where no entry says so any more.
//!
//! Told by names (what was merged or written again has a letter before its number), by age, and by their spans: all
//! samples of a block that was merged stand in newer merged ones, and all samples of a block that was written again
//! stand in the one that it was written from.

use std::{collections::BTreeSet, sync::Arc};

use model::{Batch, Span, time::UnixNanos};
use store::Work;

use super::shelf::Shelf;
use crate::{
    block::{Beside, BlockView, GroupReader},
    columns::{rebuild::Rebuilder, sink::PAGE_ROWS},
    error::{Doing, Next, Result},
    index::Group,
    manifest::Block,
    memory::Memory,
};

/// Samples are taken of so many row groups …
const GROUPS_MAX: usize = 8;

/// … and so many spans of each.
const SPANS_MAX: usize = 32;

/// A sample of a trace with more rows in one run is not looked for.
const ROWS_MAX: u32 = 100_000;

/// The bytes of indexes, and of pages, that comparing blocks may keep.
const MEMORY_BYTES: usize = 32 << 20;

/// A block with files.
pub(super) struct Relative {
    pub(super) block: Block,
    /// When its files were written.
    pub(super) modified: UnixNanos,
    /// An entry that can be read lists it.
    pub(super) is_listed: bool,
}

/// Blocks that may be made of each other.
#[derive(Default)]
pub(super) struct Kin(Vec<Relative>);

/// Was this block merged from others?
pub(super) fn is_merged(id: &str) -> bool {
    name(id).is_some_and(|name| name.letter == Some(b'c'))
}

impl Kin {
    pub(super) fn add(&mut self, relative: Relative) {
        self.0.push(relative);
    }

    /// The blocks that no entry knows.
    pub(super) fn found(&self) -> impl Iterator<Item = &Block> {
        self.0.iter().filter(|one| !one.is_listed).map(|one| &one.block)
    }

    /// The blocks whose spans newer ones have, as far as those are to be kept.
    pub(super) fn replaced(&self, shelf: &Shelf) -> BTreeSet<String> {
        let reading = (shelf, &Arc::new(Memory::new(MEMORY_BYTES, MEMORY_BYTES)));
        let mut replaced = BTreeSet::new();
        for (at, one) in self.0.iter().enumerate() {
            let near =
                || self.0.iter().enumerate().filter(move |(other, two)| *other != at && one.is_near(two));
            let newer: Vec<&Relative> = near()
                .filter(|(_, two)| is_merged(two.id()) && two.is_newer(one))
                .map(|(_, two)| two)
                .collect();
            let is_known = one.is_listed && newer.iter().all(|two| two.is_listed);
            if !newer.is_empty() && !is_known && is_within(one, &newer, reading) {
                replaced.insert(one.id().to_owned());
            }
            let is_rewrite = name(one.id()).is_some_and(|name| name.letter == Some(b'r'));
            if one.is_listed || !is_rewrite {
                continue;
            }
            for (_, two) in near().filter(|(_, two)| one.is_newer(two)) {
                if is_within(one, &[two], reading) {
                    replaced.insert(two.id().to_owned());
                }
            }
        }
        replaced
    }
}

impl Relative {
    fn id(&self) -> &str {
        &self.block.meta.id
    }

    /// May they have spans in common?
    fn is_near(&self, other: &Self) -> bool {
        let (one, two) = (&self.block.meta, &other.block.meta);
        one.start_ns <= two.end_ns && two.start_ns <= one.end_ns
    }

    /// Was it made later? Names count up, and what is cut from the head was there before what is made of it.
    fn is_newer(&self, other: &Self) -> bool {
        let by_time = self.modified > other.modified;
        let (Some(one), Some(two)) = (name(self.id()), name(other.id())) else { return by_time };
        match () {
            () if one.node != two.node => by_time,
            () if one.epoch != two.epoch => one.epoch > two.epoch,
            () if one.letter == two.letter => one.number > two.number,
            () if one.letter.is_none() || two.letter.is_none() => two.letter.is_none(),
            () => by_time,
        }
    }
}

/// The parts of a block's name.
struct Name<'a> {
    node: &'a str,
    epoch: u64,
    letter: Option<u8>,
    number: u64,
}

fn name(id: &str) -> Option<Name<'_>> {
    let mut parts = id.split('-');
    let (node, epoch, number) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    let letter = number.bytes().next().filter(u8::is_ascii_alphabetic);
    let number = number[usize::from(letter.is_some())..].parse().ok()?;
    Some(Name { node, epoch, letter, number })
}

/// Do all samples of a block stand in the others? Not where something can't be read.
fn is_within(inner: &Relative, outer: &[&Relative], (shelf, memory): (&Shelf, &Arc<Memory>)) -> bool {
    let looked = || -> Result<bool> {
        let open = |Relative { block: Block { meta, .. }, .. }: &Relative| {
            BlockView::of(&shelf.files(meta)?, meta, memory)
        };
        let view = open(inner)?;
        let outer = outer.iter().map(|one| open(one)).collect::<Result<Vec<_>>>()?;
        let mut samples = 0;
        for group in spread(&view.groups, GROUPS_MAX) {
            let rows: Vec<u32> = (0..group.rows.min(PAGE_ROWS as u32)).collect();
            let rows: Vec<u32> = spread(&rows, SPANS_MAX).copied().collect();
            let batch = read(&view, group, &rows)?;
            for span in batch.spans() {
                let mut is_there = false;
                for other in &outer {
                    is_there = is_there || holds(other, (group, span))?;
                }
                if !is_there {
                    return Ok(false);
                }
                samples += 1;
            }
        }
        Ok(samples > 0)
    };
    looked().unwrap_or_else(|error| {
        tracing::warn!(%error, block = inner.id(), "cannot see whether other blocks have its spans");
        false
    })
}

/// Has a block this span?
fn holds(view: &BlockView, (group, span): (&Group, Span<'_>)) -> Result<bool> {
    let mut lost = None;
    let mut work = Work::default();
    let mut beside = Beside { work: &mut work, lost: &mut |error| lost = Some(error) };
    let found = view.find(&group.tenant, span.trace_id(), &mut beside);
    if let Some(error) = lost {
        return Err(error);
    }
    for (at, rows) in found.into_iter().filter(|(_, rows)| rows.count <= ROWS_MAX) {
        let rows: Vec<u32> = (rows.first..rows.first + rows.count).collect();
        let batch = read(view, &view.groups[at], &rows)?;
        let is_same = |other: Span<'_>| other.span_id() == span.span_id() && other.start() == span.start();
        if batch.spans().any(is_same) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read(view: &BlockView, group: &Group, rows: &[u32]) -> Result<Batch> {
    let mut reader = GroupReader::new(view, group)?;
    let mut rebuilder = Rebuilder::default();
    for page in rows.chunk_by(|left, right| left / PAGE_ROWS as u32 == right / PAGE_ROWS as u32) {
        reader.rebuild(page, None, &mut rebuilder)?;
    }
    Batch::read(rebuilder.finish().into(), group.tenant.clone()).doing(Next::Repair, "put samples together")
}

/// At most so many, evenly.
fn spread<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len().div_ceil(most).max(1))
}
