use model::Tenant;
use store::conformance::{Draft, NOW, batch, trace_id};

use super::*;

#[test]
fn what_changes_is_replaced_and_words_stay() {
    for (message, expected) in [
        ("timeout after 3000 ms", "timeout after <n> ms"),
        ("timeout after 30.5s: gave up", "timeout after <n>: gave up"),
        ("user 4711 not found", "user <n> not found"),
        ("order 7c9e6679-7425-40de-944b-e07fc1f90ae7 is gone", "order <id> is gone"),
        ("trace 4bf92f3577b34da6a3ce929d0e0e4736.", "trace <id>."),
        ("dial tcp 10.0.3.7:5432: connection refused", "dial tcp <address>: connection refused"),
        ("can't reach cart-0.cart.svc:8080", "can't reach <address>"),
        ("unknown column \"amount\" in 'orders'", "unknown column <text> in <text>"),
        ("key=\"a b\", tries=3", "key=<text>, tries=<n>"),
        ("HTTP2 stream closed in utf8 mode", "HTTP2 stream closed in utf8 mode"),
        ("/users/12/orders/ab12cd34", "/users/<n>/orders/<id>"),
        ("", ""),
        ("don't", "don't"),
        ("\u{e4}\"\u{fc}", "\u{e4}\"\u{fc}"),
    ] {
        assert_eq!(template(message), expected, "{message}");
    }
}

fn failed(trace: u64, id: u64, service: &str, message: &str) -> Draft {
    let mut draft = Draft::new(trace, id).service(service).status(StatusCode::Error);
    draft.message = message.into();
    draft
}

#[track_caller]
fn groups(traces: &[(u64, Vec<Draft>)]) -> Vec<Group> {
    let mut errors = Errors::default();
    for (id, drafts) in traces {
        let trace = Trace::join(trace_id(*id), vec![batch(&Tenant::default(), drafts)]).unwrap();
        let rows: Vec<usize> = (0..trace.nodes().len()).collect();
        errors.add(&trace, &rows);
    }
    errors.finish()
}

#[test]
fn an_error_counts_where_it_begins_and_its_echoes_are_told() {
    let drafts = |trace| {
        vec![
            failed(trace, 1, "web", "upstream failed"),
            failed(trace, 2, "cart", "upstream failed").under(1),
            failed(trace, 3, "db", &format!("row {trace} is locked")).under(2),
            Draft::new(trace, 4).under(1),
        ]
    };
    let groups = groups(&[(1, drafts(1)), (2, drafts(2))]);
    assert_eq!(groups.len(), 1, "{groups:#?}");
    let group = &groups[0];
    assert_eq!((group.service.as_str(), group.message.as_str()), ("db", "row <n> is locked"));
    assert_eq!((group.count, group.traces, group.echoes), (2, 2, 4));
    assert_eq!(group.services.iter().collect::<Vec<_>>(), ["cart", "web"]);
    assert_eq!(group.first, (NOW - 2_000_000_000 + 3_000_000).to_string());
    assert_eq!(group.last, (NOW - 1_000_000_000 + 3_000_000).to_string());
    assert_eq!(group.examples[0].message, "row 1 is locked");
    assert_eq!(group.fingerprint.len(), 16);
}

#[test]
fn the_exception_says_more_than_the_status() {
    let mut draft = failed(1, 1, "web", "Internal");
    let exception = |key: &str, text: &str| (key.to_owned(), text.into());
    draft.events = vec![(
        NOW,
        "exception".into(),
        vec![exception("exception.type", "SocketTimeout"), exception("exception.message", "after 5 s")],
    )];
    let plain = failed(2, 1, "web", "").with("http.response.status_code", 503);
    let groups = groups(&[(1, vec![draft]), (2, vec![plain])]);
    let mut told: Vec<(&str, &str)> =
        groups.iter().map(|group| (group.kind.as_str(), group.message.as_str())).collect();
    told.sort_unstable();
    assert_eq!(told, [("HTTP 503", ""), ("SocketTimeout", "after <n> s")]);
}
