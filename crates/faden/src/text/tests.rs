use super::*;

#[test]
fn durations_have_three_digits_and_never_a_thousand_of_a_unit() {
    let cases = [
        (0, "0"),
        (850, "850ns"),
        (1_000, "1µs"),
        (1_250, "1.25µs"),
        (999_499, "999µs"),
        (999_999, "1ms"),
        (12_340_000, "12.3ms"),
        (999_999_999, "1s"),
        (59_900_000_000, "59.9s"),
        (185_000_000_000, "3m05s"),
        (7_800_000_000_000, "2h10m"),
    ];
    for (ns, shown) in cases {
        assert_eq!(duration(ns), shown);
    }
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    assert_eq!(harmless("a\x1b[2Jb\n\u{202e}c\u{9b}"), "a\\u{1b}[2Jb\\n\\u{202e}c\\u{9b}");
    assert_eq!(harmless("GET /käse/日本"), "GET /käse/日本");
}

#[test]
fn wide_characters_are_cut_by_columns() {
    assert_eq!(cut("日本語", 4), "日…");
    assert_eq!(cut("日本", 4), "日本");
    assert_eq!(cut("abcdef", 4), "abc…");
    assert_eq!(cut("abc", 0), "");
}

#[test]
fn numbers_are_grouped() {
    assert_eq!(count(0), "0");
    assert_eq!(count(999), "999");
    assert_eq!(count(1_234_567), "1,234,567");
    assert_eq!(counted(1, "span"), "1 span");
    assert_eq!(counted(10_000, "span"), "10,000 spans");
    assert_eq!(bytes(13_107_200), "12.5 MiB");
    assert_eq!(bytes(12), "12 B");
}

#[test]
fn moments_are_right_on_leap_days_and_at_the_end_of_years() {
    assert_eq!(moment(0), "1970-01-01 00:00:00.000");
    assert_eq!(moment(951_782_400_000_000_000), "2000-02-29 00:00:00.000");
    assert_eq!(moment(1_798_761_599_999_000_000), "2026-12-31 23:59:59.999");
    assert_eq!(moment(1_763_671_267_123_456_789), "2025-11-20 20:41:07.123");
}
