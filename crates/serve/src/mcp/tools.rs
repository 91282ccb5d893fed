//! The tools, as one table: what they are called, what they take, and which question to Faden's API they are.

use serde_json::{Map, Value, json};

use super::ROWS_MAX;

/// A tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    title: &'static str,
    about: &'static str,
    pub(super) takes: &'static [Taken],
    pub(super) asks: Asks,
}

/// A parameter of a tool.
pub(super) struct Taken {
    pub(super) name: &'static str,
    about: &'static str,
    pub(super) form: Form,
    pub(super) is_needed: bool,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    /// A whole number from 1 to [`ROWS_MAX`].
    Rows,
    /// An object that says which traces or spans are meant.
    Choice,
}

/// Which question a tool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// `GET` of this path with the parameters as they are; `{trace}`, `{span}` and `{service}` stand for some of them.
    Get(&'static str),
    /// The same, where it is given a service else the second path.
    ByService(&'static str, &'static str),
    /// `POST` to this path with the parameters as the body.
    Post(&'static str),
    /// A trace, condensed.
    Trace,
}

const fn may(name: &'static str, about: &'static str) -> Taken {
    Taken { name, about, form: Form::Text, is_needed: false }
}

const fn must(name: &'static str, about: &'static str) -> Taken {
    Taken { name, about, form: Form::Text, is_needed: true }
}

const fn choice(name: &'static str, about: &'static str, is_needed: bool) -> Taken {
    Taken { name, about, form: Form::Choice, is_needed }
}

const ROWS: Taken =
    Taken { name: "limit", about: "how many rows, 20 by default", form: Form::Rows, is_needed: false };
const LAST: Taken = may("last", "the time up to now, such as 15m, 1h, 24h");
const START: Taken = may("start", "the beginning: RFC 3339, nanoseconds since 1970, or -2h");
const END: Taken = may("end", "the end, likewise");
const SERVICE: Taken = may("service", "only spans of this service");
const OPERATION: Taken = may("operation", "only spans of this name");
const STATUS: Taken = may("status", "error, ok or unset");
const SPANS: Taken =
    may("q", "only these spans, in TraceQL: { span.http.response.status_code >= 500 && duration > 1s }");
const ID: Taken = must("trace", "the trace's id: 32 hexadecimal digits");

/// Every tool.
pub(super) const ALL: &[Tool] = &[
    Tool {
        name: "search",
        title: "Search traces",
        about: "Finds traces by the parameters, all of which hold on one span: newest first, or slowest first with \
                order=longest. Answers a summary of each: id, root, duration, spans, errors, services.",
        takes: &[
            SERVICE,
            OPERATION,
            STATUS,
            may("tag", "an attribute, such as http.response.status_code=500 or user.id=12345"),
            may("min_duration", "spans that took at least so long, such as 500ms"),
            may("max_duration", "spans that took at most so long"),
            may("min_trace_duration", "traces that took at least so long"),
            may("order", "newest, oldest or longest"),
            may("cursor", "`next` of the answer before, for the next page"),
            LAST,
            START,
            END,
            ROWS,
        ],
        asks: Asks::Get("search"),
    },
    Tool {
        name: "query",
        title: "Query by TraceQL or SQL",
        about: "Answers TraceQL (traces with matching spans, or numbers over time such as `{ } | rate() by \
                (resource.service.name)`) or SQL (`SELECT service.name, count(*) FROM spans WHERE duration > 1s GROUP BY \
                service.name`; tables are traces, spans, events, links).",
        takes: &[
            must("q", "the query"),
            LAST,
            START,
            END,
            may("step", "for numbers over time, such as 1m"),
            ROWS,
        ],
        asks: Asks::Get("query"),
    },
    Tool {
        name: "trace_summary",
        title: "Summarize a trace",
        about: "Tells what made a trace as long as it is and where it failed: its summary, findings, services with self \
                time, the spans of its critical path, where errors begin, repeated calls.",
        takes: &[ID],
        asks: Asks::Trace,
    },
    Tool {
        name: "span",
        title: "Show a span",
        about: "A span with all attributes, events, links and its resource.",
        takes: &[ID, must("span", "the span's id: 16 hexadecimal digits")],
        asks: Asks::Get("traces/{trace}/spans/{span}"),
    },
    Tool {
        name: "compare",
        title: "Compare traces",
        about: "Compares two traces, or two groups of traces, call by call; `contributions` are the places of the nodes \
                whose own time differs most. A side is {\"trace\": id} or {\"q\": TraceQL, \"last\" or \"start\", \"end\"}.",
        takes: &[choice("a", "the first side", true), choice("b", "the second side", true)],
        asks: Asks::Post("compare"),
    },
    Tool {
        name: "dependencies",
        title: "Who calls whom",
        about: "Calls between services with counts, errors and durations; with `service` those from and to spans of it.",
        takes: &[SERVICE, LAST, START, END],
        asks: Asks::Get("edges"),
    },
    Tool {
        name: "services",
        title: "Services and operations",
        about: "Rate, errors and durations (p50, p95, p99) of each service, or with `service` of each of its operations. \
                Without a time: the last hour.",
        takes: &[SERVICE, SPANS, LAST, START, END],
        asks: Asks::ByService("services/{service}/operations", "services/red"),
    },
    Tool {
        name: "errors",
        title: "Group errors",
        about: "What failed, grouped by type, message and where it begins, with counts, first and last time, and examples.",
        takes: &[SERVICE, OPERATION, SPANS, LAST, START, END, ROWS],
        asks: Asks::Get("errors"),
    },
    Tool {
        name: "explain",
        title: "What is different",
        about: "Tells which attributes are more frequent among the selected spans than among the others of the question.",
        takes: &[
            SPANS,
            LAST,
            START,
            END,
            choice(
                "select",
                "the selection: {\"q\": TraceQL} or {\"min_ns\": 1000000000} or {\"start\", \"end\"}",
                true,
            ),
        ],
        asks: Asks::Post("explain"),
    },
    Tool {
        name: "why_missing",
        title: "Why spans are not there",
        about: "Which spans were refused, rejected or dropped, where and why; with `trace` where the spans of a trace are.",
        takes: &[may("trace", "the trace's id"), SERVICE, ROWS],
        asks: Asks::Get("refusals"),
    },
];

/// The list that clients are shown.
pub(super) fn list() -> Vec<Value> {
    ALL.iter().map(Tool::shown).collect()
}

impl Tool {
    fn shown(&self) -> Value {
        let properties: Map<String, Value> =
            self.takes.iter().map(|taken| (taken.name.to_owned(), taken.schema())).collect();
        let needed: Vec<&str> =
            self.takes.iter().filter(|taken| taken.is_needed).map(|taken| taken.name).collect();
        json!({
            "name": self.name,
            "title": self.title,
            "description": self.about,
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": needed,
                "additionalProperties": false,
            },
            "annotations": { "title": self.title, "readOnlyHint": true, "openWorldHint": false },
        })
    }
}

impl Taken {
    fn schema(&self) -> Value {
        let about = self.about;
        match self.form {
            Form::Text => json!({ "type": "string", "description": about }),
            Form::Rows => {
                json!({ "type": "integer", "minimum": 1, "maximum": ROWS_MAX, "description": about })
            }
            Form::Choice => json!({ "type": "object", "description": about }),
        }
    }
}
