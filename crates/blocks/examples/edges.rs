//! Measures what it takes to answer who calls whom, and what they use, while spans come in.
//!
//! `cargo run --release -p blocks --example edges -- [spans] [spans that come in] [after so many they come again] [spans
//! of a row group] [rounds in the end]`; times are those of the CPU of the measuring thread.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::path::PathBuf;
use std::sync::Arc;

use blocks::block::{BlockView, OpenBlock};
use blocks::memory::Memory;
use blocks::search::{self, Sources};
use model::{Batch, Tenant};
use store::{Ask, Plan};

/// Spans of one row group, about as many as 24 MiB hold.
const GROUP_SPANS: usize = 45_000;

/// Spans of a block that is filled before it is asked.
const BLOCK_SPANS: usize = 1_000_000;

/// Spans of a block of those that come in: what a minute brings.
const NEW_BLOCK_SPANS: usize = 450_000;

/// A question is asked whenever so many spans came in.
const ASKED_EVERY: usize = 15_000;

struct Folder {
    path: PathBuf,
    blocks: usize,
    memory: Arc<Memory>,
}

impl Folder {
    fn open(&mut self) -> blocks::error::Result<(OpenBlock, PathBuf)> {
        self.blocks += 1;
        let id = format!("block-{}", self.blocks);
        let path = self.path.join(&id);
        std::fs::create_dir(&path).expect("the folder is new");
        Ok((OpenBlock::create(&path, &id, &self.memory)?, path))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (spans, more, again) = (number(1_000_000), number(1_000_000), number(usize::MAX));
    let (group_spans, rounds) = (number(GROUP_SPANS), number(1));
    let path = std::env::temp_dir().join(format!("faden-edges-{}", std::process::id()));
    _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path)?;
    let mut folder = Folder { path: path.clone(), blocks: 0, memory: Arc::default() };
    let mut traffic = r#gen::corpus_1();
    let mut sources = Sources { memory: Some(folder.memory.clone()), ..Sources::default() };
    let mut written = 0;
    while written < spans {
        let (mut block, at) = folder.open()?;
        let end = (written + BLOCK_SPANS).min(spans);
        while written < end {
            let batches = batches(&mut traffic, GROUP_SPANS.min(end - written))?;
            written += GROUP_SPANS.min(end - written);
            block.append(&batches)?;
        }
        let meta = block.close()?;
        sources.blocks.push(Arc::new(BlockView::open(&at, &meta, &folder.memory)?));
    }
    for _ in 0..2 {
        ask(&sources, "at rest");
    }
    let mut traffic = r#gen::Traffic::new(r#gen::Shape { seed: 2, ..r#gen::Shape::default() })?;
    let all = batches(&mut traffic, more.min(again))?;
    let (mut block, mut at) = folder.open()?;
    let (mut in_head, mut in_block, mut asked) = (0, 0, 0);
    let closed = sources.blocks.len();
    sources.blocks.push(block.view());
    for batch in all.iter().cycle().take(more.div_ceil(1_000)) {
        in_head += batch.len();
        asked += batch.len();
        sources.head.push(batch.clone());
        let mut state = "more in the head";
        if in_head >= group_spans {
            block.append(&std::mem::take(&mut sources.head))?;
            in_block += std::mem::take(&mut in_head);
            sources.blocks.pop();
            sources.blocks.push(block.view());
            state = "a row group more";
            if in_block >= NEW_BLOCK_SPANS {
                let (next, folder_of_next) = folder.open()?;
                let meta = std::mem::replace(&mut block, next).close()?;
                let closed =
                    BlockView::open(&std::mem::replace(&mut at, folder_of_next), &meta, &folder.memory)?;
                sources.blocks.pop();
                sources.blocks.push(Arc::new(closed));
                sources.blocks.push(block.view());
                in_block = 0;
                state = "a closed block more";
            }
        }
        if asked >= ASKED_EVERY {
            asked = 0;
            ask(
                &sources,
                &format!("{state}: {in_head} + {in_block} + {} blocks", sources.blocks.len() - closed - 1),
            );
        }
    }
    for _ in 0..rounds {
        ask(&sources, "again");
    }
    std::fs::remove_dir_all(&path)?;
    Ok(())
}

fn batches(traffic: &mut r#gen::Traffic, spans: usize) -> Result<Vec<Batch>, Box<dyn std::error::Error>> {
    let mut batches = Vec::new();
    for _ in 0..spans.div_ceil(1_000) {
        batches.push(Batch::read(traffic.next_request(1_000).into(), Tenant::default())?);
    }
    Ok(batches)
}

fn ask(sources: &Sources, state: &str) {
    let mut line = format!("{state:>50}");
    for (name, ask) in [("edges", Ask::Edges), ("uses", Ask::Uses)] {
        let begun = cpu();
        let plan = Plan { limit: 10_000, ..Plan::new(Tenant::default(), ask) };
        let answer = search::run(&plan, sources).expect("a plan that can be run");
        let work = answer.work;
        line += &format!(
            "  {name} {:7.1} ms, {:6} spans seen, {:5} pages{}",
            (cpu() - begun) * 1e3,
            work.spans_seen,
            work.pages_read,
            answer.partial.map(|partial| format!(" ({partial})")).unwrap_or_default(),
        );
    }
    println!("{line}");
}

/// Seconds of CPU that this thread has used.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
