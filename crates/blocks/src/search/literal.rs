//! Which batches of the head can be left out: those whose bytes lack a text that a span has to have.
//!
//! A batch is OTLP bytes, so a text value stands in them as it is. A text that a value of another type may be written as
//! (`500`, `true`) is not looked for, since such values compare equal to it.

use memchr::memmem::Finder;
use model::Batch;
use model::view::UNKNOWN_SERVICE;
use store::plan::{Compare, Field, Filter, Operand};

/// One of these has to be in the bytes; empty where nothing is known.
pub(super) struct Literals<'a>(Vec<Finder<'a>>);

impl<'a> Literals<'a> {
    pub(super) fn of(filter: &'a Filter) -> Self {
        Self(
            needed(filter).unwrap_or_default().into_iter().map(|text| Finder::new(text.as_bytes())).collect(),
        )
    }

    /// False where no span of the batch passes the filter.
    pub(super) fn may_be_in(&self, batch: &Batch) -> bool {
        self.0.is_empty() || self.0.iter().any(|finder| finder.find(batch.bytes()).is_some())
    }
}

/// The texts of which every passing span has one; `None` where there is no such list.
fn needed(filter: &Filter) -> Option<Vec<&str>> {
    match filter {
        Filter::Is(condition) if condition.compare == Compare::Equal => {
            let Operand::Text(text) = &condition.operand else { return None };
            let is_itself = match condition.field {
                Field::Service => text != UNKNOWN_SERVICE,
                Field::Attribute { .. } => is_only_text(text),
                Field::Kind | Field::Status | Field::Duration => false,
                // Ids are not written out in the bytes.
                Field::LinkTraceId | Field::LinkSpanId => false,
                _ => true,
            };
            (is_itself && !text.is_empty()).then(|| vec![text.as_str()])
        }
        Filter::And(all) => all.iter().filter_map(needed).min_by_key(Vec::len),
        Filter::Or(any) => Some(any.iter().map(needed).collect::<Option<Vec<_>>>()?.concat()),
        Filter::All | Filter::Is(_) | Filter::Not(_) => None,
    }
}

/// True where no value but text is written so: not a number, a truth value, bytes in hexadecimal or nested values.
fn is_only_text(text: &str) -> bool {
    let is_number = text.parse::<f64>().is_ok() || text.parse::<i64>().is_ok();
    let is_hexadecimal = text.bytes().all(|letter| letter.is_ascii_hexdigit());
    let is_json = text.starts_with(['[', '{', '"']) || matches!(text, "true" | "false" | "null");
    !is_number && !is_hexadecimal && !is_json
}
