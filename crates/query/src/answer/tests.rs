use model::{Tenant, Trace};
use store::conformance::{Any, Draft, batch, span_id, trace_id};

use super::{About, AnyValue, Found, Seen, Span, Summary};

fn everything() -> Trace {
    let nested =
        Any::Map(vec![("a".into(), Any::Array(vec![Any::Int(1), Any::Empty, Any::Map(Vec::new())]))]);
    let mut span = Draft::new(1, 1)
        .under(99)
        .with("int", i64::MIN)
        .with("nan", f64::NAN)
        .with("minus", f64::NEG_INFINITY)
        .with("whole", 2.0)
        .with("bool", false)
        .with("text", "ü\n")
        .with("bytes", Any::Bytes(vec![0, 255]))
        .with("nested", nested)
        .with_event("e", &[("k", Any::Int(9_007_199_254_740_993))]);
    span.links = vec![(trace_id(2), span_id(3), vec![("why".into(), "x".into())])];
    span.state = "a=1".into();
    let child = Draft::new(1, 2).under(1).service("other");
    let batches = [[child], [span]].map(|spans| batch(&Tenant::default(), &spans));
    Trace::join(trace_id(1), batches.into()).unwrap()
}

#[test]
fn a_trace_is_read_as_it_was_written() {
    let trace = super::Trace::of(&everything());
    let text = serde_json::to_string(&trace).unwrap();
    assert_eq!(serde_json::from_str::<super::Trace>(&text).unwrap(), trace, "{text}");
    assert_eq!(trace.spans.iter().map(|span| span.place.unwrap().depth).collect::<Vec<_>>(), [0, 1]);
    assert!(trace.spans[0].place.unwrap().is_orphan);
    assert_eq!(trace.resources.len(), 2);
}

#[test]
fn integers_keep_every_digit() {
    let text = serde_json::to_string(&super::Trace::of(&everything())).unwrap();
    for part in [
        r#"{"key":"int","type":"int","value":"-9223372036854775808"}"#,
        r#"{"key":"k","type":"int","value":"9007199254740993"}"#,
        r#"{"key":"nan","type":"double","value":"NaN"}"#,
        r#"{"key":"whole","type":"double","value":2.0}"#,
        r#"{"key":"bytes","type":"bytes","value":"00ff"}"#,
        r#"{"type":"empty"}"#,
        r#""start":"1767225599001000000""#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn the_deepest_value_that_is_admitted_is_read_back() {
    let mut value = Any::Int(1);
    for level in 0..model::walk::VALUE_DEPTH_MAX {
        value = if level % 2 == 0 { Any::Array(vec![value]) } else { Any::Map(vec![("k".into(), value)]) };
    }
    let batch = batch(&Tenant::default(), &[Draft::new(1, 1).with("deep", value)]);
    let span = Span::alone(batch.span(0));
    assert!(!matches!(span.attributes[0].value, AnyValue::String(_)), "the value was not replaced");
    let text = serde_json::to_string(&span).unwrap();
    assert_eq!(serde_json::from_str::<Span>(&text).unwrap(), span);
}

#[test]
fn lists_and_seen_spans_are_read_as_they_were_written() {
    let trace = everything();
    let found = Found { traces: vec![Summary::from(&trace.summary())], about: About::default() };
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Found>(&text).unwrap(), found, "{text}");
    let seen = Seen { trace_id: trace.id().to_string(), span: Span::alone(trace.root()) };
    let text = serde_json::to_string(&seen).unwrap();
    assert!(!text.contains("depth"), "{text}");
    assert_eq!(serde_json::from_str::<Seen>(&text).unwrap(), seen);
}
