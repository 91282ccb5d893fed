//! `faden services`: rate, errors and duration of each service.

use clap::Args;
use serve::faden::{Operations, Red, Services};

use super::scope::{Scope, percent, remark};
use crate::api::part;
use crate::exit::{Ended, Exit};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Show services, or the operations of one: rate, errors, durations
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden services --last 1h\n  faden services --service cart --last 15m      the operations of one\n  faden services --query '{ resource.k8s.namespace.name = \"shop\" }' --json\n\nExit codes: 0 found, 1 nothing found, 2 the question is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// Only spans by which requests enter: servers and consumers
    #[arg(long)]
    entry: bool,
    #[command(flatten)]
    scope: Scope,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let paint = term::stdout_paint(color);
    let mut scope = arguments.scope.clone();
    if let Some(service) = scope.service.take() {
        let path = format!("/services/{}/operations", part(&service));
        return scope.ask(&path, &scope.parameters(), |found: Operations| {
            let rows = found.operations.iter().map(|row| (format!("{} ({})", row.name, row.kind), &row.red));
            remark(found.about.answer.partial.as_ref(), color);
            table("operation", rows.collect(), paint)
        });
    }
    let mut parameters = scope.parameters();
    if arguments.entry {
        parameters.push(("entry", "true".to_owned()));
    }
    scope.ask("/services/red", &parameters, |found: Services| {
        let rows = found.services.iter().map(|row| (row.service.clone(), &row.red));
        remark(found.about.answer.partial.as_ref(), color);
        table("service", rows.collect(), paint)
    })
}

fn table(what: &str, rows: Vec<(String, &Red)>, paint: Paint) -> Exit {
    if rows.is_empty() {
        term::complain("nothing found\n");
        return Exit::Problem;
    }
    let head = format!(
        "{:>11}  {:>9}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}  {what}",
        "spans", "per s", "errors", "p50", "p95", "p99", "max"
    );
    term::say(&format!("{}\n", paint.ink(Ink::Dim, &head)));
    for (name, red) in rows {
        let rate = red.rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1}"));
        let errors = format!("{:>7}", percent(red.error_share));
        let errors = if red.errors > 0 { paint.ink(Ink::Red, &errors) } else { errors };
        let [p50, p95, p99, max] = [red.p50_ns, red.p95_ns, red.p99_ns, red.max_ns].map(text::duration);
        let spans = text::count(red.spans);
        let name = text::harmless(&name);
        term::say(&format!(
            "{spans:>11}  {rate:>9}  {errors}  {p50:>9}  {p95:>9}  {p99:>9}  {max:>9}  {name}\n"
        ));
    }
    Exit::Good
}
