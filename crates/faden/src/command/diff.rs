//! `faden diff`: two traces, call by call.

use clap::Args;
use serde_json::json;
use serve::faden::Compared;

use super::scope::{remark, shown};
use crate::api::Api;
use crate::cli::Server;
use crate::exit::{Ended, Exit};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Compare two traces, or two groups: where the extra time went
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden diff 4bf92f3577b34da6a3ce929d0e0e4736 0af7651916cd43dd8448eb211c80319c\n  faden diff '{ resource.service.version = \"1.2\" }' '{ resource.service.version = \"1.3\" }' --last 1h\n\nExit codes: 0 compared, 1 not found, 2 the question is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// A trace's id, or a TraceQL query
    a: String,
    /// What it is compared with
    b: String,
    /// Traces of the last while, for queries
    #[arg(long, value_name = "DURATION")]
    last: Option<String>,
    /// How many calls are shown
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// The answer of the API instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let side = |text: &String| match model::TraceId::parse(text.trim()) {
        Some(id) => json!({ "trace": id.to_string() }),
        None => match &arguments.last {
            Some(last) => json!({ "q": text, "last": last }),
            None => json!({ "q": text }),
        },
    };
    let body = json!({ "a": side(&arguments.a), "b": side(&arguments.b) }).to_string();
    let api = Api::new(&arguments.server.url)?;
    let answer: serde_json::Value = super::block_on(api.send("POST", "/compare", Some(body.into_bytes())))?;
    shown(answer.to_string().as_bytes(), arguments.json, |found: Compared| {
        remark(found.partial.as_ref(), color);
        term::say(&table(&found, arguments.limit, term::stdout_paint(color)));
        Exit::Good
    })
}

fn table(found: &Compared, limit: usize, paint: Paint) -> String {
    let total = |side: &serve::faden::OneSide| {
        format!("{} spans, {}", text::count(side.side.spans), text::duration(side.side.duration_ns))
    };
    let mut out = format!("a  {}\nb  {}\n\n", total(&found.a), total(&found.b));
    let head = format!("{:>10}  {:>9}  {:>9}  {:>7}  call", "own time", "a", "b", "spans");
    out += &format!("{}\n", paint.ink(Ink::Dim, &head));
    for at in found.contributions.iter().take(limit) {
        let node = &found.nodes[*at as usize];
        let sign = if node.delta_self_ns < 0 { "-" } else { "+" };
        let delta = format!("{sign}{}", text::duration(node.delta_self_ns.unsigned_abs()));
        let ink = if node.delta_self_ns < 0 { Ink::Green } else { Ink::Red };
        let own = |sum: &Option<analyze::compare::Sum>, traces: u64| {
            sum.map_or_else(|| "–".to_owned(), |sum| text::duration(sum.self_ns / traces.max(1)))
        };
        let count = |sum: &Option<analyze::compare::Sum>| sum.map_or(0, |sum| sum.count);
        out += &format!(
            "{}  {:>9}  {:>9}  {:>7}  {} {}\n",
            paint.ink(ink, &format!("{delta:>10}")),
            own(&node.a, found.a.side.traces),
            own(&node.b, found.b.side.traces),
            format!("{}/{}", count(&node.a), count(&node.b)),
            text::harmless(&node.service),
            text::harmless(&node.name),
        );
    }
    for difference in found.attributes.iter().take(limit) {
        let value = |value: &Option<String>| value.as_deref().map_or("–".into(), text::harmless);
        out += &format!(
            "{} {}  {} → {}\n",
            paint.ink(Ink::Dim, &text::harmless(&difference.service)),
            text::harmless(&difference.key),
            value(&difference.a),
            value(&difference.b),
        );
    }
    out
}
