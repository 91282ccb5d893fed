//! Commands that need no server.

use crate::server::{output, text};

/// Compares with a file; `FADEN_BLESS=1` writes it.
#[track_caller]
fn check(name: &str, said: &str) {
    let path = format!("{}/tests/it/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("FADEN_BLESS").is_some() {
        std::fs::write(&path, said).expect("the golden file can be written");
    }
    assert_eq!(said, std::fs::read_to_string(&path).unwrap_or_default(), "\n{said}\ndiffers from {path}");
}

const BROKEN: &str = "\
receivers:
  otlp:
    protocols:
      grpc: { endpoint: \"localhost:4317\", max_recv_msg_size_mb: 4 }
  otlq: {}
processors:
  batch: { timeout: 5 parsecs }
exporters:
  otlphttp: { endpoint: \"localhost:4318\" }
store: { retention: { time: forever } }
service:
  pipelines:
    traces: { receivers: [otlp, zipkin], processors: [bach], exporters: [otlphttp] }
";

#[test]
fn every_problem_of_a_file_is_reported_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken.yaml");
    std::fs::write(&path, BROKEN).unwrap();
    let said = output(&["validate", "--config", path.to_str().unwrap()]);
    assert_eq!(said.status.code(), Some(1));
    check("validate.txt", &text(&said.stdout).replace(path.to_str().unwrap(), "broken.yaml"));
}

#[test]
fn the_built_in_configuration_is_good_and_is_what_is_printed() {
    let printed = output(&["config", "default"]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("faden.yaml");
    std::fs::write(&path, &printed.stdout).unwrap();
    let said = output(&["validate", "--config", path.to_str().unwrap()]);
    assert_eq!((said.status.code(), said.stderr.len()), (Some(0), 0), "{said:?}");
    assert!(text(&said.stdout).ends_with("faden.yaml: good\n"), "{said:?}");
}

#[test]
fn codes_tell_what_went_wrong() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    assert_eq!(output(&["search", "--url", &url]).status.code(), Some(3));
    assert_eq!(output(&["trace", "xyz", "--url", &url]).status.code(), Some(2));
    assert_eq!(output(&["gen", "--spans", "1", "--endpoint", &url]).status.code(), Some(3));
    assert_eq!(output(&["nonsense"]).status.code(), Some(2));
    assert_eq!(output(&["components", "nonsense"]).status.code(), Some(1));
    assert_eq!(output(&["completions", "bash"]).status.code(), Some(0));
}

#[test]
fn every_component_is_listed_and_documented() {
    let list = text(&output(&["components"]).stdout);
    for name in ["otlp", "batch", "memory_limiter", "store", "otlphttp", "debug", "nop", "health_check"] {
        assert!(list.contains(&format!("  {name}")), "{name} is not in\n{list}");
    }
    let markdown = text(&output(&["components", "--markdown"]).stdout);
    assert!(markdown.contains("| `sending_queue.queue_size` |"), "{markdown}");
}

#[test]
fn the_same_seed_writes_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = directory.path().join(name);
        let made = output(&["gen", "--spans", "2000", "--file", path.to_str().unwrap()]);
        assert!(made.status.success(), "{made:?}");
        std::fs::read(path).unwrap()
    };
    assert!(write("a.pb") == write("b.pb"));
    let lines = text(&write("c.jsonl"));
    assert!(lines.lines().all(|line| wire::otlp_json::decode(line.as_bytes()).is_ok()));
}
