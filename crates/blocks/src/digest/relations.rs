//! Which spans of a row group are parents of which, from its columns before they are encoded.

use model::{Kin, SpanId};

use super::build::Rows;
use super::calls::parents;
use crate::columns::schema::leaf;
use crate::columns::shred::{Shredded, TraceRows};
use crate::columns::values::{Column, Levels, Values};

/// The columns that say whose child a span is.
pub(super) struct Relations<'a> {
    ids: &'a [u8],
    distances: (&'a [u32], &'a [i32]),
    absent: (&'a [u32], &'a [u8]),
}

impl<'a> Relations<'a> {
    pub(super) fn of(shredded: &'a Shredded) -> Option<Self> {
        let columns = &shredded.columns;
        let Values::Id { bytes: ids, .. } = &columns[leaf::SPAN_ID].values else { return None };
        let Values::Int32(distances) = &columns[leaf::PARENT_DISTANCE].values else { return None };
        let Values::Id { bytes: absent, .. } = &columns[leaf::PARENT_ID].values else { return None };
        Some(Self {
            ids,
            distances: (present(&columns[leaf::PARENT_DISTANCE])?, distances),
            absent: (present(&columns[leaf::PARENT_ID])?, absent),
        })
    }

    /// The rows of a run that have a parent in it, each with the parent's; false where the run can't be counted.
    pub(super) fn parents_of(&self, run: &TraceRows, rows: &Rows<'_>, found: &mut Vec<(u32, u32)>) -> bool {
        found.clear();
        let (first, end) = (run.first, run.first + run.count);
        let near = self.distances_of(first, end);
        if run.plain {
            found.extend(near.filter_map(|(row, distance)| {
                let parent = i64::from(row) - i64::from(distance);
                let parent = u32::try_from(parent).ok().filter(|parent| first <= *parent && *parent < row)?;
                Some((row, parent))
            }));
            return true;
        }
        let kin = |row: u32| Kin {
            start: rows.cell(row as usize).1,
            id: id(self.ids, row as usize),
            parent: None,
            kind: rows.kind(row as usize),
        };
        let mut spans: Vec<Kin> = (first..end).map(kin).collect();
        for (row, distance) in near {
            let parent = usize::try_from(i64::from(row) - i64::from(distance)).unwrap_or(usize::MAX);
            if parent < self.ids.len() / 8 {
                spans[(row - first) as usize].parent = Some(id(self.ids, parent));
            }
        }
        for (row, parent) in self.absent_of(first, end) {
            spans[(row - first) as usize].parent = Some(parent);
        }
        let Some(parents) = parents(&spans) else { return false };
        let known = (first..).zip(parents).filter_map(|(row, parent)| Some((row, first + parent? as u32)));
        found.extend(known);
        true
    }

    /// The rows of a run that name a parent which is not in the row group, with its id.
    pub(super) fn absent_of(&self, first: u32, end: u32) -> impl Iterator<Item = (u32, SpanId)> {
        let (with, absent) = self.absent;
        let from = with.partition_point(|row| *row < first);
        let here = with.iter().enumerate().skip(from).take_while(move |(_, row)| **row < end);
        here.map(|(at, row)| (*row, id(absent, at)))
    }

    /// The id of the span in a row.
    pub(super) fn span_id(&self, row: u32) -> SpanId {
        id(self.ids, row as usize)
    }

    fn distances_of(&self, first: u32, end: u32) -> impl Iterator<Item = (u32, i32)> {
        let (with, distances) = self.distances;
        let from = with.partition_point(|row| *row < first);
        let here = with[from..].iter().zip(&distances[from..]).take_while(move |(row, _)| **row < end);
        here.map(|(row, distance)| (*row, *distance))
    }
}

fn present(column: &Column) -> Option<&[u32]> {
    match &column.levels {
        Levels::Present(rows) => Some(rows),
        _ => None,
    }
}

fn id(ids: &[u8], at: usize) -> SpanId {
    SpanId(ids.get(at * 8..at * 8 + 8).and_then(|id| id.try_into().ok()).unwrap_or_default())
}
