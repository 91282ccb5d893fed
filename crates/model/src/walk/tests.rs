use proptest::prelude::*;

use super::{Malformed, SPANS_PER_REQUEST_MAX, TOO_DEEP, VALUE_DEPTH_MAX, walk};
use crate::proto::Message;
use crate::samples::{Sample, admit, request, scope_spans, span, valid};
use crate::{Batch, Kind, StatusCode, Tenant, TraceId, Value, otlp, rewrite};

const TRACE: [u8; 16] = [7; 16];
const SPAN: [u8; 8] = [9; 8];

fn ids(span: &mut Message, trace: &[u8], id: &[u8], parent: &[u8]) {
    span.bytes(otlp::span::TRACE_ID, trace);
    span.bytes(otlp::span::SPAN_ID, id);
    span.bytes(otlp::span::PARENT_SPAN_ID, parent);
}

#[test]
fn spans_without_ids_are_rejected_and_counted() {
    let cases: [(&[u8], &[u8], &str); 5] = [
        (&[], &SPAN, "no_trace_id"),
        (&[0; 16], &SPAN, "no_trace_id"),
        (&TRACE, &[], "no_span_id"),
        (&TRACE, &[0; 8], "no_span_id"),
        (&[0; 3], &SPAN, "no_trace_id"),
    ];
    for (trace, id, reason) in cases {
        let admitted = span(|span| ids(span, trace, id, &[]));
        let reasons: Vec<_> = admitted.rejected.reasons().map(|(label, _, count)| (label, count)).collect();
        assert_eq!(reasons, [(reason, 1)]);
        assert!(admitted.batch.is_empty());
    }
}

#[test]
fn a_rejected_span_leaves_its_neighbours_alone() {
    let admitted = request(|group| {
        group.message(otlp::resource_spans::SCOPE_SPANS, |spans| {
            for id in [1, 0, 3] {
                spans.message(otlp::scope_spans::SPANS, |span| Sample::new(id, 0, id, id).write(span));
            }
        });
    });
    assert_eq!(admitted.rejected.no_span_id, 1);
    assert_eq!(admitted.rejected.to_string(), "rejected spans: 1 without a valid span id");
    assert_eq!(admitted.batch.spans().map(|span| span.start()).collect::<Vec<_>>(), [1, 3]);
    let again = admit(admitted.batch.bytes().to_vec());
    assert_eq!((again.batch.len(), again.rejected.total()), (2, 0));
}

#[test]
fn ids_of_64_bits_are_padded_on_the_left() {
    let admitted = span(|span| ids(span, &[1; 8], &[2; 4], &[3]));
    let found = admitted.batch.span(0);
    assert_eq!(found.trace_id().to_string(), "00000000000000000101010101010101");
    assert_eq!(found.span_id().to_string(), "0000000002020202");
    assert_eq!(found.parent().map(|id| id.to_string()).as_deref(), Some("0000000000000003"));
    assert_eq!((admitted.mended.short_ids, admitted.rejected.total()), (3, 0));
    assert_eq!(walk(admitted.batch.bytes()).map(|again| again.needs_rewrite()), Ok(false));
}

#[test]
fn ids_that_are_too_long_reject_their_span() {
    for (trace, id, parent) in [(17, 8, 0), (16, 9, 0), (16, 8, 9)] {
        let admitted = span(|span| ids(span, &vec![1; trace], &vec![1; id], &vec![1; parent]));
        assert_eq!((admitted.batch.len(), admitted.rejected.long_id), (0, 1));
    }
}

#[test]
fn an_end_before_the_start_is_kept_as_it_came() {
    let admitted = span(|span| Sample::new(1, 0, 30, 20).write(span));
    let found = admitted.batch.span(0);
    assert_eq!((found.start(), found.end(), found.duration()), (30, 20, 0));
    assert_eq!(admitted.mended, super::Mended::default());
}

#[test]
fn times_of_any_size_are_kept() {
    let admitted = span(|span| Sample::new(1, 0, u64::MAX, u64::MAX).write(span));
    assert_eq!(admitted.batch.span(0).start(), u64::MAX);
}

#[test]
fn a_resource_without_a_name_is_an_unknown_service() {
    assert_eq!(valid(|_| {}).batch.span(0).service(), "unknown_service");
    for name in [Value::Text(""), Value::Int(3), Value::Empty] {
        let admitted = request(|group| {
            group.message(otlp::resource_spans::RESOURCE, |resource| {
                otlp::attribute(resource, otlp::resource::ATTRIBUTES, "service.name", name);
            });
            scope_spans(group, |span| Sample::new(1, 0, 1, 2).write(span));
        });
        assert_eq!(admitted.batch.span(0).service(), "unknown_service", "{name:?}");
    }
}

#[test]
fn the_resource_may_come_after_its_spans() {
    let admitted = request(|group| {
        scope_spans(group, |span| Sample::new(1, 0, 1, 2).write(span));
        group.text(otlp::resource_spans::SCHEMA_URL, "https://schema");
        group.message(otlp::resource_spans::RESOURCE, |resource| {
            otlp::attribute(resource, otlp::resource::ATTRIBUTES, "service.name", Value::Text("late"));
        });
    });
    assert_eq!(admitted.batch.span(0).service(), "late");
    assert_eq!(admitted.batch.span(0).resource().schema_url(), "https://schema");
}

#[test]
fn duplicate_keys_are_kept_and_the_first_one_is_read() {
    let admitted = valid(|span| {
        for number in [1, 2] {
            otlp::attribute(span, otlp::span::ATTRIBUTES, "k", Value::Int(number));
        }
    });
    let attributes = admitted.batch.span(0).attributes();
    assert_eq!(attributes.clone().count(), 2);
    assert!(matches!(attributes.get("k"), Some(Value::Int(1))));
}

#[test]
fn invalid_utf8_becomes_replacements_everywhere_and_is_counted() {
    const BAD: &[u8] = b"a\xffb";
    let pair = |message: &mut Message, number: u32| {
        message.message(number, |pair| {
            pair.bytes(otlp::key_value::KEY, BAD);
            pair.message(otlp::key_value::VALUE, |value| value.bytes(otlp::any_value::STRING, BAD));
        });
    };
    let admitted = request(|group| {
        group.message(otlp::resource_spans::RESOURCE, |resource| pair(resource, otlp::resource::ATTRIBUTES));
        group.message(otlp::resource_spans::SCOPE_SPANS, |spans| {
            spans.message(otlp::scope_spans::SCOPE, |scope| scope.bytes(otlp::scope::NAME, BAD));
            spans.message(otlp::scope_spans::SPANS, |span| {
                ids(span, &TRACE, &SPAN, &[]);
                span.bytes(otlp::span::NAME, BAD);
                span.message(otlp::span::STATUS, |status| status.bytes(otlp::status::MESSAGE, BAD));
                span.message(otlp::span::EVENTS, |event| {
                    event.bytes(otlp::event::NAME, BAD);
                    pair(event, otlp::event::ATTRIBUTES);
                });
                span.message(otlp::span::LINKS, |link| link.bytes(otlp::link::TRACE_STATE, BAD));
                span.message(otlp::span::ATTRIBUTES, |pair| {
                    pair.message(otlp::key_value::VALUE, |value| value.bytes(otlp::any_value::BYTES, BAD));
                });
            });
            spans.bytes(otlp::scope_spans::SCHEMA_URL, BAD);
        });
    });
    let found = admitted.batch.span(0);
    let good = "a\u{fffd}b";
    assert_eq!((found.name(), found.status_message(), found.scope().name()), (good, good, good));
    let event = found.events().next().expect("an event");
    assert!(matches!(event.attributes().get(good), Some(Value::Text(text)) if text == good));
    assert!(matches!(found.resource().attributes().get(good), Some(Value::Text(text)) if text == good));
    assert!(matches!(found.attributes().get(""), Some(Value::Bytes(BAD))), "bytes are no text");
    assert_eq!(found.links().next().map(|link| link.trace_state()), Some(good));
    assert_eq!(admitted.mended.invalid_utf8, 10);
    assert_eq!(walk(admitted.batch.bytes()).map(|again| again.needs_rewrite()), Ok(false));
}

#[test]
fn ten_thousand_attributes_are_kept() {
    let admitted = valid(|span| {
        for number in 0..10_000 {
            otlp::attribute(span, otlp::span::ATTRIBUTES, &format!("k{number}"), Value::Int(number));
        }
    });
    let attributes = admitted.batch.span(0).attributes();
    assert_eq!(attributes.clone().count(), 10_000);
    assert!(matches!(attributes.get("k9999"), Some(Value::Int(9999))));
}

#[test]
fn a_value_of_ten_megabytes_is_kept() {
    let text = "ü".repeat(5 << 20);
    let admitted = valid(|span| otlp::attribute(span, otlp::span::ATTRIBUTES, "k", Value::Text(&text)));
    let value = admitted.batch.span(0).attributes().get("k");
    assert!(matches!(value, Some(Value::Text(found)) if found == text));
}

/// The number 7 inside so many arrays, written from the inside to the outside.
fn nested(levels: usize, number: u32) -> Vec<u8> {
    let mut inner = vec![(otlp::any_value::INT << 3) as u8, 7];
    for _ in 0..levels {
        let mut outer = Message::new();
        if number == otlp::any_value::ARRAY {
            outer.message(number, |values| values.bytes(otlp::values::VALUES, &inner));
        } else {
            outer.message(number, |pairs| {
                pairs.message(otlp::values::VALUES, |pair| pair.bytes(otlp::key_value::VALUE, &inner));
            });
        }
        inner = outer.into_bytes();
    }
    inner
}

fn with_value(span: &mut Message, value: &[u8]) {
    span.message(otlp::span::ATTRIBUTES, |pair| {
        pair.text(otlp::key_value::KEY, "deep");
        pair.bytes(otlp::key_value::VALUE, value);
    });
}

#[test]
fn a_value_is_kept_to_32_levels_and_marked_beyond() {
    for number in [otlp::any_value::ARRAY, otlp::any_value::MAP] {
        for (levels, marked) in [(VALUE_DEPTH_MAX, 0), (VALUE_DEPTH_MAX + 1, 1), (200, 1)] {
            let admitted = valid(|span| {
                with_value(span, &nested(levels, number));
                otlp::attribute(span, otlp::span::ATTRIBUTES, "other", Value::Bool(true));
            });
            let attributes = admitted.batch.span(0).attributes();
            let is_marked = matches!(attributes.get("deep"), Some(Value::Text(TOO_DEEP)));
            assert_eq!((admitted.mended.too_deep, is_marked), (marked, marked == 1), "{levels}");
            assert!(matches!(attributes.get("other"), Some(Value::Bool(true))));
            assert_eq!(walk(admitted.batch.bytes()).map(|again| again.needs_rewrite()), Ok(false));
        }
    }
}

/// A million levels cost no stack: each level is a length that is checked only as far as the limit. Built by hand,
/// since writing a level at a time would copy the inside a million times.
#[test]
fn a_million_levels_take_no_stack() {
    let levels = 1_000_000;
    let mut reversed = vec![7, (otlp::any_value::INT << 3) as u8];
    for _ in 0..levels {
        for number in [otlp::values::VALUES, otlp::any_value::ARRAY] {
            let mut length = Message::new();
            length.varint(1, reversed.len() as u64);
            reversed.extend(length.as_bytes()[1..].iter().rev());
            reversed.push((number << 3 | 2) as u8);
        }
    }
    reversed.reverse();
    let admitted = valid(|span| with_value(span, &reversed));
    assert!(matches!(admitted.batch.span(0).attributes().get("deep"), Some(Value::Text(TOO_DEEP))));
}

#[test]
fn groups_without_spans_are_skipped() {
    let mut request = Message::new();
    for _ in 0..3 {
        request.message(otlp::request::RESOURCE_SPANS, |_| {});
        request.message(otlp::request::RESOURCE_SPANS, |group| {
            group.message(otlp::resource_spans::SCOPE_SPANS, |_| {});
        });
    }
    request.message(otlp::request::RESOURCE_SPANS, |group| {
        group.message(otlp::resource_spans::SCOPE_SPANS, |_| {});
        scope_spans(group, |span| Sample::new(5, 0, 1, 2).write(span));
    });
    let batch = admit(request.into_bytes()).batch;
    assert_eq!((batch.len(), batch.resource_count(), batch.scope_count()), (1, 1, 1));
    assert_eq!(batch.span(0).span_id().to_string(), "0000000000000005");
    assert!(admit(Vec::new()).batch.is_empty());
}

#[test]
fn unknown_fields_and_numbers_are_skipped_and_kept() {
    let admitted = valid(|span| {
        span.varint(100, 5);
        span.bytes(1000, b"later version");
        span.varint(otlp::span::KIND, 77);
        span.message(otlp::span::STATUS, |status| status.varint(otlp::status::CODE, 1 << 40));
    });
    let found = admitted.batch.span(0);
    assert_eq!((found.kind(), found.status()), (Kind::Unspecified, StatusCode::Unset));
    assert!(found.raw().windows(13).any(|window| window == b"later version"));
    let mended = span(|span| {
        ids(span, &[1; 8], &SPAN, &[]);
        span.bytes(1000, b"later version");
    });
    assert!(
        mended.batch.span(0).raw().windows(13).any(|window| window == b"later version"),
        "the rewrite too"
    );
}

#[test]
fn a_field_of_another_wire_type_is_no_known_field() {
    let admitted = valid(|span| {
        span.varint(otlp::span::NAME, 3);
        span.varint(otlp::span::START_TIME_UNIX_NANO, 99);
        span.bytes(otlp::span::KIND, b"server");
    });
    let found = admitted.batch.span(0);
    assert_eq!((found.name(), found.start(), found.kind()), ("work", 10, Kind::Internal));
}

#[test]
fn broken_bytes_are_named_by_their_offset() {
    let whole = Sample::new(1, 0, 1, 2).batch().bytes().to_vec();
    let broken = |bytes: Vec<u8>| match Batch::admit(bytes.into(), Tenant::default()) {
        Err(Malformed::Broken { at }) => at,
        other => panic!("{other:?}"),
    };
    assert_eq!(broken(whole[..whole.len() - 1].to_vec()), 0, "the outermost length runs over the end");
    assert_eq!(broken(b"{\"resourceSpans\":[]}".to_vec()), 0);
    let mut group = whole.clone();
    group.extend([0x0a, 0x02, 0x12, 0x05]);
    assert_eq!(broken(group), whole.len() + 2, "inside the second group");
    let error = Malformed::Broken { at: 7 }.to_string();
    assert_eq!(error, "the body is no ExportTraceServiceRequest: broken at byte 7");
}

#[test]
fn spans_beyond_a_million_are_rejected_and_counted() {
    let mut one = Message::new();
    one.message(otlp::scope_spans::SPANS, |span| ids(span, &TRACE, &SPAN, &[]));
    let spans = one.as_bytes().repeat(SPANS_PER_REQUEST_MAX + 2);
    let admitted = request(|group| group.bytes(otlp::resource_spans::SCOPE_SPANS, &spans));
    assert_eq!((admitted.batch.len(), admitted.rejected.over_limit), (SPANS_PER_REQUEST_MAX, 2));
    assert!(admitted.batch.bytes().len() < spans.len(), "the rest is not kept");
}

/// Fields as a sender with bugs writes them.
fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let text = || proptest::collection::vec(any::<u8>(), 0..6);
    let id = || proptest::collection::vec(0..3u8, 0..18);
    let span = (id(), id(), id(), text(), 0..40usize, any::<bool>(), proptest::option::of((id(), text())));
    proptest::collection::vec(span, 0..6).prop_map(|spans| {
        let mut request = Message::new();
        request.message(otlp::request::RESOURCE_SPANS, |group| {
            for (trace, id, parent, name, depth, twice, link) in &spans {
                scope_spans(group, |span| {
                    for _ in 0..=usize::from(*twice) {
                        ids(span, trace, id, parent);
                    }
                    ids(span, &[1; 16], &[1; 8], &parent[..parent.len().min(8)]);
                    span.bytes(otlp::span::NAME, name);
                    with_value(span, &nested(*depth, otlp::any_value::MAP));
                    if let Some((trace, state)) = link {
                        span.message(otlp::span::LINKS, |link| {
                            link.bytes(otlp::link::TRACE_ID, trace);
                            link.bytes(otlp::link::TRACE_STATE, state);
                        });
                    }
                });
            }
        });
        request.into_bytes()
    })
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Batch::admit(bytes.into(), Tenant::default());
    }

    #[test]
    fn what_was_mended_needs_no_mending(bytes in any_request()) {
        let walked = walk(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (mended, _) = rewrite::rewrite(&bytes);
        let again = walk(&mended).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(!again.needs_rewrite());
        prop_assert_eq!(again.table.spans.len(), walked.table.spans.len());
    }

    #[test]
    fn one_changed_byte_is_taken_or_refused(bytes in any_request(), at: proptest::sample::Index, byte: u8) {
        let mut bytes = bytes;
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(admitted) = Batch::admit(bytes.into(), Tenant::default()) {
            for span in admitted.batch.spans() {
                prop_assert!(span.trace_id() != TraceId::default());
                let _ = (span.name(), span.service(), span.attributes().count(), format!("{:?}", span.attributes()));
            }
        }
    }
}
