//! What the command line makes of the analyses of a running server.

use http::StatusCode;

use crate::find::{TRACE, otlp_json};
use crate::server::{Server, output, text};

#[tokio::test]
async fn analyses_are_shown_as_tables_and_as_json() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.post_traces(otlp_json()).await.0, StatusCode::OK);
    let url = server.url();
    for (arguments, words) in [
        (vec!["services"], vec!["shop", "50.0%", "120ms"]),
        (vec!["services", "--service", "shop"], vec!["charge (client)", "GET /checkout (server)"]),
        (vec!["errors", "--last", "1h"], vec!["card declined", "shop charge", TRACE]),
        (vec!["diff", TRACE, TRACE], vec!["a  2 spans, 120ms", "b  2 spans, 120ms"]),
    ] {
        let mut all = arguments.clone();
        all.extend(["--url", &url]);
        let told = output(&all);
        let shown = text(&told.stdout);
        assert_eq!(told.status.code(), Some(0), "{arguments:?}: {}", text(&told.stderr));
        for word in words {
            assert!(shown.contains(word), "{arguments:?}: {word} is missing in\n{shown}");
        }
        all.push("--json");
        let json = text(&output(&all).stdout);
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{arguments:?}: {json}");
    }
    let alone = output(&["deps", "--url", &url]);
    assert_eq!(alone.status.code(), Some(1), "one service calls nobody: {}", text(&alone.stdout));
    let even = output(&["explain", "{ status = error }", "--url", &url]);
    assert_eq!(even.status.code(), Some(1), "{}", text(&even.stdout));
    assert!(text(&even.stderr).contains("1 spans selected, 1 others"), "{}", text(&even.stderr));
    let wrong = output(&["errors", "--query", "{", "--url", &url]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong.stderr));
}
