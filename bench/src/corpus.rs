//! Requests of `corpus-1`, made before anything is measured.

use bytes::Bytes;
use r#gen::corpus::REQUEST_SPANS;
use model::{Batch, Tenant};
use serde::{Deserialize, Serialize};

/// Requests that wait in memory at most; a longer run makes and sends them in parts.
pub(crate) const REQUESTS_MAX: usize = 4_000;

/// Requests and the number of spans in each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    pub(crate) all: Vec<Bytes>,
    pub(crate) spans: u64,
    pub(crate) bytes: u64,
}

/// A place in the corpus.
pub(crate) struct Corpus(r#gen::Traffic);

impl Corpus {
    pub(crate) fn start() -> Self {
        Self(r#gen::corpus_1())
    }

    /// The next requests, of this many spans in all (rounded up to whole requests, and to [`REQUESTS_MAX`]).
    pub(crate) fn take(&mut self, spans: u64) -> Requests {
        let count = spans.div_ceil(REQUEST_SPANS as u64).min(REQUESTS_MAX as u64);
        let mut requests = Requests::default();
        for _ in 0..count {
            let request = self.0.next_request(REQUEST_SPANS);
            requests.bytes += request.len() as u64;
            requests.spans += REQUEST_SPANS as u64;
            requests.all.push(request.into());
        }
        requests
    }

    /// What still waits in the generator, so that every trace is whole.
    pub(crate) fn finish(&mut self) -> Requests {
        let before = self.0.made().spans;
        let Some(request) = self.0.finish() else { return Requests::default() };
        let bytes = request.len() as u64;
        Requests { all: vec![request.into()], spans: self.0.made().spans - before, bytes }
    }
}

/// Something to look for later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Its id, hexadecimal.
    pub(crate) trace: String,
    pub(crate) request_id: Option<String>,
    pub(crate) service: String,
    pub(crate) operation: String,
}

/// The first root span of a request, where it has one.
pub(crate) fn sample(request: &Bytes) -> Option<Sample> {
    let batch = Batch::read(request.clone(), Tenant::default()).ok()?;
    let span = batch
        .spans()
        .find(|span| span.parent().is_none() && span.attributes().get("request.id").is_some())?;
    Some(Sample {
        trace: span.trace_id().to_string(),
        request_id: span.attributes().get("request.id").map(|id| id.to_text().into_owned()),
        service: span.service().to_owned(),
        operation: span.name().to_owned(),
    })
}
