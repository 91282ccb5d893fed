//! `faden search`: traces in a table.

use clap::{Args, ValueEnum};
use query::answer::{About, Found, Summary, Work};

use super::period::Period;
use crate::api::Api;
use crate::cli::Server;
use crate::exit::{Ended, Exit};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Find traces: by service, operation, attribute, duration, status
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden search                                             the newest 20 traces\n  faden search --service cart --last 1h --order longest\n  faden search 'status = error && http.response.status_code >= 500'\n  faden search '{ resource.k8s.pod.name =~ \"cart-.*\" && duration > 1.5s }' --limit 100\n  faden search --json 'user.id = u-17' | jq -r '.traces[].trace_id'\n\nExit codes: 0 found, 1 nothing found, 2 the question is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// Conditions on one span: key op value, joined by && and ||
    query: Option<String>,
    /// Spans of this service
    #[arg(long, short, value_name = "NAME")]
    service: Option<String>,
    /// Spans of this operation
    #[arg(long, short, value_name = "NAME")]
    operation: Option<String>,
    /// Spans with this attribute; may be given again
    #[arg(long, short, value_name = "KEY=VALUE")]
    tag: Vec<String>,
    /// Spans at least this long, such as 300ms
    #[arg(long, value_name = "DURATION")]
    min_duration: Option<String>,
    /// Spans at most this long
    #[arg(long, value_name = "DURATION")]
    max_duration: Option<String>,
    /// Only what failed
    #[arg(long)]
    errors: bool,
    #[command(flatten)]
    period: Period,
    /// Which traces come first
    #[arg(long, value_enum, default_value = "newest")]
    order: Order,
    /// How many traces
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    limit: u64,
    /// Go on where the last page ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Say what the answer cost: what was read, and what an index made unnecessary
    #[arg(long)]
    explain: bool,
    /// The answer of the API instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Newest,
    Oldest,
    Longest,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let api = Api::new(&arguments.server.url)?;
    let parameters = arguments.parameters();
    if arguments.json {
        let body = super::block_on(api.bytes("/search", &parameters))?;
        term::say(&String::from_utf8_lossy(&body));
        term::say("\n");
        return Ok(Exit::Good);
    }
    let found: Found = super::block_on(api.ask("/search", &parameters))?;
    let view = (term::stdout_paint(color), term::stdout_columns());
    term::say(&table(&found.traces, view));
    if arguments.explain {
        term::complain(&term::stderr_paint(color).ink(Ink::Dim, &cost(&found.about.work)));
    }
    remarks(&found.about, color);
    if found.traces.is_empty() {
        term::complain("nothing found\n");
        return Ok(Exit::Problem);
    }
    Ok(Exit::Good)
}

/// What an answer cost, in two lines.
fn cost(work: &Work) -> String {
    format!(
        "read {} bytes in {} pages of {} blocks, and compared {} spans\nleft out {} pages and {} blocks by their indexes\n",
        text::count(work.bytes_read),
        text::count(work.pages_read),
        text::count(work.blocks_seen),
        text::count(work.spans_seen),
        text::count(work.pages_pruned),
        text::count(work.blocks_pruned),
    )
}

impl Arguments {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let order = match self.order {
            Order::Newest => "newest",
            Order::Oldest => "oldest",
            Order::Longest => "longest",
        };
        let mut all = vec![("order", order.to_owned()), ("limit", self.limit.to_string())];
        let given = [
            ("q", &self.query),
            ("service", &self.service),
            ("operation", &self.operation),
            ("min_duration", &self.min_duration),
            ("max_duration", &self.max_duration),
            ("cursor", &self.cursor),
        ];
        all.extend(self.period.parameters());
        all.extend(given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))));
        all.extend(self.tag.iter().map(|tag| ("tag", tag.clone())));
        if self.errors {
            all.push(("status", "error".to_owned()));
        }
        all
    }
}

/// Says what is missing in an answer, and how to get the next page.
pub(super) fn remarks(about: &About, color: When) {
    let paint = term::stderr_paint(color);
    if let Some(why) = &about.partial {
        term::complain(&paint.ink(Ink::Yellow, &format!("not all of it: {}\n", text::harmless(why))));
    }
    if let Some(cursor) = &about.next {
        term::complain(&paint.ink(Ink::Dim, &format!("more with --cursor {}\n", text::harmless(cursor))));
    }
}

fn table(traces: &[Summary], view: (Paint, usize)) -> String {
    if traces.is_empty() {
        return String::new();
    }
    let lines = traces.iter().map(|trace| line(trace, view));
    std::iter::once(header(view.0)).chain(lines).collect()
}

/// What stands above the lines of traces.
pub(super) fn header(paint: Paint) -> String {
    let header = format!(
        "{:<32}  {:<23}  {:>9}  {:>7}  {:>7}  root",
        "trace", "start (UTC)", "duration", "spans", "errors"
    );
    format!("{}\n", paint.ink(Ink::Dim, &header))
}

/// One trace; what does not fit is cut from the name.
pub(super) fn line(trace: &Summary, (paint, columns): (Paint, usize)) -> String {
    const FIXED: usize = 32 + 2 + 23 + 2 + 9 + 2 + 7 + 2 + 7 + 2;
    let service = text::harmless(&trace.root_service);
    let name = format!("{service} {}", text::harmless(&trace.root_name));
    let name = text::cut(&name, columns.saturating_sub(FIXED).max(20));
    let errors = match trace.errors {
        0 => format!("{:>7}", ""),
        errors => paint.ink(Ink::Red, &format!("{:>7}", text::count(errors))),
    };
    let orphans = if trace.orphans > 0 { paint.ink(Ink::Yellow, " (incomplete)") } else { String::new() };
    format!(
        "{:<32}  {}  {:>9}  {:>7}  {errors}  {name}{orphans}\n",
        text::harmless(&trace.trace_id),
        text::moment(trace.start.0),
        text::duration(trace.duration.0),
        text::count(trace.spans),
    )
}
