//! Fills a store in parts that fit into memory, and remembers what to look for.

use crate::corpus::{Corpus, Requests, Sample, sample};
use crate::load::Sender;

/// Spans of each part.
const PART: u64 = 500_000;

/// What was put in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled {
    pub(crate) spans: u64,
    pub(crate) bytes: u64,
    /// One of every few requests.
    pub(crate) samples: Vec<Sample>,
}

/// Sends this many spans of the corpus, and what its last traces lack.
pub(crate) async fn fill(sender: &Sender, corpus: &mut Corpus, spans: u64) -> anyhow::Result<Filled> {
    let mut filled = Filled::default();
    while filled.spans < spans {
        let part = corpus.take(PART.min(spans - filled.spans));
        filled.put(sender, &part).await?;
        eprint!("\r{} of {spans} spans in the store ", filled.spans);
    }
    eprintln!();
    filled.put(sender, &corpus.finish()).await?;
    Ok(filled)
}

impl Filled {
    async fn put(&mut self, sender: &Sender, part: &Requests) -> anyhow::Result<()> {
        sender.send(part, None).await?;
        self.spans += part.spans;
        self.bytes += part.bytes;
        self.samples.extend(part.all.iter().step_by(5).filter_map(sample));
        Ok(())
    }
}
