use model::{Batch, Tenant, Trace, TraceId};

use super::{Form, ShortId, trace};
use crate::json::Writer;
use crate::otlp_json;

fn joined(otlp: &str) -> Trace {
    let bytes = otlp_json::decode(otlp.as_bytes()).expect("OTLP JSON");
    let spans = Batch::read(bytes.into(), Tenant::default()).expect("OTLP");
    Trace::join(spans.rows()[0].trace_id, vec![spans]).expect("a trace")
}

/// Compares with a file of `fixtures/jaeger`; the way to a new file is to read the difference and copy what is right.
#[track_caller]
fn check(otlp: &str, form: Form, golden: &str) {
    let mut out = Writer::indented(4);
    trace(&joined(otlp), form, &mut out);
    let text = String::from_utf8(out.into_bytes()).expect("UTF-8");
    if let Some(line) = text.lines().zip(golden.lines()).position(|(left, right)| left != right) {
        let near =
            |text: &str| text.lines().skip(line.saturating_sub(5)).take(11).collect::<Vec<_>>().join("\n");
        panic!("differs from line {}:\n{}\nexpected:\n{}", line + 1, near(&text), near(golden));
    }
    assert_eq!(text.trim_end(), golden.trim_end());
}

#[test]
fn a_trace_is_written_as_jaeger_writes_it() {
    let otlp = include_str!("../../../../fixtures/jaeger/shop.otlp.json");
    check(otlp, Form::Adjusted, include_str!("../../../../fixtures/jaeger/shop.json"));
    check(otlp, Form::Raw, include_str!("../../../../fixtures/jaeger/shop.json"));
}

#[test]
fn odd_traces_are_mended_and_say_so() {
    let otlp = include_str!("../../../../fixtures/jaeger/odd.otlp.json");
    check(otlp, Form::Adjusted, include_str!("../../../../fixtures/jaeger/odd.json"));
    check(otlp, Form::Raw, include_str!("../../../../fixtures/jaeger/odd.raw.json"));
}

#[test]
fn a_trace_id_of_64_bits_has_16_digits() {
    let short = |id: &str| ShortId(TraceId::parse(id).expect("an id")).to_string();
    assert_eq!(short("abc"), "0000000000000abc");
    assert_eq!(short("10000000000000abc"), "00000000000000010000000000000abc");
}
