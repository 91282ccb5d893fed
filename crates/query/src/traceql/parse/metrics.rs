//! What follows a `|` and makes numbers of spans.

use super::super::ast::{
    Aggregate, Comparing, Expr, Field, Measure, Metrics, Pipeline, Series, Spanset, Then,
};
use super::super::lex::Kind;
use super::super::literal::Literal;
use super::{Parser, Part};
use crate::Mistake;

/// `compare` tells so many values of each attribute unless it is told otherwise.
const TOP_DEFAULT: usize = 10;

/// `compare` and `topk` tell at most so many.
const TOP_MAX: usize = 1000;

/// A query may ask for so many quantiles at once.
const QUANTILES_MAX: usize = 16;

impl Parser<'_> {
    /// The measure that stands here, if one does.
    pub(super) fn measure(&mut self) -> Result<Option<Measure>, Mistake> {
        let Kind::Word(word) = self.peek().kind.clone() else { return Ok(None) };
        let over = |aggregate| move |field| Ok(Measure::Over(aggregate, field));
        Ok(Some(match word.as_str() {
            "rate" => self.without_field(&word, Measure::Rate)?,
            "count_over_time" => self.without_field(&word, Measure::Count)?,
            "min_over_time" => self.with_field(&word, over(Aggregate::Min))?,
            "max_over_time" => self.with_field(&word, over(Aggregate::Max))?,
            "sum_over_time" => self.with_field(&word, over(Aggregate::Sum))?,
            "avg_over_time" => self.with_field(&word, over(Aggregate::Avg))?,
            "histogram_over_time" => self.with_field(&word, |field| Ok(Measure::Histogram(field)))?,
            "quantile_over_time" => self.quantiles(&word)?,
            "compare" => self.compare(&word)?,
            _ => return Ok(None),
        }))
    }

    /// The rest of a series: its labels and second stages.
    pub(super) fn series(&mut self, spans: Pipeline, measure: Measure) -> Result<Metrics, Mistake> {
        let by = if self.take_word("by") { self.in_parentheses("by", Self::fields)? } else { Vec::new() };
        if matches!(measure, Measure::Compare(_)) && !by.is_empty() {
            return Err(self.wrong("`compare` has labels of its own").remedy("take `by(…)` away"));
        }
        let mut then = Vec::new();
        loop {
            if self.take_sign("|") {
                then.push(self.rank()?);
            } else if let Some(comparison) = self.comparison() {
                self.next += 1;
                then.push(Then::Keep(comparison, self.number()?));
            } else {
                break;
            }
        }
        if matches!(measure, Measure::Compare(_)) && !then.is_empty() {
            return Err(self
                .wrong("`compare` takes no second stage")
                .remedy("say how many values inside: compare({ … }, 5)"));
        }
        Ok(Metrics::Series(Series { spans, measure, by, then }))
    }

    fn rank(&mut self) -> Result<Then, Mistake> {
        let is_top = self.take_word("topk");
        if !is_top && !self.take_word("bottomk") {
            return Err(self
                .wrong("after metrics come topk(n) and bottomk(n)")
                .remedy("filter spans before `rate()`, values by a comparison: rate() > 10"));
        }
        let count = self.in_parentheses(if is_top { "topk" } else { "bottomk" }, Self::top)?;
        Ok(if is_top { Then::Top(count) } else { Then::Bottom(count) })
    }

    fn without_field(&mut self, word: &str, measure: Measure) -> Result<Measure, Mistake> {
        self.next += 1;
        self.in_parentheses(word, |_| Ok(measure))
    }

    fn with_field(
        &mut self,
        word: &str,
        make: impl FnOnce(Field) -> Result<Measure, Mistake>,
    ) -> Result<Measure, Mistake> {
        self.next += 1;
        let field = self.in_parentheses(word, Self::field)?;
        make(field)
    }

    fn quantiles(&mut self, word: &str) -> Result<Measure, Mistake> {
        self.next += 1;
        self.in_parentheses(word, |parser| {
            let field = parser.field()?;
            let mut quantiles = Vec::new();
            while parser.take_sign(",") {
                let quantile = parser.number()?;
                if !(0.0..=1.0).contains(&quantile) || quantiles.len() == QUANTILES_MAX {
                    parser.next -= 1;
                    return Err(parser
                        .wrong(format!(
                            "a quantile is a number from 0 to 1, and there are at most {QUANTILES_MAX}"
                        ))
                        .remedy("write quantile_over_time(duration, 0.5, 0.99)"));
                }
                quantiles.push(quantile);
            }
            if quantiles.is_empty() {
                return Err(parser
                    .wrong("a quantile is missing")
                    .remedy("write quantile_over_time(duration, 0.5, 0.99)"));
            }
            Ok(Measure::Quantiles(field, quantiles))
        })
    }

    fn compare(&mut self, word: &str) -> Result<Measure, Mistake> {
        self.next += 1;
        self.in_parentheses(word, |parser| {
            let selection = parser.selection()?;
            let top = if parser.take_sign(",") { parser.top()? } else { TOP_DEFAULT };
            let time = if parser.take_sign(",") {
                let start = parser.nanos()?;
                parser.expect_sign(",", "the selection's start")?;
                Some((start, parser.nanos()?))
            } else {
                None
            };
            Ok(Measure::Compare(Comparing { selection, top, time }))
        })
    }

    fn selection(&mut self) -> Result<Option<Expr>, Mistake> {
        let start = self.next;
        match self.joined()? {
            Part::Spans(Spanset::Filter(selection)) => Ok(selection),
            _ => {
                self.next = start;
                Err(self
                    .wrong("a selection is one pair of braces")
                    .remedy("write compare({ status = error })"))
            }
        }
    }

    fn top(&mut self) -> Result<usize, Mistake> {
        let found = match self.peek().kind {
            Kind::Literal(Literal::Int(count)) => usize::try_from(count).ok(),
            _ => None,
        };
        let count = found.filter(|count| (1..=TOP_MAX).contains(count));
        let count =
            count.ok_or_else(|| self.wrong(format!("a number from 1 to {TOP_MAX} is expected here")))?;
        self.next += 1;
        Ok(count)
    }

    fn nanos(&mut self) -> Result<u64, Mistake> {
        let Kind::Literal(Literal::Int(nanos)) = self.peek().kind else {
            return Err(self.wrong("a time in Unix nanoseconds is expected here"));
        };
        let nanos = u64::try_from(nanos).map_err(|_| self.wrong("a time lies after 1970"))?;
        self.next += 1;
        Ok(nanos)
    }

    fn number(&mut self) -> Result<f64, Mistake> {
        let at = self.next;
        let literal = self.literal()?;
        let number = match literal {
            Literal::Duration(nanos) => Some(nanos as f64 / 1e9),
            literal => literal.number(),
        };
        number.ok_or_else(|| Mistake::new(self.text, self.tokens[at].at.clone(), "a number is expected here"))
    }
}
