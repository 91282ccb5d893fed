//! Reads the expressions of one `SELECT`.

use std::borrow::Cow;
use std::rc::Rc;

use model::time::UnixNanos;
use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;
use sqlparser::tokenizer::Span;

use super::aggregate::Aggregate;
use super::ast::{Expr, Output};
use super::call::Call;
use super::compare::negated;
use super::kinds::kind_of;
use super::{Column, DEPTH_MAX, Table, Type, lex};
use crate::traceql::ast::Comparison;
use crate::traceql::eval::Value;
use crate::{Mistake, duration};

/// What is known while the clauses are read.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) table: Table,
    pub(super) now: UnixNanos,
    pub(super) aggregates: Vec<Aggregate>,
    /// `AS` names with what they stand for.
    aliases: Rc<Vec<(String, sql::Expr)>>,
    group: Vec<(sql::Expr, Expr)>,
    has_group: bool,
    depth: usize,
    pub(super) is_in_aggregate: bool,
    /// A column that stands in no aggregate, for complaints.
    lonely: Option<(String, Span)>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, table: Table, now: UnixNanos) -> Self {
        Self {
            text,
            table,
            now,
            aggregates: Vec::new(),
            aliases: Rc::default(),
            group: Vec::new(),
            has_group: false,
            depth: 0,
            is_in_aggregate: false,
            lonely: None,
        }
    }

    pub(super) fn wrong(&self, at: Span, message: impl Into<String>) -> Mistake {
        Mistake::new(self.text, lex::range(self.text, at), message)
    }

    /// Learns the names of the columns of the answer.
    pub(super) fn name_outputs(&mut self, items: &[sql::SelectItem]) {
        let named = items.iter().filter_map(|item| match item {
            sql::SelectItem::ExprWithAlias { expr, alias } => Some((alias.value.clone(), expr.clone())),
            _ => None,
        });
        self.aliases = Rc::new(named.collect());
    }

    pub(super) fn group_by(&mut self, select: &sql::Select) -> Result<(), Mistake> {
        let sql::GroupByExpr::Expressions(keys, modifiers) = &select.group_by else {
            return Err(self
                .wrong(select.span(), "GROUP BY ALL is not part of this SQL")
                .remedy("name columns"));
        };
        if !modifiers.is_empty() {
            return Err(self
                .wrong(select.span(), "ROLLUP and CUBE are not part of this SQL")
                .remedy("take them away"));
        }
        for key in keys {
            let outputs: Vec<&sql::Expr> = select
                .projection
                .iter()
                .filter_map(|item| match item {
                    sql::SelectItem::UnnamedExpr(expr) | sql::SelectItem::ExprWithAlias { expr, .. } => {
                        Some(expr)
                    }
                    _ => None,
                })
                .collect();
            let key = match self.ordinal(key, outputs.len())? {
                Some(place) => outputs[place].clone(),
                None => meant(&self.aliases, self.table, key).clone(),
            };
            let expr = self.expr(&key)?;
            self.group.push((key, expr));
        }
        self.has_group = !keys.is_empty();
        if let (true, Some(aggregate)) = (self.has_group, self.aggregates.first()) {
            return Err(self.wrong(select.span(), format!("{:?} cannot be grouped by", aggregate.kind)));
        }
        self.lonely = None;
        Ok(())
    }

    /// The groups of the statement, if it has some: by `GROUP BY`, by `DISTINCT`, or one of all rows.
    pub(super) fn groups(
        &mut self,
        outputs: &[Output],
        is_distinct: bool,
    ) -> Result<Option<Vec<Expr>>, Mistake> {
        let is_grouped = self.has_group || !self.aggregates.is_empty();
        if let (true, Some((name, at))) = (is_grouped, self.lonely.take()) {
            let message = format!("`{name}` stands neither in GROUP BY nor in an aggregate");
            return Err(self.wrong(at, message).remedy(format!("write GROUP BY {name}, or min({name})")));
        }
        if is_grouped {
            return Ok(Some(self.group.drain(..).map(|(_, expr)| expr).collect()));
        }
        Ok(is_distinct.then(|| outputs.iter().map(|output| output.expr.clone()).collect()))
    }

    /// The place among the outputs that a number stands for.
    pub(super) fn ordinal(&self, expr: &sql::Expr, outputs: usize) -> Result<Option<usize>, Mistake> {
        let sql::Expr::Value(value) = expr else { return Ok(None) };
        let sql::Value::Number(number, _) = &value.value else { return Ok(None) };
        let place = number.parse::<usize>().ok().filter(|place| (1..=outputs).contains(place));
        let message = format!("there is no column {number}: the answer has {outputs}");
        place.map(|place| Some(place - 1)).ok_or_else(|| self.wrong(expr.span(), message))
    }

    /// What a column without a name of its own is called.
    pub(super) fn name_of(&self, expr: &sql::Expr) -> String {
        const LETTERS_MAX: usize = 60;
        let at = lex::range(self.text, expr.span());
        let is_name = matches!(expr, sql::Expr::Identifier(_));
        let text = self.text.get(at).filter(|text| is_name && !text.is_empty());
        let text = text.map_or_else(|| expr.to_string().replace(lex::JOINED, ""), str::to_owned);
        text.trim_matches(lex::JOINED).chars().take(LETTERS_MAX).collect()
    }

    pub(super) fn condition(&mut self, expr: &sql::Expr) -> Result<Expr, Mistake> {
        let was = self.lonely.take();
        let had = self.aggregates.len();
        let read = self.expr(expr)?;
        if self.aggregates.len() == had && self.group.is_empty() {
            self.lonely = was;
        }
        Ok(read)
    }

    pub(super) fn expr(&mut self, expr: &sql::Expr) -> Result<Expr, Mistake> {
        if self.depth >= DEPTH_MAX {
            let message = format!("the statement is nested deeper than {DEPTH_MAX} levels");
            return Err(self.wrong(expr.span(), message));
        }
        self.depth += 1;
        let read = self.read(expr);
        self.depth -= 1;
        read
    }

    fn read(&mut self, expr: &sql::Expr) -> Result<Expr, Mistake> {
        let aliases = Rc::clone(&self.aliases);
        let expr = meant(&aliases, self.table, expr);
        if !self.is_in_aggregate
            && let Some(place) = self.group.iter().position(|(key, _)| key == expr)
        {
            return Ok(Expr::Group(place));
        }
        match expr {
            sql::Expr::Nested(inside) => self.expr(inside),
            sql::Expr::Identifier(name) => self.column(&name.value, name.span),
            sql::Expr::Value(value) => self.value(value),
            sql::Expr::Function(function) => self.function(function),
            sql::Expr::BinaryOp { left, op, right } => self.binary(expr, (left, op, right)),
            sql::Expr::UnaryOp { op: sql::UnaryOperator::Not, expr } => Ok(negated(self.expr(expr)?)),
            sql::Expr::UnaryOp { op: sql::UnaryOperator::Minus, expr } => {
                Ok(match self.expr(expr)? {
                    Expr::Value(value) => Expr::Value(value.negative()),
                    other => Expr::Negative(Box::new(other)),
                })
            }
            sql::Expr::UnaryOp { op: sql::UnaryOperator::Plus, expr } => self.expr(expr),
            sql::Expr::IsNull(inside) => Ok(Expr::IsNull(Box::new(self.expr(inside)?), false)),
            sql::Expr::IsNotNull(inside) => Ok(Expr::IsNull(Box::new(self.expr(inside)?), true)),
            sql::Expr::IsTrue(inside) => self.is(inside, Expr::Value(Value::Bool(true))),
            sql::Expr::IsFalse(inside) => self.is(inside, Expr::Value(Value::Bool(false))),
            sql::Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            sql::Expr::Between { expr: inside, negated: is_negated, low, high } => {
                let low = self.compared((inside, Comparison::AtLeast, low))?;
                let high = self.compared((inside, Comparison::AtMost, high))?;
                let both = Expr::And(vec![low, high]);
                Ok(if *is_negated { negated(both) } else { both })
            }
            sql::Expr::Like { negated, expr: inside, pattern, escape_char: None, any: false } => {
                self.like((inside, pattern), (*negated, false))
            }
            sql::Expr::ILike { negated, expr: inside, pattern, escape_char: None, any: false } => {
                self.like((inside, pattern), (*negated, true))
            }
            sql::Expr::RLike { negated, expr: inside, pattern, .. } => self.matched((inside, pattern), *negated),
            sql::Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            sql::Expr::Cast { expr: inside, data_type, .. } => self.cast(inside, data_type),
            sql::Expr::Floor { expr: inside, .. } => Ok(Expr::Call(Call::Floor, vec![self.expr(inside)?])),
            sql::Expr::Ceil { expr: inside, .. } => Ok(Expr::Call(Call::Ceil, vec![self.expr(inside)?])),
            sql::Expr::Trim { expr: inside, trim_what: None, .. } => {
                Ok(Expr::Call(Call::Trim, vec![self.expr(inside)?]))
            }
            sql::Expr::Substring { expr: inside, substring_from, substring_for, .. } => {
                let parts = [substring_from, substring_for].into_iter().flatten();
                let parts = std::iter::once(inside).chain(parts);
                Ok(Expr::Call(Call::Substring, parts.map(|part| self.expr(part)).collect::<Result<_, _>>()?))
            }
            sql::Expr::Interval(interval) => self.interval(interval),
            sql::Expr::TypedString(typed) => {
                let text = typed.value.value.clone().into_string().unwrap_or_default();
                self.time(&text, expr.span())
            }
            other => Err(self
                .wrong(other.span(), format!("`{}` is not part of this SQL", shown(other)))
                .remedy("there are columns, values, comparisons, AND, OR, NOT, IN, LIKE, BETWEEN, CASE and functions")),
        }
    }

    pub(super) fn column(&mut self, name: &str, at: Span) -> Result<Expr, Mistake> {
        let column = Column::parse(self.table, name);
        let column = column.map_err(|(message, remedy)| self.wrong(at, message).remedy(remedy))?;
        if !self.is_in_aggregate && self.lonely.is_none() {
            self.lonely = Some((name.to_owned(), at));
        }
        Ok(Expr::Column(column))
    }

    fn value(&self, value: &sql::ValueWithSpan) -> Result<Expr, Mistake> {
        Ok(Expr::Value(match &value.value {
            sql::Value::Null => Value::Nil,
            sql::Value::Boolean(truth) => Value::Bool(*truth),
            sql::Value::Number(text, _) => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => Value::Int(number),
                (_, Ok(number)) if number.is_finite() => Value::Float(number),
                _ => return Err(self.wrong(value.span, format!("`{text}` is no number"))),
            },
            other => match other.clone().into_string() {
                Some(text) => Value::Text(Cow::Owned(text)),
                None => return Err(self.wrong(value.span, format!("`{other}` is not part of this SQL"))),
            },
        }))
    }

    fn case(
        &mut self,
        operand: Option<&sql::Expr>,
        conditions: &[sql::CaseWhen],
        otherwise: Option<&sql::Expr>,
    ) -> Result<Expr, Mistake> {
        let mut pairs = Vec::new();
        for when in conditions {
            let condition = match operand {
                Some(operand) => self.compared((operand, Comparison::Equal, &when.condition))?,
                None => self.expr(&when.condition)?,
            };
            pairs.push((condition, self.expr(&when.result)?));
        }
        let otherwise = otherwise.map(|otherwise| self.expr(otherwise)).transpose()?;
        Ok(Expr::Case(pairs, otherwise.map(Box::new)))
    }

    fn cast(&mut self, inside: &sql::Expr, kind: &sql::DataType) -> Result<Expr, Mistake> {
        let name = kind.to_string().to_uppercase();
        let call = match name.split('(').next().unwrap_or_default() {
            "TEXT" | "VARCHAR" | "STRING" | "CHAR" => Call::Text,
            "INT" | "INTEGER" | "BIGINT" | "SMALLINT" => Call::Whole,
            "DOUBLE" | "FLOAT" | "REAL" | "DOUBLE PRECISION" | "NUMERIC" | "DECIMAL" => Call::Number,
            _ => {
                let remedy = "cast to TEXT, BIGINT or DOUBLE";
                return Err(self.wrong(inside.span(), format!("there is no cast to {name}")).remedy(remedy));
            }
        };
        Ok(Expr::Call(call, vec![self.expr(inside)?]))
    }

    fn interval(&mut self, interval: &sql::Interval) -> Result<Expr, Mistake> {
        let number = interval.value.to_string();
        let number = number.trim_matches('\'');
        let unit =
            interval.leading_field.as_ref().map_or(String::new(), |unit| unit.to_string().to_lowercase());
        let unit = match unit.trim_end_matches('s') {
            "millisecond" => "ms",
            "second" => "s",
            "minute" => "m",
            "hour" => "h",
            "day" => "d",
            other => other,
        };
        let words = format!("{number}{unit}").replace(' ', "");
        let nanos = duration::parse(&words).and_then(|nanos| i64::try_from(nanos).ok());
        nanos.map(|nanos| Expr::Value(Value::Duration(nanos))).ok_or_else(|| {
            let message = format!("`{number} {unit}` is no interval");
            self.wrong(interval.value.span(), message).remedy("write 5m, 1h or INTERVAL '1' HOUR")
        })
    }

    pub(super) fn time(&self, text: &str, at: Span) -> Result<Expr, Mistake> {
        let nanos = crate::moment::parse(text, self.now).and_then(|at| i64::try_from(at).ok());
        let message = || self.wrong(at, format!("`{text}` is no time")).remedy(crate::moment::FORMS);
        nanos.map(|nanos| Expr::Value(Value::Int(nanos))).ok_or_else(message)
    }

    /// What the values of an expression are.
    pub(super) fn kind(&self, expr: &Expr) -> Type {
        let groups: Vec<&Expr> = self.group.iter().map(|(_, expr)| expr).collect();
        kind_of(expr, &groups, &self.aggregates)
    }
}

/// What an alias stands for. Columns come first, but for names of what was computed: in `count(*) AS spans … ORDER BY
/// spans` it is the count.
fn meant<'e>(aliases: &'e [(String, sql::Expr)], table: Table, expr: &'e sql::Expr) -> &'e sql::Expr {
    let sql::Expr::Identifier(name) = expr else { return expr };
    let alias = aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(&name.value));
    let Some((_, meant)) = alias else { return expr };
    let is_computed = matches!(meant, sql::Expr::Function(_));
    if is_computed || Column::parse(table, &name.value).is_err() { meant } else { expr }
}

fn shown(expr: &sql::Expr) -> String {
    expr.to_string().chars().take(60).collect()
}
