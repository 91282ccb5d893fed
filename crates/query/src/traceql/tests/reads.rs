//! What is understood, and what is said about the rest.

use proptest::prelude::*;

use super::super::ast::{Metrics, Root, Stage};
use super::super::parse;

/// Every form of the language, each as a user would write it.
const FORMS: [&str; 66] = [
    "{}",
    "{ }",
    "{ true }",
    "{ .foo }",
    "{ .foo = \"bar\" }",
    "{ .foo = `b\\ar` }",
    "{ span.http.status_code >= 500 && resource.service.name = \"api\" }",
    "{ span.\"a key with spaces\" = 1 }",
    "{ .\"a.b c\".d != nil }",
    "{ .a = nil }",
    "{ status = error }",
    "{ kind = server || kind = client }",
    "{ duration > 1h30m }",
    "{ duration > 1.5s && duration <= 250us }",
    "{ span:duration > 1ms && trace:duration > 1s }",
    "{ rootName = \"GET /\" && rootServiceName = \"web\" }",
    "{ trace:id = \"0123456789abcdef0123456789abcdef\" }",
    "{ span:id = \"0123456789abcdef\" || span:parentID = \"0123456789abcdef\" }",
    "{ span:childCount > 3 }",
    "{ event:name = \"exception\" && event:timeSinceStart > 2ms }",
    "{ event.exception.type =~ \".*Timeout\" }",
    "{ link:traceID != \"\" && link.kind = \"retry\" }",
    "{ instrumentation:name =~ \"io.*\" && instrumentation.x = 1 }",
    "{ parent.span.name = \"x\" && parent.foo > 2 && parent.resource.a = 1 }",
    "{ nestedSetParent < 0 }",
    "{ name !~ \"GET .*\" }",
    "{ !(.a && .b) }",
    "{ !.a }",
    "{ -(.a) < -2 }",
    "{ .a + 2 * .b ^ 2 % 7 - 1 / 3 > 0.5 }",
    "{ duration - span:duration = 0s }",
    "{ .size > 1e6 || .size < minInt || .ratio = 1.5e-3 }",
    "{ 500 <= .code }",
    "{ .a = .b }",
    "{ .a } && { .b } || { .c }",
    "{ .a } > { .b } >> { .c } < { .d } << { .e } ~ { .f }",
    "{ .a } !> { .b }",
    "{ .a } !>> { .b } !< { .c } !<< { .d } !~ { .e }",
    "{ .a } &> { .b } &>> { .c } &< { .d } &<< { .e } &~ { .f }",
    "({ .a } | count() > 1) && ({ .b } | avg(duration) > 1s)",
    "({ .a } >> { .b }) && { .c }",
    "{ .a } | { .b }",
    "{ .a } | count() > 2",
    "{ .a } | 2 < count()",
    "{ .a } | avg(duration) >= 1s | max(.size) < 3 | min(.x + 1) = 2 | sum(.y) != 0",
    "{ .a } | max(duration) > 2 * avg(duration)",
    "{ .a } | (max(.x) - min(.x)) / 2 > 1",
    "{ .a } | by(resource.service.name) | count() > 2 | coalesce()",
    "{ .a } | select(span.http.url, resource.k8s.pod.name, duration)",
    "{ .a } | order by duration desc",
    "{ .a } | order by .size asc",
    "{ .a } | distinct(.user)",
    "{ } | rate()",
    "{ } | rate() by(resource.service.name, name)",
    "{ } | count_over_time() by(span.http.route) | topk(5)",
    "{ } | min_over_time(duration)",
    "{ } | max_over_time(duration) | bottomk(2)",
    "{ } | sum_over_time(span.size) > 10",
    "{ } | avg_over_time(duration) by(name)",
    "{ } | quantile_over_time(duration, .5, 0.9, .99) by(name)",
    "{ } | histogram_over_time(duration)",
    "{ } | compare({ status = error })",
    "{ } | compare({ status = error }, 5, 1, 2)",
    "({ status = error } | rate()) / ({ } | rate()) * 100",
    "{ } | rate() with(sample=0.1, most_recent=true)",
    "{ .a && (.b || .c) } with(exemplars=10)",
];

#[test]
fn every_form_is_understood() {
    for text in FORMS {
        if let Err(mistake) = parse(text) {
            panic!("{mistake}");
        }
    }
}

#[test]
fn what_is_read_is_written_alike() {
    let written = |text: &str| match parse(text).unwrap().root {
        Root::Spansets(mut pipeline) => match pipeline.stages.remove(0) {
            Stage::Spans(super::super::ast::Spanset::Filter(Some(expr))) => expr.to_string(),
            other => panic!("{other:?}"),
        },
        Root::Metrics(other) => panic!("{other:?}"),
    };
    for (text, expected) in [
        ("{ .a && .b || .c }", "(.a && .b) || .c"),
        ("{ .a || .b && .c }", "(.a || .b) && .c"),
        ("{ .a = 1 && !.b }", "(.a = 1) && (!.b)"),
        ("{ 1 + 2 * 3 ^ 2 ^ 1 = .x }", "(1 + (2 * (3 ^ (2 ^ 1)))) = .x"),
        ("{ !.a + 1 = 2 }", "((!.a) + 1) = 2"),
        ("{ -.x ^ 2 < 0 }", "((-.x) ^ 2) < 0"),
        ("{ name =~ \"a|b\" }", "name =~ `a|b`"),
        ("{ span.\"a b\" = \"c\\\"d\" }", "span.a b = \"c\\\"d\""),
        ("{ duration > 90s }", "duration > 1m30s"),
    ] {
        assert_eq!(written(text), expected, "{text}");
    }
}

#[test]
fn a_mistake_has_a_place_and_a_remedy() {
    for (text, column, message, remedy) in [
        ("", 1, "spans are missing", "{ … }"),
        ("status = error", 1, "begins with `{`", "braces"),
        ("{ status = error", 17, "never closed", "add `}`"),
        ("{ stats = error }", 3, "`stats` is not known", "did you mean `status`?"),
        ("{ status = failed }", 12, "there is no status `failed`", "error, ok or unset"),
        ("{ kind != caller }", 11, "there is no kind `caller`", "server, client"),
        ("{ foo = 1 }", 3, "`foo` is not known", "`.foo`"),
        ("{ .a = }", 8, "expected before `}`", "a comparison and a value"),
        ("{ .a = 5q }", 8, "neither a number nor a duration", "250ms"),
        ("{ .a = \"x }", 8, "no closing \"", "add \""),
        ("{ name =~ \"(\" }", 11, "the pattern is not understood", "RE2"),
        ("{ name =~ foo }", 11, "a pattern stands in quotes", "=~"),
        ("{ .a } | cuont() > 1", 10, "`cuont` is no stage", "did you mean `count`?"),
        ("{ .a } | count()", 17, "a comparison is missing", "count() > 2"),
        ("{ .a } | count(.b) > 1", 16, "`count` takes nothing", "count()"),
        ("{ .a } | avg() > 1", 14, "`avg` needs a field", "avg(duration)"),
        ("{ .a } | rate() | count() > 2", 19, "topk", "rate() > 10"),
        ("{ .a } + { .b }", 8, "only metrics", "rate()"),
        ("({ } | rate()) && { .b }", 16, "joins spans, not metrics", "+ - * /"),
        ("{ .a } { .b }", 8, "ends here", "&&"),
        ("{ .a } }", 8, "closes nothing", ""),
        ("{ span. = 1 }", 3, "a key is missing", "span.http"),
        ("{ } | quantile_over_time(duration)", 34, "a quantile is missing", "0.99"),
        ("{ } | quantile_over_time(duration, 99)", 36, "from 0 to 1", "0.99"),
        ("{ } | compare({ } >> { })", 15, "one pair of braces", "compare({ status"),
        ("{ # }", 3, "no meaning", "quotes"),
    ] {
        let mistake = parse(text).expect_err(text);
        assert!(mistake.message.contains(message), "{text}: {mistake}");
        assert!(mistake.remedy.clone().unwrap_or_default().contains(remedy), "{text}: {mistake}");
        assert_eq!(mistake.column, column, "{text}: {mistake}");
    }
}

#[test]
fn deep_and_long_texts_are_refused() {
    for text in [
        format!("{}{{}}{}", "(".repeat(100_000 / 2), ")".repeat(10)),
        format!("{{ {}.a{} }}", "(".repeat(1_000), ")".repeat(1_000)),
        format!("{{ {}.a }}", "!".repeat(1_000)),
        format!("{{ {}.a }}", "- ".repeat(1_000)),
        format!("{{ .a{} }}", " && .a".repeat(5_000)),
        format!("{{}}{}", " >> {}".repeat(5_000)),
        format!("{{ 1{} }}", " ^ 1".repeat(1_000)),
        "{".repeat(70_000),
    ] {
        parse(&text).unwrap_err();
    }
}

#[test]
fn a_series_keeps_its_second_stages_in_order() {
    let query = parse("{ } | rate() by(name) | topk(3) > 10 | bottomk(1)").unwrap();
    let Root::Metrics(Metrics::Series(series)) = query.root else { panic!("{query:?}") };
    assert_eq!(series.then.len(), 3);
}

proptest! {
    #[test]
    fn no_text_panics(text in "[{}()\\[\\]a-z0-9 .:\"`=!<>~&|^+*/%,-]{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_cut_of_a_query_panics(form in 0..FORMS.len(), cut in 0_usize..60, more in "\\PC{0,4}") {
        let mut text: String = FORMS[form].chars().take(cut).collect();
        text.push_str(&more);
        let _ = parse(&text);
    }
}
