use std::sync::Arc;

use model::proto::Message;
use model::{Attributes, Batch, Span, Tenant, Value, otlp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::block::{GroupReader, OpenBlock};
use crate::columns::rebuild::Rebuilder;

/// A value of an attribute, to be written and compared.
#[derive(Clone, Debug, PartialEq)]
enum Any {
    Empty,
    Text(String),
    Bool(bool),
    Int(i64),
    Double(u64),
    Bytes(Vec<u8>),
    Array(Vec<Any>),
    Map(Vec<(String, Any)>),
}

type Pairs = Vec<(String, Any)>;

impl Any {
    fn write(&self, message: &mut Message) {
        match self {
            Self::Array(values) => message.message(otlp::any_value::ARRAY, |array| {
                for value in values {
                    array.message(otlp::values::VALUES, |open| value.write(open));
                }
            }),
            Self::Map(pairs) => message.message(otlp::any_value::MAP, |map| {
                write_pairs(map, otlp::values::VALUES, pairs);
            }),
            Self::Empty => {}
            Self::Text(text) => otlp::write_value(message, Value::Text(text)),
            Self::Bool(truth) => otlp::write_value(message, Value::Bool(*truth)),
            Self::Int(number) => otlp::write_value(message, Value::Int(*number)),
            Self::Double(bits) => otlp::write_value(message, Value::Double(f64::from_bits(*bits))),
            Self::Bytes(bytes) => otlp::write_value(message, Value::Bytes(bytes)),
        }
    }

    fn read(value: Value<'_>) -> Self {
        match value {
            Value::Empty => Self::Empty,
            Value::Text(text) => Self::Text(text.into()),
            Value::Bool(truth) => Self::Bool(truth),
            Value::Int(number) => Self::Int(number),
            Value::Double(number) => Self::Double(number.to_bits()),
            Value::Bytes(bytes) => Self::Bytes(bytes.into()),
            Value::Array(values) => Self::Array(values.iter().map(Self::read).collect()),
            Value::Map(map) => {
                Self::Map(map.iter().map(|pair| (pair.key.into(), Self::read(pair.value))).collect())
            }
        }
    }
}

fn write_pairs(message: &mut Message, number: u32, pairs: &Pairs) {
    for (key, value) in pairs {
        message.message(number, |pair| {
            pair.text(otlp::key_value::KEY, key);
            pair.message(otlp::key_value::VALUE, |open| value.write(open));
        });
    }
}

/// The attributes, in order of their keys; values of one key stay in the order in which they were sent.
fn sorted(attributes: Attributes<'_>) -> Pairs {
    let mut pairs: Pairs = attributes.map(|found| (found.key.to_owned(), Any::read(found.value))).collect();
    pairs.sort_by(|left, right| left.0.cmp(&right.0));
    pairs
}

/// All that a span is, as one comparable value.
fn all_of(span: Span<'_>) -> String {
    let events: Vec<_> = span
        .events()
        .map(|event| (event.time(), event.name().to_owned(), sorted(event.attributes()), event.dropped()))
        .collect();
    let links: Vec<_> = span
        .links()
        .map(|link| {
            let ids = (link.trace_id(), link.span_id());
            (ids, link.trace_state().to_owned(), sorted(link.attributes()), link.flags(), link.dropped())
        })
        .collect();
    let (resource, scope) = (span.resource(), span.scope());
    format!(
        "{:?}",
        (
            (span.trace_id(), span.span_id(), span.parent(), span.name(), span.row().kind, span.row().status),
            (
                span.status_message(),
                span.start(),
                span.end(),
                span.trace_state(),
                span.flags(),
                span.dropped()
            ),
            (sorted(span.attributes()), events, links),
            (sorted(resource.attributes()), resource.schema_url(), resource.dropped()),
            (scope.name(), scope.version(), sorted(scope.attributes()), scope.schema_url(), scope.dropped()),
        )
    )
}

pub(crate) fn sorted_spans(batches: &[Batch]) -> Vec<String> {
    let mut spans: Vec<String> = batches.iter().flat_map(|batch| batch.spans().map(all_of)).collect();
    spans.sort_unstable();
    spans
}

/// Writes batches as one chunk and puts every row together again.
fn there_and_back(batches: &[Batch]) -> Vec<Batch> {
    let folder = tempfile::tempdir().unwrap();
    let mut block = OpenBlock::create(folder.path(), "b", &Arc::default()).unwrap();
    block.append(batches).unwrap();
    let view = block.view();
    let mut back = Vec::new();
    for group in &view.groups {
        let mut reader = GroupReader::new(&view, group).unwrap();
        let mut rebuilder = Rebuilder::default();
        // A few rows of a page are read as such, later ones by the whole page.
        for rows in (0..group.rows).collect::<Vec<_>>().chunks(3) {
            reader.rebuild(rows, None, &mut rebuilder).unwrap();
        }
        back.push(Batch::read(rebuilder.finish().into(), Tenant::default()).unwrap());
    }
    back
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("http.method".to_owned()),
        Just("http.request.method".to_owned()),
        Just("http.status_code".to_owned()),
        Just("net.peer.name".to_owned()),
        Just("net.host.name".to_owned()),
        Just("server.address".to_owned()),
        Just("service.name".to_owned()),
        Just("deployment.environment".to_owned()),
        Just("exception.type".to_owned()),
        Just("exception.stacktrace".to_owned()),
        Just("name".to_owned()),
        Just("trace_id".to_owned()),
        Just("user.id".to_owned()),
        Just("User.Id".to_owned()),
        "[a-c]{0,2}",
        "\\PC{0,4}",
    ]
}

fn any() -> impl Strategy<Value = Any> {
    let flat = prop_oneof![
        3 => "\\PC{0,6}".prop_map(Any::Text),
        1 => Just(Any::Empty),
        1 => proptest::bool::ANY.prop_map(Any::Bool),
        2 => proptest::num::i64::ANY.prop_map(Any::Int),
        1 => (0..3_i64).prop_map(Any::Int),
        1 => proptest::num::u64::ANY.prop_map(Any::Double),
        1 => (0..5_u8).prop_map(|number| Any::Double(f64::from(number).to_bits())),
        1 => vec(proptest::num::u8::ANY, 0..5).prop_map(Any::Bytes),
    ];
    flat.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Any::Array),
            vec((key(), inner), 0..3).prop_map(Any::Map),
        ]
    })
}

fn pairs() -> impl Strategy<Value = Pairs> {
    vec((key(), any()), 0..5)
}

fn event() -> impl Strategy<Value = Vec<u8>> {
    (proptest::num::u64::ANY, "[a-c]{0,2}", pairs(), 0..2_u32).prop_map(|(time, name, pairs, dropped)| {
        let mut event = Message::new();
        event.fixed64(otlp::event::TIME_UNIX_NANO, time);
        event.text(otlp::event::NAME, &name);
        write_pairs(&mut event, otlp::event::ATTRIBUTES, &pairs);
        event.varint(otlp::event::DROPPED_ATTRIBUTES_COUNT, dropped.into());
        event.into_bytes()
    })
}

fn link() -> impl Strategy<Value = Vec<u8>> {
    (proptest::array::uniform16(0..2_u8), pairs(), "[a-c]{0,2}", 0..2_u32, 0..2_u32).prop_map(
        |(id, pairs, state, dropped, flags)| {
            let mut link = Message::new();
            link.bytes(otlp::link::TRACE_ID, &id);
            link.bytes(otlp::link::SPAN_ID, &id[..8]);
            link.text(otlp::link::TRACE_STATE, &state);
            write_pairs(&mut link, otlp::link::ATTRIBUTES, &pairs);
            link.varint(otlp::link::DROPPED_ATTRIBUTES_COUNT, dropped.into());
            link.fixed32(otlp::link::FLAGS, flags);
            link.into_bytes()
        },
    )
}

fn span() -> impl Strategy<Value = Vec<u8>> {
    let numbers = (1..4_u8, 1..6_u8, 0..7_u8, 0..7_u64, 0..4_u64, 0..3_u32);
    let times =
        (prop_oneof![0..4_u64, proptest::num::u64::ANY], prop_oneof![0..4_u64, proptest::num::u64::ANY]);
    let texts = ("[a-c]{0,2}", "[a-c]{0,2}", "[a-c]{0,2}");
    (numbers, times, texts, pairs(), vec(event(), 0..3), vec(link(), 0..3)).prop_map(
        |((trace, id, parent, kind, status, flags), (start, end), texts, pairs, events, links)| {
            let mut span = Message::new();
            let parent = if parent == 0 { [0; 8] } else { [parent; 8] };
            otlp::span_ids(
                &mut span,
                model::TraceId([trace; 16]),
                model::SpanId([id; 8]),
                model::SpanId(parent),
            );
            span.text(otlp::span::NAME, &texts.0);
            span.text(otlp::span::TRACE_STATE, &texts.1);
            span.varint(otlp::span::KIND, kind);
            span.fixed64(otlp::span::START_TIME_UNIX_NANO, start);
            span.fixed64(otlp::span::END_TIME_UNIX_NANO, end);
            write_pairs(&mut span, otlp::span::ATTRIBUTES, &pairs);
            events.iter().for_each(|event| span.bytes(otlp::span::EVENTS, event));
            links.iter().for_each(|link| span.bytes(otlp::span::LINKS, link));
            span.message(otlp::span::STATUS, |open| {
                open.text(otlp::status::MESSAGE, &texts.2);
                open.varint(otlp::status::CODE, status);
            });
            span.varint(otlp::span::DROPPED_ATTRIBUTES_COUNT, flags.into());
            span.varint(otlp::span::DROPPED_LINKS_COUNT, flags.into());
            span.fixed32(otlp::span::FLAGS, flags);
            span.into_bytes()
        },
    )
}

pub(crate) fn request() -> impl Strategy<Value = Vec<u8>> {
    let scope = ("[a-c]{0,2}", pairs(), vec(span(), 0..6));
    let group = (pairs(), "[a-c]{0,2}", 0..2_u32, vec(scope, 0..3));
    vec(group, 0..3).prop_map(|groups| {
        let mut request = Message::new();
        for (resource, url, dropped, scopes) in &groups {
            request.message(otlp::request::RESOURCE_SPANS, |group| {
                group.message(otlp::resource_spans::RESOURCE, |open| {
                    write_pairs(open, otlp::resource::ATTRIBUTES, resource);
                    open.varint(otlp::resource::DROPPED_ATTRIBUTES_COUNT, (*dropped).into());
                });
                for (name, pairs, spans) in scopes {
                    group.message(otlp::resource_spans::SCOPE_SPANS, |open| {
                        open.message(otlp::scope_spans::SCOPE, |scope| {
                            scope.text(otlp::scope::NAME, name);
                            scope.text(otlp::scope::VERSION, url);
                            write_pairs(scope, otlp::scope::ATTRIBUTES, pairs);
                        });
                        spans.iter().for_each(|span| open.bytes(otlp::scope_spans::SPANS, span));
                        open.text(otlp::scope_spans::SCHEMA_URL, name);
                    });
                }
                group.text(otlp::resource_spans::SCHEMA_URL, url);
            });
        }
        request.into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_span_comes_back_as_it_was_sent(requests in vec(request(), 1..4)) {
        let read = |bytes: Vec<u8>| Batch::read(bytes.into(), Tenant::default()).unwrap();
        let batches: Vec<Batch> = requests.into_iter().map(read).collect();
        let back = there_and_back(&batches);
        prop_assert_eq!(sorted_spans(&back), sorted_spans(&batches));
    }
}

#[test]
fn a_chunk_of_many_pages_comes_back() {
    let mut traffic = r#gen::Traffic::new(r#gen::Shape::default()).unwrap();
    let batches: Vec<Batch> =
        (0..20).map(|_| Batch::read(traffic.next_request(1000).into(), Tenant::default()).unwrap()).collect();
    let back = there_and_back(&batches);
    assert!(sorted_spans(&back) == sorted_spans(&batches), "9,000 spans come back as they were sent");
}

#[test]
fn a_value_that_a_resource_repeats_is_stored_once() {
    let large = "x".repeat(1 << 20);
    let mut request = Message::new();
    request.message(otlp::request::RESOURCE_SPANS, |group| {
        group.message(otlp::resource_spans::RESOURCE, |open| {
            otlp::attribute(open, otlp::resource::ATTRIBUTES, "process.command_line", Value::Text(&large));
        });
        group.message(otlp::resource_spans::SCOPE_SPANS, |open| {
            for number in 1..=2000_u32 {
                open.message(otlp::scope_spans::SPANS, |span| {
                    let id = model::SpanId(u64::from(number).to_be_bytes());
                    otlp::span_ids(span, model::TraceId([7; 16]), id, model::SpanId::default());
                });
            }
        });
    });
    let batch = Batch::read(request.into_bytes().into(), Tenant::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut block = OpenBlock::create(folder.path(), "b", &Arc::default()).unwrap();
    block.append(&[batch]).unwrap();
    assert!(block.bytes() < 1 << 20, "two thousand spans share a megabyte: {} bytes", block.bytes());
    assert_eq!(Arc::strong_count(&block.view().groups[0]), 2);
}
