//! `faden deps`: who calls whom.

use clap::{Args, ValueEnum};
use serve::faden::Map;

use super::scope::{Scope, percent, remark};
use crate::exit::{Ended, Exit};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Show who calls whom, with databases, queues and peers that send no spans
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden deps --last 1h\n  faden deps --focus cart --depth 2\n  faden deps --last 1d --output dot | dot -Tsvg > map.svg\n  faden deps --output mermaid\n\nExit codes: 0 found, 1 nothing found, 2 the question is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// Only what is near this service
    #[arg(long, value_name = "NAME")]
    focus: Option<String>,
    /// So many steps away from the focus
    #[arg(long, default_value_t = 1, value_name = "STEPS")]
    depth: u8,
    /// Leave out what is called less often
    #[arg(long, default_value_t = 0, value_name = "CALLS")]
    min: u64,
    /// In which form
    #[arg(long, short, value_enum, default_value = "table")]
    output: Output,
    #[command(flatten)]
    scope: Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Output {
    Table,
    Dot,
    Mermaid,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let mut parameters = arguments.scope.parameters();
    parameters.push(("depth", arguments.depth.to_string()));
    parameters.push(("min", arguments.min.to_string()));
    parameters.extend(arguments.focus.clone().map(|focus| ("focus", focus)));
    arguments.scope.ask("/map", &parameters, |map: Map| {
        remark(map.about.partial.as_ref(), color);
        if map.edges.is_empty() {
            term::complain("nothing found\n");
            return Exit::Problem;
        }
        term::say(&match arguments.output {
            Output::Table => table(&map, term::stdout_paint(color)),
            Output::Dot => dot(&map),
            Output::Mermaid => mermaid(&map),
        });
        Exit::Good
    })
}

fn table(map: &Map, paint: Paint) -> String {
    let head = format!("{:>11}  {:>7}  {:>9}  {:>9}  {:>9}  call", "calls", "errors", "p50", "p95", "p99");
    let mut out = format!("{}\n", paint.ink(Ink::Dim, &head));
    for edge in &map.edges {
        let share = edge.errors as f64 / edge.calls.max(1) as f64;
        let errors = format!("{:>7}", percent(share));
        let errors = if edge.errors > 0 { paint.ink(Ink::Red, &errors) } else { errors };
        let [p50, p95, p99] = [edge.p50_ns, edge.p95_ns, edge.p99_ns].map(text::duration);
        let (from, to) = (text::harmless(&edge.from), text::harmless(&edge.to));
        let calls = text::count(edge.calls);
        out += &format!("{calls:>11}  {errors}  {p50:>9}  {p95:>9}  {p99:>9}  {from} → {to}\n");
    }
    out
}

fn dot(map: &Map) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = String::from("digraph calls {\n  rankdir=LR;\n");
    for edge in &map.edges {
        let (from, to) = (quoted(&edge.from), quoted(&edge.to));
        out += &format!("  {from} -> {to} [label=\"{}\"];\n", text::count(edge.calls));
    }
    out + "}\n"
}

fn mermaid(map: &Map) -> String {
    let place = |id: &str| map.nodes.iter().position(|node| node.id == id).unwrap_or(0);
    let mut out = String::from("graph LR\n");
    for (at, node) in map.nodes.iter().enumerate() {
        out += &format!("  n{at}[\"{}\"]\n", text::harmless(&node.label).replace('"', "#quot;"));
    }
    for edge in &map.edges {
        out += &format!("  n{} -->|{}| n{}\n", place(&edge.from), text::count(edge.calls), place(&edge.to));
    }
    out
}
