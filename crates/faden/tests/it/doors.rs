//! What goes out by `faden export` comes in by `faden import`, in every form, and is the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wire::files::Parts;

use crate::server::{Server, faden, output, text};

const SPANS: u64 = 3_000;

/// A server over generated traffic.
fn filled(data: &Path) -> Server {
    let server = Server::start(data, &[]);
    let endpoint = format!("http://{}", server.port("OTLP/gRPC"));
    let made = output(&[
        "gen",
        "--spans",
        &SPANS.to_string(),
        "--rate",
        "max",
        "--endpoint",
        &endpoint,
        "--services",
        "10",
        "--json",
    ]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    server
}

/// Runs faden and answers the last line of JSON that it printed.
#[track_caller]
fn told(arguments: &[&str]) -> Value {
    let done = output(arguments);
    assert!(done.status.success(), "{arguments:?}: {}", text(&done.stderr));
    let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
    let line = said.lines().rfind(|line| line.starts_with('{')).expect("it says how it went");
    serde_json::from_str(line).expect("it is JSON")
}

/// Every span as OTLP JSON with its resource and scope, attributes sorted; by trace and span.
fn spans(files: &[PathBuf]) -> BTreeMap<(String, String), String> {
    let mut spans = BTreeMap::new();
    for file in files {
        let mut parts = Parts::open(std::io::BufReader::new(std::fs::File::open(file).unwrap())).unwrap();
        while let Some(some) = parts.next_parts().unwrap() {
            for part in some {
                let batch = model::Batch::read(part.otlp.into(), model::Tenant::default()).unwrap();
                for place in 0..batch.len() {
                    let mut out = wire::json::Writer::compact();
                    wire::otlp_json::batch(&batch.select(|other| other == place), &mut out);
                    let mut value: Value = serde_json::from_slice(&out.into_bytes()).unwrap();
                    sort(&mut value);
                    let row = batch.rows()[place];
                    let before =
                        spans.insert((row.trace_id.to_string(), row.span_id.to_string()), value.to_string());
                    assert!(before.is_none(), "a span came twice");
                }
            }
        }
    }
    spans
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Array(attributes)) = members.get_mut("attributes") {
                attributes.sort_by_key(|one| one["key"].to_string());
            }
            members.values_mut().for_each(sort);
        }
        Value::Array(elements) => elements.iter_mut().for_each(sort),
        _ => {}
    }
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("test paths are UTF-8").to_owned()
}

/// The files of a folder, or the file itself.
fn files(out: &str) -> Vec<String> {
    if !Path::new(out).is_dir() {
        return vec![out.to_owned()];
    }
    let found = std::fs::read_dir(out).unwrap();
    found.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_form_goes_out_and_comes_in_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut server = filled(&folder.join("first"));
    let from = server.url();
    let whole = path(folder, "whole.pb");
    let report = told(&["export", "--url", &from, "--out", &whole, "--json"]);
    let count = report["spans"].as_u64().unwrap();
    assert!(count >= SPANS);
    let expected = spans(&[whole.clone().into()]);
    assert_eq!(expected.len() as u64, count);
    for name in ["lines.jsonl", "lines.jsonl.gz", "packed.pb.zst", "one.parquet", "many"] {
        let out = path(folder, name);
        let format = if name == "many" { "parquet" } else { "otlp" };
        let mut arguments = vec!["export", "--url", &from, "--out", &out, "--json"];
        if name == "many" {
            arguments.extend(["--format", format]);
        }
        assert_eq!(told(&arguments)["spans"], count, "{name}");
        let data = path(folder, &format!("data-{name}"));
        let found = files(&out);
        let mut arguments = vec!["import", "--data", &data, "--json"];
        arguments.extend(found.iter().map(String::as_str));
        let report = told(&arguments);
        assert_eq!((&report["read"], &report["kept"]), (&count.into(), &count.into()), "{name}");
        let again = path(folder, &format!("again-{name}.pb"));
        assert_eq!(told(&["export", "--data", &data, "--out", &again, "--json"])["spans"], count, "{name}");
        assert!(expected == spans(&[again.clone().into()]), "{name}: the spans differ");
        if name == "lines.jsonl" {
            check_tenants(&data, (&found[0], &again), count);
        }
    }
    server.signal("TERM");
    assert!(server.ended().success());
    let first = path(folder, "first");
    let blocks = path(folder, "blocks");
    let report = told(&["export", "--data", &first, "--format", "parquet", "--out", &blocks, "--json"]);
    assert_eq!((&report["spans"], &report["blocks_copied"]), (&count.into(), &1.into()), "{report}");
}

/// What comes in for one tenant goes out for that one alone.
fn check_tenants(data: &str, (file, out): (&str, &str), count: u64) {
    let export = |tenant: &str| {
        let arguments = ["export", "--data", data, "--tenant", tenant, "--out", out, "--force", "--json"];
        told(&arguments)["spans"].clone()
    };
    assert_eq!((export("default"), export("red")), (count.into(), 0.into()));
    assert_eq!(told(&["import", "--data", data, "--tenant", "red", "--json", file])["kept"], count);
    assert_eq!((export("default"), export("red")), (count.into(), count.into()));
    let wrong = output(&["export", "--tenant", "red", "--out", out]);
    assert_eq!(wrong.status.code(), Some(2), "a server settles the tenant itself");
}

#[tokio::test]
async fn chosen_traces_go_out_whole_and_jaegers_json_comes_back_over_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (server, other) = (filled(&folder.join("first")), Server::start(&folder.join("second"), &[]));
    let from = server.url();
    let all = path(folder, "all.json");
    let count =
        told(&["export", "--url", &from, "--out", &all, "--format", "jaeger", "--json"])["spans"].clone();
    let endpoint = format!("http://{}", other.port("OTLP/gRPC"));
    let report = told(&["import", "--endpoint", &endpoint, "--json", &all]);
    assert_eq!((&report["read"], &report["kept"]), (&count, &count));
    let again = path(folder, "again.json");
    assert_eq!(
        told(&["export", "--url", &other.url(), "--out", &again, "--format", "jaeger", "--json"])["spans"],
        count
    );
    assert_eq!(jaeger(&all), jaeger(&again));

    let errors = path(folder, "errors.pb");
    told(&["export", "--url", &from, "--out", &errors, "--query", "status = error", "--json"]);
    let errors = spans(&[errors.into()]);
    let (_, found) = server.get("/api/faden/v1/search?status=error&limit=10000").await;
    let traces = found["traces"].as_array().unwrap();
    let in_them: u64 = traces.iter().map(|trace| trace["spans"].as_u64().unwrap()).sum();
    assert!(in_them > 0 && errors.len() as u64 == in_them, "{} of {in_them}", errors.len());

    let id = traces[0]["trace_id"].as_str().unwrap();
    let one = path(folder, "one.pb");
    let missing = "0123456789abcdef0123456789abcdef";
    let done = output(&["export", "--url", &from, "--out", &one, "--trace", id, "--trace", missing]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains(&format!("not found: {missing}")), "{}", text(&done.stderr));
    assert_eq!(spans(&[one.into()]).len() as u64, traces[0]["spans"].as_u64().unwrap());
}

/// The traces of a file of Jaeger's, each as text, whatever the order of traces, processes and tags.
fn jaeger(file: &str) -> BTreeMap<String, String> {
    let value: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let trace = |trace: &Value| {
        let mut spans: Vec<Value> = trace["spans"].as_array().unwrap().clone();
        for span in &mut spans {
            let process = trace["processes"][span["processID"].as_str().unwrap()].clone();
            span["process"] = process;
            span.as_object_mut().unwrap().remove("processID");
            let lists = [["tags", ""], ["process", "tags"]];
            for [outer, inner] in lists {
                let list = if inner.is_empty() { &mut span[outer] } else { &mut span[outer][inner] };
                list.as_array_mut().unwrap().sort_by_key(ToString::to_string);
            }
            for log in span["logs"].as_array_mut().unwrap() {
                log["fields"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
            }
        }
        spans.sort_by_key(|span| span["spanID"].to_string());
        (trace["traceID"].to_string(), Value::from(spans).to_string())
    };
    value["data"].as_array().unwrap().iter().map(trace).collect()
}

#[test]
fn a_wrong_file_is_named_with_its_place_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = path(folder.path(), "wrong.json");
    std::fs::write(&wrong, "{\"resourceSpans\":[]}\n{\"resourceSpans\":[{\"scopeSpans\":3}]}\n").unwrap();
    let done = output(&["import", "--dry-run", &wrong]);
    assert_eq!(done.status.code(), Some(1));
    let said = text(&done.stderr);
    assert!(said.contains("wrong.json: line 2: resourceSpans[0].scopeSpans: expected an array"), "{said}");
    let done = output(&["import", "--dry-run", &wrong, "/nowhere.json"]);
    assert!(text(&done.stderr).contains("nothing was imported"), "{}", text(&done.stderr));
    let done = output(&["export", "--out", &wrong]);
    assert_eq!(done.status.code(), Some(2), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("--force"));
    let empty = path(folder.path(), "empty");
    let done = output(&["export", "--data", &empty, "--out", &path(folder.path(), "x.pb")]);
    assert!(text(&done.stderr).contains("there is no store"), "{}", text(&done.stderr));
    let done = output(&["export", "--query", "status ==== error", "--out", &path(folder.path(), "x.pb")]);
    assert_eq!(done.status.code(), Some(2), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("--query"), "{}", text(&done.stderr));
}

#[test]
fn a_pipe_is_read() {
    use std::io::Write;
    let mut import = faden(&["import", "--dry-run", "--json", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let jaeger = include_str!("../../../../fixtures/jaeger/shop.json");
    let mut stdin = import.stdin.take().unwrap();
    write!(stdin, "{{\"data\":[{jaeger}]}}").unwrap();
    drop(stdin);
    let done = import.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(done.status.success() && report["read"] == 3, "{report}");
}
