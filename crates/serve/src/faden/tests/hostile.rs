//! Questions that want too much, over HTTP: each is refused at once, and told why.

use super::*;

#[tokio::test]
async fn what_wants_too_much_is_refused_with_the_reason() {
    let running = running().await;
    let deep = |open: &str, inside: &str, close: &str| {
        format!("{}{inside}{}", open.repeat(2_000), close.repeat(2_000))
    };
    let listed = (0..2_001).map(|number| format!("'{number}'")).collect::<Vec<_>>().join(",");
    let alternatives = "(a{1,100}){1,100}".repeat(20);
    let query = "/api/faden/v1/query";
    let search = "/api/faden/v1/search";
    let heatmap = "/api/faden/v1/search/heatmap?start=2020-01-01T00:00:00Z&step=1ms";
    for (path, q, why) in [
        (query, format!("{{ {} }}", deep("(", "true", ")")), "deep"),
        (query, format!("{{ {}true }}", "!".repeat(3_000)), "deep"),
        (query, format!("{{}}{}", " >> {}".repeat(3_000)), "more than 64 spansets"),
        (query, format!("{{}}{}", " | {}".repeat(3_000)), "stages follow"),
        (query, format!("{{ name =~ \"{alternatives}\" }}"), "size limit"),
        (query, format!("SELECT * FROM spans WHERE {}", deep("(", "1 = 1", ")")), "brackets"),
        (query, format!("SELECT * FROM spans WHERE name IN ({listed})"), "at most 2000"),
        (query, format!("SELECT * FROM spans WHERE name ~ '{alternatives}'"), "bytes when compiled"),
        (query, "SELECT * FROM spans JOIN traces ON 1 = 1".to_owned(), "join"),
        (query, format!("service=web {}", deep("(", "error=true", ")")), "brackets"),
        (search, deep("(", "status = error", ")"), "deeper than 64"),
        (search, "not ".repeat(3_000), "deeper than 64"),
        (search, format!("name =~ \"{alternatives}\""), "bytes when compiled"),
        (search, format!("name = \"{}\"", "x".repeat(17_000)), "bytes"),
        (heatmap, "{ }".to_owned(), "steps"),
    ] {
        let escaped = percent_encoding::utf8_percent_encode(&q, percent_encoding::NON_ALPHANUMERIC);
        let and = if path.contains('?') { '&' } else { '?' };
        let reply = get(running.address, &format!("{path}{and}q={escaped}")).await;
        let begin: String = q.chars().take(60).collect();
        assert_eq!(reply.status, 400, "{path} {begin}: {}", reply.body);
        let error = reply.json()["error"]["message"].as_str().unwrap_or_default().to_lowercase();
        assert!(error.contains(why), "{path} {begin}: {error}");
        assert!(error.len() < 2_000, "{path} {begin}: what was sent is not sent back");
    }
    assert_eq!(get(running.address, "/api/faden/v1/search").await.status, 200);
}

#[tokio::test]
async fn many_conditions_are_one_question() {
    let running = running().await;
    let tags: Vec<String> = (0..500).map(|number| format!("tag=k{number}%3Dv")).collect();
    let reply = get(running.address, &format!("/api/faden/v1/search?{}", tags.join("&"))).await;
    assert_eq!((reply.status, reply.json()["traces"].as_array().map(Vec::len)), (200, Some(0)));
}
