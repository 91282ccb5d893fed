//! Looks into a trace that is too large to be read for them.

use query::answer::{Resource, Span};
use store::{Ask, Rows};

use super::*;
use crate::faden::Whole;
use crate::faden::named::WHOLE_SPANS_MAX;

/// A memory store that hands over no whole trace.
struct InParts(Arc<MemoryStore>);

#[async_trait]
impl Reader for InParts {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn run(&self, plan: &Plan) -> Result<Answer, ReadError> {
        if plan.ask == Ask::Traces {
            return Err(ReadError::Failed { reason: "the whole trace was asked for".into() });
        }
        let answer = self.0.run(plan).await?;
        if let (Ask::Spans(spans), Rows::Traces(traces)) = (&plan.ask, &answer.rows) {
            assert!(traces.iter().all(|trace| trace.spans().all(|span| spans.contains(&span.span_id()))));
        }
        Ok(answer)
    }
}

/// A trace with ids that are shared: by client and server, and by chance.
fn large() -> Vec<Draft> {
    let span = |number: u64| {
        let span = Draft::new(1, number).under(number / 4).with("number", number as i64);
        if number.is_multiple_of(3) { span.service("cart").with_resource("host", "a") } else { span }
    };
    let mut spans: Vec<Draft> = (1..=WHOLE_SPANS_MAX as u64 + 1).map(span).collect();
    let shared =
        Draft::new(1, 500).service("pay").kind(Kind::Server).under(125).lasting(7).with("by", "server");
    spans[499] = spans[499].clone().kind(Kind::Client).lasting(9_000);
    spans.extend([shared, Draft::new(1, 700).name("by chance").under(9_999_999).with("by", "chance")]);
    spans
}

fn path(rest: &str) -> String {
    format!("/api/faden/v1/traces/{}/{rest}", trace_id(1))
}

/// The spans with what produced each.
fn told(body: &str) -> Vec<(Span, Resource)> {
    let whole: Whole = serde_json::from_str(body).unwrap();
    let resource = |mut span: Span| {
        let place = span.place.as_mut().unwrap();
        let resource = whole.resources[std::mem::take(&mut place.resource) as usize].clone();
        (span, resource)
    };
    whole.spans.into_iter().map(resource).collect()
}

#[tokio::test]
async fn a_large_trace_is_looked_into_without_being_read() {
    let store = Arc::new(MemoryStore::default());
    store.write(batch(&Tenant::default(), &large())).await.unwrap();
    let whole = over(store.clone(), Limits::default()).await;
    let parts = over(Arc::new(InParts(store)), Limits::default()).await;
    // Now the whole trace is at hand there.
    let children = path("filter?q=%7B%7D%3E%7B%7D");
    assert!(get(whole.address, &children).await.json()["count"].as_u64() > Some(9_000));
    assert_ne!(get(parts.address, &children).await.status, 200, "relations need the whole trace");
    for rows in
        [&[0][..], &[9_000, 3, 3, 10_001, 4_711], &(0..1_000).map(|row| row * 10).collect::<Vec<u32>>()]
    {
        let body = format!("{{\"spans\":{rows:?}}}");
        let expected = post(whole.address, &path("attributes"), &body).await;
        let got = post(parts.address, &path("attributes"), &body).await;
        assert_eq!((expected.status, got.status), (200, 200), "{}", got.body);
        assert_eq!(told(&got.body), told(&expected.body));
    }
    for (number, count) in [(1_u64, 1), (8_000, 1), (500, 2), (700, 2)] {
        let rest = format!("spans/{number:x}");
        let expected = get(whole.address, &path(&rest)).await;
        let got = get(parts.address, &path(&rest)).await;
        assert_eq!((got.status, told(&got.body).len()), (200, count), "{}", got.body);
        assert_eq!(told(&got.body), told(&expected.body));
    }
    assert_eq!(get(parts.address, &path("spans/1/duration")).await.status, 200);
    let nothing = post(parts.address, &path("attributes"), r#"{"spans":[]}"#).await;
    assert_eq!((nothing.status, told(&nothing.body)), (200, Vec::new()));
    let (status, message, _) = parts.failure(&path("spans/abcdef")).await;
    assert_eq!((status, message.ends_with("has no span 0000000000abcdef")), (404, true), "{message}");
}

#[tokio::test]
async fn a_large_trace_is_filtered_without_being_read() {
    let store = Arc::new(MemoryStore::default());
    store.write(batch(&Tenant::default(), &large())).await.unwrap();
    let whole = over(store.clone(), Limits::default()).await;
    let parts = over(Arc::new(InParts(store)), Limits::default()).await;
    for (query, count) in [
        ("{}", WHOLE_SPANS_MAX as u64 + 3),
        ("{ span.number < 100 }", 99),
        ("{ resource.host = \"a\" && span.number > 9000 }", 333),
        ("{ span.by != nil }", 2),
        ("{ span.by = \"chance\" } || { span.number = 1 }", 2),
        ("{ span.number = 700 }", 1),
        ("{ kind = server && span.by = \"server\" }", 1),
        ("{ name = \"nowhere\" }", 0),
    ] {
        let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let rest = path(&format!("filter?q={query}"));
        let (expected, got) =
            (get(whole.address, &rest).await.json(), get(parts.address, &rest).await.json());
        assert_eq!(got, expected);
        assert_eq!(got["count"], count);
    }
    let named = async |text: &str| get(parts.address, &path(&format!("filter?text={text}"))).await.json();
    assert_eq!(named("CHANCE").await["count"], 1);
    assert_eq!(named("cart").await["count"], WHOLE_SPANS_MAX / 3);
    assert_eq!(named("00000000000001F4").await["count"], 2);
    let (status, message, _) = parts.failure(&path("filter?text=a&q=%7B%7D")).await;
    assert_eq!((status, message.as_str()), (400, "text: it cannot stand beside q"));
}

#[tokio::test]
async fn a_folded_trace_shows_spans_that_are_wanted() {
    let store = Arc::new(MemoryStore::default());
    store.write(batch(&Tenant::default(), &large())).await.unwrap();
    let server = over(Arc::new(InParts(store)), Limits::default()).await;
    let ids = async |rest: &str| {
        let reply = get(server.address, &path(&format!("skeleton?{rest}"))).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()["ids"].as_str().unwrap().to_owned()
    };
    let id = format!("{:016x}", 9_876);
    assert!(!ids("detail=20").await.contains(&id));
    let with = ids("detail=20&with=2694,500").await;
    assert!(with.contains(&id) && with.len() <= 16 * 20, "{}", with.len());
    let whole = ids("").await;
    let row = (0..).find(|row| whole[16 * row..].starts_with(&id)).unwrap();
    let way = ids(&format!("detail=1&row={row}")).await;
    assert!(way.ends_with(&id) && way.len() == 16 * 7, "the span and the six above it: {}", way.len());
    for (rest, said) in [
        ("detail=1&with=xyz", "with: `xyz` is no span id"),
        ("row=20000", "row: there is no row `20000`"),
        ("row=x", "row: there is no row `x`"),
        ("detail=1&with=1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "with: 17 spans are more than 16"),
    ] {
        let (status, message, _) = server.failure(&path(&format!("skeleton?{rest}"))).await;
        assert_eq!((status, message.as_str()), (400, said));
    }
}

#[tokio::test]
async fn spans_that_come_late_are_found_beside_an_older_skeleton() {
    let store = Arc::new(MemoryStore::default());
    let write = async |spans: &[Draft]| store.write(batch(&Tenant::default(), spans)).await.unwrap();
    write(&large()).await;
    let server = over(Arc::new(InParts(store.clone())), Limits::default()).await;
    assert_eq!(get(server.address, &path("skeleton?detail=10")).await.status, 200);
    write(&[Draft::new(1, 20_000).under(1), Draft::new(1, 600).name("late").under(2)]).await;
    for (number, count) in [(20_000_u64, 1), (600, 2), (700, 2)] {
        let reply = get(server.address, &path(&format!("spans/{number:x}"))).await;
        assert_eq!((reply.status, told(&reply.body).len()), (200, count), "{}", reply.body);
    }
}
