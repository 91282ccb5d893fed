use super::{SpanId, TraceId};

#[track_caller]
fn check(text: &str, written: Option<&str>) {
    assert_eq!(TraceId::parse(text).map(|id| id.to_string()).as_deref(), written);
}

#[test]
fn a_full_id_reads_back_as_written() {
    check("4bf92f3577b34da6a3ce929d0e0e4736", Some("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[test]
fn a_64_bit_id_is_padded_on_the_left() {
    check("A3CE929D0E0E4736", Some("0000000000000000a3ce929d0e0e4736"));
    check("1", Some("00000000000000000000000000000001"));
}

#[test]
fn what_is_no_id_is_refused() {
    for text in
        ["", "0", "00000000000000000000000000000000", "xyz", "14bf92f3577b34da6a3ce929d0e0e4736", "a b"]
    {
        check(text, None);
    }
    assert_eq!(SpanId::parse("00f067aa0ba902b7ff"), None);
}
