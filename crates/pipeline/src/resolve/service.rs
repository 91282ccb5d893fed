//! The section `service`: which components run, and how they are joined.

use config::{Block, Located, Node, Value};

use super::{Defined, refer};
use crate::{ComponentId, PipelineSettings, TelemetrySettings};

const METRICS_ADDRESS: &str = "localhost:8888";

/// Reads the pipelines; at least one must be there, unless there is something else to do.
pub(super) fn pipelines(
    service: &mut Block<'_>,
    defined: &mut Defined,
    may_be_none: bool,
) -> Vec<PipelineSettings> {
    let blocks = service.blocks("pipelines", "pipelines by name: traces or traces/name");
    if blocks.is_empty() && !may_be_none {
        let remedy = "add one, such as traces: {receivers: [otlp], exporters: [debug]}";
        service.problem("pipelines", "there is no pipeline", Some(remedy.to_owned()));
    }
    blocks.into_iter().filter_map(|(name, mut block)| pipeline(&name, &mut block, defined)).collect()
}

fn pipeline(name: &Located, block: &mut Block<'_>, defined: &mut Defined) -> Option<PipelineSettings> {
    let receivers = block.references("receivers", "where the spans come from");
    let processors = block.references("processors", "what they pass, in order");
    let exporters = block.references("exporters", "where they all go");
    if block.is_describing() {
        return None;
    }
    let id = match ComponentId::parse(&name.text) {
        Ok(id) if id.kind == "traces" => id,
        Ok(id) if matches!(id.kind.as_str(), "metrics" | "logs" | "profiles") => {
            let problem = name.error(format!("Faden moves traces only, not {}", id.kind));
            block.report(problem.remedy("remove this pipeline, or run it in a Collector"));
            return None;
        }
        Ok(id) => {
            let problem = name.error(format!("there is no signal \"{}\"", id.kind));
            block.report(problem.remedy("pipelines are called traces or traces/name"));
            return None;
        }
        Err(message) => {
            block.report(name.error(message));
            return None;
        }
    };
    for (key, list, noun) in [("receivers", &receivers, "receiver"), ("exporters", &exporters, "exporter")] {
        if list.is_empty() {
            block.problem(key, format!("a pipeline needs at least one {noun}"), None);
        }
    }
    Some(PipelineSettings {
        id,
        receivers: refer(block, &receivers, "receiver", &mut defined.receivers),
        processors: refer(block, &processors, "processor", &mut defined.processors),
        exporters: refer(block, &exporters, "exporter", &mut defined.exporters),
    })
}

/// Reads which extensions run.
pub(super) fn extensions(service: &mut Block<'_>, defined: &mut Defined) {
    let references = service.references("extensions", "the extensions that run");
    refer(service, &references, "extension", &mut defined.extensions);
}

/// Reads how Faden speaks about itself.
pub(super) fn telemetry(service: &mut Block<'_>) -> TelemetrySettings {
    let mut telemetry = service.section("telemetry", "how Faden speaks about itself");
    let (log_level, log_json) = logs(&mut telemetry.section("logs", "what is logged"));
    let metrics_address = metrics(&mut telemetry.section("metrics", "what is counted"));
    telemetry.ignored("traces", "Faden does not trace itself yet");
    telemetry.ignored("resource", "metrics carry the labels of their components only");
    TelemetrySettings { log_level, log_json, metrics_address }
}

fn logs(logs: &mut Block<'_>) -> (&'static str, bool) {
    let levels = &["debug", "info", "warn", "error", "DEBUG", "INFO", "WARN", "ERROR"];
    let level = match logs.choice("level", levels, "info", "the least important that is logged") {
        "debug" | "DEBUG" => "debug",
        "warn" | "WARN" => "warn",
        "error" | "ERROR" => "error",
        _ => "info",
    };
    let json = logs.choice("encoding", &["console", "json"], "console", "how lines are written") == "json";
    for key in [
        "development",
        "disable_caller",
        "disable_stacktrace",
        "sampling",
        "output_paths",
        "error_output_paths",
        "initial_fields",
        "processors",
        "disable_zap_resource",
    ] {
        logs.ignored(key, "logs are lines on standard error");
    }
    (level, json)
}

fn metrics(metrics: &mut Block<'_>) -> Option<String> {
    let levels = &["none", "basic", "normal", "detailed"];
    let level = metrics.choice("level", levels, "normal", "none switches metrics off; the others are one");
    let address = metrics.text("address", METRICS_ADDRESS, "where metrics are served");
    metrics.ignored("readers", "metrics are served at the address in Prometheus text");
    if matches!(metrics.node("readers"), Some(Node { value: Value::Sequence(readers), .. }) if !readers.is_empty())
    {
        let remedy = "set service::telemetry::metrics::address to have them elsewhere".to_owned();
        metrics.warning(
            "readers",
            format!("ignored: metrics are served at {address} in Prometheus text"),
            Some(remedy),
        );
    }
    metrics.ignored("views", "all metrics are served");
    (level != "none").then_some(address)
}
