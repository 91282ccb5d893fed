//! A fixed set of questions, and whether the answers to them are right, or say what is missing.

use std::{collections::BTreeSet, path::Path, time::Duration};

use model::{Tenant, TimeRange};
use store::{
    Answer, Ask, Compare, Condition, Field, Filter, Level, Operand, Order, Plan, Reader, Rows, TraceFilter,
    conformance::{NOW, describe, trace_id},
};

use crate::made::{self, Content, Image, SPREAD};

/// What the store answered, question by question.
pub(crate) struct Answers {
    said: Vec<(String, Said)>,
    /// How often a part of an index was found to be damaged.
    pub(crate) damaged_parts: u64,
}

/// An answer as comparable lines.
struct Said {
    lines: Vec<String>,
    /// Rows as far as they can be compared where some are missing: what it is, and how much of it.
    parts: BTreeSet<(String, u64)>,
    partial: Option<String>,
}

impl Answers {
    /// Was every answer whole?
    pub(crate) fn is_whole(&self) -> bool {
        self.said.iter().all(|(_, said)| said.partial.is_none())
    }

    /// Is every answer the expected one, or partial, with a reason and without anything that is not expected?
    pub(crate) fn compare(&self, expected: &Self) -> Result<(), String> {
        for ((question, said), (_, right)) in self.said.iter().zip(&expected.said) {
            match &said.partial {
                None if said.lines == right.lines => {}
                None => {
                    return Err(format!(
                        "{question}: wrong\n  expected {:?}\n  answered {:?}",
                        right.lines, said.lines
                    ));
                }
                Some(why) if !names_damage(why) => {
                    return Err(format!("{question}: partial, but why? {why}"));
                }
                Some(_) => said.within(right).map_err(|what| format!("{question}: {what}"))?,
            }
        }
        Ok(())
    }
}

impl Said {
    fn new(answer: &Answer) -> Self {
        let mut parts = BTreeSet::new();
        let lines = match &answer.rows {
            Rows::Traces(traces) => {
                let spans = traces.iter().flat_map(|trace| trace.spans());
                parts.extend(spans.map(|span| {
                    (format!("{}/{} {} {}", span.trace_id(), span.span_id(), span.name(), span.service()), 1)
                }));
                traces.iter().flat_map(|trace| describe(trace)).collect()
            }
            Rows::Summaries(rows) => {
                parts.extend(rows.iter().map(|row| (row.id.to_string(), row.spans)));
                rows.iter().map(|row| format!("{row:?}")).collect()
            }
            Rows::Names(rows) => {
                parts.extend(rows.iter().map(|row| (format!("{} {}", row.name, row.kind), row.spans)));
                rows.iter().map(|row| format!("{row:?}")).collect()
            }
            Rows::Uses(rows) => {
                let what = |row: &store::Use| (format!("{} {:?}", row.service, row.target), row.spans);
                parts.extend(rows.iter().map(what));
                rows.iter().map(|row| format!("{row:?}")).collect()
            }
            Rows::Edges(rows) => {
                parts.extend(rows.iter().map(|row| (format!("{} {}", row.parent, row.child), row.calls)));
                rows.iter().map(|row| format!("{row:?}")).collect()
            }
            #[allow(
                unreachable_patterns,
                reason = "rows of a kind that is added later are compared as a whole"
            )]
            other => vec![format!("{other:?}")],
        };
        Self { lines, parts, partial: answer.partial.clone() }
    }

    /// Nothing is there that should not be, and nothing more often.
    fn within(&self, right: &Self) -> Result<(), String> {
        for (what, count) in &self.parts {
            let there = right.parts.iter().any(|(known, most)| known == what && count <= most);
            if !there {
                return Err(format!("{what} ({count}) should not be there"));
            }
        }
        Ok(())
    }
}

/// Does a message say that something is damaged, and where?
pub(crate) fn names_damage(message: &str) -> bool {
    let says = ["damaged", "cannot be read", "checksum", "is missing", "has version"];
    says.iter().any(|word| message.contains(word)) && !message.contains("panicked")
}

/// The answers of the undamaged store.
pub(crate) async fn whole(image: &Image, content: Content) -> Answers {
    let dir = image.write(None);
    let answers = ask(dir.path()).await.unwrap();
    assert!(answers.is_whole());
    let rows: usize = answers.said.iter().map(|(_, said)| said.lines.len()).sum();
    let tells = |question: &str| {
        content == Content::TracesAndUses || !question.contains("a minute") && question != "uses"
    };
    let has_answer = |(question, said): &(String, Said)| !tells(question) || !said.lines.is_empty();
    assert!(answers.said.iter().all(has_answer), "every question has an answer");
    assert!(rows > 100, "{rows}");
    answers
}

/// Asks everything of the store in a folder.
pub(crate) async fn ask(path: &Path) -> Result<Answers, String> {
    let engine = made::open(path).await?;
    let mut all = Vec::new();
    for (question, plan) in questions() {
        match engine.run(&plan).await {
            Ok(answer) => all.push((question.to_owned(), Said::new(&answer))),
            Err(error) if names_damage(&error.to_string()) => {
                let (lines, parts) = Default::default();
                all.push((question.to_owned(), Said { lines, parts, partial: Some(error.to_string()) }));
            }
            Err(error) => return Err(format!("{question}: {error}")),
        }
    }
    Ok(Answers { said: all, damaged_parts: engine.memory().damaged() })
}

fn questions() -> Vec<(&'static str, Plan)> {
    let plan = |ask| Plan { limit: 1_000, ..Plan::new(Tenant::default(), ask) };
    let attribute = |key: &str| Field::Attribute { level: Level::Span, key: key.into() };
    let find = |field, operand| Plan { spans: Filter::equal(field, operand), ..plan(Ask::Summaries) };
    let slow = Condition { field: Field::Duration, compare: Compare::AtLeast, operand: Operand::Int(1) };
    // Whole minutes, of which blocks have sums.
    let minute = TimeRange { start: NOW - 120_000_000_000, end: NOW - 60_000_000_000 };
    let in_minute = |ask| Plan { time: minute, ..plan(ask) };
    let root = TraceFilter { root_service: Some("web".into()), ..TraceFilter::default() };
    let by_time = Ask::Metrics { by: vec![Field::Service, Field::Kind], step: Some(Duration::from_secs(60)) };
    let values = Ask::Values { key: "user.id".into(), level: Level::Any };
    vec![
        ("all traces", plan(Ask::Traces)),
        ("summaries, longest first", Plan { order: Order::Longest, ..plan(Ask::Summaries) }),
        ("summaries, oldest first", Plan { order: Order::Oldest, ..plan(Ask::Summaries) }),
        ("summaries by root", Plan { trace: root, ..plan(Ask::Summaries) }),
        ("summaries of a minute", in_minute(Ask::Summaries)),
        ("one trace", Plan::trace(Tenant::default(), trace_id(2))),
        ("one trace of a minute, in all blocks", Plan::trace(Tenant::default(), trace_id(SPREAD))),
        ("errors", find(Field::Status, Operand::Status(model::StatusCode::Error))),
        ("a service", find(Field::Service, Operand::Text("pay".into()))),
        ("a text", find(attribute("request.id"), Operand::Text("r-1".into()))),
        ("a number", find(attribute("user.id"), Operand::Int(6))),
        ("slow ones", Plan { spans: Filter::Is(slow), order: Order::Oldest, ..plan(Ask::Summaries) }),
        ("services", plan(Ask::Services)),
        ("operations of a service", Plan { spans: Filter::service("web"), ..plan(Ask::Operations) }),
        ("keys", plan(Ask::Keys)),
        ("values", plan(values)),
        ("edges", plan(Ask::Edges)),
        ("uses", plan(Ask::Uses)),
        ("edges of a minute", in_minute(Ask::Edges)),
        ("uses of a minute", in_minute(Ask::Uses)),
        ("uses of a minute by a service", Plan { spans: Filter::service("ship"), ..in_minute(Ask::Uses) }),
        ("metrics by service, kind and minute", plan(by_time)),
        ("metrics by service", plan(Ask::Metrics { by: vec![Field::Service], step: None })),
    ]
}
