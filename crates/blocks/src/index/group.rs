//! The index of one row group.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Kind, Tenant, TraceId};

use super::tokens::{Filter, id_token};
use super::zones::Zone;
use crate::columns::keys::KeyFacts;
use crate::columns::shred::TraceRows;
use crate::columns::sink::Chunk;

/// Everything that is known of a row group without reading it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// Whose spans these are.
    pub(crate) tenant: Tenant,
    pub(crate) rows: u32,
    /// Where the pages of each leaf lie.
    pub(crate) chunks: Vec<Chunk>,
    /// One for each page number.
    pub(crate) zones: Vec<Zone>,
    /// One for each page number.
    pub(crate) filters: Vec<Filter>,
    /// Which traces there are.
    pub(crate) traces: Traces,
    pub(crate) keys: Vec<KeyFacts>,
    pub(crate) operations: Vec<Operation>,
}

/// How often a service did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) service: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) spans: u32,
    pub(crate) errors: u32,
}

/// The names of a block, each kept once for all its groups.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashSet<Arc<str>, FixedState>);

impl Texts {
    /// The kept name that equals this one.
    pub(crate) fn keep(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let kept: Arc<str> = text.into();
        self.0.insert(kept.clone());
        kept
    }
}

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
}

impl Group {
    /// The runs of rows of a trace.
    pub(crate) fn trace(&self, id: TraceId) -> &[TraceRows] {
        if !self.traces.filter.may_hold(id_token(id)) {
            return &[];
        }
        let sorted = &self.traces.sorted;
        let first = sorted.partition_point(|trace| trace.id < id);
        let count = sorted[first..].iter().take_while(|trace| trace.id == id).count();
        &sorted[first..first + count]
    }

    /// The first and the last span start.
    pub(crate) fn extent(&self) -> (u64, u64) {
        let first = self.zones.iter().map(|zone| zone.start_min).min().unwrap_or(0);
        (first, self.zones.iter().map(|zone| zone.start_max).max().unwrap_or(0))
    }
}
