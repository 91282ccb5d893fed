//! Memory stays bounded while blocks are merged, however large a trace is, and however large its spans are.
//!
//! With optimisation the trace has a million spans; without it a tenth of that, since encoding is slow then.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blocks::Memory;
use blocks::block::{BlockView, OpenBlock};
use blocks::compact::{self, Form, Site};
use blocks::error::Result;
use blocks::manifest::BlockMeta;
use model::Tenant;
use store::conformance::{Draft, NOW, batch, span_id};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Spans of the trace.
const SPANS: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

/// Blocks that it is spread over, span by span.
const BLOCKS: u64 = 16;

/// What merging may take beside what was there before: decoded pages, and the columns of one row group with all that
/// encodes them.
const MERGING_BYTES_MAX: u64 = 512 << 20;

struct Folders {
    at: PathBuf,
    made: u64,
}

impl Site for Folders {
    fn begin(&mut self) -> Result<(String, PathBuf)> {
        self.made += 1;
        let id = format!("block-{}", self.made);
        std::fs::create_dir(self.at.join(&id)).unwrap();
        Ok((id.clone(), self.at.join(&id)))
    }

    fn pause(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Folders {
    fn open(&self, meta: &BlockMeta, memory: &Arc<Memory>) -> Arc<BlockView> {
        Arc::new(BlockView::open(&self.at.join(&meta.id), meta, memory).unwrap())
    }

    fn block(&mut self, spans: &[Draft], memory: &Arc<Memory>) -> Arc<BlockView> {
        let (id, folder) = self.begin().unwrap();
        let mut block = OpenBlock::create(&folder, &id, memory).unwrap();
        for some in spans.chunks(50_000) {
            block.append(&[batch(&Tenant::default(), some)]).unwrap();
        }
        self.open(&block.close().unwrap(), memory)
    }
}

/// The bytes of the process: now, and the most since the last call.
fn memory_of_process() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let bytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    };
    let taken = (bytes("VmRSS"), bytes("VmHWM"));
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    taken
}

/// Merges blocks and answers their spans, and how much more memory that took.
fn merged(folders: &mut Folders, views: &[Arc<BlockView>]) -> (BlockMeta, u64) {
    let (before, _) = memory_of_process();
    let merged = compact::merge(views, Form { own_min: 0, level: compact::LEVEL }, folders).unwrap();
    let (_, most) = memory_of_process();
    assert_eq!((merged.outputs.len(), merged.repeated), (1, 0));
    (merged.outputs[0].clone(), most.saturating_sub(before))
}

fn folders(at: &Path) -> (Folders, Arc<Memory>) {
    (Folders { at: at.to_owned(), made: 0 }, Arc::new(Memory::new(16 << 20, 16 << 20)))
}

#[test]
fn a_trace_of_a_million_spans_is_merged_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (mut folders, memory) = folders(dir.path());
    let mut views = Vec::new();
    for number in 0..BLOCKS {
        let spans: Vec<Draft> = (0..SPANS / BLOCKS)
            .map(|at| {
                let span = at * BLOCKS + number + 1;
                let mut draft = Draft::new(1, span);
                draft.parent = if span == 1 { draft.parent } else { span_id(span / 2) };
                (draft.start, draft.end) = (NOW - SPANS * 1_000 + span * 1_000, NOW);
                draft.attributes.push(("request.id".into(), format!("r-{span}").as_str().into()));
                draft
            })
            .collect();
        views.push(folders.block(&spans, &memory));
    }
    let (meta, bytes) = merged(&mut folders, &views);
    println!("a trace of {} spans in {BLOCKS} blocks: merging took {} MiB", meta.spans, bytes >> 20);
    assert_eq!(meta.spans, SPANS);
    assert!(bytes < MERGING_BYTES_MAX, "merging took {} MiB", bytes >> 20);
    let huge = check_huge_spans(dir.path());
    assert!(huge < MERGING_BYTES_MAX, "merging huge spans took {} MiB", huge >> 20);
}

/// Spans of 64 KiB that no compression makes smaller: their number is what a row group has to be bounded by.
fn check_huge_spans(at: &Path) -> u64 {
    let at = at.join("huge");
    std::fs::create_dir(&at).unwrap();
    let (mut folders, memory) = folders(&at);
    let mut seed = 1_u64;
    let mut noise = || {
        let mut text = String::with_capacity(64 << 10);
        while text.len() < 64 << 10 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push(char::from(b' ' + (seed >> 57) as u8 % 94));
        }
        text
    };
    let mut views = Vec::new();
    for number in 0..8_u64 {
        let draft = |span| {
            let mut draft = Draft::new(1, number * 1_000 + span);
            draft.attributes.push(("dump".into(), noise().as_str().into()));
            draft
        };
        views.push(folders.block(&(1..=1_000).map(draft).collect::<Vec<_>>(), &memory));
    }
    let (meta, bytes) = merged(&mut folders, &views);
    eprintln!("8,000 spans of 64 KiB: merging took {} MiB", bytes >> 20);
    assert_eq!(meta.spans, 8_000);
    bytes
}
