use crate::samples::{Sample, request};
use crate::{Batch, Tenant, Value, otlp};

/// Two resources; the first has two scopes of two spans, the second one scope of one.
fn mixed(first: u64) -> Batch {
    let mut message = crate::proto::Message::new();
    let mut id = first;
    for (service, scopes) in [("a", &[2, 2][..]), ("b", &[1])] {
        message.message(otlp::request::RESOURCE_SPANS, |group| {
            group.message(otlp::resource_spans::RESOURCE, |resource| {
                otlp::attribute(resource, otlp::resource::ATTRIBUTES, "service.name", Value::Text(service));
            });
            for (scope, spans) in scopes.iter().enumerate() {
                group.message(otlp::resource_spans::SCOPE_SPANS, |out| {
                    out.message(otlp::scope_spans::SCOPE, |out| {
                        out.text(otlp::scope::NAME, &format!("{service}{scope}"));
                    });
                    for _ in 0..*spans {
                        out.message(otlp::scope_spans::SPANS, |span| {
                            Sample::new(id, 0, id, id + 1).write(span)
                        });
                        id += 1;
                    }
                    out.text(otlp::scope_spans::SCHEMA_URL, "https://scope");
                });
            }
            group.text(otlp::resource_spans::SCHEMA_URL, "https://resource");
        });
    }
    Batch::read(message.into_bytes().into(), Tenant::default()).expect("OTLP")
}

/// What tells the spans of a batch apart, with their surroundings.
fn told(batch: &Batch) -> Vec<(u64, String, String, String)> {
    let tell = |span: crate::Span<'_>| {
        let urls = format!("{} {}", span.resource().schema_url(), span.scope().schema_url());
        (span.start(), span.service().to_owned(), span.scope().name().to_owned(), urls)
    };
    batch.spans().map(tell).collect()
}

#[test]
fn a_batch_knows_its_spans_in_the_order_of_the_bytes() {
    let batch = mixed(1);
    let scopes: Vec<_> = batch.spans().map(|span| span.scope().name()).collect();
    assert_eq!(scopes, ["a0", "a0", "a1", "a1", "b0"]);
    assert_eq!((batch.len(), batch.resource_count(), batch.scope_count()), (5, 2, 3));
    assert_eq!(batch.rows()[4].resource, 1);
}

#[test]
fn merged_batches_tell_what_their_parts_told() {
    let parts = [mixed(1), mixed(6), Sample::new(11, 0, 11, 12).batch()];
    let merged = Batch::merge(&parts).expect("batches");
    let expected: Vec<_> = parts.iter().flat_map(told).collect();
    assert_eq!(told(&merged), expected);
    let again = Batch::read(merged.bytes().clone(), Tenant::default()).expect("OTLP");
    assert_eq!(told(&again), expected, "the bytes alone say the same");
}

#[test]
fn merging_nothing_gives_nothing_and_one_gives_itself() {
    assert!(Batch::merge(&[]).is_none());
    let one = mixed(1);
    let merged = Batch::merge(std::slice::from_ref(&one)).expect("one");
    assert_eq!(merged.bytes().as_ptr(), one.bytes().as_ptr(), "nothing is copied");
}

#[test]
#[should_panic(expected = "a batch has one tenant")]
fn tenants_are_never_merged() {
    let bytes = mixed(1).bytes().clone();
    let other = Batch::read(bytes, Tenant::parse("other").expect("a tenant")).expect("OTLP");
    let _ = Batch::merge(&[mixed(1), other]);
}

#[test]
fn every_selection_tells_what_was_chosen() {
    let whole = Batch::merge(&[mixed(1), mixed(6)]).expect("batches");
    let all = told(&whole);
    for chosen in 0..1_u32 << whole.len() {
        let keep = |place: usize| chosen & 1 << place != 0;
        let expected: Vec<_> =
            (0..all.len()).filter(|place| keep(*place)).map(|place| all[place].clone()).collect();
        let selected = whole.select(keep);
        assert_eq!(told(&selected), expected, "{chosen:b}");
        assert!(selected.scope_count() <= whole.scope_count());
    }
}

#[test]
fn a_selection_without_resource_and_scope_stays_without() {
    let bare =
        request(|group| crate::samples::scope_spans(group, |span| Sample::new(1, 0, 1, 2).write(span))).batch;
    let selected = bare.select(|_| true);
    assert_eq!((selected.len(), selected.span(0).service()), (1, "unknown_service"));
    assert!(bare.select(|_| false).is_empty());
}
