use super::{parse, write};

const NOW: u64 = 1_767_225_600_000_000_000;

#[track_caller]
fn check(text: &str, nanos: impl Into<Option<u64>>) {
    assert_eq!(parse(text, NOW), nanos.into(), "{text}");
}

#[test]
fn times_are_read_in_every_form() {
    check("now", NOW);
    check("-15m", NOW - 900_000_000_000);
    check("now-1h", NOW - 3_600_000_000_000);
    check("now+1s", NOW + 1_000_000_000);
    check("2026-01-01T00:00:00Z", NOW);
    check("2026-01-01", NOW);
    check("2026-01-01 01:00:00+01:00", NOW);
    check("2025-12-31T19:00:00-05:00", NOW);
    check("2026-01-01T00:00:00.123456789Z", NOW + 123_456_789);
    check("2024-02-29T12:00Z", 1_709_208_000_000_000_000);
    check("1970-01-01T00:00:00Z", 0);
}

#[test]
fn unix_times_are_told_apart_by_size() {
    check("1767225600", NOW);
    check("1767225600.5", NOW + 500_000_000);
    check("1767225600000", NOW);
    check("1767225600000000", NOW);
    check("1767225600000000001", NOW + 1);
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "-",
        "yesterday",
        "2026-13-01",
        "2026-00-01",
        "2025-02-29",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:00",
        "1969-12-31T23:59:59Z",
        "now-",
        "now-600y",
        "99999999999999999999",
        "12x",
        "2026-01-01T00:00:00+9:00",
    ] {
        check(text, None);
    }
}

proptest::proptest! {
    #[test]
    fn what_is_written_is_read(at: u64) {
        proptest::prop_assert_eq!(parse(&write(at), NOW), Some(at));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,32}") {
        let _ = parse(&text, NOW);
    }
}
