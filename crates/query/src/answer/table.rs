//! The answer to a statement of SQL: a table.

use serde::{Deserialize, Serialize};

use super::{Double, Work};
use crate::traceql::eval::Value;
use crate::{moment, sql};

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `time` (RFC 3339), `duration` (nanoseconds), `number`, or `any`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What stands in a row below a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number that every JSON reader keeps exactly; a greater one is a text.
    Int(i64),
    /// Any other number.
    Number(Double),
    /// A text.
    Text(String),
}

/// The whole numbers that every JSON reader keeps exactly.
const EXACT_MAX: u64 = 1 << 53;

impl Cell {
    fn of(value: &Value<'_>, kind: sql::Type) -> Self {
        match value {
            Value::Nil => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(at) if kind == sql::Type::Time => {
                Self::Text(moment::write(u64::try_from(*at).unwrap_or(0)))
            }
            Value::Int(number) | Value::Duration(number) if number.unsigned_abs() <= EXACT_MAX => {
                Self::Int(*number)
            }
            Value::Int(number) | Value::Duration(number) => Self::Text(number.to_string()),
            Value::Float(number) => Self::Number(Double(*number)),
            other => Self::Text(other.to_text()),
        }
    }
}

/// The columns and rows of an answer.
pub(super) fn table(answer: &sql::Answer) -> (Vec<Column>, Vec<Vec<Cell>>, super::About) {
    let column =
        |(name, kind): &(String, sql::Type)| Column { name: name.clone(), kind: kind.as_str().into() };
    let row = |row: &Vec<Value<'static>>| {
        row.iter().zip(&answer.columns).map(|(value, (_, kind))| Cell::of(value, *kind)).collect()
    };
    let about = super::About { next: None, partial: answer.partial.clone(), work: Work::from(answer.work) };
    (answer.columns.iter().map(column).collect(), answer.rows.iter().map(row).collect(), about)
}
