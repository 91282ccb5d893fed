use model::{Batch, Kind, StatusCode, Tenant};
use proptest::prelude::*;
use store::conformance::{Any, Draft, batch};
use store::eval::passes;

use super::{DEPTH_MAX, TEXT_BYTES_MAX, parse};

/// Spans that the stories ask for, by number.
fn spans() -> Batch {
    let second = 1_000_000_000;
    batch(
        &Tenant::default(),
        &[
            Draft::new(1, 1)
                .service("cart")
                .name("GET /x")
                .kind(Kind::Server)
                .status(StatusCode::Error)
                .lasting(2 * second)
                .with("http.response.status_code", 500)
                .with("user.id", "u-17")
                .with_event("exception", &[("exception.type", Any::from("Timeout"))]),
            Draft::new(2, 1)
                .service("cart")
                .kind(Kind::Client)
                .lasting(second)
                .with("http.response.status_code", 404)
                .with("user.id", "x-1")
                .with_resource("k8s.pod.name", "p 1"),
            Draft::new(3, 1)
                .service("pay")
                .lasting(1)
                .with("retry", true)
                .with("a b", 0.5)
                .with("status", "odd")
                .with("http.response.status_code", "503")
                .with("shelf", "007"),
        ],
    )
}

#[track_caller]
fn check(text: &str, expected: &[usize]) {
    let question = parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
    let spans = spans();
    let found: Vec<usize> =
        (0..spans.len()).filter(|at| passes(&question.spans, spans.span(*at))).map(|at| at + 1).collect();
    assert_eq!(found, expected, "{text}\n{:?}", question.spans);
}

#[track_caller]
fn check_trace(text: &str, min: Option<u64>, max: Option<u64>) {
    let trace = parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake}")).trace;
    assert_eq!((trace.duration_min, trace.duration_max), (min, max), "{text}");
}

#[track_caller]
fn wrong(text: &str, shown: &str) {
    let mistake = parse(text).expect_err(text);
    assert_eq!(mistake.to_string().trim_end(), shown.trim_matches('\n'), "\n{mistake}\n");
}

#[test]
fn nothing_asks_for_everything() {
    check("", &[1, 2, 3]);
    check("  { } ", &[1, 2, 3]);
}

#[test]
fn conditions_are_joined_in_words_and_signs() {
    check("service = cart", &[1, 2]);
    check("service == cart and status = error", &[1]);
    check("service = cart && status != error", &[2]);
    check("service = pay || status = error", &[1, 3]);
    check("service = pay OR (status = error AND duration > 1.5s)", &[1, 3]);
    check("(((service = pay)))", &[3]);
    check("not service = cart", &[3]);
    check("!(service = cart || retry = true)", &[]);
    check("service=cart&&status=error", &[1]);
    check("name = or || name = \"and\"", &[]);
}

#[test]
fn every_kind_of_field_is_compared() {
    check("name = \"GET /x\"", &[1]);
    check("name =~ \"GET .*\"", &[1]);
    check("name !~ `GET .*`", &[2, 3]);
    check("kind = server", &[1]);
    check("kind = SERVER || kind = Client", &[1, 2]);
    check("duration > 1.5s", &[1]);
    check("duration >= 1s && duration <= 1000ms", &[2]);
    check("duration < 1us", &[3]);
    check("http.response.status_code >= 500", &[1, 3]);
    check("{ span.http.response.status_code < 503.5 && .http.response.status_code > 404 }", &[1, 3]);
    check("http.response.status_code = \"404\"", &[2]);
    check("http.response.status_code = 503", &[3]);
    check("http.response.status_code = 500", &[1]);
    check("http.response.status_code = 5.03e2", &[3]);
    check("http.response.status_code != 503", &[1, 2]);
    check("http.response.status_code >= \"501\"", &[3]);
    check("shelf = 007", &[3]);
    check("shelf = 8", &[]);
    check("retry = \"true\"", &[3]);
    check(".user.id =~ \"u-.*\"", &[1]);
    check("user.id =~ u-\\d+", &[1]);
    check("resource.k8s.pod.name = \"p 1\"", &[2]);
    check("span.k8s.pod.name exists", &[]);
    check("k8s.pod.name missing", &[1, 3]);
    check("event.exception.type exists", &[1]);
    check("event:name = exception", &[1]);
    check("scope:name = tests && instrumentation:version = 1.0", &[1, 2, 3]);
    check("retry = true", &[3]);
    check("span.\"a b\" < 1", &[3]);
    check(".\"a b\" = 0.5", &[3]);
}

#[test]
fn traceql_spelling_is_understood() {
    check("{ resource.service.name = \"cart\" && span:status = error }", &[1]);
    check("{ span:duration > 1500ms }", &[1]);
    check("{ .user.id != nil && span:kind = client }", &[2]);
    check("{ .user.id = nil }", &[3]);
    check("{ .status = \"odd\" }", &[3]);
    check("{ (span:name = \"GET /x\") || .retry = true }", &[1, 3]);
}

#[test]
fn the_duration_of_the_trace_is_asked_apart() {
    check_trace("traceDuration > 1s", Some(1_000_000_001), None);
    check_trace("{ trace:duration <= 2ms && service = x }", None, Some(2_000_000));
    check_trace(
        "(trace:duration >= 1s && trace:duration < 2s) && trace:duration >= 1500ms",
        Some(1_500_000_000),
        Some(1_999_999_999),
    );
    check_trace("trace:duration < 0s", Some(1), Some(0));
    check("trace:duration > 1s", &[1, 2, 3]);
    wrong(
        "service = x || trace:duration > 1s",
        "
the duration of the trace cannot stand below \"or\" and \"not\"
  service = x || trace:duration > 1s
                 ^^^^^^^^^^^^^^
join it to the other conditions by `&&`",
    );
}

#[test]
fn a_mistake_is_shown_with_its_place_and_what_would_be_right() {
    wrong(
        "servce = cart",
        "
`servce` is not known
  servce = cart
  ^^^^^^
did you mean `service`? For an attribute of that name write `.servce`",
    );
    wrong(
        "status = eror",
        "
`eror` is no status
  status = eror
           ^^^^
it is one of: error, ok, unset",
    );
    wrong(
        "ü = 1 && duration > 1.5",
        "
`1.5` is no duration
  ü = 1 && duration > 1.5
                      ^^^
add a unit, such as 1.5ms or 1.5s",
    );
    wrong(
        "a = 1 && b = 2 || c = 3",
        "
`&&` and `||` stand side by side
  a = 1 && b = 2 || c = 3
                 ^^
say by parentheses which comes first: a && (b || c)",
    );
    wrong(
        "name =~ \"(\"",
        "
the regular expression is wrong: unclosed group
  name =~ \"(\"
          ^^^
it must match the whole value, as in \"u-.*\"",
    );
    wrong(
        "service = cart status = error",
        "
the condition before ends here
  service = cart status = error
                 ^^^^^^
join conditions by `&&` or `||`",
    );
}

#[test]
fn what_ends_too_early_is_said_so() {
    for (text, message) in [
        ("service", "a comparison is missing after `service`"),
        ("service =", "a value is missing after the comparison"),
        ("service = &&", "a value is missing after the comparison"),
        ("service = a &&", "a condition is missing at the end"),
        ("(service = a", "`(` is never closed"),
        ("{service = a", "`{` is never closed"),
        ("service = a)", "this `)` closes nothing"),
        ("name = \"abc", "the string that begins here has no closing \""),
        ("service = a & b = 1", "`&` has no meaning here"),
        ("{ .a = 1 } | count() > 2", "`|` has no meaning here"),
        ("{ .a = 1 } >> { .b = 2 }", "`>>` has no meaning here"),
        ("{ .a = 1 } && { .b = 2 }", "relations between several spans are not part of this filter"),
        ("!name = a", "`!` stands before parentheses only"),
        ("\"a\" = name", "a condition begins with a name, not with a value"),
        ("rootName = a", "`rootName` is not part of this filter yet"),
        ("parent.a = 1", "conditions on the parent are not part of this filter"),
        ("span. = 1", "`span.` names no key"),
        ("resorce.host = a", "`resorce.host` is not known"),
        ("kind > server", "kinds and statuses have no order"),
        ("latency > 5s", "attributes hold plain numbers, and `5s` has a unit"),
        ("duration =~ a", "a duration is no text"),
    ] {
        assert_eq!(parse(text).expect_err(text).message, message, "{text}");
    }
}

#[test]
fn text_depth_and_patterns_are_bounded() {
    let long = format!("name = \"{}\"", "x".repeat(TEXT_BYTES_MAX));
    assert!(parse(&long).unwrap_err().message.contains("at most 16384"));
    let nested = |depth| format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(DEPTH_MAX - 1)).is_ok());
    assert!(parse(&nested(DEPTH_MAX)).unwrap_err().message.contains("deeper than 64"));
    assert!(parse(&"!(".repeat(8_000)).is_err());
    assert!(parse(&"not ".repeat(4_000)).is_err());
    let big = parse("name =~ \"(\\w{100}){100}\"").unwrap_err().message;
    assert!(big.contains("more than 1048576 bytes"), "{big}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        if let Err(mistake) = parse(&text) {
            let _ = mistake.to_string();
        }
    }

    #[test]
    fn no_mixture_of_tokens_panics(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec![
                "service", "=", "!=", "cart", "&&", "||", "(", ")", "{", "}", "!", "not", "and", "or", "\"a b\"",
                "duration", ">", "1s", "trace:duration", ".a", "exists", "=~", "`x`", "ü", "500", "nil", "status",
            ]),
            0..24,
        )
    ) {
        let text = tokens.join(" ");
        match parse(&text) {
            Ok(question) => { let _ = passes(&question.spans, spans().span(0)); }
            Err(mistake) => prop_assert!(mistake.column <= text.chars().count() + 1),
        }
    }
}
