use model::Tenant;
use store::conformance::{Draft, NOW, batch, trace_id};

use super::*;

fn span(trace: u64, id: u64, (service, name): (&str, &str), (from, length): (u64, u64)) -> Draft {
    Draft::new(trace, id).service(service).name(name).at(NOW + from, length)
}

#[track_caller]
fn trace(id: u64, drafts: &[Draft]) -> Trace {
    Trace::join(trace_id(id), vec![batch(&Tenant::default(), drafts)]).unwrap()
}

fn fast(id: u64) -> Trace {
    trace(
        id,
        &[
            span(id, 1, ("web", "GET /"), (0, 100)).with("user.id", "u-1"),
            span(id, 2, ("db", "select"), (10, 20)).under(1),
            span(id, 3, ("mail", "send"), (50, 10)).under(1),
        ],
    )
}

fn slow(id: u64) -> Trace {
    trace(
        id,
        &[
            span(id, 1, ("web", "GET /"), (0, 500)).with("user.id", "u-2"),
            span(id, 2, ("db", "select"), (10, 20)).under(1),
            span(id, 4, ("db", "select"), (50, 380)).under(1).status(StatusCode::Error),
            span(id, 5, ("cache", "get"), (440, 10)).under(1),
        ],
    )
}

#[track_caller]
fn compared(a: &[Trace], b: &[Trace]) -> Comparison {
    let mut compare = Compare::default();
    a.iter().for_each(|trace| compare.add(Which::A, &Skeleton::of(trace)));
    b.iter().for_each(|trace| compare.add(Which::B, &Skeleton::of(trace)));
    compare.finish()
}

#[test]
fn equal_paths_are_one_call_and_the_greatest_difference_comes_first() {
    let found = compared(&[fast(1)], &[slow(2)]);
    let nodes: Vec<(&str, i64, i64, i64)> = found
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.parent, node.delta_ns, node.delta_self_ns))
        .collect();
    assert_eq!(
        nodes,
        [("GET /", -1, 400, 20), ("select", 0, 380, 380), ("send", 0, -10, -10), ("get", 0, 10, 10)]
    );
    assert_eq!(found.contributions, [1, 0, 2, 3]);
    let select = &found.nodes[1];
    assert_eq!(select.a, Some(Sum { count: 1, errors: 0, total_ns: 20, self_ns: 20 }));
    assert_eq!(select.b, Some(Sum { count: 2, errors: 1, total_ns: 400, self_ns: 400 }));
    assert_eq!((found.nodes[2].b, found.nodes[3].a), (None, None));
    assert_eq!((found.a.duration_ns, found.b.duration_ns, found.b.errors), (100, 500, 1));
}

#[test]
fn own_time_explains_the_whole_difference_where_nothing_overlaps() {
    let found = compared(&[fast(1)], &[slow(2)]);
    let own: i64 = found.nodes.iter().map(|node| node.delta_self_ns).sum();
    assert_eq!(own, (found.b.duration_ns - found.a.duration_ns) as i64);
}

#[test]
fn groups_are_compared_by_their_means() {
    let found = compared(&[fast(1), fast(3)], &[slow(2)]);
    assert_eq!((found.a.traces, found.a.spans, found.nodes[0].a.unwrap().count), (2, 6, 2));
    assert_eq!(found.nodes[0].delta_ns, 400);
    assert!(compared(&[], &[]).nodes.is_empty());
}

#[test]
fn attributes_that_differ_are_told() {
    let found = attributes(&fast(1), &slow(2));
    let user = Difference {
        service: "web".into(),
        is_root: true,
        key: "user.id".into(),
        a: Some("u-1".into()),
        b: Some("u-2".into()),
    };
    assert_eq!(found, [user]);
}
