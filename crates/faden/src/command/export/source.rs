//! Where spans are taken from, batch by batch.

use std::sync::Arc;

use blocks::Engine;
use blocks::manifest::BlockMeta;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use model::{Batch, Tenant, TimeRange};
use query::answer::Names;
use query::export::{BATCHES_WAITING_MAX, Export};
use query::{Limits, Query};
use tokio::sync::mpsc;

use super::Arguments;
use crate::api::Api;
use crate::exit::Failure;

/// A longer frame is none.
const FRAME_BYTES_MAX: usize = 1 << 30;

/// What has spans.
pub enum Source {
    /// A running server.
    Server(Box<Api>),
    /// A store of this process.
    Store(Arc<Engine>),
}

type Batches = mpsc::Receiver<Result<Batch, Failure>>;

impl Source {
    /// Begins to read.
    pub fn open(&self, arguments: &Arguments, export: Export) -> Result<Batches, Failure> {
        let runtime = tokio::runtime::Handle::current();
        match self {
            Self::Server(api) => {
                let mut pairs = arguments.pairs();
                pairs.extend(export.ids.iter().map(|id| ("trace", id.to_string())));
                if export.is_by_trace {
                    pairs.push(("by", "trace".to_owned()));
                }
                let body = runtime.block_on(api.open("/export", &pairs))?;
                let (tx, rx) = mpsc::channel(BATCHES_WAITING_MAX);
                runtime.spawn(async move {
                    if let Err(failure) = frames(body, &tx).await {
                        // Whoever listens no more needs no reason.
                        let _gone = tx.send(Err(failure)).await;
                    }
                });
                Ok(rx)
            }
            Self::Store(engine) => {
                let reader: Arc<dyn store::Reader> = engine.clone();
                let mut handed = Query::new(reader, Limits::default()).export(export);
                let (tx, rx) = mpsc::channel(1);
                runtime.spawn(async move {
                    while let Some(batch) = handed.recv().await {
                        if tx.send(batch.map_err(Failure::problem)).await.is_err() {
                            break;
                        }
                    }
                });
                Ok(rx)
            }
        }
    }

    /// How many spans there are in the range, about, where that is known.
    pub fn expected(&self, arguments: &Arguments) -> Result<Option<u64>, Failure> {
        let runtime = tokio::runtime::Handle::current();
        let Self::Server(api) = self else { return Ok(None) };
        let mut pairs = arguments.pairs();
        pairs.push(("limit", "10000".to_owned()));
        let names: Names = runtime.block_on(api.ask("/services", &pairs))?;
        Ok(Some(names.names.iter().map(|name| name.spans).sum()))
    }
}

/// Copies the blocks of a store that lie within the range whole, and begins to read the rest.
pub fn copied(
    engine: &Arc<Engine>,
    (tenant, time): (&Tenant, TimeRange),
    copy: &mut dyn FnMut(&BlockMeta) -> Result<(), Failure>,
) -> Result<Batches, Failure> {
    let runtime = tokio::runtime::Handle::current();
    let parts = runtime.block_on(engine.parts(tenant, time)).map_err(Failure::problem)?;
    for meta in &parts.whole {
        copy(meta)?;
    }
    let (tx, rx) = mpsc::channel(BATCHES_WAITING_MAX);
    runtime.spawn_blocking(move || {
        let rest: Box<dyn store::Scan> = Box::new(parts.rest);
        let read = rest.run(&mut |batch| tx.blocking_send(Ok(batch)).is_ok());
        if let Err(error) = read {
            // Whoever listens no more needs no reason.
            let _gone = tx.blocking_send(Err(Failure::problem(error)));
        }
    });
    Ok(rx)
}

async fn frames(mut body: Incoming, tx: &mpsc::Sender<Result<Batch, Failure>>) -> Result<(), Failure> {
    let mut waiting = Vec::new();
    loop {
        while let Some(frame) = split(&mut waiting)? {
            let batch = Batch::read(frame, Tenant::default()).map_err(broken)?;
            if tx.send(Ok(batch)).await.is_err() {
                return Ok(());
            }
        }
        match body.frame().await {
            Some(Ok(more)) => waiting.extend_from_slice(&more.into_data().unwrap_or_default()),
            Some(Err(cause)) => return Err(broken(cause)),
            None if waiting.is_empty() => return Ok(()),
            None => return Err(broken("it ends in the middle of a batch")),
        }
    }
}

/// Takes the first frame out, if all of it is there.
fn split(waiting: &mut Vec<u8>) -> Result<Option<Bytes>, Failure> {
    let Some((length, rest)) = waiting.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(broken(format_args!("a batch of {length} bytes")));
    }
    if rest.len() < length {
        return Ok(None);
    }
    let frame = Bytes::copy_from_slice(&rest[..length]);
    waiting.drain(..4 + length);
    Ok(Some(frame))
}

fn broken(cause: impl std::fmt::Display) -> Failure {
    Failure::problem(format!(
        "the server's answer broke off: {cause}\n       its log says why; nothing was written"
    ))
}
