use proptest::prelude::*;

use super::{ServiceCount, Trace};
use crate::samples::Sample;
use crate::{Batch, Kind, TraceId};

fn join(samples: &[Sample]) -> Trace {
    let batches = samples.iter().map(|sample| sample.batch()).collect();
    Trace::join(TraceId(1_u128.to_be_bytes()), batches).expect("a trace")
}

/// The tree as text: each span's id, indented by its depth.
#[track_caller]
fn check(samples: &[Sample], tree: &str) {
    let trace = join(samples);
    let line = |node: &super::Node| {
        let id = u64::from_be_bytes(trace.span(node).span_id().0);
        format!("{}{id}", " ".repeat(node.depth as usize))
    };
    assert_eq!(trace.nodes().iter().map(line).collect::<Vec<_>>().join("\n"), tree);
    for (place, node) in trace.nodes().iter().enumerate() {
        assert!(node.parent.is_none_or(|parent| (parent as usize) < place));
        let children = trace.nodes().iter().filter(|other| other.parent == Some(place as u32)).count();
        assert_eq!(node.children as usize, children);
    }
}

fn of_kind(kind: Kind, sample: Sample) -> Sample {
    Sample { kind, ..sample }
}

#[test]
fn parents_come_before_children_and_siblings_by_start() {
    let samples = [
        Sample::new(4, 1, 50, 60),
        Sample::new(3, 2, 20, 30),
        Sample::new(2, 1, 15, 40),
        Sample::new(1, 0, 10, 90),
        Sample::new(5, 3, 21, 22),
    ];
    check(&samples, "1\n 2\n  3\n   5\n 4");
    let mut backwards = samples;
    backwards.reverse();
    check(&backwards, "1\n 2\n  3\n   5\n 4");
}

#[test]
fn spans_of_other_traces_are_left_out() {
    let other = Sample { trace: 2, ..Sample::new(2, 1, 11, 12) };
    check(&[Sample::new(1, 0, 10, 20), other], "1");
    assert!(Trace::join(TraceId(3_u128.to_be_bytes()), vec![other.batch()]).is_none());
    assert!(Trace::join(TraceId(3_u128.to_be_bytes()), Vec::new()).is_none());
}

#[test]
fn a_span_whose_parent_is_missing_becomes_a_root_and_says_so() {
    let samples = [Sample::new(1, 0, 10, 90), Sample::new(3, 2, 20, 30), Sample::new(4, 3, 25, 26)];
    check(&samples, "1\n3\n 4");
    let orphans: Vec<_> = join(&samples).nodes().iter().map(|node| node.is_orphan).collect();
    assert_eq!(orphans, [false, true, false]);
}

#[test]
fn a_circle_is_opened_at_its_earliest_span() {
    let samples = [Sample::new(1, 3, 20, 30), Sample::new(2, 1, 10, 40), Sample::new(3, 2, 15, 35)];
    check(&samples, "2\n 3\n  1");
    assert!(join(&samples).nodes().iter().all(|node| !node.is_orphan));
    check(&[Sample::new(7, 7, 1, 2)], "7");
    assert!(!join(&[Sample::new(7, 7, 1, 2)]).nodes()[0].is_orphan, "its parent is there: itself");
}

#[test]
fn a_circle_beside_a_root_comes_after_it() {
    let samples = [Sample::new(1, 2, 5, 6), Sample::new(2, 1, 6, 7), Sample::new(3, 0, 10, 20)];
    check(&samples, "3\n1\n 2");
}

#[test]
fn the_two_halves_of_a_zipkin_span_are_caller_and_called() {
    let samples = [
        of_kind(Kind::Server, Sample::new(1, 0, 0, 100)),
        of_kind(Kind::Client, Sample::new(2, 1, 10, 90)),
        of_kind(Kind::Server, Sample::new(2, 1, 20, 80)),
        of_kind(Kind::Client, Sample::new(3, 2, 30, 70)),
        of_kind(Kind::Server, Sample::new(3, 2, 40, 60)),
    ];
    check(&samples, "1\n 2\n  2\n   3\n    3");
    let kinds: Vec<_> = join(&samples).spans().map(|span| span.kind()).collect();
    assert_eq!(kinds, [Kind::Server, Kind::Client, Kind::Server, Kind::Client, Kind::Server]);
}

#[test]
fn the_same_span_sent_twice_counts_once() {
    let one = Sample::new(2, 1, 15, 40);
    check(&[Sample::new(1, 0, 10, 90), one, one, one], "1\n 2");
}

#[test]
fn spans_that_differ_in_anything_are_both_kept() {
    let one = Sample::new(2, 1, 15, 40);
    let others = [
        Sample { end: 41, ..one },
        Sample { name: "other", ..one },
        Sample { service: "other", ..one },
        Sample { kind: Kind::Consumer, ..one },
        Sample { failed: true, ..one },
    ];
    for other in others {
        assert_eq!(join(&[Sample::new(1, 0, 10, 90), one, other]).nodes().len(), 3, "{other:?}");
    }
}

#[test]
fn self_time_is_what_no_child_covers() {
    let samples = [
        Sample::new(1, 0, 0, 100),
        Sample::new(2, 1, 10, 40),
        Sample::new(3, 1, 30, 50),
        Sample::new(4, 1, 90, 200),
        Sample::new(5, 1, 95, 94),
    ];
    let trace = join(&samples);
    assert_eq!(trace.nodes().iter().map(|node| node.self_time).collect::<Vec<_>>(), [50, 30, 20, 110, 0]);
}

#[test]
fn a_summary_tells_root_times_and_services() {
    let trace = join(&[
        Sample { service: "front", name: "GET /", ..Sample::new(1, 0, 100, 200) },
        Sample { service: "back", failed: true, ..Sample::new(2, 1, 90, 250) },
        Sample { service: "back", ..Sample::new(3, 99, 120, 110) },
    ]);
    let summary = trace.summary();
    assert_eq!((summary.root_service.as_str(), summary.root_name.as_str()), ("front", "GET /"));
    assert_eq!((summary.start, summary.end, summary.duration()), (90, 250, 160));
    assert_eq!((summary.spans, summary.errors, summary.orphans), (3, 1, 1));
    let counted = |name: &str, spans, errors| ServiceCount { name: name.into(), spans, errors };
    assert_eq!(summary.services, [counted("back", 2, 1), counted("front", 1, 0)]);
}

#[test]
fn without_a_root_the_earliest_span_stands_for_it() {
    let samples = [Sample { name: "first", ..Sample::new(2, 9, 10, 20) }, Sample::new(3, 9, 15, 20)];
    assert_eq!(join(&samples).root().name(), "first");
    let late_root = Sample { name: "root", ..Sample::new(9, 0, 30, 40) };
    assert_eq!(join(&[samples[0], samples[1], late_root]).root().name(), "root");
}

#[test]
fn a_hundred_thousand_spans_of_one_id_are_joined_in_time() {
    let mut message = crate::proto::Message::new();
    message.message(crate::otlp::request::RESOURCE_SPANS, |group| {
        group.message(crate::otlp::resource_spans::SCOPE_SPANS, |spans| {
            for end in 0..100_000 {
                let kind = if end % 2 == 0 { Kind::Server } else { Kind::Internal };
                spans.message(crate::otlp::scope_spans::SPANS, |span| {
                    of_kind(kind, Sample::new(1, 1, 5, end)).write(span);
                });
            }
        });
    });
    let batch = crate::samples::admit(message.into_bytes()).batch;
    let trace = Trace::join(TraceId(1_u128.to_be_bytes()), vec![batch.clone(), batch]).expect("a trace");
    assert_eq!(trace.nodes().len(), 100_000);
}

proptest! {
    #[test]
    fn every_span_has_one_place_whatever_the_parents(
        spans in proptest::collection::vec((1..9u64, 0..9u64, 0..20u64, 0..20u64, 0..6u8), 1..30),
        turn: usize,
    ) {
        let samples: Vec<Sample> = spans
            .iter()
            .map(|(id, parent, start, end, kind)| {
                of_kind(Kind::from_number(*kind), Sample::new(*id, *parent, *start, *end))
            })
            .collect();
        let trace = join(&samples);
        let mut distinct = spans.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(trace.nodes().len(), distinct.len());
        for (place, node) in trace.nodes().iter().enumerate() {
            let depth = node.parent.map_or(0, |parent| trace.nodes()[parent as usize].depth + 1);
            prop_assert_eq!(node.depth, depth);
            prop_assert!(node.parent.is_none_or(|parent| (parent as usize) < place));
            prop_assert!(node.self_time <= trace.span(node).duration());
        }
        let mut turned = samples.clone();
        turned.rotate_left(turn % samples.len());
        let shape = |trace: &Trace| {
            trace.nodes().iter().map(|node| (trace.span(node).span_id(), node.depth)).collect::<Vec<_>>()
        };
        prop_assert_eq!(trace.summary().spans, join(&turned).summary().spans);
        let unique_starts = spans.iter().map(|span| span.2).collect::<std::collections::HashSet<_>>().len() == spans.len();
        if unique_starts {
            prop_assert_eq!(shape(&trace), shape(&join(&turned)));
        }
    }
}

#[test]
fn its_batches_hold_its_spans_once_and_no_others() {
    let merged = |samples: &[Sample]| {
        let batches: Vec<Batch> = samples.iter().map(|sample| sample.batch()).collect();
        Batch::merge(&batches).expect("spans")
    };
    let (root, child) = (Sample::new(1, 0, 10, 90), Sample::new(2, 1, 20, 30));
    let other = Sample { trace: 2, ..Sample::new(9, 0, 11, 12) };
    let batches = vec![merged(&[root, child]), merged(&[child, other, Sample::new(3, 1, 40, 50)])];
    let trace = Trace::join(TraceId(1_u128.to_be_bytes()), batches).expect("a trace");
    let ids =
        |batch: &Batch| batch.rows().iter().map(|row| u64::from_be_bytes(row.span_id.0)).collect::<Vec<_>>();
    assert_eq!(trace.batches().iter().map(ids).collect::<Vec<_>>(), [vec![1, 2], vec![3]]);
}
