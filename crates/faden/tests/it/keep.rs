//! What is kept: figures, the archive, and erasing, through a running server and on a directory.

use http::{Request, StatusCode};
use net::Body;

use crate::find::{TRACE, otlp_json};
use crate::server::{Server, output, text};

const RULE: &str = "store.retention.rules=[{ name: errors, filter: status = error, time: 30d }]";

/// What a command says, which must end well.
#[track_caller]
fn said(arguments: &[&str]) -> String {
    let output = output(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    text(&output.stdout)
}

#[tokio::test]
async fn a_trace_is_archived_counted_and_erased_for_good() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[RULE]);
    let url = server.url();
    assert_eq!(server.post_traces(otlp_json()).await.0, StatusCode::OK);
    let archive = |id: &str| Request::post(format!("{url}/api/archive/{id}")).body(Body::empty()).unwrap();
    assert_eq!(server.send(archive(TRACE)).await.0, StatusCode::OK);
    assert_eq!(server.send(archive("abcdef")).await.0, StatusCode::NOT_FOUND);
    assert!(said(&["store", "archive", "--url", &url]).contains(TRACE));

    let stat: serde_json::Value =
        serde_json::from_str(&said(&["store", "stat", "--json", "--url", &url])).unwrap();
    assert_eq!((&stat["archived"], &stat["uncommitted_spans"]), (&1.into(), &2.into()), "{stat}");
    assert_eq!(stat["rules"][1]["filter"], "status = error");
    let shown = said(&["store", "stat", "--url", &url]);
    for words in ["kept", "growth", "kept for", "errors: status = error", "archived"] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }

    let dry = said(&["store", "erase", "--where", "user.id = u-17", "--dry-run", "--url", &url]);
    assert!(dry.contains("1 span would be erased"), "{dry}");
    let proof = said(&["store", "erase", "--trace", TRACE, "--json", "--url", &url]);
    let proof: serde_json::Value = serde_json::from_str(&proof).unwrap();
    assert_eq!((&proof["is_proven"], &proof["spans"]), (&true.into(), &2.into()), "{proof}");
    assert_eq!(proof["unarchived"], 1);
    assert_eq!(server.get(&format!("/api/traces/{TRACE}")).await.0, StatusCode::NOT_FOUND);
    let nothing = output(&["store", "erase", "--where", "", "--url", &url]);
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");

    server.signal("TERM");
    assert!(server.ended().success());
    let place = data.path().to_str().unwrap();
    let again = said(&["store", "erase", "--trace", TRACE, "--data", place]);
    assert!(again.contains("0 spans erased") && again.contains("nothing is left"), "{again}");
    assert!(said(&["store", "stat", "--data", place]).contains("0 spans in 0 blocks"));
    assert!(said(&["store", "check", "--data", place]).contains("everything is sound"));
}

#[test]
fn the_doctor_looks_where_the_configuration_says_and_fails_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let http = format!("serve.http={free}");
    let data = directory.path().to_str().unwrap();
    let said = output(&["doctor", "--set", &http, "--data", data]);
    assert!(matches!(said.status.code(), Some(1 | 3)), "{said:?}");
    assert!(text(&said.stdout).contains(&free.to_string()), "{said:?}");
}
