//! Reads structured filters: the same tree in protobuf and in JSON.

use serde_json::Value;

use super::{Call, Constant, DEPTH_MAX, TERMS_MAX, Term};
use crate::message::{bytes, every, fields, text};

/// Counts what was read of a filter.
struct Reader {
    terms: usize,
}

impl Reader {
    fn one_more(&mut self, depth: usize) -> Result<(), String> {
        self.terms += 1;
        match () {
            () if depth > DEPTH_MAX => Err(format!("the filter is nested deeper than {DEPTH_MAX} calls")),
            () if self.terms > TERMS_MAX => Err(format!("the filter has more than {TERMS_MAX} terms")),
            () => Ok(()),
        }
    }

    fn call(&mut self, message: &[u8], depth: usize) -> Result<Call, String> {
        self.one_more(depth)?;
        let args = every(message, 2).map(|arg| self.term(arg, depth)).collect::<Result<_, _>>()?;
        Ok(Call { op: text(message, 1).unwrap_or_default().to_owned(), args })
    }

    fn term(&mut self, message: &[u8], depth: usize) -> Result<Term, String> {
        self.one_more(depth)?;
        let word = |inside, number| text(inside, number).unwrap_or_default().to_owned();
        let Some((number, inside)) = fields(message).last().and_then(|(n, field)| Some((n, field.bytes()?)))
        else {
            return Err("an operand is empty".into());
        };
        Ok(match number {
            1 => Term::Attribute { key: word(inside, 1), level: word(inside, 2) },
            2 => Term::Field { name: word(inside, 1), level: word(inside, 2) },
            3 => Term::Nested,
            4 => Term::Scalar(Constant { text: word(inside, 1), kind: word(inside, 2) }),
            5 => {
                let kind = word(inside, 2);
                let mut values = Vec::new();
                for value in every(inside, 1) {
                    self.one_more(depth)?;
                    let text = String::from_utf8_lossy(value).into_owned();
                    values.push(Constant { text, kind: kind.clone() });
                }
                Term::List(values)
            }
            6 => Term::Call(self.call(inside, depth + 1)?),
            _ => return Err(format!("an operand has a term of number {number}, which nobody knows")),
        })
    }

    fn call_of_json(&mut self, value: &Value, depth: usize) -> Result<Call, String> {
        self.one_more(depth)?;
        let Some(Value::Array(args)) = value.get("args") else {
            return Err("a call is {\"op\":\"eq\",\"args\":[…]}".into());
        };
        let args = args.iter().map(|arg| self.term_of_json(arg, depth)).collect::<Result<_, _>>()?;
        Ok(Call { op: word(value, "op"), args })
    }

    fn term_of_json(&mut self, value: &Value, depth: usize) -> Result<Term, String> {
        self.one_more(depth)?;
        let entry = value.as_object().filter(|term| term.len() == 1).and_then(|term| term.iter().next());
        let Some((kind, inside)) = entry else {
            return Err("an operand is one of attr, field, nested, scalar, list and call".into());
        };
        Ok(match kind.as_str() {
            "attr" => Term::Attribute { key: word(inside, "key"), level: word(inside, "level") },
            "field" => Term::Field { name: word(inside, "name"), level: word(inside, "level") },
            "nested" => Term::Nested,
            "scalar" => Term::Scalar(Constant { text: word(inside, "value"), kind: word(inside, "type") }),
            "list" => {
                let mut values = Vec::new();
                for value in inside.get("values").and_then(Value::as_array).into_iter().flatten() {
                    self.one_more(depth)?;
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    values.push(Constant { text, kind: word(inside, "type") });
                }
                Term::List(values)
            }
            "call" => Term::Call(self.call_of_json(inside, depth + 1)?),
            other => return Err(format!("an operand is {other:?}, which nobody knows")),
        })
    }
}

fn word(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Reads a `jaeger.expression.v1.Call`.
pub(in super::super) fn of_message(message: &[u8]) -> Result<Call, String> {
    if bytes(message, 1).is_none() {
        return Err("the filter names no operator".into());
    }
    Reader { terms: 0 }.call(message, 1)
}

/// Reads the same in protobuf's JSON.
pub(in super::super) fn of_json(json: &str) -> Result<Call, String> {
    let value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Reader { terms: 0 }.call_of_json(&value, 1)
}
