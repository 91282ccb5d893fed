use std::sync::Arc;

use config::{Block, OptionTable, Problems, Source, Surroundings};

use super::resolve;
use crate::testing::Nothing;
use crate::{
    BuildExporter, BuildExtension, BuildProcessor, BuildReceiver, ComponentId, Kind, Registry, Settings,
    Stability,
};

fn kind<B>(name: &'static str, aliases: &'static [&'static str], parse: fn(&mut Block<'_>) -> B) -> Kind<B> {
    Kind { name, aliases, summary: "for tests", stability: Stability::Stable, parse }
}

fn receiver(block: &mut Block<'_>) -> BuildReceiver {
    block.text("endpoint", "localhost:4317", "where to listen");
    Box::new(|_| Ok(Box::new(Nothing)))
}

fn processor(block: &mut Block<'_>) -> BuildProcessor {
    block.duration("timeout", "200ms", "how long to wait");
    Box::new(|_, _| Ok(Arc::new(Nothing)))
}

fn exporter(block: &mut Block<'_>) -> BuildExporter {
    block.text("endpoint", "", "where to");
    Box::new(|_| Ok(Arc::new(Nothing)))
}

fn extension(_: &mut Block<'_>) -> BuildExtension {
    Box::new(|_| Ok(Arc::new(Nothing)))
}

fn registry() -> Registry {
    Registry {
        receivers: vec![kind("otlp", &[], receiver), kind("zipkin", &[], receiver)],
        processors: vec![kind("batch", &[], processor)],
        exporters: vec![kind("debug", &["logging"], exporter), kind("otlp", &["otlp_grpc"], exporter)],
        extensions: vec![kind("health_check", &[], extension)],
    }
}

fn read(text: &str) -> (Settings, Vec<String>) {
    let problems = Problems::new();
    let around = Surroundings { env: &|_| None, file: &|_| Err("none here".to_owned()) };
    let source = Source { name: "f.yaml".to_owned(), text: text.to_owned() };
    let root = config::load(&[source], &around, &problems).expect("it is YAML");
    let mut block = Block::of(&root, &problems);
    let settings = resolve(&mut block, &registry());
    block.finish();
    (settings, problems.sorted().iter().map(ToString::to_string).collect())
}

#[test]
fn a_collectors_file_is_read_as_it_is() {
    let (settings, problems) = read(
        "\
receivers:
  otlp:
  zipkin/edge: {endpoint: 'localhost:9411'}
processors:
  batch:
exporters:
  logging: {endpoint: x}
extensions: {health_check: }
service:
  extensions: [health_check]
  telemetry:
    logs: {level: DEBUG, encoding: json, output_paths: [stderr]}
    metrics: {level: none, readers: []}
  pipelines:
    traces: {receivers: [otlp, zipkin/edge], processors: [batch], exporters: [logging]}
    traces/2: {receivers: [otlp], exporters: [logging]}
",
    );
    assert_eq!(problems, Vec::<String>::new());
    let ids: Vec<String> = settings.receivers.iter().map(|receiver| receiver.id.to_string()).collect();
    assert_eq!(ids, ["otlp", "zipkin/edge"]);
    assert!(settings.exports_to("debug") && !settings.exports_to("store"));
    assert_eq!((settings.telemetry.log_level, settings.telemetry.log_json), ("debug", true));
    assert_eq!(settings.telemetry.metrics_address, None);
    assert_eq!(settings.pipelines.len(), 2);
    assert_eq!(settings.pipelines[0].processors, [ComponentId::of("batch")]);
    assert_eq!(settings.pipelines[1].id.to_string(), "traces/2");
}

#[test]
fn everything_that_is_wrong_is_reported_at_once_with_its_place() {
    let (_, problems) = read(
        "\
receivers:
  otpl: {anything: goes}
  otlp: {endpont: x}
  zipkin:
processors:
  batch: {timeout: soon}
exporters:
  debug/: 
  kafka:
  otlp:
sampling: {}
service:
  pipelines:
    traces:
      receivers: [otlp, otlp/edge, otlp]
      processors: [btach]
      exporters: [otlp]
    traces/empty: {}
    metrics: {receivers: [otlp], exporters: [otlp]}
    spans:
",
    );
    let expected = [
        "f.yaml:2:3: receivers::otpl: there is no receiver \"otpl\"; did you mean \"otlp\"? known receivers: otlp, zipkin",
        "f.yaml:3:10: receivers::otlp::endpont: unknown key; did you mean \"endpoint\"?",
        "f.yaml:4:3: warning: receivers::zipkin: defined, but no pipeline uses it",
        "f.yaml:6:20: processors::batch::timeout: \"soon\" is not a duration; write a number with its unit, such as \
         200ms, 5s, 1h30m or 7d",
        "f.yaml:8:3: exporters::debug/: a name is missing after the slash of \"debug/\"",
        "f.yaml:9:3: exporters::kafka: there is no exporter \"kafka\"; known exporters: debug, otlp",
        "f.yaml:11:11: sampling: this version has no such section yet; remove it",
        "f.yaml:15:25: service::pipelines::traces::receivers[1]: there is no receiver \"otlp/edge\"; define it under \
         receivers",
        "f.yaml:15:36: service::pipelines::traces::receivers[2]: the receiver \"otlp\" stands here twice",
        "f.yaml:16:20: service::pipelines::traces::processors[0]: there is no processor \"btach\"; did you mean \
         \"batch\"?",
        "f.yaml:18:19: service::pipelines::traces/empty::receivers: a pipeline needs at least one receiver",
        "f.yaml:18:19: service::pipelines::traces/empty::exporters: a pipeline needs at least one exporter",
        "f.yaml:19:5: service::pipelines::metrics: Faden moves traces only, not metrics; remove this pipeline, or run \
         it in a Collector",
        "f.yaml:20:5: service::pipelines::spans: there is no signal \"spans\"; pipelines are called traces or \
         traces/name",
    ];
    let unused = "f.yaml:6:3: warning: processors::batch: defined, but no pipeline uses it".to_owned();
    let rest: Vec<&String> =
        problems.iter().filter(|problem| !expected.contains(&problem.as_str())).collect();
    let missing: Vec<&&str> = expected.iter().filter(|line| !problems.iter().any(|p| p == *line)).collect();
    assert!(missing.is_empty(), "missing {missing:#?} among {problems:#?}");
    assert_eq!(rest, [&unused]);
}

#[test]
fn a_file_without_pipelines_says_what_to_add() {
    let (_, problems) = read("receivers: {}\n");
    assert_eq!(
        problems,
        ["f.yaml:1:1: service::pipelines: there is no pipeline; add one, such as traces: {receivers: \
                           [otlp], exporters: [debug]}"]
    );
}

#[test]
fn readers_of_metrics_are_accepted_with_a_warning() {
    let (settings, problems) = read(
        "\
receivers: {otlp: }
exporters: {debug: }
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 8888}}}}]}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
",
    );
    assert_eq!(settings.telemetry.metrics_address.as_deref(), Some("localhost:8888"));
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert!(
        problem.contains("warning: service::telemetry::metrics::readers: ignored: metrics are served at"),
        "{problem}"
    );
}

#[test]
fn a_connector_is_no_component_of_this_version() {
    let (_, problems) = read("connectors: {forward: }\nreceivers: [otlp]\n");
    assert!(
        problems[1].contains("there is no connector \"forward\"; this version has no connectors"),
        "{problems:?}"
    );
    assert!(problems[2].contains("receivers: expected a mapping of names, found a list"), "{problems:?}");
}

#[test]
fn the_sections_describe_themselves() {
    let table = OptionTable::new();
    resolve(&mut Block::describe(&table), &registry());
    let rows = table.into_rows();
    for path in ["service.telemetry.logs.level", "service.pipelines.<name>.exporters", "service.extensions"] {
        assert!(rows.iter().any(|row| row.path == path), "{path} is not among {rows:#?}");
    }
    assert_eq!(kind("otlp", &[], receiver).options()[0].default, "localhost:4317");
}
