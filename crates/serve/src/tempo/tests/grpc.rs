//! What Grafana asks when it streams: gRPC on the port of the HTTP API.

use bytes::Bytes;
use model::proto::Message;

use super::{NOW, SocketAddr, site, trace_id};
use crate::message::{bytes, every, number, text};
use crate::tempo::grpc::SERVICE;
use crate::testing::grpc;

/// The only message of an answer, or its code and words.
async fn call(
    address: SocketAddr,
    method: &str,
    write: impl FnOnce(&mut Message),
) -> Result<Bytes, (i32, String)> {
    let mut message = Message::new();
    write(&mut message);
    let messages = grpc::call(address, &format!("/{SERVICE}/{method}"), &message.into_bytes()).await?;
    assert_eq!(messages.len(), 1);
    Ok(messages[0].clone())
}

#[tokio::test]
async fn a_search_streams_what_the_http_api_answers() {
    let address = site().await;
    let answer = call(address, "Search", |out| {
        out.varint(4, 10);
        out.text(8, "{ status = error } | select(span.items, name)");
    });
    let answer = answer.await.unwrap();
    let found: Vec<&[u8]> = every(&answer, 1).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(text(found[0], 1), Some(trace_id(2).to_string().as_str()));
    assert_eq!((text(found[0], 2), number(found[0], 5)), (Some("web"), 20));
    let set = bytes(found[0], 7).unwrap();
    let span = bytes(set, 1).unwrap();
    assert_eq!((text(span, 1), text(span, 2)), (Some("0000000000000002"), Some("add")));
    assert_eq!((number(set, 2), number(span, 4)), (1, 1_000_000));
    let items = every(span, 5).find(|value| text(value, 1) == Some("items")).expect("what was selected");
    assert_eq!(number(bytes(items, 2).unwrap(), 3), 3);
    let by_tags = call(address, "Search", |out| {
        out.message(1, |out| {
            out.text(1, "service.name");
            out.text(2, "CART");
        });
    });
    assert_eq!(every(&by_tags.await.unwrap(), 1).count(), 3);
}

#[tokio::test]
async fn tags_and_their_values_stream() {
    let address = site().await;
    let texts = |message: &[u8], field| -> Vec<String> {
        every(message, field).map(|text| String::from_utf8(text.to_vec()).unwrap()).collect()
    };
    let keys = call(address, "SearchTags", |out| out.text(1, "span")).await.unwrap();
    assert_eq!(texts(&keys, 1), ["http.status_code", "items", "user.id"]);
    let scopes = call(address, "SearchTagsV2", |out| out.text(1, "resource")).await.unwrap();
    let scope = bytes(&scopes, 1).unwrap();
    assert_eq!((text(scope, 1), texts(scope, 2)), (Some("resource"), vec!["service.name".to_owned()]));
    let values = call(address, "SearchTagValues", |out| out.text(1, "service.name")).await.unwrap();
    assert_eq!(texts(&values, 1), ["cart", "web"]);
    let typed = call(address, "SearchTagValuesV2", |out| {
        out.text(1, "name");
        out.text(2, "{ resource.service.name = \"web\" }");
    });
    let typed = typed.await.unwrap();
    let value = bytes(&typed, 1).unwrap();
    assert_eq!((text(value, 1), text(value, 2)), (Some("string"), Some("GET /cart")));
}

#[tokio::test]
async fn tags_are_bounded_by_time_and_number() {
    let address = site().await;
    let texts = |message: &[u8], field| -> Vec<String> {
        every(message, field).map(|text| String::from_utf8(text.to_vec()).unwrap()).collect()
    };
    let now = NOW / 1_000_000_000;
    let keys = async |query: &'static str, (start, end): (u64, u64), max: u64| {
        let answer = call(address, "SearchTags", |out| {
            out.text(1, "span");
            out.text(2, query);
            out.varint(3, start);
            out.varint(4, end);
            out.varint(5, max);
        });
        texts(&answer.await.unwrap(), 1)
    };
    assert_eq!(keys("", (now - 60, now), 0).await, ["http.status_code", "items", "user.id"]);
    assert_eq!(keys("", (now - 60, now), 2).await, ["http.status_code", "items"]);
    assert_eq!(keys("", (now - 120, now - 60), 0).await, [""; 0]);
    assert_eq!(keys("{ resource.service.name = \"web\" }", (now - 60, now), 0).await, [""; 0]);
    let values = async |(start, end): (u64, u64), max: u64| {
        let answer = call(address, "SearchTagValues", |out| {
            out.text(1, "service.name");
            out.varint(4, start);
            out.varint(5, end);
            out.varint(6, max);
        });
        texts(&answer.await.unwrap(), 1)
    };
    assert_eq!(values((now - 60, now), 0).await, ["cart", "web"]);
    assert_eq!(values((now - 60, now), 1).await, ["cart"]);
    assert_eq!(values((now - 120, now - 60), 0).await, [""; 0]);
}

#[tokio::test]
async fn metrics_stream() {
    let address = site().await;
    let asked = |query: &'static str| {
        move |out: &mut Message| {
            out.text(1, query);
            out.varint(2, NOW - 60_000_000_000);
            out.varint(3, NOW + 1_000_000_000);
            out.varint(4, 3_600_000_000_000);
        }
    };
    let range = call(
        address,
        "MetricsQueryRange",
        asked("{} | count_over_time() by(resource.service.name) with(exemplars=true)"),
    );
    let range = range.await.unwrap();
    let series: Vec<&[u8]> = every(&range, 1).collect();
    assert_eq!(series.len(), 2);
    assert_eq!(text(series[0], 3), Some("{resource.service.name=\"cart\"}"));
    let value = |message: &[u8], field| {
        let found = crate::message::fields(message).find(|(number, _)| *number == field);
        let Some((_, model::proto::Field::Fixed64(bits))) = found else { panic!("a double in {field}") };
        f64::from_bits(bits)
    };
    let counted: f64 = every(series[0], 2).map(|sample| value(sample, 1)).sum();
    assert_eq!(counted, 3.0);
    assert!(every(series[1], 4).count() > 0, "traces that stand for numbers");
    let total =
        call(address, "MetricsQueryInstant", asked("{ status = error } | count_over_time()")).await.unwrap();
    assert_eq!(value(bytes(&total, 1).unwrap(), 2), 1.0);
}

#[tokio::test]
async fn what_is_wrong_has_its_code() {
    let address = site().await;
    for (method, query, code, words) in [
        ("Search", "{ stats = error }", 3, "did you mean"),
        ("Search", "{} | rate()", 3, "query_range"),
        ("MetricsQueryRange", "{}", 3, "/api/search"),
        ("Nothing", "{}", 12, "unknown method"),
    ] {
        let field = if method == "Search" { 8 } else { 1 };
        let refused = call(address, method, |out| out.text(field, query)).await.expect_err(words);
        let said = percent_encoding::percent_decode_str(&refused.1).decode_utf8_lossy().into_owned();
        assert!(refused.0 == code && said.contains(words), "{refused:?}");
    }
}
