//! Hands spans over, many of them: all that start inside a range, or whole traces that a search finds.
//!
//! Without a condition the store is read from one end to the other, once. With one, traces are found page by page,
//! newest first, and each is handed over whole. What waits for a slow taker is bounded by [`BATCHES_WAITING_MAX`]; in
//! memory are a page of summaries and about [`BATCH_SPANS`] spans, or one trace where that has more.

use std::sync::Arc;

use model::{Batch, Tenant, Trace, TraceId};
use store::{Ask, Filter, Order, Plan};
use tokio::sync::mpsc;

use crate::engine::{Error, Query};
use crate::search::Search;

/// Batches that wait for whoever takes them; then the reading waits.
pub const BATCHES_WAITING_MAX: usize = 4;

/// Traces of so many spans are handed over together.
pub const BATCH_SPANS: u64 = 10_000;

/// Traces that are asked for together.
const BATCH_TRACES_MAX: usize = 500;

/// Summaries of one page.
const PAGE_TRACES: usize = 2_000;

/// What is to be handed over.
#[derive(Clone, Debug)]
pub struct Export {
    /// Whose spans.
    pub tenant: Tenant,
    /// Which; order, limit and cursor have no meaning here.
    pub search: Search,
    /// These traces, and no others.
    pub ids: Vec<TraceId>,
    /// Each batch holds whole traces, also where all spans are asked for.
    pub is_by_trace: bool,
}

impl Export {
    /// True where conditions, ids or the form ask for traces and not for all spans in a range.
    #[must_use]
    pub fn finds_traces(&self) -> bool {
        let is_plain = matches!(self.search.spans, Filter::All) && self.search.trace.is_empty();
        self.is_by_trace || !self.ids.is_empty() || !is_plain
    }
}

impl Query {
    /// Hands over what the export asks for. The channel ends with the last batch, or after an error; whoever drops it
    /// ends the reading.
    #[must_use]
    pub fn export(&self, export: Export) -> mpsc::Receiver<Result<Batch, Error>> {
        let (tx, rx) = mpsc::channel(BATCHES_WAITING_MAX);
        let query = self.clone();
        tokio::spawn(async move {
            let found = async {
                match export.finds_traces() {
                    true => query.traces_into(&export, &tx).await,
                    false => query.spans_into(&export, &tx).await,
                }
            };
            let done = tokio::select! {
                done = found => done,
                () = tx.closed() => return,
            };
            if let Err(error) = done {
                // Whoever listens no more needs no reason.
                let _gone = tx.send(Err(error)).await;
            }
        });
        rx
    }

    async fn spans_into(&self, export: &Export, tx: &Sender) -> Result<(), Error> {
        let scan = self.reader().scan(&export.tenant, export.search.time).await?;
        let tx = tx.clone();
        let read =
            tokio::task::spawn_blocking(move || scan.run(&mut |batch| tx.blocking_send(Ok(batch)).is_ok()));
        read.await.map_err(|_| Error::Failed("the reading of the store panicked".into()))??;
        Ok(())
    }

    async fn traces_into(&self, export: &Export, tx: &Sender) -> Result<(), Error> {
        if !export.ids.is_empty() {
            for ids in export.ids.chunks(BATCH_TRACES_MAX) {
                if !self.whole(export, ids.to_vec(), tx).await? {
                    break;
                }
            }
            return Ok(());
        }
        let search =
            Search { order: Order::Newest, limit: PAGE_TRACES, after: None, ..export.search.clone() };
        let mut plan = search.plan(export.tenant.clone(), Ask::Summaries);
        loop {
            let (summaries, answer) = self.summaries(&plan).await?;
            refuse_partial(answer.partial)?;
            let (mut ids, mut spans) = (Vec::new(), 0);
            for summary in &summaries {
                if !ids.is_empty() && (BATCH_SPANS < spans + summary.spans || ids.len() == BATCH_TRACES_MAX) {
                    if !self.whole(export, std::mem::take(&mut ids), tx).await? {
                        return Ok(());
                    }
                    spans = 0;
                }
                ids.push(summary.id);
                spans += summary.spans;
            }
            if !self.whole(export, ids, tx).await? || answer.next.is_none() {
                return Ok(());
            }
            plan.after = answer.next;
        }
    }

    /// Hands over whole traces; false where nobody listens any more.
    async fn whole(&self, export: &Export, ids: Vec<TraceId>, tx: &Sender) -> Result<bool, Error> {
        if ids.is_empty() {
            return Ok(true);
        }
        let limit = ids.len();
        let plan = Plan { ids: Some(ids), limit, ..Plan::new(export.tenant.clone(), Ask::Traces) };
        let (traces, answer) = self.traces(&plan).await?;
        refuse_partial(answer.partial)?;
        let batches: Vec<Batch> = traces.iter().map(Arc::as_ref).flat_map(Trace::batches).collect();
        match Batch::merge(&batches) {
            Some(batch) => Ok(tx.send(Ok(batch)).await.is_ok()),
            None => Ok(true),
        }
    }
}

type Sender = mpsc::Sender<Result<Batch, Error>>;

fn refuse_partial(partial: Option<String>) -> Result<(), Error> {
    partial.map_or(Ok(()), |why| Err(Error::Failed(format!("not everything could be read: {why}"))))
}

#[cfg(test)]
mod tests;
