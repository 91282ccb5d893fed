use model::{Kind, StatusCode, Tenant, Trace};
use proptest::prelude::*;
use store::conformance::{Draft, NOW, batch, trace_id};

use super::*;

/// When the traces of these tests begin.
const BASE: u64 = NOW - 1_000_000;

/// A span of a service from one time to another.
fn span(id: u64, parent: u64, service: &str, (from, to): (u64, u64)) -> Draft {
    let draft = Draft::new(1, id).service(service).at(BASE + from, to - from);
    if parent == 0 { draft } else { draft.under(parent) }
}

#[track_caller]
fn skeleton(drafts: &[Draft]) -> Skeleton {
    Skeleton::of(&Trace::join(trace_id(1), vec![batch(&Tenant::default(), drafts)]).unwrap())
}

#[track_caller]
fn check_path(drafts: &[Draft], expected: &[[u64; 3]]) -> Option<String> {
    let skeleton = skeleton(drafts);
    assert_eq!(skeleton.critical.segments().collect::<Vec<_>>(), expected);
    skeleton.critical.critical_caveat
}

#[test]
fn columns_tell_the_tree() {
    let drafts = [
        span(1, 0, "web", (0, 100)).kind(Kind::Server).name("GET /"),
        span(2, 1, "web", (10, 60)).kind(Kind::Client),
        span(3, 2, "db", (20, 50)).kind(Kind::Server).status(StatusCode::Error),
        span(4, 1, "web", (70, 120)),
        span(5, 99, "cart", (80, 90)),
    ];
    let skeleton = skeleton(&drafts);
    let columns = &skeleton.columns;
    assert_eq!((skeleton.base.as_str(), skeleton.duration_ns, skeleton.spans), (&*BASE.to_string(), 120, 5));
    assert_eq!(columns.start_ns, [0, 10, 20, 70, 80]);
    assert_eq!(columns.parent, [-1, 0, 1, 0, -1]);
    assert_eq!(columns.depth, [0, 1, 2, 1, 0]);
    assert_eq!(columns.descendants, [3, 1, 0, 0, 0]);
    assert_eq!(columns.self_ns, [20, 20, 30, 50, 10]);
    assert_eq!(columns.kind, [2, 3, 2, 1, 1]);
    assert_eq!(columns.status, [0, 0, 2, 0, 0]);
    assert_eq!(skeleton.names, ["GET /", "work"]);
    let services: Vec<_> = skeleton.services.iter().map(|s| (s.name.as_str(), s.spans, s.errors)).collect();
    assert_eq!(services, [("web", 3, 0), ("db", 1, 1), ("cart", 1, 0)]);
    assert_eq!(&skeleton.ids[16..32], "0000000000000002");
    let is = |at: usize, flag: u16| columns.flags[at] & flag != 0;
    assert!(is(2, flag::ERROR_ORIGIN) && is(1, flag::ERROR_BELOW) && is(0, flag::ERROR_BELOW));
    assert!(is(3, flag::AFTER_PARENT) && is(4, flag::ORPHAN) && !is(0, flag::ORPHAN));
    assert_eq!(skeleton.missing, [Missing { id: "0000000000000063".into(), children: vec![4] }]);
}

#[test]
fn an_echo_of_an_error_is_not_its_origin() {
    let failed = |id, parent, times| span(id, parent, "web", times).status(StatusCode::Error);
    let skeleton = skeleton(&[failed(1, 0, (0, 100)), failed(2, 1, (10, 20)), failed(3, 1, (30, 40))]);
    let flags: Vec<u16> = skeleton.columns.flags.iter().map(|flags| flags & 15).collect();
    assert_eq!(flags, [flag::ERROR_ECHO, flag::ERROR_ORIGIN, flag::ERROR_ORIGIN]);
    let found = skeleton.findings.iter().find(|finding| finding.kind == What::ErrorOrigin).unwrap();
    assert_eq!((found.count, &found.spans[..]), (2, &[1, 2][..]));
}

#[test]
fn the_path_goes_back_from_the_end_to_what_was_waited_for() {
    let drafts = [span(1, 0, "web", (0, 100)), span(2, 1, "a", (10, 40)), span(3, 1, "b", (50, 90))];
    let path = [[0, 0, 10], [1, 10, 40], [0, 40, 50], [2, 50, 90], [0, 90, 100]];
    assert_eq!(check_path(&drafts, &path), None);
    let services = skeleton(&drafts).services;
    assert_eq!(services.iter().map(|service| service.critical_ns).collect::<Vec<_>>(), [30, 30, 40]);
}

#[test]
fn of_parallel_children_the_last_to_end_is_on_the_path() {
    let drafts = [span(1, 0, "web", (0, 100)), span(2, 1, "a", (10, 80)), span(3, 1, "b", (10, 90))];
    let caveat = check_path(&drafts, &[[0, 0, 10], [2, 10, 90], [0, 90, 100]]);
    assert_eq!(caveat, None, "nothing is assumed: the other one was over when this one was waited for");
}

#[test]
fn a_child_is_cut_to_its_parents_time() {
    let drafts = [span(1, 0, "web", (10, 100)), span(2, 1, "a", (0, 150)), span(3, 2, "b", (120, 150))];
    let caveat = check_path(&drafts, &[[1, 10, 100]]);
    assert!(caveat.unwrap().contains("after its parent"));
}

#[test]
fn several_tops_follow_each_other_with_dark_time_between() {
    let drafts = [span(1, 0, "web", (0, 10)), span(2, 77, "a", (50, 100))];
    check_path(&drafts, &[[0, 0, 10], [1, 50, 100]]);
    let skeleton = skeleton(&drafts);
    let dark = skeleton.findings.iter().find(|finding| finding.kind == What::DarkTime).unwrap();
    assert_eq!((dark.value_ns, dark.share), (Some(40), Some(0.4)));
}

#[test]
fn a_chain_of_a_hundred_thousand_spans_needs_no_stack() {
    let chain: Vec<Draft> = (1..=100_000).map(|id| span(id, id - 1, "web", (id, 400_000 - id))).collect();
    let skeleton = skeleton(&chain);
    assert_eq!(skeleton.columns.depth.last(), Some(&99_999));
    assert_eq!(skeleton.critical.segments().count(), 199_999);
}

#[test]
fn equal_siblings_are_a_group_from_five_on() {
    let query = |id: u64| span(id, 1, "db", (id * 10, id * 10 + id)).name("select").kind(Kind::Client);
    let mut drafts = vec![span(1, 0, "web", (0, 200))];
    drafts.extend((2..6).map(query));
    assert!(skeleton(&drafts).groups.is_empty());
    drafts.push(query(6).status(StatusCode::Error));
    drafts.push(span(7, 1, "db", (90, 95)).name("insert").kind(Kind::Client));
    let groups = skeleton(&drafts).groups;
    let expected = Group {
        count: 5,
        parent: 0,
        members: vec![1, 2, 3, 4, 5],
        total_ns: 20,
        p50_ns: 4,
        max_ns: 6,
        errors: 1,
        in_turn: true,
    };
    assert_eq!(groups, [expected]);
}

#[test]
fn a_server_before_its_client_is_shifted_with_all_below_it() {
    let call = |id, parent, service, times, kind| span(id, parent, service, times).kind(kind);
    let drafts = [
        call(1, 0, "web", (1_000, 2_000), Kind::Client),
        call(2, 1, "db", (0, 600), Kind::Server),
        call(3, 2, "db", (100, 500), Kind::Client),
        call(4, 3, "disk", (150, 350), Kind::Server),
        call(5, 1, "late", (1_500, 3_500), Kind::Server),
    ];
    let shift = |span, service: &str, shift_ns| Shift { span, service: service.into(), shift_ns };
    assert_eq!(skeleton(&drafts).skew, [shift(1, "db", 1_200)]);
}

#[test]
fn a_span_from_1970_bends_no_number() {
    let old = Draft::new(1, 2).under(1).at(0, 5);
    let skeleton = skeleton(&[span(1, 0, "web", (0, 10)), old]);
    assert_eq!(skeleton.columns.start_ns, [crate::EXACT_MAX, 0]);
    assert_eq!(skeleton.duration_ns, crate::EXACT_MAX);
}

#[test]
fn it_comes_back_from_json_as_it_was() {
    let drafts = [span(1, 0, "web", (0, 100)), span(2, 1, "a", (10, 40)).status(StatusCode::Error)];
    let skeleton = skeleton(&drafts);
    let text = serde_json::to_string(&skeleton).unwrap();
    assert!(text.contains(r#""critical":[0,0,10,1,10,40,0,40,100]"#), "{text}");
    assert_eq!(serde_json::from_str::<Skeleton>(&text).unwrap(), skeleton);
}

proptest! {
    #[test]
    fn the_path_never_overlaps_and_stays_inside_its_spans(
        spans in prop::collection::vec((0..12_u64, 0..1_000_u64, 0..500_u64), 1..40)
    ) {
        let drafts: Vec<Draft> = spans.iter().enumerate().map(|(at, (parent, from, length))| {
            span(at as u64 + 1, *parent, "web", (*from, from + length))
        }).collect();
        let skeleton = skeleton(&drafts);
        let columns = &skeleton.columns;
        let mut reached = 0;
        for [span, from, to] in skeleton.critical.segments() {
            let span = span as usize;
            prop_assert!(reached <= from && from < to);
            prop_assert!(columns.start_ns[span] <= from && to <= columns.end_ns(span));
            reached = to;
        }
        let tops: Vec<usize> = columns.children(None).collect();
        if let [only] = tops[..] {
            let length: u64 = skeleton.critical.segments().map(|[_, from, to]| to - from).sum();
            prop_assert_eq!(length, columns.duration_ns[only], "one top is told without a gap");
        }
    }
}

/// A root with many children, one of which has many and failed below.
fn wide() -> Vec<Draft> {
    let mut drafts = vec![span(1, 0, "web", (0, 10_000))];
    drafts.extend((0..50).map(|at| span(10 + at, 1, "db", (at * 100, at * 100 + 10 + at))));
    drafts.push(span(100, 1, "cart", (6_000, 9_000)));
    drafts.extend((0..50).map(|at| span(200 + at, 100, "db", (6_000 + at, 6_001 + at))));
    drafts[60] = drafts[60].clone().status(StatusCode::Error);
    drafts
}

#[test]
fn a_folded_skeleton_shows_what_matters_and_counts_the_rest() {
    let whole = skeleton(&wide());
    let some = whole.folded(None, 10, &[]);
    let folded = some.folded.as_ref().unwrap();
    assert!(folded.row.len() <= 10 && folded.row.len() > 4, "{:?}", folded.row);
    assert_eq!((some.spans, folded.hidden_tops), (102, 0));
    assert_eq!(folded.hidden.iter().sum::<u32>() as usize + folded.row.len(), 102);
    let failed = folded.row.iter().position(|at| whole.columns.status[*at as usize] == 2);
    assert!(failed.is_some(), "where the error begins is shown");
    for (at, row) in folded.row.iter().enumerate() {
        let above = whole.columns.parent[*row as usize];
        let shown = usize::try_from(some.columns.parent[at]).map_or(-1, |at| folded.row[at] as i32);
        assert_eq!(above, shown, "who is above stays");
        assert_eq!(some.id(at), whole.id(*row as usize));
    }
    let length =
        |skeleton: &Skeleton| -> u64 { skeleton.critical.segments().map(|[_, from, to]| to - from).sum() };
    assert_eq!(length(&some), length(&whole), "the path is as long");
}

#[test]
fn a_wanted_span_is_a_row_however_little_it_matters() {
    let whole = skeleton(&wide());
    let id = model::SpanId::parse("c8").unwrap();
    let wanted: Vec<usize> = whole.rows_of(id).collect();
    assert_eq!(wanted.len(), 1);
    assert!(!whole.folded(None, 10, &[]).folded.unwrap().row.contains(&(wanted[0] as u32)));
    for (under, rows_max) in [(None, 10), (None, 1), (Some(0), 1)] {
        let some = whole.folded(under, rows_max, &wanted);
        let row = some.rows_of(id).next().expect("it is a row");
        let cart = some.columns.parent[row] as usize;
        assert_eq!((some.id(cart), some.columns.parent[cart]), ("0000000000000064", 0));
        assert_eq!(some.columns.len(), rows_max.max(3));
        assert_eq!(some.folded.unwrap().hidden.iter().sum::<u32>() as usize, 102 - rows_max.max(3));
    }
    assert_eq!(whole.folded(Some(1), 1, &wanted).columns.len(), 1, "it is not below that one");
}

#[test]
fn a_subtree_is_unfolded_by_its_row() {
    let whole = skeleton(&wide());
    let cart = (0..whole.columns.len()).find(|at| whole.id(*at).ends_with("64")).unwrap();
    let part = whole.folded(Some(cart), 1_000, &[]);
    let folded = part.folded.as_ref().unwrap();
    assert_eq!(folded.row.len(), 51);
    assert_eq!((folded.row[0] as usize, part.columns.parent[0], part.columns.parent[1]), (cart, -1, 0));
    assert_eq!(part.columns.descendants[0], 50);
    assert_eq!(part.groups.len(), 1);
    assert_eq!((part.groups[0].count, part.groups[0].members.len(), part.groups[0].parent), (50, 50, 0));
    let text = serde_json::to_string(&part).unwrap();
    assert_eq!(serde_json::from_str::<Skeleton>(&text).unwrap(), part);
}

#[test]
fn a_skeleton_that_fits_is_folded_into_itself() {
    let whole = skeleton(&wide());
    let all = whole.folded(None, 102, &[]);
    assert_eq!(Skeleton { folded: None, ..all }, whole);
}
