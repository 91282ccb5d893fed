//! What a value means beside the thing that it is compared with.

use model::time::UnixNanos;
use model::{Kind, StatusCode};

use super::ast::Expr;
use super::{Column, Type};
use crate::traceql::ast::Comparison;
use crate::traceql::eval::Value;
use crate::{duration, moment};

/// What is wrong, and what would be right.
pub(super) type Wrong = (String, String);

/// The value in the type of what it is compared with.
pub(super) fn typed(
    value: Value<'static>,
    beside: (&Expr, Type),
    comparison: Comparison,
    now: UnixNanos,
) -> Result<Value<'static>, Wrong> {
    let is_equality = matches!(comparison, Comparison::Equal | Comparison::Unequal);
    match (beside, &value) {
        (_, Value::Nil) => Ok(value),
        ((Expr::Column(Column::Kind | Column::Status), _), _) if !is_equality => {
            Err(("kinds and statuses have no order".into(), "compare them by = or !=".into()))
        }
        ((Expr::Column(Column::Kind), _), value) => {
            let text = value.to_text().to_lowercase();
            let kind = Kind::parse(text.trim_start_matches("span_kind_")).map(Value::Kind);
            let kinds = "it is one of: server, client, producer, consumer, internal, unspecified";
            kind.ok_or_else(|| (format!("`{text}` is no kind of span"), kinds.into()))
        }
        ((Expr::Column(Column::Status), _), value) => {
            let text = value.to_text().to_lowercase();
            let status = match text.as_str() {
                "0" | "1" | "2" => Some(StatusCode::from_number(text.as_bytes()[0] - b'0')),
                _ => StatusCode::parse(text.trim_start_matches("status_code_")),
            };
            let statuses = "it is one of: error, ok, unset";
            status.map(Value::Status).ok_or_else(|| (format!("`{text}` is no status"), statuses.into()))
        }
        // A number in quotes and one without are often the same attribute from two libraries.
        ((Expr::Column(Column::Attribute { .. } | Column::Error), _), value) if is_equality => {
            Ok(Value::Text(value.to_text().into()))
        }
        ((_, Type::Time), Value::Text(text)) => {
            let at = moment::parse(text, now).and_then(|at| i64::try_from(at).ok());
            at.map(Value::Int).ok_or_else(|| (format!("`{text}` is no time"), moment::FORMS.into()))
        }
        ((_, Type::Duration), Value::Text(text)) => {
            let nanos = duration::parse(text).and_then(|nanos| i64::try_from(nanos).ok());
            let remedy = "write, for instance, 250ms, 1.5s or 2m";
            nanos.map(Value::Duration).ok_or_else(|| (format!("`{text}` is no duration"), remedy.into()))
        }
        ((_, Type::Duration), Value::Int(number)) if *number != 0 => Err(unit(&number.to_string())),
        ((_, Type::Duration), Value::Float(number)) => Err(unit(&number.to_string())),
        _ => Ok(value),
    }
}

fn unit(number: &str) -> Wrong {
    (format!("`{number}` is no duration"), format!("add a unit, such as {number}ms or {number}s"))
}
