//! Reads functions and aggregates.

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;
use sqlparser::tokenizer::Span;

use super::aggregate::{Aggregate, Kind};
use super::ast::Expr;
use super::call::{self, Call};
use super::select::Reader;
use crate::traceql::eval::Value;
use crate::{Mistake, duration};

impl Reader<'_> {
    pub(super) fn function(&mut self, function: &sql::Function) -> Result<Expr, Mistake> {
        let name = function.name.to_string().to_lowercase();
        let at = function.span();
        if function.over.is_some() {
            return Err(self.wrong(at, "windows are not part of this SQL").remedy("group rows by GROUP BY"));
        }
        let arguments = self.arguments(function)?;
        match (name.as_str(), &arguments[..]) {
            ("now" | "current_timestamp", []) => {
                return Ok(Expr::Value(Value::Int(i64::try_from(self.now).unwrap_or(i64::MAX))));
            }
            ("duration", [Some(text)]) => {
                let text = self.text(text)?;
                let nanos = duration::parse(&text).and_then(|nanos| i64::try_from(nanos).ok());
                let message =
                    || self.wrong(at, format!("`{text}` is no duration")).remedy("write 250ms or 1.5s");
                return nanos.map(|nanos| Expr::Value(Value::Duration(nanos))).ok_or_else(message);
            }
            ("timestamp" | "to_timestamp", [Some(text)]) => {
                let text = self.text(text)?;
                return self.time(&text, at);
            }
            ("date_trunc", [Some(unit), Some(time)]) => {
                let unit = self.text(unit)?;
                let step = duration::parse(&format!("1{}", short_unit(&unit))).filter(|_| unit != "month");
                let remedy = "it is second, minute, hour or day; for others write time_bucket(5m, start)";
                let wrong = || self.wrong(at, format!("`{unit}` is no unit of time")).remedy(remedy);
                return self.bucket(step.ok_or_else(wrong)?, time);
            }
            ("time_bucket", [Some(step), Some(time)]) => {
                let Expr::Value(Value::Duration(step)) = self.expr(step)? else {
                    return Err(self
                        .wrong(at, "the step is no duration")
                        .remedy("write time_bucket(5m, start)"));
                };
                return self.bucket(u64::try_from(step).unwrap_or(0).max(1), time);
            }
            _ => {}
        }
        if let Some(aggregate) = self.aggregate(&name, function, &arguments)? {
            return Ok(aggregate);
        }
        let Some((call, takes)) = Call::parse(&name) else {
            return Err(self.no_function(&name, at));
        };
        if !takes.contains(&arguments.len()) {
            let message = format!("{name} takes {} to {} values", takes.start(), takes.end());
            return Err(self.wrong(at, message));
        }
        let mut values = Vec::new();
        for argument in arguments {
            let Some(argument) = argument else {
                return Err(self.wrong(at, format!("{name}(*) means nothing")));
            };
            values.push(self.beside(&Expr::Value(Value::Nil), argument)?);
        }
        Ok(Expr::Call(call, values))
    }

    pub(super) fn bucket(&mut self, step: u64, time: &sql::Expr) -> Result<Expr, Mistake> {
        let step = Value::Int(i64::try_from(step).unwrap_or(i64::MAX));
        Ok(Expr::Call(Call::Bucket, vec![self.expr(time)?, Expr::Value(step)]))
    }

    pub(super) fn no_function(&self, name: &str, at: Span) -> Mistake {
        let others =
            ["count", "sum", "avg", "min", "max", "p50", "p95", "p99", "percentile", "now", "date_trunc"];
        let near =
            others.into_iter().chain(call::names()).map(|known| (strsim::osa_distance(name, known), known));
        let near = near.filter(|(distance, known)| *distance <= known.len() / 2).min();
        let advice = match near {
            Some((_, known)) => format!("did you mean `{known}`?"),
            None => "there are count, count_if, sum, avg, min, max, p95, percentile, date_trunc, time_bucket, lower …".into(),
        };
        self.wrong(at, format!("there is no function `{name}`")).remedy(advice)
    }

    /// The arguments of a call; `*` is `None`.
    pub(super) fn arguments<'f>(
        &self,
        function: &'f sql::Function,
    ) -> Result<Vec<Option<&'f sql::Expr>>, Mistake> {
        let list = match &function.args {
            sql::FunctionArguments::None => return Ok(Vec::new()),
            sql::FunctionArguments::List(list) => list,
            sql::FunctionArguments::Subquery(_) => {
                return Err(self.wrong(function.span(), "queries inside of queries are not part of this SQL"));
            }
        };
        list.args
            .iter()
            .map(|argument| match argument {
                sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(expr)) => Ok(Some(expr)),
                sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Wildcard) => Ok(None),
                other => Err(self.wrong(function.span(), format!("`{other}` is no value"))),
            })
            .collect()
    }

    pub(super) fn aggregate(
        &mut self,
        name: &str,
        function: &sql::Function,
        arguments: &[Option<&sql::Expr>],
    ) -> Result<Option<Expr>, Mistake> {
        let at = function.span();
        let is_distinct = matches!(&function.args, sql::FunctionArguments::List(list)
            if list.duplicate_treatment == Some(sql::DuplicateTreatment::Distinct));
        let (kind, of) = match (name, arguments) {
            ("percentile" | "quantile" | "approx_percentile" | "percentile_cont" | "percentile_disc", _) => {
                let (of, part) = match (arguments, &function.within_group[..]) {
                    ([Some(of), Some(part)], []) => (*of, *part),
                    ([Some(part)], [order]) => (&order.expr, *part),
                    _ => {
                        let message = format!("{name} takes a column and a part of one");
                        return Err(self.wrong(at, message).remedy("write percentile(duration, 0.95)"));
                    }
                };
                let part = match self.expr(part)? {
                    Expr::Value(value) => value.number().filter(|part| (0.0..=100.0).contains(part)),
                    _ => None,
                };
                let wrong = || self.wrong(at, "the part is no number from 0 to 1").remedy("write 0.95");
                let part = part.map(|part| if part > 1.0 { part / 100.0 } else { part }).ok_or_else(wrong)?;
                (Kind::Quantile(part), Some(of))
            }
            _ => {
                let Some(kind) = Kind::parse(name) else { return Ok(None) };
                let kind = if is_distinct && kind == Kind::Count { Kind::Distinct } else { kind };
                match arguments {
                    [None] | [] if kind == Kind::Count => (kind, None),
                    [Some(of)] => (kind, Some(*of)),
                    _ => {
                        return Err(self
                            .wrong(at, format!("{name} takes one value"))
                            .remedy("name a column"));
                    }
                }
            }
        };
        if self.is_in_aggregate {
            return Err(self.wrong(at, "an aggregate stands inside of another"));
        }
        self.is_in_aggregate = true;
        let of = of.map(|of| self.expr(of)).transpose();
        self.is_in_aggregate = false;
        self.aggregates.push(Aggregate { kind, of: of? });
        Ok(Some(Expr::Aggregate(self.aggregates.len() - 1)))
    }
}

fn short_unit(unit: &str) -> &str {
    match unit.to_lowercase().as_str() {
        "second" => "s",
        "minute" => "m",
        "hour" => "h",
        "day" => "d",
        "week" => "w",
        "millisecond" => "ms",
        _ => "?",
    }
}
