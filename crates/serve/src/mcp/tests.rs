use std::net::SocketAddr;

use serde_json::{Value, json};
use store::conformance::trace_id;

use super::{ANSWER_BYTES_MAX, STATELESS, WITH_HANDSHAKE};
use crate::testing::{Reply, ask};

async fn sent(address: SocketAddr, headers: &str, body: &str) -> Reply {
    let length = body.len();
    let head = format!(
        "host: {address}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    ask(address, "POST", "/mcp", &head).await
}

/// A request of the stateless way, with headers that agree.
async fn stateless(address: SocketAddr, method: &str, params: Value) -> Reply {
    let mut params = params;
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let name = params["name"].as_str().map_or_else(String::new, |name| format!("mcp-name: {name}\r\n"));
    let headers = format!("mcp-protocol-version: {STATELESS}\r\nmcp-method: {method}\r\n{name}");
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    sent(address, &headers, &body.to_string()).await
}

async fn called(address: SocketAddr, tool: &str, arguments: Value) -> Value {
    let reply = stateless(address, "tools/call", json!({ "name": tool, "arguments": arguments })).await;
    assert_eq!(reply.status, 200, "{tool}: {}", reply.body);
    reply.json()["result"].clone()
}

async fn server() -> SocketAddr {
    crate::faden::running_for_tests().await
}

#[tokio::test]
async fn a_stateless_client_discovers_lists_and_calls() {
    let address = server().await;
    let found = stateless(address, "server/discover", json!({})).await.json();
    let result = &found["result"];
    assert_eq!((&found["id"], &result["supportedVersions"][0]), (&json!(7), &json!(STATELESS)));
    assert_eq!((&result["resultType"], &result["cacheScope"]), (&json!("complete"), &json!("public")));
    assert!(result["capabilities"]["tools"].is_object());
    let listed = stateless(address, "tools/list", json!({})).await.json();
    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    for name in ["search", "trace_summary", "compare", "dependencies", "services", "errors", "explain"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let found = called(address, "search", json!({ "service": "web", "limit": 1 })).await;
    let structured = &found["structuredContent"];
    assert_eq!((structured["traces"].as_array().unwrap().len(), &found["isError"]), (1, &json!(false)));
    let text: Value = serde_json::from_str(found["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(&text, structured);
}

#[tokio::test]
async fn every_tool_answers() {
    let address = server().await;
    let (one, two) = (trace_id(1).to_string(), trace_id(2).to_string());
    let calls = [
        ("query", json!({ "q": "{ name = \"select\" }" })),
        ("trace_summary", json!({ "trace": one })),
        ("span", json!({ "trace": one, "span": "1" })),
        ("compare", json!({ "a": { "trace": one }, "b": { "trace": two } })),
        ("dependencies", json!({})),
        ("services", json!({ "start": "0" })),
        ("services", json!({ "service": "web", "start": "0" })),
        ("errors", json!({ "limit": 5 })),
        ("explain", json!({ "select": { "q": "{ status = error }" } })),
        ("why_missing", json!({ "trace": one })),
    ];
    for (tool, arguments) in calls {
        let found = called(address, tool, arguments).await;
        assert_eq!(found["isError"], false, "{tool}: {found}");
        assert!(found["structuredContent"].is_object(), "{tool}: {found}");
    }
    let trace = called(address, "trace_summary", json!({ "trace": one })).await["structuredContent"].clone();
    assert_eq!(trace["errors_begin_in"][0]["service"], "db", "{trace}");
    assert_eq!(trace["summary"]["spans"], 2, "{trace}");
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_told_to_the_assistant() {
    let address = server().await;
    for (tool, arguments, part) in [
        ("search", json!({ "limit": 1_000 }), "limit must be a whole number from 1 to 100"),
        ("search", json!({ "servce": "web" }), "there is no argument `servce`"),
        ("query", json!({}), "q is missing"),
        ("query", json!({ "q": "{ status = " }), "q:"),
        ("trace_summary", json!({ "trace": "abc" }), "is not here"),
        ("compare", json!({ "a": "x", "b": {} }), "a must be an object"),
    ] {
        let found = called(address, tool, arguments).await;
        assert_eq!(found["isError"], true, "{tool}: {found}");
        let text = found["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(part), "{tool}: {text}");
    }
}

#[tokio::test]
async fn an_older_client_shakes_hands_first() {
    let address = server().await;
    let initialize = |version: &str| {
        let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        json!({ "jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params }).to_string()
    };
    for (asked, given) in
        [("2025-06-18", "2025-06-18"), (STATELESS, WITH_HANDSHAKE[0]), ("1999-01-01", WITH_HANDSHAKE[0])]
    {
        let reply = sent(address, "", &initialize(asked)).await.json();
        assert_eq!(reply["result"]["protocolVersion"], given, "{reply}");
    }
    let done = sent(address, "", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((done.status, done.body.as_str()), (202, ""));
    let header = "mcp-protocol-version: 2025-11-25\r\n";
    let listed = sent(address, header, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await.json();
    assert!(listed["result"]["tools"].as_array().unwrap().len() > 5);
    assert!(listed["result"]["resultType"].is_null());
    let unknown = sent(address, header, r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#).await;
    assert_eq!((unknown.status, unknown.json()["error"]["code"].as_i64()), (200, Some(-32601)));
}

#[tokio::test]
async fn faults_of_the_protocol_have_their_codes() {
    let address = server().await;
    let code = |reply: Reply| (reply.status, reply.json()["error"]["code"].as_i64().unwrap());
    assert_eq!(code(sent(address, "", "{").await), (400, -32700));
    assert_eq!(code(sent(address, "", "[]").await), (400, -32600));
    assert_eq!(code(sent(address, "", r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#).await), (400, -32600));
    assert_eq!(code(sent(address, "", r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#).await), (400, -32600));
    assert_eq!(code(stateless(address, "nothing/such", json!({})).await), (404, -32601));
    assert_eq!(code(stateless(address, "tools/call", json!({ "name": "nothing" })).await), (400, -32602));
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert_eq!(code(sent(address, "mcp-protocol-version: 2026-07-28\r\n", request).await), (400, -32602));
    let newer = sent(address, "mcp-protocol-version: 2099-01-01\r\n", request).await;
    assert_eq!(newer.json()["error"]["data"]["requested"], "2099-01-01");
    assert_eq!(code(newer), (400, -32022));
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": STATELESS, "io.modelcontextprotocol/clientCapabilities": {} });
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": meta } }).to_string();
    let other = "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n";
    assert_eq!(code(sent(address, other, &body).await), (400, -32020));
    let get = ask(address, "GET", "/mcp", &format!("host: {address}\r\n")).await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
}

#[test]
fn long_answers_are_shortened_and_say_so() {
    let long: Vec<Value> = (0..20_000).map(|number| json!({ "number": number, "deep": [1, 2, 3] })).collect();
    let fitted = super::answer::fitted(json!({ "a": { "rows": long }, "b": [1] }));
    let text = fitted.to_string();
    assert!(text.len() <= ANSWER_BYTES_MAX + 200, "{}", text.len());
    assert!(fitted["shortened"].as_str().unwrap().contains("entries"), "{}", fitted["shortened"]);
    assert_eq!(fitted["b"], json!([1]));
    assert!(fitted["a"]["rows"].as_array().unwrap().len() > 100);
    let one = super::answer::fitted(json!({ "text": "x".repeat(2 * ANSWER_BYTES_MAX) }));
    assert!(one["shortened"].is_string());
    let fine = json!({ "a": [1] });
    assert_eq!(super::answer::fitted(fine.clone()), fine);
}
