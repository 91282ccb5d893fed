//! How long a trace lives: the longest of the rules that match one of its spans.

use model::{Batch, StatusCode, Tenant};
use store::{
    Field, Filter, Operand, TraceFilter,
    conformance::{self, Draft},
};

use super::{super::Lives, *};

fn batch(drafts: &[Draft]) -> Batch {
    conformance::batch(&Tenant::default(), drafts)
}

fn rules() -> Retention {
    let failed = Filter::equal(Field::Status, Operand::Status(StatusCode::Error));
    let slow = TraceFilter { duration_min: Some(1_000_000_000), ..TraceFilter::default() };
    Retention {
        rules: vec![
            rule("errors", failed, 240 * HOUR),
            rule("health", Filter::equal(Field::Name, Operand::Text("health".into())), HOUR),
            Rule { trace: slow, ..rule("slow", Filter::All, 100 * HOUR) },
        ],
        ..Retention::of_time(24 * HOUR)
    }
}

/// How long the trace of these spans lives.
fn lifetime(drafts: &[Draft]) -> (u64, Option<String>) {
    let batch = batch(drafts);
    let retention = rules();
    let id = batch.rows()[0].trace_id;
    let mut lives = Lives::new(retention.of("default"), [id].into_iter());
    for (row, span) in batch.rows().iter().zip(batch.spans()) {
        lives.cover(row.trace_id, row.start, row.end);
        lives.see(span);
    }
    let (time, rule) = lives.lifetime(id);
    (time / hours(1), rule.map(str::to_owned))
}

fn span(number: u64) -> Draft {
    let draft = Draft::new(1, number);
    Draft { end: draft.start + 10, ..draft }
}

#[test]
fn the_longest_rule_that_matches_counts() {
    let failed = Draft { status: StatusCode::Error, ..span(2) };
    let health = Draft { name: "health".into(), ..span(3) };
    assert_eq!(lifetime(&[span(1)]), (24, None));
    assert_eq!(lifetime(&[span(1), failed.clone()]), (240, Some("errors".into())));
    assert_eq!(lifetime(&[span(1), health.clone()]), (1, Some("health".into())));
    assert_eq!(lifetime(&[health, failed]), (240, Some("errors".into())));
}

#[test]
fn the_duration_is_that_of_the_whole_trace() {
    let mut late = span(2);
    (late.start, late.end) = (late.start + 2_000_000_000, late.end + 2_000_000_000);
    assert_eq!(lifetime(&[span(1), late]), (100, Some("slow".into())));
}
