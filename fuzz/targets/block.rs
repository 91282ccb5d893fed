//! Any bytes as the two files of a block, opened and asked: the first four say how long the index is.
#![no_main]

use std::{path::PathBuf, sync::{Arc, LazyLock}};

use blocks::{Memory, block::{BlockView, DATA_FILE, INDEX_FILE}, manifest::BlockMeta, search::{self, Sources}};
use libfuzzer_sys::fuzz_target;
use model::Tenant;
use store::{Ask, Field, Filter, Level, Operand, Order, Plan, TraceFilter};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let root = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = root.join(format!("faden-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is room for a small folder");
    folder
});

static MEMORY: LazyLock<Arc<Memory>> = LazyLock::new(|| Arc::new(Memory::new(1 << 20, 1 << 20)));

fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return };
    let (index, data) = rest.split_at((u32::from_le_bytes(*length) as usize).min(rest.len()));
    std::fs::write(FOLDER.join(INDEX_FILE), index).expect("there is room");
    std::fs::write(FOLDER.join(DATA_FILE), data).expect("there is room");
    let meta = BlockMeta {
        index_bytes: index.len() as u64,
        data_bytes: data.len() as u64,
        ..BlockMeta::default()
    };
    let Ok(view) = BlockView::open(&FOLDER, &meta, &MEMORY) else { return };
    let sources = Sources { blocks: vec![Arc::new(view)], ..Sources::default() };
    let plan = |ask| Plan { limit: 100, ..Plan::new(Tenant::default(), ask) };
    let field = Field::Attribute { level: Level::Any, key: "http.route".into() };
    let found = Filter::equal(field, Operand::Text("/".into()));
    let rooted = TraceFilter { root_name: Some("GET /".into()), ..TraceFilter::default() };
    let values = Ask::Values { key: "user.id".into(), level: Level::Any };
    for plan in [
        plan(Ask::Traces),
        Plan { spans: found, ..plan(Ask::Summaries) },
        Plan { order: Order::Longest, trace: rooted, ..plan(Ask::Summaries) },
        plan(Ask::Edges),
        plan(Ask::Uses),
        plan(Ask::Operations),
        plan(values),
    ] {
        _ = search::run(&plan, &sources);
    }
});
