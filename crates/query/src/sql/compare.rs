//! Reads comparisons, and how they are joined.

use std::borrow::Cow;

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;
use sqlparser::tokenizer::Span;

use super::ast::Expr;
use super::call::Call;
use super::select::Reader;
use super::{Column, VALUES_MAX, literal};
use crate::traceql::ast::{Comparison, Math};
use crate::traceql::eval::Value;
use crate::{Mistake, filter};

impl Reader<'_> {
    pub(super) fn binary(
        &mut self,
        whole: &sql::Expr,
        (left, op, right): (&sql::Expr, &sql::BinaryOperator, &sql::Expr),
    ) -> Result<Expr, Mistake> {
        use sql::BinaryOperator as Op;
        let comparison = match op {
            Op::And | Op::Or => return self.joined(whole, op),
            Op::Eq => Comparison::Equal,
            Op::NotEq => Comparison::Unequal,
            Op::Lt => Comparison::Less,
            Op::LtEq => Comparison::AtMost,
            Op::Gt => Comparison::Greater,
            Op::GtEq => Comparison::AtLeast,
            Op::PGRegexMatch => return self.matched((left, right), false),
            Op::PGRegexNotMatch => return self.matched((left, right), true),
            Op::StringConcat => {
                return Ok(Expr::Call(Call::Concat, vec![self.expr(left)?, self.expr(right)?]));
            }
            _ => {
                let math = match op {
                    Op::Plus => Math::Add,
                    Op::Minus => Math::Subtract,
                    Op::Multiply => Math::Multiply,
                    Op::Divide => Math::Divide,
                    Op::Modulo => Math::Modulo,
                    _ => return Err(self.wrong(whole.span(), format!("`{op}` is not part of this SQL"))),
                };
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                return Ok(match (&left, &right) {
                    (Expr::Value(left), Expr::Value(right)) => Expr::Value(left.math(math, right)),
                    _ => Expr::Math(Box::new(left), math, Box::new(right)),
                });
            }
        };
        self.compared((left, comparison, right))
    }

    /// A chain of `AND`s, or of `OR`s, however long, is one level.
    pub(super) fn joined(&mut self, whole: &sql::Expr, joint: &sql::BinaryOperator) -> Result<Expr, Mistake> {
        let mut parts = Vec::new();
        let mut left = whole;
        while let sql::Expr::BinaryOp { left: more, op, right } = left {
            if op != joint {
                break;
            }
            parts.push(&**right);
            left = more;
        }
        parts.push(left);
        let mut all = Vec::with_capacity(parts.len());
        for part in parts.into_iter().rev() {
            all.push(self.expr(part)?);
        }
        Ok(if *joint == sql::BinaryOperator::And { Expr::And(all) } else { Expr::Or(all) })
    }

    pub(super) fn compared(
        &mut self,
        (left, comparison, right): (&sql::Expr, Comparison, &sql::Expr),
    ) -> Result<Expr, Mistake> {
        let mut sides = (self.expr(left)?, comparison);
        let mut other = self.beside(&sides.0, right)?;
        let mut at = right.span();
        if matches!((&sides.0, &other), (Expr::Value(_), other) if !matches!(other, Expr::Value(_))) {
            (sides, other) = ((other, comparison.mirrored()), sides.0);
            at = left.span();
        }
        if let Expr::Value(value) = other {
            let kind = self.kind(&sides.0);
            let typed = literal::typed(value, (&sides.0, kind), comparison, self.now);
            other = Expr::Value(typed.map_err(|(message, remedy)| self.wrong(at, message).remedy(remedy))?);
        }
        Ok(Expr::Compare(Box::new(sides.0), sides.1, Box::new(other)))
    }

    /// What stands beside a comparison: `"text"` is a text there, and so are the words of statuses and kinds.
    pub(super) fn beside(&mut self, left: &Expr, right: &sql::Expr) -> Result<Expr, Mistake> {
        match right {
            sql::Expr::Identifier(name)
                if name.quote_style == Some('"')
                    || name.quote_style.is_none()
                        && matches!(left, Expr::Column(Column::Status | Column::Kind)) =>
            {
                Ok(Expr::Value(Value::Text(Cow::Owned(name.value.clone()))))
            }
            right => self.expr(right),
        }
    }

    pub(super) fn is(&mut self, inside: &sql::Expr, value: Expr) -> Result<Expr, Mistake> {
        let inside = Box::new(self.expr(inside)?);
        Ok(Expr::Compare(inside, Comparison::Equal, Box::new(value)))
    }

    pub(super) fn in_list(
        &mut self,
        of: &sql::Expr,
        list: &[sql::Expr],
        negated: bool,
    ) -> Result<Expr, Mistake> {
        if list.len() > VALUES_MAX {
            let message =
                format!("the list has {} values, and at most {VALUES_MAX} are compared", list.len());
            return Err(self.wrong(of.span(), message).remedy("ask in several statements"));
        }
        let left = self.expr(of)?;
        let mut values = Vec::with_capacity(list.len());
        for one in list {
            let Expr::Value(value) = self.beside(&left, one)? else {
                return Err(self.wrong(one.span(), "a list holds values only").remedy("write IN ('a', 'b')"));
            };
            let kind = self.kind(&left);
            let typed = literal::typed(value, (&left, kind), Comparison::Equal, self.now);
            values.push(typed.map_err(|(message, remedy)| self.wrong(one.span(), message).remedy(remedy))?);
        }
        Ok(Expr::In(Box::new(left), values, negated))
    }

    pub(super) fn text(&mut self, expr: &sql::Expr) -> Result<String, Mistake> {
        match self.beside(&Expr::Value(Value::Nil), expr)? {
            Expr::Value(Value::Text(text)) => Ok(text.into_owned()),
            _ => Err(self.wrong(expr.span(), "a pattern is a text").remedy("put it into quotes")),
        }
    }

    pub(super) fn like(
        &mut self,
        (of, pattern): (&sql::Expr, &sql::Expr),
        (is_negated, ignores_case): (bool, bool),
    ) -> Result<Expr, Mistake> {
        let text = self.text(pattern)?;
        let mut regex = String::from(if ignores_case { "(?is)" } else { "(?s)" });
        for letter in text.chars() {
            match letter {
                '%' => regex.push_str(".*"),
                '_' => regex.push('.'),
                letter => regex.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4]))),
            }
        }
        self.pattern(of, (&regex, pattern.span()), is_negated)
    }

    pub(super) fn matched(
        &mut self,
        (of, pattern): (&sql::Expr, &sql::Expr),
        is_negated: bool,
    ) -> Result<Expr, Mistake> {
        let text = self.text(pattern)?;
        self.pattern(of, (&format!("(?s:.*)(?:{text})(?s:.*)"), pattern.span()), is_negated)
    }

    pub(super) fn pattern(
        &mut self,
        of: &sql::Expr,
        (regex, at): (&str, Span),
        is_negated: bool,
    ) -> Result<Expr, Mistake> {
        let compiled = filter::anchored(regex);
        let compiled = compiled.map_err(|why| self.wrong(at, format!("the pattern is wrong: {why}")))?;
        Ok(Expr::Match(Box::new(self.expr(of)?), compiled, is_negated))
    }
}

/// The opposite; what is unknown stays unknown.
pub(super) fn negated(expr: Expr) -> Expr {
    match expr {
        Expr::And(all) => Expr::Or(all.into_iter().map(negated).collect()),
        Expr::Or(all) => Expr::And(all.into_iter().map(negated).collect()),
        Expr::Not(inside) => *inside,
        Expr::Compare(left, Comparison::Equal, right) => Expr::Compare(left, Comparison::Unequal, right),
        Expr::Compare(left, Comparison::Unequal, right) => Expr::Compare(left, Comparison::Equal, right),
        Expr::In(inside, values, is_negated) => Expr::In(inside, values, !is_negated),
        Expr::Match(inside, pattern, is_negated) => Expr::Match(inside, pattern, !is_negated),
        Expr::IsNull(inside, is_negated) => Expr::IsNull(inside, !is_negated),
        other => Expr::Not(Box::new(other)),
    }
}
