//! Measures compaction: how fast blocks are merged, how large they are before and after, how much memory it takes.
//!
//! `cargo run --release -p blocks --example compact -- [spans] [spans per block] [folder] [zstd levels]`; times are those
//! of the CPU of the measuring thread. With levels, what was merged is written again at each of them, as for cold blocks.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::path::PathBuf;
use std::sync::Arc;

use blocks::block::{BlockView, OpenBlock};
use blocks::compact::{self, Form, Site};
use blocks::error::Result;
use blocks::manifest::BlockMeta;
use blocks::memory::Memory;
use model::{Batch, Tenant};

/// Spans of one row group, about as many as 24 MiB hold.
const GROUP_SPANS: usize = 40_000;

struct Folder(PathBuf, usize);

impl Site for Folder {
    fn begin(&mut self) -> Result<(String, PathBuf)> {
        self.1 += 1;
        let id = format!("block-{}", self.1);
        let path = self.0.join(&id);
        std::fs::create_dir(&path).expect("the folder is new");
        Ok((id, path))
    }

    fn pause(&mut self) -> Result<()> {
        Ok(())
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (spans, block_spans) = (number(4_000_000), number(1_000_000));
    let folder =
        arguments.next().map_or_else(|| std::env::temp_dir().join("faden-compact-bench"), PathBuf::from);
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let mut site = Folder(folder.clone(), 0);
    let mut traffic = r#gen::corpus_1();
    let memory = Arc::new(Memory::default());
    let (mut metas, mut written, mut freezing) = (Vec::new(), 0, 0.0);
    while written < spans {
        let (id, path) = site.begin()?;
        let mut block = OpenBlock::create(&path, &id, &memory)?;
        let until = (written + block_spans).min(spans);
        while written < until {
            let mut batches = Vec::new();
            let begun = written;
            while written < until.min(begun + GROUP_SPANS) {
                let batch = Batch::read(traffic.next_request(1000).into(), Tenant::default())?;
                written += batch.len();
                batches.push(batch);
            }
            let begun = cpu();
            block.append(&batches)?;
            freezing += cpu() - begun;
        }
        metas.push(block.close()?);
    }
    let open = |meta: &BlockMeta| BlockView::open(&folder.join(&meta.id), meta, &memory).map(Arc::new);
    let views = metas.iter().map(open).collect::<Result<Vec<_>>>()?;
    said("L0", &metas, freezing);
    println!("memory before {}", taken());
    let begun = cpu();
    let merged = compact::merge(&views, Form { own_min: 0, level: compact::LEVEL }, &mut site)?;
    said("L1", &merged.outputs, cpu() - begun);
    println!("memory after {}, {} spans left out", taken(), merged.repeated);
    let views = merged.outputs.iter().map(open).collect::<Result<Vec<_>>>()?;
    for level in arguments.filter_map(|text| text.parse().ok()) {
        let begun = cpu();
        let cold = compact::merge(&views, Form { own_min: 0, level }, &mut site)?;
        said(&format!("cold, zstd {level}"), &cold.outputs, cpu() - begun);
    }
    Ok(())
}

fn said(name: &str, metas: &[BlockMeta], busy: f64) {
    let sum = |of: fn(&BlockMeta) -> u64| metas.iter().map(of).sum::<u64>() as f64;
    let spans = sum(|meta| meta.spans);
    println!(
        "{name}: {} blocks, {spans} spans, {} traces in places, {:.0} k spans/s, {:.1} B/span + index {:.1} B/span",
        metas.len(),
        sum(|meta| meta.traces),
        spans / busy / 1e3,
        sum(|meta| meta.data_bytes) / spans,
        sum(|meta| meta.index_bytes) / spans,
    );
}

/// What the process takes now and took at most.
fn taken() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ")
}

/// Seconds of CPU that this thread has used.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
