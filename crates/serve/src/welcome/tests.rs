use std::sync::Arc;

use async_trait::async_trait;

use super::{render, routes};
use crate::faden::{Port, Report, StatusSource};
use crate::testing::get;
use crate::{Rules, Site};

struct Source;

#[async_trait]
impl StatusSource for Source {
    async fn report(&self) -> Report {
        report()
    }
}

fn report() -> Report {
    let port = |what: &str, address: &str, is_loopback| Port {
        what: what.into(),
        address: address.into(),
        is_loopback,
        ..Port::default()
    };
    Report {
        version: "0.1.0".into(),
        phase: "ready".into(),
        ports: vec![port("OTLP/gRPC", "127.0.0.1:4317", true), port("OTLP/HTTP", "0.0.0.0:4318", false)],
        warnings: vec!["a <b> & \"c\" {{ports}}".into()],
        ..Report::default()
    }
}

#[tokio::test]
async fn the_page_and_its_parts_come_from_this_server_alone() {
    let site = Site::bind("127.0.0.1:0", vec![routes(Arc::new(Source))], Rules::default()).await.unwrap();
    let address = site.address();
    tokio::spawn(site.serve(std::future::pending()));
    let page = get(address, "/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(
        !page.body.contains("style=") && !page.body.contains("<style") && !page.body.contains(" onclick")
    );
    for part in page.body.split(['"']).filter(|text| text.starts_with('/')) {
        if !part.starts_with("/api/") {
            assert_eq!(get(address, part).await.status, 200, "{part}");
        }
    }
    assert!(page.body.matches("://").count() == page.body.matches("http://localhost:4318").count());
}

#[test]
fn what_the_server_says_is_escaped_and_its_addresses_can_be_used() {
    let page = render(&report());
    assert!(page.contains("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"));
    assert!(page.contains("a &lt;b&gt; &amp; &quot;c&quot; &#123;&#123;ports}}"));
    assert!(page.contains("OTLP/HTTP on 0.0.0.0:4318 is open to the network"));
    assert!(!page.contains("{{"), "{page}");
}
