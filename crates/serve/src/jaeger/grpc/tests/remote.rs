//! Remote storage: what a stock Jaeger does with the storage behind it.

use super::*;

const READER: &str = "jaeger.storage.v2.TraceReader";

#[tokio::test]
async fn what_is_written_is_read() {
    let doors = Doors::shop().await;
    let services = doors.ask(&format!("{READER}/GetServices"), json!({})).await.unwrap();
    assert_eq!(services, [json!({"services": ["cart", "web"]})]);
    let asked = json!({"service": "web"});
    let operations = doors.ask(&format!("{READER}/GetOperations"), asked).await.unwrap();
    assert_eq!(operations, [json!({"operations": [{"name": "GET /", "spanKind": "server"}]})]);
    let asked = json!({"service": "cart", "spanKind": "server"});
    assert_eq!(doors.ask(&format!("{READER}/GetOperations"), asked).await.unwrap(), [json!({})]);
    let asked = json!({"query": [{"traceId": base64(2)}, {"traceId": base64(8)}, {"traceId": base64(1)}]});
    let mut found = doors.spans(&format!("{READER}/GetTraces"), asked).await.unwrap();
    found.sort();
    let names = || vec!["GET /".to_owned(), "add".to_owned()];
    assert_eq!(found, [(1, names()), (2, names())]);
    let none = doors.spans(&format!("{READER}/GetTraces"), json!({})).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn searches_heed_every_parameter() {
    let doors = Doors::shop().await;
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    for (query, expected) in [
        (json!({}), vec![1, 2, 3]),
        (json!({"serviceName": "web"}), vec![1, 2, 3]),
        (json!({"serviceName": "nobody"}), vec![]),
        (json!({"serviceName": "web", "operationName": "add"}), vec![]),
        (json!({"operationName": "add", "searchDepth": 2}), vec![1, 2]),
        (
            json!({"attributes": [text("user.id", "u7"), {"key": "items", "value": {"intValue": "3"}}]}),
            vec![1, 2, 3],
        ),
        (json!({"attributes": [text("error", "true")]}), vec![2]),
        (json!({"serviceName": "web", "attributes": [text("error", "true")]}), vec![]),
        (json!({"durationMin": "0.020s"}), vec![1, 2, 3]),
        (json!({"durationMin": "0.020000001s"}), vec![]),
        (json!({"durationMax": "0.001s", "serviceName": "cart"}), vec![1, 2, 3]),
        (json!({"startTimeMin": before(2_500), "startTimeMax": before(1_500)}), vec![2]),
        (json!({"startTimeMin": before(1_500)}), vec![1]),
    ] {
        let found = doors.spans(&format!("{READER}/FindTraces"), json!({"query": query})).await.unwrap();
        let mut numbers: Vec<u64> = found.into_iter().map(|(number, _)| number).collect();
        numbers.dedup();
        assert_eq!(numbers, expected, "{query}");
    }
}

#[tokio::test]
async fn ids_and_summaries_come_in_pages() {
    let doors = Doors::shop().await;
    for method in ["FindTraceIDs", "FindTraceSummaries"] {
        let mut token = String::new();
        let mut seen = Vec::new();
        for _ in 0..5 {
            let page = json!({"pageSize": 2, "pageToken": token});
            let asked = json!({"query": {"serviceName": "web", "pagination": page}});
            let answer = doors.ask(&format!("{READER}/{method}"), asked).await.unwrap().pop().unwrap();
            let rows = answer
                .get("traceIds")
                .or_else(|| answer.get("summaries"))
                .unwrap()
                .as_array()
                .unwrap()
                .clone();
            seen.extend(rows.iter().map(|row| row["traceId"].as_str().unwrap().to_owned()));
            match answer.get("nextPageToken") {
                Some(next) => token = next.as_str().unwrap().to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, [base64(1), base64(2), base64(3)], "{method}");
    }
    let asked = json!({"query": {"serviceName": "web", "searchDepth": 1}});
    let ids = doors.ask(&format!("{READER}/FindTraceIDs"), asked.clone()).await.unwrap();
    let row =
        json!({"traceId": base64(1), "start": "2025-12-31T23:59:59.001Z", "end": "2025-12-31T23:59:59.021Z"});
    assert_eq!(ids, [json!({"traceIds": [row]})]);
    let summaries = doors.ask(&format!("{READER}/FindTraceSummaries"), asked).await.unwrap();
    let first = &summaries[0]["summaries"][0];
    assert_eq!(
        (&first["rootServiceName"], &first["rootOperationName"], &first["spanCount"]),
        (&json!("web"), &json!("GET /"), &json!(2))
    );
    assert_eq!(first["services"], json!([{"name": "cart", "spanCount": 1}, {"name": "web", "spanCount": 1}]));
}

#[tokio::test]
async fn dependencies_and_capabilities_are_told() {
    let doors = Doors::shop().await;
    let method = "jaeger.storage.v2.DependencyReader/GetDependencies";
    let asked = json!({"startTime": before(10_000), "endTime": before(0)});
    let edges = doors.ask(method, asked).await.unwrap();
    assert_eq!(edges, [json!({"dependencies": [{"parent": "web", "child": "cart", "callCount": "3"}]})]);
    let asked = json!({"startTime": before(1), "endTime": before(0)});
    assert_eq!(doors.ask(method, asked).await.unwrap(), [json!({})]);
    let can = doors.ask("jaeger.storage.v2.Capabilities/GetCapabilities", json!({})).await.unwrap();
    let can = &can[0]["search"];
    for capability in ["withoutServiceName", "sameSpanConjunction", "paginated", "spanSearch", "spanSorting"]
    {
        assert_eq!(can[capability], true, "{capability}");
    }
    assert_eq!(can["filter"]["levels"], json!(["span", "resource", "scope", "event", "link"]));
    assert_eq!(can["filter"]["operators"].as_array().unwrap().len(), 13);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_its_code() {
    let doors = Doors::shop().await;
    for (method, request, code, message) in [
        ("FindTraces", json!({}), INVALID, "missing query"),
        ("FindTraces", json!({"query": {"pagination": {"pageSize": 1}}}), INVALID, "do not come in pages"),
        ("FindTraces", json!({"query": {"searchDepth": -1}}), INVALID, "must not be negative"),
        ("FindTraces", json!({"query": {"filter": {"op": "and"}}}), INVALID, "wrong operands"),
        (
            "FindTraces",
            json!({"query": {"durationMin": "2s", "durationMax": "1s"}}),
            INVALID,
            "less than duration_min",
        ),
        (
            "FindTraces",
            json!({"query": {"startTimeMin": before(0), "startTimeMax": before(9)}}),
            INVALID,
            "lies after",
        ),
        ("FindTraceIDs", json!({"query": {"pagination": {}}}), INVALID, "page_size is missing"),
        (
            "FindTraceIDs",
            json!({"query": {"searchDepth": 1, "pagination": {"pageSize": 1}}}),
            INVALID,
            "exclude each other",
        ),
        (
            "FindTraceIDs",
            json!({"query": {"pagination": {"pageSize": 1, "pageToken": "x"}}}),
            INVALID,
            "page_token",
        ),
        (
            "GetTraces",
            json!({"query": [{"traceId": "AAAAAAAAAAAAAAAAAAAAAA=="}]}),
            INVALID,
            "the trace id is zero",
        ),
        ("GetTraces", json!({"query": [{"traceId": "AAAA"}]}), INVALID, "16 bytes"),
        ("GetOperations", json!({}), INVALID, "the service is missing"),
        ("FindSpans", json!({}), INVALID, "missing query"),
    ] {
        refused(doors.call(&format!("{READER}/{method}"), request).await, code, message);
    }
    refused(grpc::call(doors.storage, super::super::storage::EXPORT, &[0x0a, 9]).await, INVALID, "");
}
