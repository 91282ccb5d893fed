//! `faden explain`: what is different about some spans.

use clap::Args;
use serde_json::json;
use serve::faden::Explained;

use super::scope::{percent, remark, shown};
use crate::api::Api;
use crate::cli::Server;
use crate::exit::{Ended, Exit};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Show what some spans have that the others have not
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden explain '{ duration > 1s }' --last 1h\n  faden explain '{ status = error }' --query '{ resource.service.name = \"cart\" }'\n\nExit codes: 0 explained, 1 nothing differs, 2 the question is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// The spans that are to be explained, in TraceQL
    select: String,
    /// Compare with the others of these spans only
    #[arg(short, long, value_name = "QUERY")]
    query: Option<String>,
    /// Spans of the last while, such as 15m or 2d
    #[arg(long, value_name = "DURATION")]
    last: Option<String>,
    /// How many attributes are shown
    #[arg(long, short = 'n', default_value_t = 10)]
    limit: usize,
    /// The answer of the API instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let mut body = json!({ "select": { "q": arguments.select } });
    for (key, value) in [("q", &arguments.query), ("last", &arguments.last)] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    let api = Api::new(&arguments.server.url)?;
    let answer: serde_json::Value =
        super::block_on(api.send("POST", "/explain", Some(body.to_string().into_bytes())))?;
    shown(answer.to_string().as_bytes(), arguments.json, |found: Explained| {
        remark(found.about.partial.as_ref(), color);
        let explanation = &found.explanation;
        let counts = format!(
            "{} spans selected, {} others\n",
            text::count(explanation.selection),
            text::count(explanation.baseline)
        );
        term::complain(&term::stderr_paint(color).ink(Ink::Dim, &counts));
        if explanation.attributes.is_empty() {
            term::complain("nothing differs by more than chance\n");
            return Exit::Problem;
        }
        term::say(&table(&found, arguments.limit, term::stdout_paint(color)));
        Exit::Good
    })
}

fn table(found: &Explained, limit: usize, paint: Paint) -> String {
    let head = format!("{:>9}  {:>9}  value", "selected", "others");
    let mut out = format!("{}\n", paint.ink(Ink::Dim, &head));
    for attribute in found.explanation.attributes.iter().take(limit) {
        for (place, share) in attribute.values.iter().enumerate() {
            let value = share.value.as_deref().map_or("(missing)".into(), text::harmless);
            let line = format!("{} = {value}", text::harmless(&attribute.key));
            let line = if place == 0 { line } else { paint.ink(Ink::Dim, &line) };
            let (selected, others) = (percent(share.selection_share), percent(share.baseline_share));
            out += &format!("{selected:>9}  {others:>9}  {line}\n");
        }
    }
    out
}
