use model::proto::Message;
use model::{Batch, Kind, StatusCode, Tenant, Trace, TraceId, Value, otlp, walk};
use proptest::prelude::*;

use super::{JsonError, batch, decode, trace};
use crate::json::Writer;

const TRACE: &str = "5b8efff798038103d269b633813fc60c";

#[track_caller]
fn admit(json: &str) -> walk::Admitted {
    let bytes = decode(json.as_bytes()).expect("OTLP JSON");
    Batch::admit(bytes.into(), Tenant::default()).expect("OTLP protobuf")
}

fn text_of(spans: &Batch) -> String {
    let mut out = Writer::compact();
    batch(spans, &mut out);
    String::from_utf8(out.into_bytes()).expect("UTF-8")
}

/// A request of one span with these members.
fn span(members: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#)
}

fn with_value(value: &str) -> String {
    span(&format!(
        r#""traceId":"{TRACE}","spanId":"eee19b7ec3c1b174","attributes":[{{"key":"k","value":{value}}}]"#
    ))
}

#[track_caller]
fn refused(json: &str) -> JsonError {
    decode(json.as_bytes()).expect_err("no OTLP JSON")
}

#[test]
fn the_specifications_form_reads_and_writes_back_as_it_was() {
    let json = concat!(
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}],"#,
        r#""droppedAttributesCount":1},"scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0","attributes":["#,
        r#"{"key":"a","value":{"boolValue":true}}]},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","#,
        r#""spanId":"eee19b7ec3c1b174","traceState":"a=b","parentSpanId":"eee19b7ec3c1b173","name":"I'm a \"server\"","#,
        r#""kind":2,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","attributes":["#,
        r#"{"key":"i","value":{"intValue":"-9223372036854775808"}},{"key":"d","value":{"doubleValue":0.5}},"#,
        r#"{"key":"n","value":{"doubleValue":"NaN"}},{"key":"b","value":{"bytesValue":"AP/+"}},{"key":"e","value":{}},"#,
        r#"{"key":"l","value":{"arrayValue":{"values":[{"intValue":"1"},{},{"stringValue":""}]}}},"#,
        r#"{"key":"m","value":{"kvlistValue":{"values":[{"key":"x","value":{"arrayValue":{}}}]}}}],"#,
        r#""droppedAttributesCount":2,"events":[{"timeUnixNano":"1544712660500000000","name":"exception","attributes":"#,
        r#"[{"key":"exception.type","value":{"stringValue":"E"}}],"droppedAttributesCount":3}],"droppedEventsCount":4,"#,
        r#""links":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","traceState":"c=d","#,
        r#""attributes":[{"key":"y","value":{"stringValue":"z"}}],"droppedAttributesCount":5,"flags":1}],"#,
        r#""droppedLinksCount":6,"status":{"message":"no","code":2},"flags":257}],"schemaUrl":"https://a/1"}],"#,
        r#""schemaUrl":"https://b/2"}]}"#,
    );
    assert_eq!(text_of(&admit(json).batch), json);
}

#[test]
fn nodes_sdk_is_understood() {
    let json = span(
        r#""traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"GET /","kind":2,
        "startTimeUnixNano":1544712660000000000,"endTimeUnixNano":"1544712660003004005","droppedAttributesCount":0,
        "attributes":[{"key":"http.status_code","value":{"intValue":500}},
        {"key":"ratio","value":{"doubleValue":1}}],"events":[],"links":[],"status":{"code":2,"message":""},"flags":257"#,
    );
    let spans = admit(&json).batch;
    let span = spans.span(0);
    assert_eq!(span.trace_id().to_string(), TRACE);
    assert_eq!((span.kind(), span.status()), (Kind::Server, StatusCode::Error));
    assert_eq!((span.start(), span.duration()), (1_544_712_660_000_000_000, 3_004_005));
    assert!(matches!(span.attributes().get("http.status_code"), Some(Value::Int(500))));
    assert!(matches!(span.attributes().get("ratio"), Some(Value::Double(1.0))));
}

#[test]
fn snake_case_names_enum_names_and_base64_ids_are_understood() {
    let json = r#"{"resource_spans":[{"schema_url":"r","scope_spans":[{"schema_url":"s","spans":[{
        "trace_id":"W47/95gDgQPSabYzgT/GDA==","span_id":"7uGbfsPBsXQ=","parent_span_id":"7uGbfsPBsXM","trace_state":"t",
        "kind":"SPAN_KIND_CLIENT","start_time_unix_nano":"1","end_time_unix_nano":2.5e1,"status":{"code":"STATUS_CODE_OK"},
        "dropped_attributes_count":"7","attributes":[{"key":"k","value":{"int_value":"1e3"}}]}]}]}]}"#;
    let spans = admit(json).batch;
    let span = spans.span(0);
    assert_eq!(span.trace_id().to_string(), TRACE);
    assert_eq!(span.span_id().to_string(), "eee19b7ec3c1b174");
    assert_eq!(span.parent().map(|id| id.to_string()).as_deref(), Some("eee19b7ec3c1b173"));
    assert_eq!((span.kind(), span.status(), span.end()), (Kind::Client, StatusCode::Ok, 25));
    assert_eq!(
        (span.resource().schema_url(), span.scope().schema_url(), span.trace_state()),
        ("r", "s", "t")
    );
    assert_eq!(span.dropped(), [7, 0, 0]);
    assert!(matches!(span.attributes().get("k"), Some(Value::Int(1000))));
}

#[test]
fn the_names_of_2021_are_understood() {
    let json = format!(
        r#"{{"resourceSpans":[{{"instrumentationLibrarySpans":[{{"instrumentationLibrary":{{"name":"old"}},
        "spans":[{{"traceId":"{TRACE}","spanId":"01"}}]}}]}}]}}"#
    );
    assert_eq!(admit(&json).batch.span(0).scope().name(), "old");
}

#[test]
fn null_is_absent_and_unknown_keys_are_skipped() {
    let json = r#"{"resourceSpans":[null,{"resource":null,"new":{"a":[1,{"b":null}]},"scopeSpans":[{"scope":null,
        "spans":[null,{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"01","parentSpanId":"","name":null,
        "kind":null,"attributes":null,"status":null,"localRootSpan":true,
        "events":[{"timeUnixNano":null,"attributes":[null]}],
        "links":null}]}]}],"partialSuccess":{}}"#;
    let admitted = admit(json);
    let span = admitted.batch.span(0);
    assert_eq!(
        (admitted.batch.len(), span.name(), span.parent(), span.attributes().count()),
        (1, "", None, 0)
    );
    assert_eq!(span.events().count(), 1);
    assert!(decode(b"{}").expect("an empty request").is_empty());
}

#[test]
fn of_two_equal_keys_the_last_counts_and_lists_are_joined() {
    let json = span(&format!(
        r#""traceId":"01","traceId":"{TRACE}","spanId":"02","name":"a","name":"b",
        "attributes":[{{"key":"k","value":{{"stringValue":"1","intValue":2}}}}],"attributes":[{{"key":"l","value":{{}}}}]"#
    ));
    let spans = admit(&json).batch;
    let span = spans.span(0);
    assert_eq!((span.trace_id().to_string().as_str(), span.name()), (TRACE, "b"));
    assert!(matches!(span.attributes().get("k"), Some(Value::Int(2))));
    assert_eq!(span.attributes().count(), 2);
}

#[test]
fn short_ids_are_padded_and_long_ones_reject_their_span_alone() {
    let admitted = admit(&span(r#""traceId":"abc","spanId":"1""#));
    assert_eq!(admitted.batch.span(0).trace_id(), TraceId::parse("abc").expect("an id"));
    assert_eq!(admitted.mended.short_ids, 2);
    let admitted = admit(&span(&format!(r#""traceId":"{TRACE}00","spanId":"01""#)));
    assert_eq!((admitted.batch.len(), admitted.rejected.long_id), (0, 1));
    let admitted = admit(&span(r#""traceId":"","spanId":"01""#));
    assert_eq!((admitted.batch.len(), admitted.rejected.no_trace_id), (0, 1));
}

#[test]
fn invalid_utf8_is_mended_by_the_walk_and_lone_surrogates_here() {
    let mut json = span(r#""traceId":"01","spanId":"01","name":"\ud800-?""#).into_bytes();
    let at = json.iter().rposition(|byte| *byte == b'?').expect("a mark");
    json[at] = 0xff;
    let bytes = decode(&json).expect("OTLP JSON");
    let admitted = Batch::admit(bytes.into(), Tenant::default()).expect("OTLP");
    assert_eq!(admitted.batch.span(0).name(), "\u{fffd}-\u{fffd}");
    assert_eq!(admitted.mended.invalid_utf8, 1);
}

#[test]
fn doubles_have_all_their_forms() {
    for (written, number) in [
        ("1e-3", 0.001),
        ("\"1.5\"", 1.5),
        ("-0", -0.0),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
        ("3", 3.0),
    ] {
        let spans = admit(&with_value(&format!(r#"{{"doubleValue":{written}}}"#))).batch;
        let value = spans.span(0).attributes().get("k");
        assert!(matches!(value, Some(Value::Double(found)) if found == number), "{written}: {value:?}");
    }
}

#[test]
fn bytes_are_base64_of_either_alphabet() {
    for written in ["-_8=", "+/8", "-_8", "+/8="] {
        let spans = admit(&with_value(&format!(r#"{{"bytesValue":"{written}"}}"#))).batch;
        assert!(matches!(spans.span(0).attributes().get("k"), Some(Value::Bytes(b"\xfb\xff"))), "{written}");
    }
}

/// `{"arrayValue":{"values":[…]}}`, so many times.
fn nested(levels: usize) -> String {
    let open = r#"{"arrayValue":{"values":["#.repeat(levels);
    format!("{open}{{\"intValue\":1}}{}", "]}}".repeat(levels))
}

#[test]
fn a_value_nested_too_deep_becomes_the_marker_and_its_span_is_kept() {
    for (levels, marked) in [(31, false), (32, false), (33, true), (200_000, true)] {
        let admitted = admit(&with_value(&nested(levels)));
        let value = admitted.batch.span(0).attributes().get("k");
        assert_eq!(matches!(value, Some(Value::Text(walk::TOO_DEEP))), marked, "{levels}");
        assert_eq!(admitted.mended.too_deep, u64::from(marked), "{levels}");
    }
}

#[test]
fn what_cant_be_meant_is_refused_with_its_place() {
    let error =
        refused("{\"resourceSpans\": [\n {\"scopeSpans\": [{\"spans\": [{}, {\"traceId\": \"xyz\"}]}]}]}");
    assert_eq!((error.line, error.column), (2, 45));
    assert_eq!(error.path, "resourceSpans[0].scopeSpans[0].spans[1].traceId");
    assert_eq!(error.message, "expected 32 hexadecimal digits, found \"xyz\"");
    let cases = [
        ("", "expected an object"),
        ("[]", "expected an object"),
        ("{} {}", "expected the end of the text"),
        (r#"{"resourceSpans":{}}"#, "expected an array"),
        (&span(r#""kind":"SPAN_KIND_NEW""#), "expected a number or one of SPAN_KIND_"),
        (&span(r#""kind":1.5"#), "expected a number or a name, found 1.5"),
        (&span(r#""startTimeUnixNano":-1"#), "expected nanoseconds since 1970"),
        (&span(r#""startTimeUnixNano":"18446744073709551616""#), "expected nanoseconds since 1970"),
        (&span(r#""startTimeUnixNano":"2024-01-01T00:00:00Z""#), "expected nanoseconds since 1970"),
        (&span(r#""name":5"#), "expected a string"),
        (&with_value(r#"{"intValue":9223372036854775808}"#), "expected a 64-bit integer"),
        (&with_value(r#"{"doubleValue":"x"}"#), "expected a number, \"NaN\""),
        (&with_value(r#"{"bytesValue":"*"}"#), "expected base64"),
        (&with_value(r#"{"boolValue":"true"}"#), "expected true or false"),
        (&with_value(r#""plain""#), "expected an object"),
    ];
    for (json, message) in cases {
        let error = refused(json);
        assert!(error.message.starts_with(message), "{json}: {error}");
    }
}

#[test]
fn a_number_of_ten_megabytes_is_refused_in_few_words() {
    let error = refused(&with_value(&format!(r#"{{"intValue":{}}}"#, "9".repeat(10_000_000))));
    assert!(error.message.len() < 200, "{} bytes", error.message.len());
}

#[test]
fn the_spans_of_a_trace_are_grouped_by_resource_and_scope() {
    let json = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"SVC"}}]},
        "scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"01","spanId":"SPAN"}]}]}]}"#;
    let one = |service: &str, span: &str| admit(&json.replace("SVC", service).replace("SPAN", span)).batch;
    let batches = vec![one("a", "01"), one("b", "02"), one("a", "03")];
    let whole = Trace::join(TraceId::parse("01").expect("an id"), batches).expect("a trace");
    let mut out = Writer::compact();
    trace(&whole, &mut out);
    let value: serde_json::Value = serde_json::from_slice(&out.into_bytes()).expect("JSON");
    let groups = value["resourceSpans"].as_array().expect("groups");
    let spans = |at: usize| groups[at]["scopeSpans"][0]["spans"].as_array().map(Vec::len);
    assert_eq!((groups.len(), spans(0), spans(1)), (2, Some(2), Some(1)));
}

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let wrote = |value: Value<'_>| {
        let mut message = Message::new();
        otlp::write_value(&mut message, value);
        message.into_bytes()
    };
    let leaf = prop_oneof![
        Just(Vec::new()),
        any::<String>().prop_map(move |text| wrote(Value::Text(&text))),
        any::<bool>().prop_map(move |truth| wrote(Value::Bool(truth))),
        any::<i64>().prop_map(move |number| wrote(Value::Int(number))),
        any::<f64>().prop_map(move |number| wrote(Value::Double(number))),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(move |bytes| wrote(Value::Bytes(&bytes))),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let elements = proptest::collection::vec(inner.clone(), 0..3).prop_map(|elements| {
            let mut message = Message::new();
            message.message(otlp::any_value::ARRAY, |array| {
                elements.iter().for_each(|element| array.bytes(otlp::values::VALUES, element));
            });
            message.into_bytes()
        });
        let members = proptest::collection::vec(("[a-z]{1,3}", inner), 0..3).prop_map(|members| {
            let mut message = Message::new();
            message.message(otlp::any_value::MAP, |map| {
                for (key, value) in &members {
                    map.message(otlp::values::VALUES, |pair| {
                        pair.text(otlp::key_value::KEY, key);
                        pair.bytes(otlp::key_value::VALUE, value);
                    });
                }
            });
            message.into_bytes()
        });
        prop_oneof![elements, members]
    })
}

/// A request in the order of fields in which JSON is read.
fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let attributes = proptest::collection::vec((".{1,8}", any_value()), 0..5);
    let span = (1..u128::MAX, 1..u64::MAX, ".{1,9}", 0..6u64, any::<[u64; 2]>(), attributes, "[a-z]{1,5}");
    proptest::collection::vec(span, 1..5).prop_map(|spans| {
        let mut request = Message::new();
        request.message(otlp::request::RESOURCE_SPANS, |group| {
            group.message(otlp::resource_spans::RESOURCE, |resource| {
                otlp::attribute(resource, otlp::resource::ATTRIBUTES, "service.name", Value::Text("s"));
            });
            group.message(otlp::resource_spans::SCOPE_SPANS, |scope| {
                scope.message(otlp::scope_spans::SCOPE, |scope| scope.text(otlp::scope::NAME, "n"));
                for (trace, id, name, kind, [start, end], attributes, message) in &spans {
                    scope.message(otlp::scope_spans::SPANS, |span| {
                        span.bytes(otlp::span::TRACE_ID, &trace.to_be_bytes());
                        span.bytes(otlp::span::SPAN_ID, &id.to_be_bytes());
                        span.text(otlp::span::NAME, name);
                        span.varint(otlp::span::KIND, *kind);
                        span.fixed64(otlp::span::START_TIME_UNIX_NANO, *start);
                        span.fixed64(otlp::span::END_TIME_UNIX_NANO, *end);
                        for (key, value) in attributes {
                            span.message(otlp::span::ATTRIBUTES, |pair| {
                                pair.text(otlp::key_value::KEY, key);
                                pair.bytes(otlp::key_value::VALUE, value);
                            });
                        }
                        span.message(otlp::span::STATUS, |status| {
                            status.text(otlp::status::MESSAGE, message)
                        });
                    });
                }
            });
        });
        request.into_bytes()
    })
}

proptest! {
    #[test]
    fn bytes_to_json_and_back_are_the_same_bytes(bytes in any_request()) {
        let spans = Batch::read(bytes.clone().into(), Tenant::default()).expect("OTLP");
        prop_assert_eq!(decode(text_of(&spans).as_bytes()).expect("OTLP JSON"), bytes);
    }

    #[test]
    fn broken_requests_are_read_or_refused(bytes in any_request(), at in any::<proptest::sample::Index>(), byte: u8) {
        let spans = Batch::read(bytes.into(), Tenant::default()).expect("OTLP");
        let mut json = text_of(&spans).into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(bytes) = decode(&json) {
            prop_assert!(Batch::admit(bytes.into(), Tenant::default()).is_ok());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = decode(text.as_bytes());
    }
}
