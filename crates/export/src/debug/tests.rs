use model::proto::Message;
use model::{Tenant, Value, otlp};
use pipeline::testing;

use super::*;

fn settings(sampling_initial: u64, sampling_thereafter: u64) -> Settings {
    Settings {
        verbosity: "basic",
        sampling_initial,
        sampling_thereafter,
        use_internal_logger: true,
        output_paths: Vec::new(),
    }
}

#[track_caller]
fn check(settings: &Settings, shown: &[bool]) {
    let mut sampling = Sampling::default();
    for second in [7, 8] {
        let seen: Vec<bool> = shown.iter().map(|_| sampling.is_shown(settings, second)).collect();
        assert_eq!(seen, shown);
    }
}

#[test]
fn a_flood_is_sampled_in_every_second_anew() {
    check(&settings(2, 3), &[true, true, false, false, true, false, false, true]);
    check(&settings(2, 1), &[true, true, true, true]);
    check(&settings(1, 0), &[true, false, false]);
}

#[test]
fn everything_is_shown_in_the_collectors_form_and_cannot_steer_a_terminal() {
    let mut request = Message::new();
    request.message(otlp::request::RESOURCE_SPANS, |group| {
        group.message(otlp::resource_spans::RESOURCE, |resource| {
            otlp::attribute(resource, otlp::resource::ATTRIBUTES, "service.name", Value::Text("shop"));
        });
        group.message(otlp::resource_spans::SCOPE_SPANS, |scope| {
            scope.message(otlp::scope_spans::SPANS, |span| {
                span.bytes(otlp::span::TRACE_ID, &[1; 16]);
                span.bytes(otlp::span::SPAN_ID, &[2; 8]);
                span.text(otlp::span::NAME, "a\x1b[2J");
                otlp::attribute(span, otlp::span::ATTRIBUTES, "n", Value::Int(3));
            });
        });
    });
    let batch = Batch::read(request.into_bytes().into(), Tenant::default()).expect("it is OTLP");
    let text = print::detailed(&batch);
    for part in [
        "ResourceSpans #0\n",
        "     -> service.name: Str(shop)\n",
        "    Trace ID       : 01010101010101010101010101010101\n",
        "    Name           : a\\u{1b}[2J\n",
        "Attributes:\n     -> n: Int(3)\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(print::normal(&batch).lines().count(), 1);
    assert_eq!(
        print::basic(&testing::batch(2, Tenant::default())),
        "Traces {\"resource spans\": 1, \"spans\": 2}"
    );
}
