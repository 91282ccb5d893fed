//! SQL and TraceQL through one door.

use serde_json::{Value, json};

use super::*;

async fn queried(running: &Running, parameters: &[(&str, &str)]) -> (u16, Value) {
    let escaped = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let reply = get(running.address, &format!("/api/faden/v1/query?{}", pairs.join("&"))).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn a_statement_answers_a_table() {
    let running = running().await;
    let text = "SELECT service, count(*) AS spans, max(duration), min(start) FROM spans GROUP BY service ORDER BY service";
    let (status, answer) = queried(&running, &[("q", text)]).await;
    assert_eq!((status, &answer["kind"]), (200, &json!("table")), "{answer}");
    let types: Vec<&Value> =
        answer["columns"].as_array().unwrap().iter().map(|column| &column["type"]).collect();
    assert_eq!(types, ["any", "number", "duration", "time"]);
    assert_eq!(answer["columns"][1]["name"], "spans");
    assert_eq!(answer["rows"][2], json!(["web", 2, 5_000_000, "2025-12-31T23:59:58.001000000Z"]));
    assert_eq!(answer["rows"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_language_is_found_or_said() {
    let running = running().await;
    for (parameters, kind) in [
        (vec![("q", "service=web http.response.status_code=500")], "table"),
        (vec![("q", "{ status = error } | duration > 1us")], "traces"),
        (vec![("q", "{ } | rate()")], "series"),
        (vec![("q", "SELECT * FROM traces"), ("lang", "sql"), ("limit", "1"), ("last", "1h")], "table"),
        (vec![("q", "{ }"), ("lang", "traceql")], "traces"),
    ] {
        let (status, answer) = queried(&running, &parameters).await;
        assert_eq!((status, &answer["kind"]), (200, &json!(kind)), "{parameters:?}: {answer}");
    }
    let (_, answer) = queried(&running, &[("q", "SELECT * FROM traces"), ("limit", "1")]).await;
    assert_eq!(answer["rows"].as_array().unwrap().len(), 1);
    let (_, answer) = queried(&running, &[("q", "SELECT * FROM traces LIMIT 2"), ("limit", "1")]).await;
    assert_eq!(answer["rows"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_wrong_statement_is_refused_with_its_place() {
    let running = running().await;
    for (parameters, message) in [
        (vec![("q", "SELECT durration FROM spans")], "did you mean `duration`?"),
        (vec![("q", "DELETE FROM spans")], "never changed"),
        (vec![("q", "SELECT * FROM spans LIMIT 10001")], "no whole number up to 10000"),
        (vec![("q", "{ }"), ("lang", "cypher")], "no language"),
        (vec![("q", "SELECT * FROM traces"), ("lang", "traceql")], "SELECT"),
    ] {
        let (status, answer) = queried(&running, &parameters).await;
        let said = answer["error"].to_string();
        assert!(status == 400 && said.contains(message), "{parameters:?}: {answer}");
    }
}
