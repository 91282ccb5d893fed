//! `faden trace`: one trace as a waterfall.

use clap::Args;
use query::answer;

use crate::api::{Api, part};
use crate::cli::Server;
use crate::exit::{Ended, Exit, Failure};
use crate::term::{self, When};
use crate::waterfall::{self, Span, Trace, View};

/// Show a trace as a waterfall: who called whom, when, for how long, what failed
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden trace 4bf92f3577b34da6a3ce929d0e0e4736\n  faden trace 4bf92f3577b34da6a3ce929d0e0e4736 --limit 0 --color always | less -R\n  faden trace 4bf92f3577b34da6a3ce929d0e0e4736 --json | jq '.spans[].name'\n\nBars are heavy where a span itself runs and light where it waits for its children; `self` is the time of the heavy part.\n\nExit codes: 0 found, 1 not found, 3 no server answers"
)]
pub struct Arguments {
    /// The trace's id, in hexadecimal
    id: String,
    /// At most so many rows; 0 shows all
    #[arg(long, value_name = "ROWS", default_value_t = 500)]
    limit: usize,
    /// Show every one of equal siblings
    #[arg(long)]
    no_fold: bool,
    /// The answer of the API instead of a picture
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let Some(id) = model::TraceId::parse(arguments.id.trim()) else {
        return Err(Failure::usage(format!(
            "\"{}\" is no trace id: it has 1 to 32 hexadecimal digits",
            arguments.id
        )));
    };
    let api = Api::new(&arguments.server.url)?;
    let path = format!("/traces/{}", part(&id.to_string()));
    let body = super::block_on(api.bytes(&path, &[]))?;
    if arguments.json {
        term::say(&String::from_utf8_lossy(&body));
        term::say("\n");
        return Ok(Exit::Good);
    }
    let view = View {
        columns: term::stdout_columns(),
        paint: term::stdout_paint(color),
        rows_max: arguments.limit,
        is_folding: !arguments.no_fold,
    };
    let trace: answer::Trace = serde_json::from_slice(&body)
        .map_err(|cause| Failure::problem(format!("the answer is no trace: {cause}")))?;
    term::say(&waterfall::draw(&drawable(trace), view));
    Ok(Exit::Good)
}

/// What the waterfall needs of a trace.
fn drawable(trace: answer::Trace) -> Trace {
    let spans = trace.spans.into_iter().map(|span| Span {
        is_error: span.status == "error",
        message: why(&span),
        id: span.span_id,
        parent: span.parent_id,
        service: span.service,
        name: span.name,
        start_ns: span.start.0,
        duration_ns: span.duration.0,
    });
    Trace { id: trace.summary.trace_id, spans: spans.collect(), partial: trace.partial }
}

/// Why a span failed: its status says so, or the exception that it recorded.
fn why(span: &answer::Span) -> String {
    if span.status != "error" || !span.status_message.is_empty() {
        return span.status_message.clone();
    }
    let exception = span.events.iter().rev().find(|event| event.name == "exception");
    let Some(exception) = exception else { return String::new() };
    let of = |key: &str| {
        let found = exception.attributes.iter().find(|attribute| attribute.key == key);
        match found.map(|attribute| &attribute.value) {
            Some(answer::AnyValue::String(text)) => text.clone(),
            _ => String::new(),
        }
    };
    match (of("exception.type"), of("exception.message")) {
        (kind, message) if message.is_empty() => kind,
        (kind, message) if kind.is_empty() => message,
        (kind, message) => format!("{kind}: {message}"),
    }
}
