use super::*;
use crate::manifest::{BlockMeta, Judged};

mod lives;
mod room;

const HOUR: Duration = Duration::from_secs(3600);
const NOW: UnixNanos = 1_000_000 * 3_600_000_000_000;

fn hours(hours: u64) -> UnixNanos {
    hours * 3_600_000_000_000
}

/// Blocks of one tenant and 100 bytes whose newest span is so many hours old.
fn state(ages: &[u64], skew: bool) -> State {
    let block = |age: &u64| {
        let end_ns = if skew { 0 } else { NOW - hours(*age) };
        let tenants = vec!["default".to_owned()];
        let (spans, data_bytes) = (10, 100);
        let meta = BlockMeta {
            id: format!("age-{age}"),
            end_ns,
            skew,
            tenants,
            spans,
            data_bytes,
            ..BlockMeta::default()
        };
        (meta.id.clone(), Block { meta, received_ns: NOW - hours(*age) })
    };
    State { blocks: ages.iter().map(block).collect(), ..State::default() }
}

fn rule(name: &str, filter: store::Filter, time: Duration) -> Rule {
    Rule { name: name.into(), text: name.into(), spans: filter, trace: store::TraceFilter::default(), time }
}

/// One day, failed traces for ten.
fn errors_longer() -> Retention {
    let failed = store::Filter::equal(store::Field::Status, store::Operand::Status(model::StatusCode::Error));
    Retention { rules: vec![rule("errors", failed, 240 * HOUR)], ..Retention::of_time(24 * HOUR) }
}

/// Notes that the retention kept everything of the block beyond this age.
fn judge(state: &mut State, id: &str, age: Duration, retention: &Retention) {
    let policy = retention.fingerprint(state.unarchived);
    let ages = [("default".to_owned(), nanos(age))].into();
    state.blocks.get_mut(id).unwrap().meta.judged = Some(Judged { policy, ages, ..Judged::default() });
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.due.iter().map(|due| due.block.as_str()).collect()
}

#[track_caller]
fn check(state: &State, retention: &Retention, now: UnixNanos, expected: &[&str]) {
    assert_eq!(ids(&due(state, retention, Pressure::default(), now)), expected);
}

#[test]
fn only_blocks_past_the_retention_go() {
    let day = Retention::of_time(24 * HOUR);
    check(&state(&[1, 23], false), &day, NOW, &[]);
    check(&state(&[1, 25], false), &day, NOW, &["age-25"]);
}

#[test]
fn a_clock_that_jumps_ahead_does_not_empty_the_store() {
    let ages: Vec<u64> = (0..100).collect();
    let plan =
        due(&state(&ages, false), &Retention::of_time(24 * HOUR), Pressure::default(), NOW + hours(10_000));
    assert_eq!(ids(&plan), ["age-99", "age-98", "age-97", "age-96", "age-95"]);
    assert_eq!((plan.held_back, plan.is_short), (95, false));
}

#[test]
fn a_clock_that_jumps_back_drops_nothing() {
    check(&state(&[1, 25], false), &Retention::of_time(24 * HOUR), 0, &[]);
}

#[test]
fn a_skew_block_is_kept_by_receive_time() {
    let day = Retention::of_time(24 * HOUR);
    check(&state(&[1], true), &day, NOW, &[]);
    check(&state(&[25], true), &day, NOW, &["age-25"]);
}

#[test]
fn a_block_is_judged_once_at_each_age_that_a_rule_names() {
    let retention = errors_longer();
    let mut state = state(&[25], false);
    check(&state, &retention, NOW, &["age-25"]);
    judge(&mut state, "age-25", 24 * HOUR, &retention);
    check(&state, &retention, NOW, &[]);
    check(&state, &retention, NOW + hours(214), &[]);
    check(&state, &retention, NOW + hours(215), &["age-25"]);
    judge(&mut state, "age-25", 240 * HOUR, &retention);
    check(&state, &retention, NOW + hours(10_000), &[]);
}

#[test]
fn other_rules_or_a_shorter_archive_judge_anew() {
    let retention = errors_longer();
    let mut state = state(&[25], false);
    judge(&mut state, "age-25", 24 * HOUR, &retention);
    state.unarchived = 5;
    check(&state, &retention, NOW, &["age-25"]);
    state.unarchived = 0;
    let mut other = errors_longer();
    other.rules[0].time = 100 * HOUR;
    check(&state, &other, NOW, &["age-25"]);
}

#[test]
fn a_rule_may_be_shorter_than_the_default() {
    let retention =
        Retention { rules: vec![rule("health", store::Filter::All, HOUR)], ..Retention::of_time(24 * HOUR) };
    let state = state(&[0, 2], false);
    let plan = due(&state, &retention, Pressure::default(), NOW);
    assert_eq!(ids(&plan), ["age-2"]);
    assert!(!plan.due[0].is_whole(&state.blocks["age-2"], &retention), "others live on");
}

#[test]
fn a_tenant_has_rules_of_its_own() {
    let tenant = |name| model::Tenant::parse(name).unwrap();
    let short = TenantRetention { time: Some(HOUR), ..TenantRetention::default() };
    let retention = Retention { tenants: [(tenant("red"), short)].into(), ..Retention::of_time(24 * HOUR) };
    let mut state = state(&[2], false);
    state.blocks.get_mut("age-2").unwrap().meta.tenants = vec!["blue".into(), "red".into()];
    let plan = due(&state, &retention, Pressure::default(), NOW);
    assert_eq!(plan.due[0].beyond, [("red".to_owned(), hours(1))].into());
    assert!(!plan.due[0].is_whole(&state.blocks["age-2"], &retention), "blue stays");
    state.blocks.get_mut("age-2").unwrap().meta.tenants = vec!["red".into()];
    let plan = due(&state, &retention, Pressure::default(), NOW);
    assert!(plan.due[0].is_whole(&state.blocks["age-2"], &retention));
}

#[test]
fn the_next_to_go_is_known_with_the_rule_that_says_so() {
    let retention = errors_longer();
    let mut state = state(&[3, 20], false);
    judge(&mut state, "age-20", 24 * HOUR, &retention);
    let coming = coming(&state, &retention, NOW, 10);
    let said: Vec<_> =
        coming.iter().map(|next| (next.block.as_str(), next.by.as_str(), next.at, next.is_whole)).collect();
    assert_eq!(
        said,
        [("age-3", "time", NOW + hours(21), false), ("age-20", "errors", NOW + hours(220), true)]
    );
}

#[test]
fn files_outlive_their_entry_for_a_while() {
    let grace = Grace { removed: HOUR, orphan: 2 * HOUR };
    let mut state = state(&[1], false);
    state.removed.insert("gone".into(), NOW);
    assert!(!is_garbage(&state, "age-1", 0, &grace, NOW));
    assert!(!is_garbage(&state, "gone", 0, &grace, NOW + hours(1)));
    assert!(is_garbage(&state, "gone", 0, &grace, NOW + hours(1) + 1));
    assert!(!is_garbage(&state, "orphan", NOW, &grace, NOW + hours(2)));
    assert!(is_garbage(&state, "orphan", NOW, &grace, NOW + hours(2) + 1));
}

#[test]
fn spans_far_from_now_are_skewed() {
    let skewed = |start| is_skewed(start, NOW, 168 * HOUR, 24 * HOUR);
    assert!(skewed(0) && skewed(u64::MAX) && skewed(NOW + hours(24) + 1) && skewed(NOW - hours(192) - 1));
    assert!(!skewed(NOW) && !skewed(NOW + hours(24)) && !skewed(NOW - hours(192)));
}
