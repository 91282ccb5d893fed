use super::{parse, write};

#[track_caller]
fn check(text: &str, nanos: impl Into<Option<u64>>) {
    assert_eq!(parse(text), nanos.into(), "{text}");
}

#[test]
fn go_and_prometheus_units_are_read_exactly() {
    check("0", 0);
    check("0s", 0);
    check("1ns", 1);
    check("1.5us", 1_500);
    check("1µs", 1_000);
    check("1μs", 1_000);
    check("1.5s", 1_500_000_000);
    check(".5s", 500_000_000);
    check("1.000000001s", 1_000_000_001);
    check("0.3s", 300_000_000);
    check("1h30m", 5_400_000_000_000);
    check("7d", 604_800_000_000_000);
    check("1w", 604_800_000_000_000);
    check("1y2ms", 31_536_000_002_000_000);
}

#[test]
fn what_is_no_duration_is_refused() {
    for text in [
        "",
        "1",
        "s",
        "1.5",
        "-1s",
        "1 s",
        "1sec",
        "1.2.3s",
        ".s",
        "1s2",
        "600y",
        "1e3s",
        "99999999999999999999s",
    ] {
        check(text, None);
    }
}

#[test]
fn durations_are_written_short() {
    for (nanos, text) in [
        (0, "0s"),
        (850, "850ns"),
        (1_500, "1.5µs"),
        (999_499, "999µs"),
        (999_600, "1ms"),
        (1_234_567, "1.23ms"),
        (2_350_000_000, "2.35s"),
        (90_000_000_000, "1m30s"),
        (11_100_000_000_000, "3h5m"),
        (864_000_000_000_000, "10d"),
    ] {
        assert_eq!(write(nanos), text);
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[0-9.a-zµ-]{0,24}") {
        let _ = parse(&text);
    }

    #[test]
    fn whole_units_are_exact(hours in 0_u64..2_000, millis in 0_u64..1_000_000) {
        proptest::prop_assert_eq!(
            parse(&format!("{hours}h{millis}ms")),
            Some(hours * 3_600_000_000_000 + millis * 1_000_000)
        );
    }
}
