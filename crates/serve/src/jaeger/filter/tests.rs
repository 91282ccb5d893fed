//! What structured filters mean, on spans.

use serde_json::{Value, json};
use store::conformance::{Draft, batch};
use store::eval;

use super::{compile, of_json};

fn found(filter: &Value) -> Result<bool, String> {
    let draft = Draft::new(1, 1).service("web").name("GET /cart").lasting(20_000_000);
    let draft = draft.with("status", 500).with("version", "500").with("ratio", 0.5).with("paid", true);
    let draft = draft.with("empty", "").with("city", "Berlin");
    let spans = batch(&model::Tenant::default(), &[draft]);
    let filter = compile(&of_json(&filter.to_string())?)?;
    Ok(eval::passes(&filter, spans.span(0)))
}

fn call(op: &str, args: Value) -> Value {
    json!({"op": op, "args": args})
}

fn attr(key: &str) -> Value {
    json!({"attr": {"key": key, "level": "span"}})
}

fn value(text: &str, kind: &str) -> Value {
    json!({"scalar": {"value": text, "type": kind}})
}

fn field(level: &str, name: &str) -> Value {
    json!({"field": {"level": level, "name": name}})
}

fn nested(call: Value) -> Value {
    json!({ "call": call })
}

#[test]
fn every_operator_answers_of_one_span() {
    let is_500 = || nested(call("eq", json!([attr("status"), value("500", "")])));
    let is_none = || nested(call("eq", json!([attr("status"), value("404", "")])));
    let list = |values: Value| json!({"list": {"values": values}});
    for (filter, expected) in [
        (call("eq", json!([attr("status"), value("500", "")])), true),
        (call("eq", json!([value("500", "int"), attr("status")])), true),
        (call("eq", json!([attr("status"), value("500", "string")])), false),
        (call("eq", json!([attr("version"), value("500", "string")])), true),
        (call("eq", json!([attr("paid"), value("true", "bool")])), true),
        (call("eq", json!([attr("ratio"), value("0.50", "")])), true),
        (call("ne", json!([attr("status"), value("404", "")])), true),
        (call("ne", json!([attr("nothing"), value("404", "")])), false),
        (call("gt", json!([attr("status"), value("499", "")])), true),
        (call("gt", json!([value("499", ""), attr("status")])), false),
        (call("gt", json!([attr("version"), value("499", "")])), true),
        (call("gt", json!([attr("version"), value("499", "int")])), false),
        (call("gte", json!([attr("ratio"), value("0.5", "double")])), true),
        (call("lt", json!([attr("city"), value("C", "")])), true),
        (call("lte", json!([field("span", "duration"), value("20ms", "")])), true),
        (call("lt", json!([field("span", "duration"), value("20ms", "")])), false),
        (call("regex", json!([field("span", "name"), value("/c.rt", "")])), true),
        (call("exists", json!([attr("empty")])), true),
        (call("exists", json!([{"attr": {"key": "service.name"}}])), true),
        (call("exists", json!([attr("service.name")])), false),
        (call("in", json!([attr("status"), list(json!(["404", "500"]))])), true),
        (call("not_in", json!([attr("status"), list(json!(["404", "405"]))])), true),
        (call("not_in", json!([attr("nothing"), list(json!(["404"]))])), false),
        (call("and", json!([is_500(), is_none()])), false),
        (call("or", json!([is_500(), is_none()])), true),
        (call("not", json!([is_none()])), true),
        (call("eq", json!([field("resource", "service"), value("web", "")])), true),
        (call("eq", json!([field("span", "status"), value("UNSET", "")])), true),
    ] {
        assert_eq!(found(&filter), Ok(expected), "{filter}");
    }
}

#[test]
fn what_cannot_be_answered_is_refused_with_the_reason() {
    let deep =
        (0..40).fold(call("exists", json!([attr("a")])), |inner, _| call("not", json!([nested(inner)])));
    let many: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    for (filter, reason) in [
        (call("like", json!([])), "there is no operator"),
        (
            call("some", json!([{"nested": {"level": "event"}}, nested(call("not", json!([])))])),
            "some is not supported",
        ),
        (call("eq", json!([attr("a"), attr("b")])), "with a constant"),
        (call("eq", json!([attr("a")])), "wrong operands"),
        (call("gt", json!([field("span", "status"), value("ok", "")])), "an order"),
        (call("gt", json!([field("span", "duration"), value("long", "")])), "no duration"),
        (call("eq", json!([field("span", "color"), value("red", "")])), "span.color is not supported"),
        (call("eq", json!([{"attr": {"key": "a", "level": "moon"}}, value("1", "")])), "no level"),
        (call("eq", json!([attr("a"), value("x", "int")])), "no whole number"),
        (call("regex", json!([attr("a"), value("(", "")])), "no regular expression"),
        (call("regex", json!([attr("a"), value("((a{99}){99}){99}", "")])), "no regular expression"),
        (deep, "nested deeper"),
        (call("in", json!([attr("a"), {"list": {"values": many}}])), "more than 10000 terms"),
    ] {
        let refused = found(&filter).expect_err(reason);
        assert!(refused.contains(reason), "{refused}, but {reason} was expected");
    }
}
