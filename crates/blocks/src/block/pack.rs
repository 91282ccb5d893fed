//! Row groups in memory: sorted, encoded and indexed before their place in a file is known.
//!
//! This is where the time of writing a block goes. It touches no file, so several threads do it at once for one block;
//! [`OpenBlock`](super::OpenBlock) takes what they made, one after the other. All row groups of a block have the same
//! columns, chosen by the first spans that are packed for its [`Shape`].

use std::sync::{Arc, OnceLock};

use model::{Batch, Tenant};

use super::GROUP_BYTES_MAX;
use crate::columns::encode::Encoder;
use crate::columns::order;
use crate::columns::promote;
use crate::columns::schema::Layout;
use crate::columns::shred::{self, Shredded};
use crate::columns::sink::{ColumnSink, Encoded, Plan};
use crate::columns::values::Column;
use crate::digest::{self, Detail, Digest};
use crate::error::{Doing, Error, Next, Result};
use crate::index::{self, Built};

/// The columns that row groups of one block share, once someone has chosen them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape(Arc<OnceLock<Arc<Layout>>>);

impl Shape {
    fn of(&self, choose: impl FnOnce() -> Layout) -> Arc<Layout> {
        self.0.get_or_init(|| Arc::new(choose())).clone()
    }
}

impl From<Arc<Layout>> for Shape {
    fn from(chosen: Arc<Layout>) -> Self {
        Self(Arc::new(OnceLock::from(chosen)))
    }
}

/// Spans of one tenant as row groups that wait for their file.
pub(crate) struct Packed {
    pub(super) layout: Arc<Layout>,
    pub(super) groups: Vec<PackedGroup>,
}

/// One row group of them.
pub(super) struct PackedGroup {
    pub(super) tenant: Tenant,
    pub(super) rows: u32,
    pub(super) columns: Vec<Encoded>,
    pub(super) built: Built,
    pub(super) digest: Digest,
}

/// Packs one chunk after the other, in the same memory.
pub(crate) struct Packer {
    encoder: Encoder,
    /// The memory of the last row group's columns, for the next with the same ones.
    spare: Option<(Arc<Layout>, Vec<Column>)>,
}

impl Packer {
    /// A packer that compresses at this level of zstd.
    pub(crate) fn new(level: i32) -> Self {
        Self { encoder: Encoder::new(level), spare: None }
    }

    /// Packs batches of one tenant as one sorted row group, or several where they are many; none where they are empty.
    ///
    /// # Errors
    /// Where the batches are too large together.
    pub(crate) fn pack(&mut self, chunk: &[Batch], shape: &Shape) -> Result<Option<Packed>> {
        let bytes: usize = chunk.iter().map(|batch| batch.bytes().len()).sum();
        if bytes > GROUP_BYTES_MAX {
            let reason = format!("{bytes} bytes of spans are more than the {GROUP_BYTES_MAX} of a row group");
            return Err(Error::new(Next::Refuse, reason));
        }
        let ordered = order::order(chunk);
        if ordered.rows.is_empty() {
            return Ok(None);
        }
        let layout = shape.of(|| promote::layout(chunk, &ordered));
        let mut groups = Vec::new();
        for traces in order::groups(&ordered.traces) {
            let spare = self.spare(&layout);
            let shredded = shred::shred(&layout, chunk, &ordered, &traces, spare);
            groups.push(self.group(&layout, chunk[0].tenant().clone(), (shredded, Detail::Brief))?);
        }
        Ok(Some(Packed { layout, groups }))
    }

    /// The memory of the last columns, if they were of this layout; that of others goes.
    pub(super) fn spare(&mut self, layout: &Arc<Layout>) -> Vec<Column> {
        let spare = self.spare.take().filter(|(of, _)| Arc::ptr_eq(of, layout));
        spare.map_or_else(Vec::new, |(_, columns)| columns)
    }

    /// Packs the columns of one row group.
    ///
    /// # Errors
    /// Where its values can't be compressed.
    pub(super) fn group(
        &mut self,
        layout: &Arc<Layout>,
        tenant: Tenant,
        (shredded, detail): (Shredded, Detail),
    ) -> Result<PackedGroup> {
        let leaves = layout.leaves.iter().zip(&shredded.columns);
        let plans: Vec<Plan> = leaves.map(|(leaf, column)| self.encoder.plan(leaf, column)).collect();
        let dictionaries: Vec<_> = plans.iter().map(Plan::entries).collect();
        let (digest, summaries) = digest::digest(layout, &shredded, detail);
        let built = index::build(layout, (&shredded, summaries), &dictionaries);
        let mut columns = Vec::with_capacity(plans.len());
        for ((leaf, column), plan) in layout.leaves.iter().zip(&shredded.columns).zip(&plans) {
            let encoded = self.encoder.encode(leaf, shredded.rows, column, plan);
            columns.push(encoded.doing(Next::Refuse, "encode a column")?);
        }
        self.spare = Some((layout.clone(), shredded.columns));
        Ok(PackedGroup { tenant, rows: shredded.rows, columns, built, digest })
    }
}
