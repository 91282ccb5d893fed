use super::*;

use std::collections::{HashMap, HashSet};

use model::{Batch, Kind, StatusCode, Tenant};

/// All requests of a shape, admitted; waits until about `spans` were made, then takes the rest.
fn batches(shape: Shape, spans: u64) -> (Vec<Batch>, Summary) {
    let mut traffic = Traffic::new(shape).unwrap();
    let mut batches = Vec::new();
    while traffic.made().spans < spans {
        batches.push(admit(traffic.next_request(1_000)));
    }
    batches.extend(traffic.finish().map(admit));
    (batches, traffic.made())
}

fn admit(request: Vec<u8>) -> Batch {
    let admitted = Batch::admit(request.into(), Tenant::default()).expect("requests are OTLP");
    assert_eq!(admitted.rejected.total(), 0);
    assert_eq!(admitted.mended, model::Mended::default());
    admitted.batch
}

#[test]
fn one_seed_makes_the_same_bytes_and_another_makes_others() {
    let requests = |seed| {
        let mut traffic = Traffic::new(Shape { seed, spread: 500, ..Shape::default() }).unwrap();
        (0..5).map(|_| traffic.next_request(200)).collect::<Vec<_>>()
    };
    assert_eq!(requests(7), requests(7));
    assert_ne!(requests(7), requests(8));
}

#[test]
fn the_distributions_are_those_of_the_prototype() {
    let (batches, made) = batches(Shape::default(), 60_000);
    let spans: Vec<_> = batches.iter().flat_map(Batch::spans).collect();
    assert_eq!(spans.len() as u64, made.spans);
    let share = |count: usize| count as f64 / spans.len() as f64;
    let attributes: usize =
        spans.iter().map(|span| span.attributes().count() + span.resource().attributes().count()).sum();
    let alone: usize = spans
        .iter()
        .map(|span| span.raw().len() + span.resource().raw().len() + span.scope().raw().len())
        .sum();
    let errors = spans.iter().filter(|span| span.status() == StatusCode::Error).count();
    let exceptions: usize =
        spans.iter().map(|span| span.events().filter(|e| e.name() == "exception").count()).sum();
    let traces: HashSet<_> = spans.iter().map(|span| span.trace_id()).collect();
    let operations: HashSet<_> =
        spans.iter().filter(|s| s.kind() == Kind::Server).map(|s| (s.service(), s.name())).collect();
    let figures = format!(
        "attributes {:.1}, bytes {:.0} ({:.0} alone), errors {:.4}, spans per trace {:.2}, operations {}, exceptions {exceptions}",
        share(attributes),
        made.bytes as f64 / made.spans as f64,
        share(alone),
        share(errors),
        spans.len() as f64 / traces.len() as f64,
        operations.len(),
    );
    println!("{figures}");
    assert!((18.0..20.0).contains(&share(attributes)), "{figures}");
    assert!((750.0..950.0).contains(&share(alone)), "{figures}");
    assert!((450.0..550.0).contains(&(made.bytes as f64 / made.spans as f64)), "{figures}");
    assert!((0.045..0.055).contains(&share(errors)), "{figures}");
    assert_eq!(errors as u64, made.errors);
    assert_eq!(errors, exceptions, "each error has its exception event");
    assert_eq!(traces.len() as u64, made.traces);
    assert!((10.0..12.0).contains(&(spans.len() as f64 / traces.len() as f64)), "{figures}");
    assert!((900..1_500).contains(&operations.len()), "{figures}");
}

#[test]
fn each_kind_each_language_and_both_generations_of_names_occur() {
    let (batches, _) = batches(Shape { spread: 2_000, ..Shape::default() }, 20_000);
    let spans: Vec<_> = batches.iter().flat_map(Batch::spans).collect();
    let share_of = |kind| spans.iter().filter(|s| s.kind() == kind).count() as f64 / spans.len() as f64;
    for (kind, least) in [
        (Kind::Internal, 0.1),
        (Kind::Server, 0.2),
        (Kind::Client, 0.3),
        (Kind::Producer, 0.03),
        (Kind::Consumer, 0.03),
    ] {
        assert!(share_of(kind) > least, "{kind:?} {:.3}", share_of(kind));
    }
    let languages: HashSet<String> = spans
        .iter()
        .filter_map(|s| {
            s.resource().attributes().get("telemetry.sdk.language").map(|l| l.to_text().into_owned())
        })
        .collect();
    assert_eq!(languages.len(), 5);
    let with = |key: &str| spans.iter().filter(|s| s.attributes().get(key).is_some()).count();
    assert!(with("db.statement") * 4 < with("db.query.text") && with("db.statement") > 0);
    let stacks = spans
        .iter()
        .flat_map(|s| s.events())
        .filter_map(|e| e.attributes().get("exception.stacktrace").map(|stack| stack.to_text().len()));
    let stacks: Vec<usize> = stacks.collect();
    assert!(stacks.len() > 200 && stacks.iter().all(|length| (850..1_100).contains(length)));
}

#[test]
fn children_lie_inside_their_parents_and_messages_follow_their_senders() {
    let (batches, _) = batches(Shape { spread: 0, ..Shape::default() }, 20_000);
    let spans: HashMap<_, _> =
        batches.iter().flat_map(Batch::spans).map(|s| ((s.trace_id(), s.span_id()), s)).collect();
    let (mut inside, mut linked) = (0, 0);
    for span in spans.values() {
        if let Some(parent) = span.parent() {
            let parent = spans.get(&(span.trace_id(), parent)).expect("the parent is in the same trace");
            assert!(parent.start() <= span.start());
            assert!(span.end() <= parent.end() || span.kind() == Kind::Consumer, "{span:?} in {parent:?}");
            inside += 1;
        }
        for link in span.links() {
            let producer = spans.get(&(link.trace_id(), link.span_id())).expect("a link leads to a span");
            assert!(producer.end() <= span.start());
            linked += usize::from(link.trace_id() != span.trace_id());
        }
    }
    assert!(inside > 10_000 && linked > 100, "{inside} {linked}");
}

#[test]
fn a_request_comes_from_a_few_services_and_traces_spread_over_requests() {
    let mut traffic = crate::corpus_1();
    let batches: Vec<Batch> = (0..40).map(|_| admit(traffic.next_request(1_000))).collect();
    let mut requests_of: HashMap<_, HashSet<usize>> = HashMap::new();
    for (place, batch) in batches.iter().enumerate() {
        assert_eq!(batch.len(), 1_000);
        let services: HashSet<_> = batch.spans().map(|span| span.service()).collect();
        assert!((1..=30).contains(&services.len()), "{}", services.len());
        for span in batch.spans() {
            requests_of.entry(span.trace_id()).or_default().insert(place);
        }
    }
    let spread = requests_of.values().filter(|requests| requests.len() > 1).count();
    assert!(spread * 2 > requests_of.len(), "{spread} of {} traces", requests_of.len());
}

#[test]
fn a_trace_alone_is_whole() {
    let mut traffic = Traffic::new(Shape { seed: 3, ..Shape::default() }).unwrap();
    for _ in 0..100 {
        let batch = admit(traffic.next_trace());
        let ids: HashSet<_> = batch.spans().map(|span| span.span_id()).collect();
        assert!(batch.spans().filter_map(|span| span.parent()).all(|parent| ids.contains(&parent)));
    }
    assert_eq!(traffic.made().requests, 100);
    assert!(traffic.finish().is_none());
}

#[test]
fn depth_is_a_bound() {
    for depth in [1, 2, 5] {
        let (batches, _) = batches(Shape { depth, spread: 0, ..Shape::default() }, 3_000);
        let parents: HashMap<_, _> = batches
            .iter()
            .flat_map(Batch::spans)
            .map(|span| ((span.trace_id(), span.span_id()), span.parent()))
            .collect();
        let level = |id: &(model::TraceId, model::SpanId)| {
            let mut at = *id;
            (1..100).find(|_| match parents[&at] {
                Some(parent) => {
                    at.1 = parent;
                    false
                }
                None => true,
            })
        };
        assert_eq!(parents.keys().filter_map(level).max(), Some(depth));
    }
}

#[test]
fn few_services_are_enough() {
    for services in [1, 2, 3, 5, 1_000] {
        let (batches, made) = batches(Shape { services, spread: 0, ..Shape::default() }, 1_000);
        assert!(made.traces > 10);
        let seen: HashSet<_> =
            batches.iter().flat_map(Batch::spans).map(|span| span.service().to_owned()).collect();
        assert!(seen.len() <= services);
    }
}

#[test]
fn live_traces_have_just_ended() {
    struct Noon;
    impl Clock for Noon {
        fn now(&self) -> UnixNanos {
            1_800_000_000_000_000_000
        }
    }
    let shape = Shape { timeline: Timeline::Live(Arc::new(Noon)), ..Shape::default() };
    let mut traffic = Traffic::new(shape).unwrap();
    let batch = admit(traffic.next_trace());
    assert_eq!(batch.spans().map(|span| span.end()).max(), Some(Noon.now()));
}

mod faults {
    use super::*;

    fn spans_with(faults: &[&str]) -> Vec<Batch> {
        let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        batches(Shape { faults, spread: 0, seed: 5, ..Shape::default() }, 20_000).0
    }

    fn mean_ms(batches: &[Batch], service: &str) -> f64 {
        let served = batches
            .iter()
            .flat_map(Batch::spans)
            .filter(|s| s.service() == service && s.kind() == Kind::Server);
        let durations: Vec<u64> = served.map(|span| span.duration()).collect();
        durations.iter().sum::<u64>() as f64 / durations.len() as f64 / 1e6
    }

    fn error_share(batches: &[Batch], of: impl Fn(&model::Span<'_>) -> bool) -> f64 {
        let chosen: Vec<bool> = batches
            .iter()
            .flat_map(Batch::spans)
            .filter(|span| of(span))
            .map(|span| span.status() == StatusCode::Error)
            .collect();
        assert!(chosen.len() > 30, "too few spans to judge: {}", chosen.len());
        chosen.iter().filter(|failed| **failed).count() as f64 / chosen.len() as f64
    }

    #[test]
    fn latency_is_added_and_reaches_the_callers() {
        let (usual, slow) =
            (spans_with(&[]), spans_with(&["web-gateway:latency+300ms", "payment-core:latency+2s"]));
        let more = mean_ms(&slow, "web-gateway") - mean_ms(&usual, "web-gateway");
        assert!((280.0..600.0).contains(&more), "{more}");
        let payment = mean_ms(&slow, "payment-core") - mean_ms(&usual, "payment-core");
        assert!((1_900.0..4_000.0).contains(&payment), "{payment}");
        let roots = |batches: &[Batch]| {
            let all: Vec<u64> = batches
                .iter()
                .flat_map(Batch::spans)
                .filter(|s| s.parent().is_none())
                .map(|s| s.duration())
                .collect();
            all.iter().sum::<u64>() as f64 / all.len() as f64 / 1e6
        };
        assert!(roots(&slow) > roots(&usual) + 10.0);
    }

    #[test]
    fn a_factor_on_everything_is_a_factor_on_the_whole() {
        let (usual, slow) = (spans_with(&[]), spans_with(&["*:latency*2"]));
        let factor = mean_ms(&slow, "web-gateway") / mean_ms(&usual, "web-gateway");
        assert!((1.9..3.0).contains(&factor), "{factor}");
    }

    #[test]
    fn errors_strike_their_share_and_every_caller_sees_them() {
        let spans = spans_with(&["api:error 40%"]);
        let served = error_share(&spans, |s| s.service().contains("api") && s.kind() == Kind::Server);
        assert!((0.38..0.50).contains(&served), "{served}");
        let edges = error_share(&spans, |s| s.service() == "web-gateway" && s.kind() == Kind::Server);
        assert!(edges > 0.15, "callers fail too: {edges}");
        let others = error_share(&spans, |s| s.service().ends_with("-store"));
        assert!(others < 0.08, "callees don't: {others}");
    }

    #[test]
    fn a_service_that_is_down_is_silent_and_its_callers_are_refused() {
        let spans = spans_with(&["core:down"]);
        assert!(!spans.iter().flat_map(Batch::spans).any(|span| span.service().contains("core")));
        let refused = |span: &model::Span<'_>| {
            span.attributes().get("server.address").is_some_and(|host| host.to_text().contains("-core."))
        };
        assert!(error_share(&spans, refused) > 0.999);
    }

    #[test]
    fn a_door_that_is_down_lets_nobody_in_and_all_doors_down_is_refused() {
        let spans = spans_with(&["web-gateway:down"]);
        assert!(!spans.iter().flat_map(Batch::spans).any(|span| span.service() == "web-gateway"));
        let faults = vec!["gateway:down".parse().unwrap()];
        let problem = Traffic::new(Shape { faults, ..Shape::default() }).unwrap_err();
        assert!(problem.to_string().starts_with("every service where requests enter is down (web-gateway, "));
    }

    #[test]
    fn a_fault_for_nobody_says_who_was_meant() {
        let problem = |fault: &str| {
            let faults = vec![fault.parse().unwrap()];
            Traffic::new(Shape { faults, ..Shape::default() }).unwrap_err().to_string()
        };
        assert!(
            problem("paymnt:down").ends_with("did you mean `payment-api`?"),
            "{}",
            problem("paymnt:down")
        );
        assert!(problem("q9x:down").contains("services are called web-gateway, "), "{}", problem("q9x:down"));
    }
}
