//! Single spans, structured filters, and emptying a store.

use super::*;
use crate::testing;

const FIND: &str = "jaeger.storage.v2.TraceReader/FindSpans";

/// The names of the spans of one page, and where the next one goes on.
async fn page(doors: &Doors, mut query: Value) -> (Vec<String>, Value) {
    query["startTimeMin"] = before(9_000).into();
    query["startTimeMax"] = before(0).into();
    let answered = doors.call(FIND, json!({ "query": query })).await.unwrap();
    let (mut names, mut next) = (Vec::new(), Value::Null);
    for message in answered {
        let inside = crate::message::bytes(&message, 1).expect("spans").to_vec();
        let batch = Batch::read(inside.into(), Tenant::default()).unwrap();
        let number = |id| (1..9).find(|number| trace_id(*number) == id).expect("a trace of the shop");
        names.extend(batch.spans().map(|span| format!("{} {}", span.service(), number(span.trace_id()))));
        next = crate::message::text(&message, 3).into();
    }
    (names, next)
}

#[tokio::test]
async fn spans_come_in_their_order_page_after_page() {
    let doors = Doors::shop().await;
    let by = |name: &str, direction: &str| json!({"expression": {"field": {"name": name, "level": "span"}}, "direction": direction});
    let order = json!([by("duration", "desc"), by("traceID", "asc")]);
    let (all, next) = page(&doors, json!({ "orderBy": order })).await;
    assert_eq!(all, ["web 2", "web 1", "web 3", "cart 2", "cart 1", "cart 3"]);
    assert!(next.is_null());
    let (mut pages, mut token) = (Vec::new(), json!(""));
    while !token.is_null() {
        let pagination = json!({"pageSize": 4, "pageToken": token});
        let (names, next) = page(&doors, json!({ "orderBy": order, "pagination": pagination })).await;
        pages.push(names);
        token = next;
    }
    assert_eq!(pages, [&all[..4], &all[4..]]);
    let (newest, _) = page(&doors, json!({})).await;
    assert_eq!(newest[0], "cart 1", "the latest start comes first");
    let foreign = json!({"orderBy": order, "pagination": {"pageSize": 1, "pageToken": "Stid.0.0.0.0"},
        "startTimeMin": before(9_000), "startTimeMax": before(0)});
    refused(doors.call(FIND, json!({"query": foreign})).await, INVALID, "page_token");
    let twice = json!({"orderBy": [by("duration", "asc"), by("duration", "desc")],
        "startTimeMin": before(9_000), "startTimeMax": before(0)});
    refused(doors.call(FIND, json!({"query": twice})).await, INVALID, "twice");
    refused(doors.call(FIND, json!({"query": {}})).await, INVALID, "are required");
}

#[tokio::test]
async fn filters_choose_spans_and_traces() {
    let doors = Doors::shop().await;
    let filter = json!({"op": "and", "args": [
        {"call": {"op": "eq", "args": [
            {"field": {"name": "service", "level": "resource"}}, {"scalar": {"value": "cart"}}]}},
        {"call": {"op": "eq", "args": [
            {"field": {"name": "status", "level": "span"}}, {"scalar": {"value": "error"}}]}},
    ]});
    let (found, _) = page(&doors, json!({"filter": filter})).await;
    assert_eq!(found, ["cart 2"]);
    let traces =
        doors.spans("jaeger.storage.v2.TraceReader/FindTraces", json!({"query": {"filter": filter}})).await;
    assert_eq!(traces.unwrap().iter().map(|(trace, _)| *trace).collect::<Vec<_>>(), [2]);
    let both = json!({"query": {"filter": filter, "serviceName": "cart"}});
    refused(doors.call("jaeger.storage.v2.TraceReader/FindTraces", both).await, INVALID, "excludes");
}

#[tokio::test]
async fn nobody_empties_a_store_that_may_not_be_emptied() {
    let doors = Doors::shop().await;
    let reply = testing::post(doors.storage, "/purge", "").await;
    assert_eq!(reply.status, 403);
    assert!(reply.body.contains("serve: { purge: true }"), "{}", reply.body);
}
