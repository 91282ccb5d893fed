//! `faden query`: TraceQL, answered as a table of traces or as a chart of lines; and SQL, answered as a table.

use clap::Args;
use query::answer::{Cell, Column, Line, Matched, MatchedSpan, MatchedSpans, Queried};

use super::period::Period;
use crate::api::Api;
use crate::cli::Server;
use crate::exit::{Ended, Exit};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// The heights of a bar, lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Ask in TraceQL or SQL: relations between spans, groups, numbers over time, tables
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden query '{ status = error } >> { span.db.system = \"mysql\" }'          errors above a database\n  faden query '{ resource.service.name = \"cart\" } | count() > 20'           traces that call too often\n  faden query '{ duration > 1s } | select(span.user.id) | order by duration desc'\n  faden query '{ } | rate() by(resource.service.name) | topk(5)' --last 1h\n  faden query 'SELECT service, count(*), p99(duration) FROM spans GROUP BY service ORDER BY 3 DESC'\n  faden query 'service=order-service error=true'\n  faden query '({ status = error } | rate()) / ({ } | rate()) * 100' --step 1m\n\nExit codes: 0 found, 1 nothing found, 2 the question is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// TraceQL, such as { status = error } | count() > 2, or SQL, such as SELECT * FROM traces
    query: String,
    #[command(flatten)]
    period: Period,
    /// How much time a value of a metric covers
    #[arg(long, value_name = "DURATION")]
    step: Option<String>,
    /// How many traces
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    limit: u64,
    /// Go on where the last page ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// The answer of the API instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let api = Api::new(&arguments.server.url)?;
    let parameters = arguments.parameters();
    if arguments.json {
        let body = super::block_on(api.bytes("/query", &parameters))?;
        term::say(&format!("{}\n", String::from_utf8_lossy(&body)));
        return Ok(Exit::Good);
    }
    let queried: Queried = super::block_on(api.ask("/query", &parameters))?;
    let view = (term::stdout_paint(color), term::stdout_columns());
    let (drawn, about) = match &queried {
        Queried::Traces { traces, about } => (traces_drawn(traces, view), about),
        Queried::Series { series, about } => (chart(series, view), about),
        Queried::Table { columns, rows, about } => (table(columns, rows, view), about),
    };
    term::say(&drawn);
    super::search::remarks(about, color);
    if drawn.is_empty() {
        term::complain("nothing found\n");
        return Ok(Exit::Problem);
    }
    Ok(Exit::Good)
}

impl Arguments {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("q", self.query.clone()), ("limit", self.limit.to_string())];
        let given = [("step", &self.step), ("cursor", &self.cursor)];
        all.extend(self.period.parameters());
        all.extend(given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))));
        all
    }
}

/// Columns as wide as what stands in them, cut where the screen ends.
fn table(columns: &[Column], rows: &[Vec<Cell>], (paint, width): (Paint, usize)) -> String {
    const CELL_MAX: usize = 60;
    let most = if columns.len() == 1 { usize::MAX } else { CELL_MAX };
    let shown: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter().zip(columns).map(|(value, column)| text::cut(&cell(value, column), most)).collect()
        })
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = shown.iter().filter_map(|row| row.get(at)).map(|cell| text::columns(cell));
            cells.chain([text::columns(&column.name)]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).zip(columns).map(|((cell, width), column)| {
            let gap = " ".repeat(width.saturating_sub(text::columns(cell)));
            let is_right = matches!(column.kind.as_str(), "number" | "duration");
            if is_right { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
        });
        let joined = padded.collect::<Vec<_>>().join("  ");
        if widths.len() == 1 { joined.trim_end().to_owned() } else { text::cut(joined.trim_end(), width) }
    };
    if rows.is_empty() {
        return String::new();
    }
    let head = line(&mut columns.iter().map(|column| column.name.as_str()));
    let mut out = format!("{}\n", paint.ink(Ink::Dim, &head));
    for row in &shown {
        out.push_str(&line(&mut row.iter().map(String::as_str)));
        out.push('\n');
    }
    out
}

fn cell(value: &Cell, column: &Column) -> String {
    match value {
        Cell::Null => String::new(),
        Cell::Int(nanos) if column.kind == "duration" => {
            let sign = if *nanos < 0 { "-" } else { "" };
            format!("{sign}{}", text::duration(nanos.unsigned_abs()))
        }
        Cell::Int(number) => number.to_string(),
        Cell::Number(number) => figure(number.0),
        Cell::Bool(truth) => truth.to_string(),
        Cell::Text(text) => text::harmless(text),
    }
}

/// Each trace in a line, with what matched below it.
fn traces_drawn(traces: &[Matched], (paint, columns): (Paint, usize)) -> String {
    let mut out = String::new();
    for trace in traces {
        out.push_str(&super::search::line(&trace.summary, (paint, columns)));
        for set in &trace.sets {
            out.push_str(&set_drawn(set, (paint, columns)));
        }
    }
    if out.is_empty() { out } else { format!("{}{out}", super::search::header(paint)) }
}

fn set_drawn(set: &MatchedSpans, (paint, columns): (Paint, usize)) -> String {
    let mut out = String::new();
    if !set.values.is_empty() {
        out.push_str(&format!("    {}\n", paint.ink(Ink::Bold, &pairs(&set.values))));
    }
    for span in &set.spans {
        let line = text::cut(&span_text(span), columns.saturating_sub(6));
        out.push_str(&format!("    · {line}\n"));
    }
    let more = set.matched - set.spans.len() as u64;
    if more > 0 {
        let line = format!("    and {} more\n", text::count(more));
        out.push_str(&paint.ink(Ink::Dim, &line));
    }
    out
}

fn span_text(span: &MatchedSpan) -> String {
    let duration = text::duration(span.duration.0);
    let place = format!("{} {}", text::harmless(&span.service), text::harmless(&span.name));
    format!("{duration:>8}  {place}  {}", pairs(&span.values)).trim_end().to_owned()
}

fn pairs(values: &[(String, String)]) -> String {
    let pair =
        |(name, value): &(String, String)| format!("{}={}", text::harmless(name), text::harmless(value));
    values.iter().map(pair).collect::<Vec<_>>().join("  ")
}

/// One line for each series: labels, bars over time, and its least, last and greatest value.
fn chart(series: &[Line], (paint, columns): (Paint, usize)) -> String {
    const FIGURES: usize = 3 * 12;
    const NAME_MIN: usize = 10;
    let named: Vec<(String, &Line)> = series.iter().map(|line| (name(line), line)).collect();
    let widest = named.iter().map(|(name, _)| text::columns(name)).max().unwrap_or(0);
    let width = widest.clamp(NAME_MIN, (columns / 3).max(NAME_MIN));
    let room = columns.saturating_sub(width + 2 + FIGURES).max(8);
    let greatest = series.iter().flat_map(|line| &line.samples).map(|(_, value)| value.0).fold(0.0, f64::max);
    let mut steps: Vec<u64> = series.iter().flat_map(|line| &line.samples).map(|(step, _)| step.0).collect();
    steps.sort_unstable();
    steps.dedup();
    let mut out = String::new();
    for (name, line) in named {
        let name = text::cut(&name, width);
        let gap = " ".repeat(width.saturating_sub(text::columns(&name)));
        let bars = paint.ink(Ink::Green, &bars(line, (&steps, room), greatest));
        out.push_str(&format!("{name}{gap}  {bars}{}\n", figures(line)));
    }
    if out.is_empty() {
        return out;
    }
    let title = format!(
        "{:width$}  {:room$}{:>12}{:>12}{:>12}\n",
        "series", "over time", "least", "last", "greatest"
    );
    format!("{}{out}", paint.ink(Ink::Dim, &title))
}

fn name(line: &Line) -> String {
    if line.labels.is_empty() { "all spans".into() } else { pairs(&line.labels) }
}

/// The values at these steps in so many columns, each as high as the greatest that falls into it.
fn bars(line: &Line, (steps, room): (&[u64], usize), greatest: f64) -> String {
    let shown = steps.len().min(room);
    let mut values = vec![f64::NAN; shown];
    for (step, value) in &line.samples {
        let place = steps.partition_point(|other| *other < step.0);
        let column = (place * shown / steps.len()).min(shown - 1);
        values[column] = values[column].max(value.0);
    }
    let bars = values.into_iter().map(|value| bar(value, greatest));
    bars.chain(std::iter::repeat_n(' ', room - shown)).collect()
}

fn bar(value: f64, greatest: f64) -> char {
    if !(value > 0.0 && greatest > 0.0) {
        return ' ';
    }
    let height = (value / greatest * BARS.len() as f64).ceil() as usize;
    BARS[height.clamp(1, BARS.len()) - 1]
}

fn figures(line: &Line) -> String {
    let values = || line.samples.iter().map(|(_, value)| value.0);
    let least = values().fold(f64::NAN, f64::min);
    let greatest = values().fold(f64::NAN, f64::max);
    let last = values().next_back().unwrap_or(f64::NAN);
    [least, last, greatest].map(|value| format!("{:>12}", figure(value))).concat()
}

/// Four significant digits.
fn figure(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1_000.0 || size == 0.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 1.0 => 3,
        _ => 5,
    };
    if value.is_nan() { "–".into() } else { format!("{value:.digits$}") }
}

#[cfg(test)]
mod tests {
    use query::answer::{Count64, Double};

    use super::*;

    fn line(labels: &[(&str, &str)], values: &[f64]) -> Line {
        let label = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let sample = |(at, value): (usize, &f64)| (Count64(at as u64), Double(*value));
        Line {
            labels: labels.iter().map(label).collect(),
            samples: values.iter().enumerate().map(sample).collect(),
        }
    }

    #[test]
    fn a_chart_has_a_line_for_each_series() {
        let series = [line(&[("name", "a")], &[0.0, 1.0, 4.0, 8.0]), line(&[("name", "b")], &[2.0, 2.5])];
        let drawn = chart(&series, (Paint::OFF, 80));
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines[0].starts_with("series      over time"), "{drawn}");
        assert!(lines[1].starts_with("name=a       ▁▄█ "), "{drawn}");
        assert!(lines[1].ends_with("0       8.000       8.000"), "{drawn}");
        assert!(lines[2].starts_with("name=b      ▂▃ "), "{drawn}");
        assert_eq!(chart(&[], (Paint::OFF, 80)), "");
    }

    #[test]
    fn a_table_has_a_line_for_each_row() {
        let column = |name: &str, kind: &str| Column { name: name.to_owned(), kind: kind.to_owned() };
        let columns = [column("service", "any"), column("p99", "duration"), column("calls", "number")];
        let row =
            |name: &str, nanos, calls| vec![Cell::Text(name.to_owned()), Cell::Int(nanos), Cell::Int(calls)];
        let drawn =
            table(&columns, &[row("web", 1_500_000, 12), row("cart\x1b", 20_000, 3)], (Paint::OFF, 80));
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines[0], "service       p99  calls", "{drawn}");
        assert_eq!(lines[1], "web         1.5ms     12", "{drawn}");
        assert!(!drawn.contains('\x1b'), "{drawn}");
        assert_eq!(table(&columns, &[], (Paint::OFF, 80)), "");
    }

    #[test]
    fn many_values_share_the_columns_there_are() {
        let values: Vec<f64> = (0..1_000).map(f64::from).collect();
        let steps: Vec<u64> = (0..1_000).collect();
        assert_eq!(bars(&line(&[], &values), (&steps, 8), 999.0), "▁▂▃▄▅▆▇█");
        assert_eq!(bars(&line(&[], &[]), (&[], 3), 0.0), "   ");
    }
}
