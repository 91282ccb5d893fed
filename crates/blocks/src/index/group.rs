//! The index of one row group.

use model::{Kind, Tenant, TraceId};

use super::tokens::Filter;
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
    /// Sorted by id; a trace may have several runs of rows.
    pub(crate) traces: Vec<TraceRows>,
    pub(crate) keys: Vec<KeyFacts>,
    pub(crate) operations: Vec<Operation>,
}

/// How often a service did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) spans: u64,
    pub(crate) errors: u64,
}

impl Group {
    /// The runs of rows of a trace.
    pub(crate) fn trace(&self, id: TraceId) -> &[TraceRows] {
        let first = self.traces.partition_point(|trace| trace.id < id);
        let count = self.traces[first..].iter().take_while(|trace| trace.id == id).count();
        &self.traces[first..first + count]
    }

    /// The first and the last span start.
    pub(crate) fn extent(&self) -> (u64, u64) {
        let first = self.zones.iter().map(|zone| zone.start_min).min().unwrap_or(0);
        (first, self.zones.iter().map(|zone| zone.start_max).max().unwrap_or(0))
    }
}
