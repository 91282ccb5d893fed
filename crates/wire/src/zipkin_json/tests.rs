use model::proto::Message;
use model::{Batch, Tenant, Trace, otlp};
use serde_json::{Value, json};

use super::spans;
use crate::json::Writer;

const TRACE: &str = r#"{"resourceSpans":[{"resource":{"attributes":[
  {"key":"service.name","value":{"stringValue":"Shop"}},{"key":"host.name","value":{"stringValue":"a"}}]},
 "scopeSpans":[{"scope":{"name":"lib","version":"2"},"spans":[
 {"traceId":"000000000000000000000000000000aa","spanId":"0000000000000001","name":"GET /Cart","kind":2,
  "startTimeUnixNano":"1700000000000001500","endTimeUnixNano":"1700000000000001900",
  "attributes":[{"key":"net.peer.ip","value":{"stringValue":"10.0.0.7"}},{"key":"peer.service","value":{"stringValue":"Web"}},
   {"key":"net.peer.port","value":{"intValue":"4711"}},{"key":"items","value":{"intValue":"3"}}]},
 {"traceId":"000000000000000000000000000000aa","spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"SELECT",
  "kind":3,"startTimeUnixNano":"1700000000000100000","endTimeUnixNano":"1700000000002100000",
  "attributes":[{"key":"server.address","value":{"stringValue":"DB.local"}},{"key":"server.port","value":{"intValue":"5432"}}],
  "events":[{"timeUnixNano":"1700000000000200000","name":"sent"},{"timeUnixNano":"1700000000000300000","name":"row",
   "attributes":[{"key":"n","value":{"intValue":"1"}}]}],
  "status":{"code":2,"message":"deadlock"}},
 {"traceId":"000000000000000000000000000000aa","spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"query",
  "kind":2,"startTimeUnixNano":"1700000000000200000","endTimeUnixNano":"1700000000000900000",
  "attributes":[{"key":"error","value":{"boolValue":false}}]},
 {"traceId":"000000000000000000000000000000aa","spanId":"0000000000000003","parentSpanId":"0000000000000002","name":"parse",
  "kind":1,"startTimeUnixNano":"1700000000000300000","endTimeUnixNano":"1700000000000400000","status":{"code":2}}
 ]}]}]}"#;

fn written(json: &str) -> Value {
    let bytes = crate::otlp_json::decode(json.as_bytes()).unwrap();
    let batch = Batch::read(bytes.into(), Tenant::default()).unwrap();
    let trace = Trace::join(batch.span(0).trace_id(), vec![batch]).unwrap();
    let mut out = Writer::compact();
    out.array(|out| spans(&trace, out));
    serde_json::from_slice(&out.into_bytes()).unwrap()
}

#[test]
fn a_trace_is_written_as_zipkin_writes_it() {
    let base = |more: Value| {
        let mut tags = json!({"host.name": "a", "otel.scope.name": "lib", "otel.scope.version": "2"});
        tags.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tags
    };
    let expected = json!([
        {"traceId": "00000000000000aa", "id": "0000000000000001", "kind": "SERVER", "name": "get /cart",
         "timestamp": 1_700_000_000_000_001_u64, "duration": 1, "localEndpoint": {"serviceName": "shop"},
         "remoteEndpoint": {"serviceName": "web", "ipv4": "10.0.0.7", "port": 4711},
         "tags": base(json!({"items": "3", "net.peer.ip": "10.0.0.7", "net.peer.port": "4711", "peer.service": "Web"}))},
        {"traceId": "00000000000000aa", "parentId": "0000000000000001", "id": "0000000000000002", "kind": "CLIENT",
         "name": "select", "timestamp": 1_700_000_000_000_100_u64, "duration": 2_000,
         "localEndpoint": {"serviceName": "shop"}, "remoteEndpoint": {"serviceName": "db.local", "port": 5432},
         "annotations": [{"timestamp": 1_700_000_000_000_200_u64, "value": "sent"},
                         {"timestamp": 1_700_000_000_000_300_u64, "value": "\"row\":{\"n\":\"1\"}"}],
         "tags": base(json!({"error": "deadlock", "otel.status_code": "ERROR", "server.address": "DB.local",
                             "server.port": "5432"}))},
        {"traceId": "00000000000000aa", "parentId": "0000000000000001", "id": "0000000000000002", "kind": "SERVER",
         "name": "query", "timestamp": 1_700_000_000_000_200_u64, "duration": 700,
         "localEndpoint": {"serviceName": "shop"}, "tags": base(json!({})), "shared": true},
        {"traceId": "00000000000000aa", "parentId": "0000000000000002", "id": "0000000000000003", "name": "parse",
         "timestamp": 1_700_000_000_000_300_u64, "duration": 100, "localEndpoint": {"serviceName": "shop"},
         "tags": base(json!({"error": "true", "otel.status_code": "ERROR", "span.kind": "internal"}))},
    ]);
    assert_eq!(written(TRACE), expected);
}

#[test]
fn an_address_is_no_service_name() {
    let named = |value: &str| {
        super::remote_name(model::Kind::Client, |key| {
            (key == "server.address").then(|| value.to_owned().into())
        })
    };
    assert_eq!(named("10.0.0.1"), None);
    assert_eq!(named("::1"), None);
    assert_eq!(named("Redis"), Some("redis".to_owned()));
}

#[test]
fn a_span_with_nothing_but_ids_is_written() {
    let mut message = Message::new();
    message.message(otlp::request::RESOURCE_SPANS, |resource| {
        resource.message(otlp::resource_spans::SCOPE_SPANS, |scope| {
            scope.message(otlp::scope_spans::SPANS, |span| {
                span.bytes(otlp::span::TRACE_ID, &[7; 16]);
                span.bytes(otlp::span::SPAN_ID, &[7; 8]);
            });
        });
    });
    let batch = Batch::read(message.into_bytes().into(), Tenant::default()).unwrap();
    let trace = Trace::join(batch.span(0).trace_id(), vec![batch]).unwrap();
    let mut out = Writer::compact();
    out.array(|out| spans(&trace, out));
    let text = String::from_utf8(out.into_bytes()).unwrap();
    let id = "07".repeat(16);
    let expected = format!(
        r#"[{{"traceId":"{id}","id":"0707070707070707","name":"","duration":1,"localEndpoint":{{"serviceName":"unknown_service"}}}}]"#
    );
    assert_eq!(text, expected);
}
