//! The options of the batcher, as the Collector has them.

use std::sync::Arc;
use std::time::Duration;

use config::Block;
use pipeline::{BuildProcessor, ProcessorKind, Stability};

use super::{Batcher, Limits};

pub(crate) const KIND: ProcessorKind = ProcessorKind {
    name: "batch",
    aliases: &[],
    summary: "gathers spans into larger batches; senders wait until the larger batch is stored",
    stability: Stability::Stable,
    parse,
};

/// When batches are sent on and how large they may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Spans that are enough to send; 0 sends at once.
    pub(super) spans_min: usize,
    /// Spans that a batch may have at most; 0 is any number.
    pub(super) spans_max: usize,
    /// How long the first span of a batch waits; 0 sends at once.
    pub(super) timeout: Duration,
}

fn parse(block: &mut Block<'_>) -> BuildProcessor {
    let settings = read(block);
    Box::new(move |context, next| {
        let meter = context.telemetry.batch(&context.id);
        Ok(Arc::new(Batcher::new(settings, Limits::default(), next, meter)))
    })
}

pub(super) fn read(block: &mut Block<'_>) -> Settings {
    let any = 0..=u32::MAX;
    let spans_min = block.integer(
        "send_batch_size",
        8192_u32,
        any.clone(),
        "spans that are enough to send; 0 sends at once",
    );
    let spans_max =
        block.integer("send_batch_max_size", 0_u32, any.clone(), "larger batches are cut; 0 is any size");
    let timeout = block.duration("timeout", "200ms", "how long spans wait at most; 0 sends at once");
    let apart = block.list_of_text("metadata_keys", &[], "accepted; batches are kept apart by tenant");
    block.integer(
        "metadata_cardinality_limit",
        1000_u32,
        any,
        "accepted; the memory that waits is bounded instead",
    );
    if !apart.is_empty() {
        block.warning("metadata_keys", "batches are kept apart by tenant, not by metadata", None);
    }
    if 0 < spans_max && spans_max < spans_min {
        let message = format!("{spans_max} is less than send_batch_size, which is {spans_min}");
        block.problem("send_batch_max_size", message, Some("raise it, or leave it at 0".to_owned()));
    }
    Settings { spans_min: spans_min as usize, spans_max: spans_max as usize, timeout }
}
