use super::{SHOP, Site};

const ORIGIN: &str = "origin: https://grafana.example.com\r\n";

#[tokio::test]
async fn without_a_list_no_page_may_read_answers() {
    let reply = Site::open().await.send("GET", "/api/services", ORIGIN, "").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, None));
}

#[tokio::test]
async fn pages_of_named_origins_may_read_answers() {
    let site = Site::with(&[SHOP], vec!["https://grafana.example.com".into()]).await;
    for path in ["/api/services", "/api/traces/77", "/api/unknown"] {
        let reply = site.send("GET", path, ORIGIN, "").await;
        assert_eq!(
            reply.header("access-control-allow-origin"),
            Some("https://grafana.example.com"),
            "{path}"
        );
        assert_eq!(reply.header("vary"), Some("origin"));
    }
    let other = site.send("GET", "/api/services", "origin: https://evil.example.com\r\n", "").await;
    assert_eq!((other.status, other.header("access-control-allow-origin")), (200, None));
}

#[tokio::test]
async fn a_preflight_is_answered() {
    let site = Site::with(&[SHOP], vec!["https://*.example.com".into()]).await;
    let headers = format!(
        "{ORIGIN}access-control-request-method: POST\r\naccess-control-request-headers: content-type\r\n"
    );
    let reply = site.send("OPTIONS", "/api/transform", &headers, "").await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-methods"), Some("GET, POST"));
    assert_eq!(reply.header("access-control-allow-headers"), Some("content-type"));
}
