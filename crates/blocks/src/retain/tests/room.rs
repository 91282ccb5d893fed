//! Making room: which blocks go when bytes are short.

use super::*;

fn pressure(bytes_max: u64) -> Pressure {
    Pressure { bytes_max: Some(bytes_max), ..Pressure::default() }
}

/// So many blocks of 100 bytes, `age-0` the newest.
fn blocks(count: u64) -> State {
    state(&(0..count).collect::<Vec<_>>(), false)
}

#[test]
fn the_oldest_whole_blocks_go_first() {
    let week = Retention::of_time(168 * HOUR);
    let plan = due(&blocks(100), &week, pressure(9_800), NOW);
    assert_eq!(ids(&plan), ["age-99", "age-98"]);
    assert!(plan.due.iter().all(|due| due.why == Why::Bytes));
    assert_eq!(due(&blocks(100), &week, pressure(10_000), NOW), Plan::default());
}

#[test]
fn a_wrong_clock_does_not_matter_for_room() {
    let week = Retention::of_time(168 * HOUR);
    assert_eq!(ids(&due(&blocks(100), &week, pressure(9_900), 0)), ["age-99"]);
}

#[test]
fn a_mistyped_limit_costs_little_before_someone_notices_and_a_full_disk_catches_up() {
    let week = Retention::of_time(168 * HOUR);
    let plan = due(&blocks(100), &week, pressure(1), NOW);
    assert_eq!((plan.due.len(), plan.is_short), (5, true));
    let full = due(&blocks(100), &week, Pressure { is_full: true, ..pressure(1) }, NOW);
    assert_eq!(full.due.len(), 99, "the newest block stays");
}

#[test]
fn what_age_drops_already_is_not_dropped_twice() {
    let half = Retention::of_time(98 * HOUR);
    let plan = due(&blocks(100), &half, pressure(9_700), NOW);
    assert_eq!(ids(&plan), ["age-99", "age-98", "age-97"]);
    assert_eq!(plan.due.iter().filter(|due| due.why == Why::Time).count(), 2);
}

#[test]
fn what_rules_keep_goes_last() {
    let retention = errors_longer();
    let mut state = blocks(20);
    for id in ["age-19", "age-18"] {
        judge(&mut state, id, 24 * HOUR, &retention);
    }
    let plan = due(&state, &retention, Pressure { is_full: true, ..pressure(1_900) }, NOW);
    assert_eq!(ids(&plan), ["age-17"], "trimmed before its time");
    assert_eq!(plan.due[0].beyond["default"], hours(24));
}

#[test]
fn what_rules_keep_takes_no_more_than_half_of_the_room() {
    let retention = errors_longer();
    let mut state = blocks(20);
    for age in 5..20 {
        judge(&mut state, &format!("age-{age}"), 24 * HOUR, &retention);
    }
    let plan = due(&state, &retention, Pressure { is_full: true, ..pressure(1_800) }, NOW);
    assert_eq!(ids(&plan), ["age-19", "age-18"]);
    assert_eq!(plan.due[0].beyond["default"], hours(240), "no rule helps");
}

#[test]
fn a_tenant_has_room_of_its_own() {
    let own = TenantRetention { bytes: Some(250), ..TenantRetention::default() };
    let red = model::Tenant::parse("red").unwrap();
    let retention = Retention { tenants: [(red, own)].into(), ..Retention::of_time(168 * HOUR) };
    let mut state = blocks(40);
    for age in [10, 20, 30] {
        let meta = &mut state.blocks.get_mut(&format!("age-{age}")).unwrap().meta;
        meta.tenants = vec!["blue".into(), "red".into()];
        meta.tenant_spans = [("blue".into(), 1), ("red".into(), 9)].into();
    }
    let plan = due(&state, &retention, Pressure::default(), NOW);
    assert_eq!(ids(&plan), ["age-30"]);
    assert_eq!(plan.due[0].beyond.keys().collect::<Vec<_>>(), ["red"]);
}

#[test]
fn the_forecast_says_when_the_room_is_used_up() {
    let state = blocks(24);
    let retention = Retention::of_time(168 * HOUR);
    let usage = usage(&state, &retention, Some(4_800), NOW);
    assert_eq!(usage.bytes, 2_400);
    let expected = NOW + hours(23);
    let full_at = usage.full_at.unwrap();
    assert!(full_at.abs_diff(expected) < hours(1), "{} h", (full_at - NOW) / hours(1));
    let enough = super::super::usage(&state, &retention, Some(1_000_000), NOW);
    assert_eq!(enough.full_at, None, "age drops as much before");
    assert!(enough.bytes_steady.abs_diff(17_500) < 1_000, "{}", enough.bytes_steady);
    assert_eq!(usage.headroom(HOUR), 104);
    assert_eq!(usage.headroom(1000 * HOUR), 480, "no more than a tenth of the room");
}

#[test]
fn blocks_that_wait_to_be_deleted_count() {
    let mut state = blocks(2);
    state.removed_bytes.insert("gone".into(), 70);
    assert_eq!(usage(&state, &Retention::of_time(HOUR), None, NOW).bytes_waiting, 70);
}
