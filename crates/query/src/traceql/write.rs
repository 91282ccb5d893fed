//! Expressions as text again: labels of groups and numbers, and what EXPLAIN shows.

use std::fmt;

use super::ast::{Aggregate, Comparison, Expr, ExprKind, Literal, Math, Scalar};
use crate::duration;

impl fmt::Display for Literal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(out, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Self::Int(int) => write!(out, "{int}"),
            Self::Float(float) => write!(out, "{float}"),
            Self::Duration(nanos) if *nanos < 0 => write!(out, "-{}", duration::write(nanos.unsigned_abs())),
            Self::Duration(nanos) => out.write_str(&duration::write(nanos.unsigned_abs())),
            Self::Bool(bool) => write!(out, "{bool}"),
            Self::Status(status) => out.write_str(status.as_str()),
            Self::Kind(kind) => out.write_str(kind.as_str()),
            Self::Nil => out.write_str("nil"),
        }
    }
}

impl Comparison {
    /// The sign for it.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Math {
    /// The sign for it.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "^",
        }
    }
}

impl Aggregate {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Literal(literal) => write!(out, "{literal}"),
            ExprKind::Field(field) => write!(out, "{field}"),
            ExprKind::Negative(inside) => write!(out, "-{}", Operand(inside)),
            ExprKind::Not(inside) => write!(out, "!{}", Operand(inside)),
            ExprKind::Math(left, math, right) => {
                write!(out, "{} {} {}", Operand(left), math.sign(), Operand(right))
            }
            ExprKind::Compare(left, comparison, right) => {
                write!(out, "{} {} {}", Operand(left), comparison.sign(), Operand(right))
            }
            ExprKind::Match(inside, pattern, is_negated) => {
                let pattern = pattern.as_str();
                let inner = pattern.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
                let sign = if *is_negated { "!~" } else { "=~" };
                write!(out, "{} {sign} `{}`", Operand(inside), inner.unwrap_or(pattern))
            }
            ExprKind::And(left, right) => write!(out, "{} && {}", Operand(left), Operand(right)),
            ExprKind::Or(left, right) => write!(out, "{} || {}", Operand(left), Operand(right)),
        }
    }
}

/// In parentheses, unless it is one word.
struct Operand<'a>(&'a Expr);

impl fmt::Display for Operand<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            ExprKind::Literal(_) | ExprKind::Field(_) => write!(out, "{}", self.0),
            _ => write!(out, "({})", self.0),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => write!(out, "{literal}"),
            Self::Aggregate(aggregate, None) => write!(out, "{}()", aggregate.word()),
            Self::Aggregate(aggregate, Some(of)) => write!(out, "{}({of})", aggregate.word()),
            Self::Math(left, math, right) => write!(out, "({left} {} {right})", math.sign()),
        }
    }
}
