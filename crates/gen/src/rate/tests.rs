use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_constant_rate_is_due_in_proportion() {
    let rate: Rate = "500".parse().unwrap();
    assert_eq!(rate, Rate::Constant(500.0));
    assert_eq!(rate.due(SECOND * 3), 1_500);
    assert_eq!(rate.at(SECOND), 500.0);
}

#[test]
fn a_spike_comes_at_the_end_of_each_period() {
    let rate: Rate = "100 spike 1000 for 2s every 10s".parse().unwrap();
    assert_eq!((rate.at(SECOND * 7), rate.at(SECOND * 8), rate.at(SECOND * 11)), (100.0, 1_000.0, 100.0));
    assert_eq!(rate.due(SECOND * 8), 800);
    assert_eq!(rate.due(SECOND * 10), 2_800);
    assert_eq!(rate.due(SECOND * 29), 2 * 2_800 + 1_800);
}

#[test]
fn what_is_due_never_falls() {
    let rate: Rate = "10 spike 5000 for 100ms every 700ms".parse().unwrap();
    let due: Vec<u64> = (0..10_000).map(|ms| rate.due(Duration::from_millis(ms))).collect();
    assert!(due.is_sorted());
}

#[test]
fn what_is_no_rate_is_refused_with_a_remedy() {
    for text in [
        "",
        "fast",
        "-3",
        "NaN",
        "5 spike 6",
        "5 spike 6 for 7 every 8s",
        "5 spike 6 for 9s every 8s",
        "5 spike 6 for 0s every 0s",
    ] {
        let problem = text.parse::<Rate>().unwrap_err().to_string();
        assert!(problem.contains("500 spike 5000 for 10s every 60s"), "{problem}");
    }
}

#[test]
fn durations_are_read_with_their_unit() {
    assert_eq!(duration("300ms"), Some(Duration::from_millis(300)));
    assert_eq!(duration("1.5m"), Some(Duration::from_secs(90)));
    assert_eq!(duration("250us"), Some(Duration::from_micros(250)));
    assert_eq!(
        [duration("300"), duration("ms"), duration("1d"), duration("9999999h"), duration("")],
        [None; 5]
    );
}
