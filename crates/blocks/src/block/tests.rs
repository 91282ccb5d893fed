use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use model::proto::Message;
use model::{Batch, SpanId, Tenant, TraceId, Value, otlp};
use store::plan::{Ask, Field, Filter, Level, Operand, Plan};

use super::{BlockView, DATA_FILE, INDEX_FILE, LEVEL, OpenBlock, Packer, Shape};
use crate::manifest::BlockMeta;
use crate::memory::Memory;
use crate::search::{Sources, run};

fn spans(seed: u64, count: usize) -> Vec<Batch> {
    let shape = r#gen::Shape { seed, ..r#gen::Shape::default() };
    let mut traffic = r#gen::Traffic::new(shape).unwrap();
    vec![Batch::read(traffic.next_request(count).into(), Tenant::default()).unwrap()]
}

/// Spans with other keys than [`spans`], so that their block has other columns.
fn orders(count: u64) -> Vec<Batch> {
    let mut request = Message::new();
    request.message(otlp::request::RESOURCE_SPANS, |group| {
        group.message(otlp::resource_spans::SCOPE_SPANS, |scope| {
            for number in 1..=count {
                scope.message(otlp::scope_spans::SPANS, |span| {
                    let id = SpanId(number.to_be_bytes());
                    otlp::span_ids(span, TraceId([number as u8; 16]), id, SpanId::default());
                    let total = Value::Int(number as i64);
                    otlp::attribute(span, otlp::span::ATTRIBUTES, "order.total", total);
                    otlp::attribute(span, otlp::span::ATTRIBUTES, "order.gift", Value::Bool(number % 2 == 0));
                });
            }
        });
    });
    vec![Batch::read(request.into_bytes().into(), Tenant::default()).unwrap()]
}

fn closed(folder: &Path) -> BlockMeta {
    let mut block = OpenBlock::create(folder, "b", &Arc::default()).unwrap();
    block.append(&spans(1, 300)).unwrap();
    block.close().unwrap()
}

/// Asks a view everything that reads pages of all kinds.
fn ask_all(view: BlockView) -> Vec<Result<store::Answer, store::ReadError>> {
    let sources = Sources { blocks: vec![Arc::new(view)], ..Sources::default() };
    let plan = |ask| Plan { limit: 1000, ..Plan::new(Tenant::default(), ask) };
    let attribute = Field::Attribute { level: Level::Any, key: "user.id".into() };
    let filtered =
        Plan { spans: Filter::equal(attribute, Operand::Text("7".into())), ..plan(Ask::Summaries) };
    let plans = [plan(Ask::Traces), plan(Ask::Edges), plan(Ask::Uses), plan(Ask::Operations), filtered];
    plans.iter().map(|plan| run(plan, &sources)).collect()
}

#[test]
fn the_footer_and_the_index_describe_the_block() {
    let folder = tempfile::tempdir().unwrap();
    let meta = closed(folder.path());
    let data = fs::read(folder.path().join(DATA_FILE)).unwrap();
    let index = fs::read(folder.path().join(INDEX_FILE)).unwrap();
    assert_eq!((meta.data_bytes, meta.data_crc), (data.len() as u64, crc32c::crc32c(&data)));
    assert_eq!((meta.index_bytes, meta.index_crc), (index.len() as u64, crc32c::crc32c(&index)));
    assert!(data.starts_with(b"PAR1") && data.ends_with(b"PAR1"));
    assert_eq!(BlockView::open(folder.path(), &meta, &Arc::default()).unwrap().spans(), meta.spans);
}

#[test]
fn a_block_without_spans_can_be_closed_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let meta = OpenBlock::create(folder.path(), "b", &Arc::default()).unwrap().close().unwrap();
    assert_eq!((meta.spans, BlockView::open(folder.path(), &meta, &Arc::default()).unwrap().spans()), (0, 0));
}

#[test]
fn what_is_packed_depends_on_its_own_spans_alone() {
    let one = spans(1, 300);
    let other = orders(300);
    let bytes = |packer: &mut Packer, chunk: &[Batch]| -> Vec<Bytes> {
        let packed = packer.pack(chunk, &Shape::default()).unwrap().unwrap();
        packed.groups.into_iter().flat_map(|group| group.columns).map(|column| column.bytes).collect()
    };
    let mut packer = Packer::new(LEVEL);
    for chunk in [&one, &other, &one, &one] {
        assert_eq!(bytes(&mut packer, chunk), bytes(&mut Packer::new(LEVEL), chunk));
    }
}

#[test]
fn a_view_outlives_the_growth_and_the_files_of_its_block() {
    let folder = tempfile::tempdir().unwrap();
    let mut block = OpenBlock::create(folder.path(), "b", &Arc::default()).unwrap();
    block.append(&spans(1, 300)).unwrap();
    let early = block.view();
    block.append(&spans(2, 300)).unwrap();
    let meta = block.close().unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(early.spans() < meta.spans);
    assert!(ask_all(BlockView::clone(&early)).iter().all(Result::is_ok));
}

#[test]
fn a_damaged_byte_costs_its_page_or_index_alone_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let meta = closed(folder.path());
    let rows = |view| {
        let answers = ask_all(view).into_iter();
        let answers = answers.map(|answer| answer.unwrap());
        answers.map(|answer| (format!("{:?}", answer.rows), answer.partial)).collect::<Vec<_>>()
    };
    let expected = rows(BlockView::open(folder.path(), &meta, &Arc::default()).unwrap());
    for name in [DATA_FILE, INDEX_FILE] {
        let path = folder.path().join(name);
        let sound = fs::read(&path).unwrap();
        let mut errors = 0;
        for step in 0..64 {
            let mut damaged = sound.clone();
            let at = step * (sound.len() - 1) / 63;
            damaged[at] ^= 1 << (step % 8);
            fs::write(&path, &damaged).unwrap();
            let answers = match BlockView::open(folder.path(), &meta, &Arc::default()) {
                Err(error) => vec![(String::new(), Some(error.to_string()))],
                Ok(view) => rows(view),
            };
            for (answer, expected) in answers.into_iter().zip(&expected) {
                let Some(why) = &answer.1 else {
                    assert!(answer == *expected, "{name} at {at} changes an answer");
                    continue;
                };
                errors += 1;
                assert!(why.contains(name) && why.contains("at byte"), "{name} at {at}: {why}");
            }
        }
        assert!(errors > 16, "{name}: {errors} of 64 damaged bytes were noticed");
        fs::write(&path, &sound).unwrap();
    }
}

#[test]
fn a_file_that_was_cut_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let meta = closed(folder.path());
    let path = folder.path().join(INDEX_FILE);
    let sound = fs::read(&path).unwrap();
    for length in [0, 7, 19, 20, sound.len() / 2, sound.len() - 1] {
        fs::write(&path, &sound[..length]).unwrap();
        let error = BlockView::open(folder.path(), &meta, &Arc::default()).unwrap_err().to_string();
        assert!(error.contains(INDEX_FILE), "{error}");
    }
    fs::write(&path, &sound).unwrap();
    fs::write(folder.path().join(DATA_FILE), b"PAR1").unwrap();
    let view = BlockView::open(folder.path(), &meta, &Arc::default()).unwrap();
    let answer = ask_all(view).remove(0).unwrap();
    assert!(answer.work.pages_damaged > 0);
    let why = answer.partial.unwrap();
    assert!(why.contains(DATA_FILE), "{why}");
}

#[test]
fn the_rows_of_a_damaged_page_are_missing_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut block = OpenBlock::create(folder.path(), "b", &Arc::default()).unwrap();
    let chunk: Vec<Batch> = (0..29).flat_map(|seed| spans(seed, 300)).collect();
    block.append(&chunk).unwrap();
    let meta = block.close().unwrap();
    let part = {
        let view = BlockView::open(folder.path(), &meta, &Arc::default()).unwrap();
        assert!(view.groups[0].pages() > 1, "there are several pages");
        view.groups[0].parts().unwrap()[crate::columns::schema::leaf::NAME].pages[1]
    };
    let path = folder.path().join(DATA_FILE);
    let mut data = fs::read(&path).unwrap();
    let sound = BlockView::open(folder.path(), &meta, &Arc::default()).unwrap();
    let count = |view: BlockView, ask| {
        let plan = Plan { limit: store::plan::LIMIT_MAX, ..Plan::new(Tenant::default(), ask) };
        let sources = Sources { blocks: vec![Arc::new(view)], ..Sources::default() };
        let answer = run(&plan, &sources).unwrap();
        let spans: usize = match answer.rows {
            store::Rows::Traces(traces) => traces.iter().map(|trace| trace.spans().count()).sum(),
            store::Rows::Names(names) => names.iter().map(|name| name.spans as usize).sum(),
            other => panic!("{other:?}"),
        };
        (spans, answer.partial)
    };
    let named = Ask::Values { key: "http.route".into(), level: Level::Any };
    let (all, routes) = (count(sound.clone(), Ask::Traces).0, count(sound, named.clone()).0);
    data[part.at as usize + part.length as usize / 2] ^= 8;
    fs::write(&path, &data).unwrap();
    let (left, why) = count(BlockView::open(folder.path(), &meta, &Arc::default()).unwrap(), Ask::Traces);
    let page = crate::columns::sink::PAGE_ROWS;
    assert!(all - page <= left && left < all, "{left} of {all}");
    assert!(why.is_some_and(|why| why.contains("in 1 places")));
    assert_eq!(
        count(BlockView::open(folder.path(), &meta, &Arc::default()).unwrap(), named),
        (routes, None),
        "not in that page"
    );
}

/// The block in `golden/block-1` was written by version 1 of the format, with the spans of `spans.otlp`.
#[test]
fn a_block_of_version_1_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/block-1");
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let (data, index) = (read(DATA_FILE), read(INDEX_FILE));
    let meta = BlockMeta {
        data_bytes: data.len() as u64,
        data_crc: crc32c::crc32c(&data),
        index_bytes: index.len() as u64,
        index_crc: crc32c::crc32c(&index),
        id: "block-1".into(),
        ..BlockMeta::default()
    };
    let rebuilt = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default().rebuilding_in(rebuilt.path()));
    let view = Arc::new(BlockView::open(&folder, &meta, &memory).unwrap());
    let sent = Batch::read(read("spans.otlp").into(), Tenant::default()).unwrap();
    let ask = |ask, sources: &Sources| {
        let plan = Plan { limit: 1000, ..Plan::new(Tenant::default(), ask) };
        format!("{:?}", run(&plan, sources).unwrap().rows)
    };
    let kept = Sources { blocks: vec![view], ..Sources::default() };
    let expected = Sources { head: vec![sent], ..Sources::default() };
    let values = Ask::Values { key: "http.route".into(), level: Level::Any };
    for question in [Ask::Summaries, Ask::Services, Ask::Operations, Ask::Keys, Ask::Edges, Ask::Uses, values]
    {
        assert_eq!(ask(question.clone(), &kept), ask(question, &expected));
    }
}

#[test]
fn an_index_that_is_of_no_use_is_rebuilt_from_the_spans() {
    let folder = tempfile::tempdir().unwrap();
    let meta = closed(folder.path());
    let rebuilt = folder.path().join("rebuilt");
    let memory = Arc::new(Memory::default().rebuilding_in(&rebuilt));
    let answers = |memory: &Arc<Memory>| {
        let view = BlockView::open(folder.path(), &meta, memory).unwrap();
        ask_all(view).into_iter().map(|answer| format!("{:?}", answer.unwrap().rows)).collect::<Vec<_>>()
    };
    let expected = answers(&memory);
    let path = folder.path().join(INDEX_FILE);
    let sound = fs::read(&path).unwrap();
    let of_another_version = [&sound[..sound.len() - 12], &[9, 0, 0, 0], &sound[sound.len() - 8..]].concat();
    let unlike = [b"x", &sound[1..sound.len() - 1]].concat();
    for index in [Some(&unlike[..]), Some(&of_another_version), Some(b""), None] {
        match index {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        assert_eq!(answers(&memory), expected);
        assert!(rebuilt.join("b.idx").exists());
        assert_eq!(answers(&memory), expected, "from the rebuilt index");
        super::tidy_rebuilt(&rebuilt, &|_| false).unwrap();
        assert!(!rebuilt.join("b.idx").exists());
    }
}

#[test]
fn an_index_is_not_rebuilt_from_damaged_spans() {
    let folder = tempfile::tempdir().unwrap();
    let meta = closed(folder.path());
    fs::remove_file(folder.path().join(INDEX_FILE)).unwrap();
    let path = folder.path().join(DATA_FILE);
    let mut spans = fs::read(&path).unwrap();
    spans[1000] ^= 1;
    fs::write(&path, spans).unwrap();
    let memory = Arc::new(Memory::default().rebuilding_in(folder.path().join("rebuilt")));
    let error = BlockView::open(folder.path(), &meta, &memory).unwrap_err().to_string();
    assert!(error.contains(DATA_FILE) && error.contains("checksum"), "{error}");
}
