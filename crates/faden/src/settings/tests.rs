use super::*;

fn loaded(text: &str) -> (Option<Settings>, Problems) {
    let problems = Problems::new();
    let root = config::parse(text, "test.yaml").expect("tests write YAML");
    (Some(resolve(&root, &problems)), problems)
}

#[test]
fn the_built_in_configuration_has_no_problem_at_all() {
    let (settings, problems) = load(&Source::default());
    assert!(problems.is_empty(), "{problems}");
    let settings = settings.expect("it was read");
    assert_eq!(settings.store.expect("it stores").path, "./faden-data");
    assert_eq!(settings.serve.expect("it serves").http, "127.0.0.1:16686");
}

#[test]
fn a_plain_collector_file_stores_and_serves_nothing() {
    let text = "receivers: { otlp: { protocols: { grpc: } } }\nexporters: { debug: }\nservice: { pipelines: { traces: { receivers: [otlp], exporters: [debug] } } }\n";
    let (settings, problems) = loaded(text);
    assert!(problems.is_empty(), "{problems}");
    let settings = settings.expect("it was read");
    assert!(settings.store.is_none() && settings.serve.is_none());
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = "
receivers: { otlq: }
exporters: { store: { path: x } }
store: { memory: { head: 1MiB, cache: 1KiB }, retention: { bytes: 5 parsecs }, compaction: { share: 2, windows: [6h, 1h] } }
serve: { htp: x }
service: { pipelines: { traces: { receivers: [otlp], exporters: [store] } } }
";
    let (_, problems) = loaded(text);
    let said = problems.to_string();
    for part in ["otlq", "otlp", "path", "8MiB", "1MiB or more", "bytes", "share", "[1h, 6h, 24h]", "htp"] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}
