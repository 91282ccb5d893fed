//! `faden errors`: what failed, grouped by why.

use clap::Args;
use serve::faden::Errors;

use super::scope::{Scope, remark};
use crate::exit::{Ended, Exit};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Show what failed, grouped by why, where it begins
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden errors --last 1h\n  faden errors --service payment --json | jq '.groups[].examples[0].trace_id'\n\nExit codes: 0 found, 1 nothing failed, 2 the question is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// How many groups
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    limit: u64,
    #[command(flatten)]
    scope: Scope,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let mut parameters = arguments.scope.parameters();
    parameters.push(("limit", arguments.limit.to_string()));
    arguments.scope.ask("/errors", &parameters, |found: Errors| {
        remark(found.about.partial.as_ref(), color);
        if found.groups.is_empty() {
            term::complain("nothing failed\n");
            return Exit::Problem;
        }
        term::say(&table(&found, term::stdout_paint(color)));
        Exit::Good
    })
}

fn table(found: &Errors, paint: Paint) -> String {
    let head = format!("{:>9}  {:>9}  {:<32}  error", "count", "echoes", "example");
    let mut out = format!("{}\n", paint.ink(Ink::Dim, &head));
    for group in &found.groups {
        let example = group.examples.first().map_or("", |example| example.trace_id.as_str());
        let (kind, message) = (text::harmless(&group.kind), text::harmless(&group.message));
        let what = [kind, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        let place = format!("{} {}", text::harmless(&group.service), text::harmless(&group.operation));
        out += &format!(
            "{:>9}  {:>9}  {:<32}  {} {}\n",
            text::count(group.count),
            text::count(group.echoes),
            text::harmless(example),
            paint.ink(Ink::Red, if what.is_empty() { "(no reason given)" } else { &what }),
            paint.ink(Ink::Dim, &place),
        );
    }
    if found.others > 0 {
        out += &format!("and {} further groups; show them with --limit\n", text::count(found.others as u64));
    }
    out
}
