//! Stories of merging: what goes in comes out, whole, in order and once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::proto::Message;
use model::{Batch, SpanId, Tenant, TraceId, otlp};
use proptest::collection::vec;
use proptest::prelude::*;
use store::conformance::{self, Any, Draft};

use super::pages::Pages;
use super::{Form, LEVEL, Merged, Site, merge};
use crate::block::{BlockView, OpenBlock};
use crate::columns::order::GROUP_ROWS_MAX;
use crate::columns::schema::leaf;
use crate::columns::tests::{request, sorted_spans};
use crate::error::Result;
use crate::manifest::BlockMeta;
use crate::memory::{Cache, Memory};

/// Every tenant gets a block of its own.
const FORM: Form = Form { own_min: 0, level: LEVEL };

/// Where a test's blocks are.
struct Folder {
    dir: tempfile::TempDir,
    begun: usize,
    memory: Arc<Memory>,
}

impl Site for Folder {
    fn begin(&mut self) -> Result<(String, PathBuf)> {
        self.begun += 1;
        let id = format!("b{}", self.begun);
        let path = self.dir.path().join(&id);
        std::fs::create_dir(&path).unwrap();
        Ok((id, path))
    }

    fn pause(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Folder {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), begun: 0, memory: Arc::default() }
    }

    fn open(&self, meta: &BlockMeta) -> Arc<BlockView> {
        Arc::new(BlockView::open(&self.dir.path().join(&meta.id), meta, &self.memory).unwrap())
    }

    /// A block of these chunks.
    fn block(&mut self, chunks: &[Vec<Batch>]) -> Arc<BlockView> {
        let (id, path): (String, PathBuf) = self.begin().unwrap();
        let mut block = OpenBlock::create(Path::new(&path), &id, &self.memory).unwrap();
        chunks.iter().for_each(|chunk| block.append(chunk).unwrap());
        let meta = block.close().unwrap();
        self.open(&meta)
    }

    /// Merges blocks of one tenant into one.
    fn merged(&mut self, blocks: &[Arc<BlockView>]) -> (Arc<BlockView>, Merged) {
        let merged = merge(blocks, FORM, self).unwrap();
        assert_eq!(merged.outputs.len(), 1);
        (self.open(&merged.outputs[0]), merged)
    }
}

fn pages<'a>(view: &'a BlockView, group: &'a crate::index::Group) -> Pages<'a> {
    Pages::new(view, group, (0, &Arc::new(Cache::new(0)))).unwrap()
}

fn batches_of(view: &BlockView) -> Vec<Batch> {
    let all = |group| pages(view, group).rebuilt(&(0..group.rows).collect::<Vec<u32>>()).unwrap();
    view.groups.iter().map(|group| all(group)).collect()
}

/// The spans of a row group such that those which began at once stay in the order of their rows.
fn in_row_order(view: &BlockView, group: &crate::index::Group) -> Vec<Batch> {
    let mut pages = pages(view, group);
    let starts: Vec<_> = (0..group.rows).map(|row| pages.int(leaf::START, row).unwrap()).collect();
    let rows: Vec<u32> = (0..group.rows).collect();
    rows.chunk_by(|left, right| starts[*left as usize] != starts[*right as usize])
        .map(|rows| pages.rebuilt(rows).unwrap())
        .collect()
}

fn read(bytes: Vec<u8>) -> Batch {
    Batch::read(bytes.into(), Tenant::default()).unwrap()
}

fn batch(drafts: &[Draft]) -> Vec<Batch> {
    vec![conformance::batch(&Tenant::default(), drafts)]
}

/// Checks that the index says of each row group what it would say had the spans been written as they come.
fn check_index(view: &BlockView) {
    let mut anew = Operations::new();
    for group in &view.groups {
        let mut folder = Folder::new();
        let (id, path) = folder.begin().unwrap();
        let mut block = OpenBlock::create(&path, &id, &folder.memory).unwrap();
        block.begin_with(view.layout.clone()).unwrap();
        block.append(&in_row_order(view, group)).unwrap();
        let again = block.view();
        let other = &again.groups[0];
        let sorted = |group: &crate::index::Group| {
            let mut keys = group.keys().unwrap().to_vec();
            keys.sort_by(|left, right| (left.level as u8, &left.key).cmp(&(right.level as u8, &right.key)));
            keys
        };
        assert_eq!(sorted(group), sorted(other));
        assert_eq!(group.zones().unwrap(), other.zones().unwrap());
        assert_eq!(view.traces(group).unwrap(), again.traces(other).unwrap());
        operations(&again, &mut anew);
    }
    let mut listed = Operations::new();
    operations(view, &mut listed);
    assert_eq!(listed, anew);
}

/// Spans and errors by service, operation and kind.
type Operations = std::collections::BTreeMap<(String, String, model::Kind), (u64, u64)>;

fn operations(view: &BlockView, counts: &mut Operations) {
    for digest in view.digests(&Tenant::default()).unwrap().unwrap() {
        let listing = digest.listing();
        for of in &listing.operations {
            let name = listing.name(of).unwrap().to_owned();
            let count = counts.entry((listing.service(of).to_owned(), name, of.kind)).or_default();
            *count = (count.0 + of.spans, count.1 + of.errors);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_span_comes_out_once_and_as_it_was_sent(blocks in vec(vec(request(), 1..3), 2..4)) {
        let mut folder = Folder::new();
        let blocks: Vec<Vec<Batch>> =
            blocks.into_iter().map(|requests| requests.into_iter().map(read).collect()).collect();
        let views: Vec<_> = blocks.iter().map(|batches| folder.block(std::slice::from_ref(batches))).collect();
        let merged = merge(&views, FORM, &mut folder).unwrap();
        let outputs: Vec<_> = merged.outputs.iter().map(|meta| folder.open(meta)).collect();
        let mut expected = sorted_spans(&blocks.concat());
        let sent = expected.len();
        expected.dedup();
        let found: Vec<Batch> = outputs.iter().flat_map(|view| batches_of(view)).collect();
        prop_assert_eq!(merged.repeated as usize, sent - expected.len());
        prop_assert_eq!(sorted_spans(&found), expected);
        outputs.iter().for_each(|view| check_index(view));
    }
}

#[test]
fn traces_over_several_blocks_become_whole_and_stand_in_order() {
    let mut traffic = r#gen::Traffic::new(r#gen::Shape::default()).unwrap();
    let mut folder = Folder::new();
    let (mut views, mut sent) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut chunk = || (0..6).map(|_| read(traffic.next_request(1000))).collect::<Vec<_>>();
        let chunks = [chunk(), chunk()];
        views.push(folder.block(&chunks));
        sent.extend(chunks.concat());
    }
    let (view, merged) = folder.merged(&views);
    assert_eq!(view.groups.len(), 1);
    let traces = view.traces(&view.groups[0]).unwrap();
    let mut runs = traces.all().to_vec();
    runs.sort_unstable_by_key(|run| run.first);
    assert!(runs.is_sorted_by_key(|run| (run.start, run.id)), "traces stand in the order of their starts");
    assert!(traces.all().windows(2).all(|pair| pair[0].id != pair[1].id), "each is whole");
    let groups = views.iter().flat_map(|view| &view.groups);
    let before: u64 = groups.map(|group| u64::from(group.runs)).sum();
    assert!(merged.outputs[0].traces < before, "some were spread");
    let found = batches_of(&view);
    assert!(sorted_spans(&found) == sorted_spans(&sent), "every span comes out as it was sent");
    check_index(&view);
}

#[test]
fn a_key_moves_between_its_column_and_the_tail_without_loss() {
    let mut folder = Folder::new();
    let span = |trace: u64, pairs: &[(&str, Any)]| {
        let mut draft = Draft::new(trace, 1);
        draft.attributes = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        draft.resource.extend(draft.attributes.clone());
        draft
    };
    let text = |text: &str| Any::Text(text.into());
    let blocks = [
        vec![
            span(1, &[("k", Any::Int(1)), ("k", text("second")), ("only.here", text("x"))]),
            span(2, &[("k", Any::Int(2)), ("l", Any::Double(f64::NAN))]),
        ],
        vec![
            span(3, &[("k", text("three")), ("k", Any::Int(3))]),
            span(4, &[("k", text("four")), ("l", Any::Double(0.5)), ("m", Any::Bool(true))]),
            span(5, &[("k", text("five")), ("m", Any::Bytes(vec![1, 2]))]),
        ],
        vec![span(6, &[("m", Any::Empty), ("m", Any::Bool(false)), ("l", text("double"))]), span(7, &[])],
    ];
    let views: Vec<_> = blocks.iter().map(|drafts| folder.block(&[batch(drafts)])).collect();
    assert!(views.windows(2).all(|pair| pair[0].layout.promoted != pair[1].layout.promoted));
    let (view, _) = folder.merged(&views);
    let sent: Vec<Batch> = blocks.iter().flat_map(|drafts| batch(drafts)).collect();
    assert_eq!(sorted_spans(&batches_of(&view)), sorted_spans(&sent));
    check_index(&view);
}

#[test]
fn a_trace_larger_than_a_row_group_keeps_its_structure() {
    const SPANS: u64 = 2 * GROUP_ROWS_MAX as u64 + 1000;
    let id = |number: u64| SpanId((number + 1).to_be_bytes());
    let chunk = |numbers: &mut dyn Iterator<Item = u64>| {
        let mut request = Message::new();
        request.message(otlp::request::RESOURCE_SPANS, |group| {
            group.message(otlp::resource_spans::SCOPE_SPANS, |open| {
                for number in numbers {
                    open.message(otlp::scope_spans::SPANS, |span| {
                        let parent = if number == 0 { SpanId::default() } else { id(number / 2) };
                        otlp::span_ids(span, TraceId([7; 16]), id(number), parent);
                        span.fixed64(otlp::span::START_TIME_UNIX_NANO, 1000 + number / 3);
                    });
                }
            });
        });
        vec![read(request.into_bytes())]
    };
    let mut folder = Folder::new();
    let views: Vec<_> = (0..3).map(|part| folder.block(&[chunk(&mut (part..SPANS).step_by(3))])).collect();
    let (view, merged) = folder.merged(&views);
    assert_eq!((merged.outputs[0].spans, merged.repeated), (SPANS, 0));
    assert_eq!(view.groups.len(), 3, "the trace is cut into row groups");
    let mut found = 0;
    for batch in batches_of(&view) {
        for row in batch.rows() {
            let number = u64::from_be_bytes(row.span_id.0) - 1;
            assert_eq!(row.start, 1000 + number / 3);
            assert_eq!(row.parent, if number == 0 { SpanId::default() } else { id(number / 2) });
            found += 1;
        }
    }
    assert_eq!(found, SPANS);
}
