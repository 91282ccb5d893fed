//! Says how a statement was answered: where its rows came from, what the store was asked, and what that cost.

use std::borrow::Cow;
use std::time::Duration;

use model::TimeRange;
use store::Work;

use super::ast::Statement;
use super::pushdown::Pushed;
use super::run::Source;
use crate::traceql::eval::Value;
use crate::{duration, moment};

/// One line for each thing that is to be said.
pub(super) fn explained(
    statement: &Statement,
    (pushed, source): (&Pushed, &Source),
    (work, took, rows): (&Work, Duration, usize),
) -> Vec<Vec<Value<'static>>> {
    let from = match source {
        Source::Digests(by, step) => {
            let step = step.map_or(String::new(), |step| format!(", in steps of {step:?}"));
            format!("digests of the blocks, by {} fields{step}: no span is read for whole blocks", by.len())
        }
        Source::Summaries => "summaries of traces: no span is read but for the conditions".into(),
        Source::Traces => "whole traces that may match".into(),
    };
    let left = match (pushed.is_exact, pushed.of_trace.is_empty(), source) {
        (true, true, Source::Digests(..) | Source::Summaries) => "nothing".into(),
        (true, false, Source::Summaries) => "the conditions on whole traces".into(),
        _ => format!("every condition, on each row of {}", statement.table.as_str()),
    };
    let lines = [
        ("rows from", from),
        ("asked of the store", format!("{:?}", pushed.spans)),
        ("of spans that start", time(pushed.time)),
        ("checked afterwards", left),
        ("pages", format!("{} read, {} needless by the index", work.pages_read, work.pages_pruned)),
        ("blocks", format!("{} looked at, {} needless", work.blocks_seen, work.blocks_pruned)),
        ("bytes read", work.bytes_read.to_string()),
        ("spans compared", work.spans_seen.to_string()),
        ("rows", rows.to_string()),
        ("time", duration::write(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))),
    ];
    lines.into_iter().map(|(what, said)| vec![Value::Text(Cow::Owned(format!("{what}: {said}")))]).collect()
}

fn time(time: TimeRange) -> String {
    match (time.start, time.end) {
        (0, u64::MAX) => "at any time".into(),
        (start, u64::MAX) => format!("at {} or later", moment::write(start)),
        (0, end) => format!("before {}", moment::write(end)),
        (start, end) => format!("from {} to {}", moment::write(start), moment::write(end)),
    }
}
