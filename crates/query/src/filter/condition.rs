//! One comparison: which operand a value makes, for the field that it is compared with.

use model::{Kind, StatusCode, Value};
use store::{Compare, Condition, Field, Filter, Numeral, Operand};

use super::anchored;
use crate::duration;

/// A value as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    Bare(&'a str),
    Quoted(&'a str),
}

impl<'a> Typed<'a> {
    pub(super) fn text(self) -> &'a str {
        match self {
            Self::Bare(text) | Self::Quoted(text) => text,
        }
    }
}

/// What is wrong, and what would be right.
pub(super) type Wrong = (String, String);

/// Puts one comparison together.
pub(super) fn condition(field: Field, compare: Compare, value: Typed<'_>) -> Result<Filter, Wrong> {
    if value == Typed::Bare("nil") {
        return compared_with_nil(field, compare);
    }
    let operand = match compare {
        Compare::Matches | Compare::MatchesNot => pattern(&field, value)?,
        _ => operand(&field, compare, value)?,
    };
    Ok(Filter::Is(Condition { field, compare, operand }))
}

/// A comparison of the whole trace's duration, as its least and its most.
pub(super) fn trace_duration(
    compare: Compare,
    value: Typed<'_>,
) -> Result<(Option<u64>, Option<u64>), Wrong> {
    let nanos = nanos(value)?;
    let never = (Some(1), Some(0));
    Ok(match compare {
        Compare::Equal => (Some(nanos), Some(nanos)),
        Compare::AtLeast => (Some(nanos), None),
        Compare::AtMost => (None, Some(nanos)),
        Compare::Greater => nanos.checked_add(1).map_or(never, |nanos| (Some(nanos), None)),
        Compare::Less => nanos.checked_sub(1).map_or(never, |nanos| (None, Some(nanos))),
        _ => {
            let message = "the duration of a trace is compared by = < <= > >=".to_owned();
            return Err((message, "write, for instance, trace:duration > 1s".into()));
        }
    })
}

fn compared_with_nil(field: Field, compare: Compare) -> Result<Filter, Wrong> {
    let compare = match compare {
        Compare::Equal => Compare::Missing,
        Compare::Unequal => Compare::Exists,
        _ => return Err(("nil is compared by = or !=".into(), "write `exists` or `missing`".into())),
    };
    Ok(Filter::Is(Condition { field, compare, operand: Operand::None }))
}

fn pattern(field: &Field, value: Typed<'_>) -> Result<Operand, Wrong> {
    if *field == Field::Duration {
        return Err(("a duration is no text".into(), "compare it by = != < <= > >=".into()));
    }
    anchored(value.text()).map(Operand::Pattern).map_err(|why| {
        (
            format!("the regular expression is wrong: {why}"),
            "it must match the whole value, as in \"u-.*\"".into(),
        )
    })
}

fn operand(field: &Field, compare: Compare, value: Typed<'_>) -> Result<Operand, Wrong> {
    let is_order = !matches!(compare, Compare::Equal | Compare::Unequal);
    match field {
        Field::Kind | Field::Status if is_order => {
            Err(("kinds and statuses have no order".into(), "compare them by = or !=".into()))
        }
        Field::Kind => Kind::parse(value.text()).map(Operand::Kind).ok_or_else(|| {
            let kinds = "it is one of: server, client, producer, consumer, internal, unspecified";
            (format!("`{}` is no kind of span", value.text()), kinds.into())
        }),
        Field::Status => StatusCode::parse(value.text()).map(Operand::Status).ok_or_else(|| {
            (format!("`{}` is no status", value.text()), "it is one of: error, ok, unset".into())
        }),
        Field::Duration => Ok(Operand::Int(i64::try_from(nanos(value)?).unwrap_or(i64::MAX))),
        Field::Attribute { .. } => typed(value, is_order),
        Field::Service
        | Field::Name
        | Field::StatusMessage
        | Field::ScopeName
        | Field::ScopeVersion
        | Field::EventName
        | Field::LinkTraceId
        | Field::LinkSpanId => Ok(Operand::Text(value.text().into())),
    }
}

/// Programs write the same attribute as a number and as text, so a bare number is looked for in both: by its amount,
/// or where it must be equal and is written as any program would, by that text, for which stores have an index.
fn typed(value: Typed<'_>, is_order: bool) -> Result<Operand, Wrong> {
    let Typed::Bare(text) = value else { return Ok(Operand::Text(value.text().into())) };
    if let Some(number) = Numeral::parse(text) {
        let is_written_so = Value::from(number).to_text() == text;
        return Ok(if is_order || !is_written_so {
            Operand::Numeral(number)
        } else {
            Operand::Text(text.into())
        });
    }
    if let Some(truth) = text.parse().ok().filter(|_| is_order) {
        return Ok(Operand::Bool(truth));
    }
    if is_order && duration::parse(text).is_some() {
        let remedy = "write the number in the attribute's own unit, or put the text into quotes";
        return Err((format!("attributes hold plain numbers, and `{text}` has a unit"), remedy.into()));
    }
    Ok(Operand::Text(text.into()))
}

fn nanos(value: Typed<'_>) -> Result<u64, Wrong> {
    duration::parse(value.text()).ok_or_else(|| {
        let has_no_unit = value.text().parse::<f64>().is_ok_and(|number| number >= 0.0);
        let remedy = if has_no_unit {
            format!("add a unit, such as {0}ms or {0}s", value.text())
        } else {
            "write, for instance, 250ms, 1.5s or 2m".into()
        };
        (format!("`{}` is no duration", value.text()), remedy)
    })
}
