//! Answers that an assistant can hold: a trace condensed, and anything shortened until it fits.

use serde_json::{Map, Value, json};

use super::ANSWER_BYTES_MAX;

/// Spans of a trace that are told.
const SPANS_MAX: usize = 40;

/// The bit of a skeleton's flags that says where an error begins.
const ERROR_ORIGIN: u64 = analyze::skeleton::flag::ERROR_ORIGIN as u64;

/// Shortens the longest lists until the answer fits into [`ANSWER_BYTES_MAX`], and says so.
pub(super) fn fitted(mut answer: Value) -> Value {
    let mut cut = 0_u64;
    while answer.to_string().len() > ANSWER_BYTES_MAX {
        let Some(list) = longest(&mut answer) else {
            return json!({ "shortened": "the answer is too long to be told; ask for less" });
        };
        let keep = list.len() / 2;
        cut += (list.len() - keep) as u64;
        list.truncate(keep);
    }
    if cut > 0
        && let Value::Object(answer) = &mut answer
    {
        let text = format!(
            "{cut} entries of lists were left out, so that the answer fits; ask for less, or page by page"
        );
        answer.insert("shortened".into(), text.into());
    }
    answer
}

/// The list with the most text that can still be shortened.
fn longest(value: &mut Value) -> Option<&mut Vec<Value>> {
    // The path is found first, since the value cannot be borrowed twice.
    let mut best: Option<(usize, Vec<Step>)> = None;
    let mut waiting: Vec<(&Value, Vec<Step>)> = vec![(value, Vec::new())];
    while let Some((value, path)) = waiting.pop() {
        let below = |step: Step| path.iter().cloned().chain([step]).collect::<Vec<Step>>();
        match value {
            Value::Array(list) => {
                let size = value.to_string().len();
                if !list.is_empty() && best.as_ref().is_none_or(|(most, _)| size > *most) {
                    best = Some((size, path.clone()));
                }
                // What is inside a list goes with it, unless the list is short.
                if list.len() <= 4 {
                    waiting.extend(list.iter().enumerate().map(|(at, value)| (value, below(Step::At(at)))));
                }
            }
            Value::Object(object) => {
                waiting.extend(object.iter().map(|(key, value)| (value, below(Step::Key(key.clone())))));
            }
            _ => {}
        }
    }
    let (_, path) = best?;
    let mut value = value;
    for step in path {
        value = match step {
            Step::At(at) => value.get_mut(at)?,
            Step::Key(key) => value.get_mut(key.as_str())?,
        };
    }
    value.as_array_mut()
}

#[derive(Clone)]
enum Step {
    At(usize),
    Key(String),
}

/// What a skeleton says, without its columns.
pub(super) fn condensed(skeleton: &Value) -> Value {
    let told = Told(skeleton);
    let mut answer = Map::new();
    for key in ["summary", "partial", "critical_caveat"] {
        if !skeleton[key].is_null() {
            answer.insert(key.into(), skeleton[key].clone());
        }
    }
    let findings = skeleton["findings"].as_array().into_iter().flatten();
    let findings: Vec<Value> = findings
        .map(|finding| {
            let mut finding = finding.clone();
            finding["spans"] = told.labels(&finding["spans"]);
            finding
        })
        .collect();
    answer.insert("findings".into(), findings.into());
    answer.insert("services".into(), skeleton["services"].clone());
    answer.insert("critical_path".into(), told.critical());
    answer.insert("errors_begin_in".into(), told.origins());
    answer.insert("repeated_calls".into(), told.repeated());
    Value::Object(answer)
}

struct Told<'a>(&'a Value);

impl Told<'_> {
    fn column(&self, name: &str, row: usize) -> u64 {
        self.0["columns"][name][row].as_u64().unwrap_or(0)
    }

    fn span(&self, row: usize) -> Value {
        let ids = self.0["ids"].as_str().unwrap_or_default();
        json!({
            "span": ids.get(16 * row..16 * (row + 1)),
            "service": self.0["services"][self.column("service", row) as usize]["name"],
            "name": self.0["names"][self.column("name", row) as usize],
            "start_ns": self.column("start_ns", row),
            "duration_ns": self.column("duration_ns", row),
            "failed": self.column("status", row) == 2,
        })
    }

    fn labels(&self, rows: &Value) -> Value {
        let rows = rows.as_array().into_iter().flatten().filter_map(Value::as_u64);
        rows.take(SPANS_MAX).map(|row| self.span(row as usize)).collect()
    }

    /// The spans with the longest parts of the critical path.
    fn critical(&self) -> Value {
        let flat: Vec<u64> =
            self.0["critical"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        let mut times: std::collections::BTreeMap<u64, u64> = std::collections::BTreeMap::new();
        for segment in flat.chunks_exact(3) {
            *times.entry(segment[0]).or_default() += segment[2].saturating_sub(segment[1]);
        }
        let mut spans: Vec<(u64, u64)> = times.into_iter().collect();
        spans.sort_by_key(|(row, time)| (std::cmp::Reverse(*time), *row));
        let span = |(row, time): (u64, u64)| {
            let mut span = self.span(row as usize);
            span["on_path_ns"] = time.into();
            span
        };
        spans.into_iter().take(SPANS_MAX).map(span).collect()
    }

    fn origins(&self) -> Value {
        let flags = self.0["columns"]["flags"].as_array().into_iter().flatten().enumerate();
        let begins =
            |(row, flags): (usize, &Value)| (flags.as_u64().unwrap_or(0) & ERROR_ORIGIN != 0).then_some(row);
        flags.filter_map(begins).take(SPANS_MAX).map(|row| self.span(row)).collect()
    }

    fn repeated(&self) -> Value {
        let groups = self.0["groups"].as_array().into_iter().flatten();
        let told = groups.take(SPANS_MAX).map(|group| {
            let first = group["members"][0].as_u64().unwrap_or(0) as usize;
            json!({
                "example": self.span(first),
                "count": group["count"],
                "total_ns": group["total_ns"],
                "p50_ns": group["p50_ns"],
                "errors": group["errors"],
                "one_after_the_other": group["in_turn"],
            })
        });
        told.collect()
    }
}
