//! What follows a `|` and keeps spans: filters on numbers, groups, orders.

use super::super::ast::{Aggregate, Direction, Math, Scalar, Spanset, Stage};
use super::super::lex::Kind;
use super::super::literal::Literal;
use super::{DEPTH_MAX, Parser, Part};
use crate::Mistake;

const AGGREGATES: [(&str, Aggregate); 5] = [
    ("count", Aggregate::Count),
    ("avg", Aggregate::Avg),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("sum", Aggregate::Sum),
];

/// Every stage and function, for advice.
const FUNCTIONS: [&str; 21] = [
    "by",
    "coalesce",
    "select",
    "order by",
    "distinct",
    "count",
    "avg",
    "min",
    "max",
    "sum",
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "avg_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
    "topk",
    "bottomk",
];

impl Parser<'_> {
    pub(super) fn stage(&mut self) -> Result<Stage, Mistake> {
        if self.take_word("by") {
            return self.in_parentheses("by", Self::expression).map(Stage::Group);
        }
        if self.take_word("distinct") {
            return self.in_parentheses("distinct", Self::expression).map(Stage::Distinct);
        }
        if self.take_word("coalesce") {
            return self.in_parentheses("coalesce", |_| Ok(Stage::Coalesce));
        }
        if self.take_word("select") {
            return self.in_parentheses("select", Self::fields).map(Stage::Select);
        }
        if self.take_word("order") {
            return self.order();
        }
        if self.begins_spans() {
            return match self.joined()? {
                Part::Spans(Spanset::Pipeline(_)) | Part::Metrics(_) => {
                    Err(self.wrong("a stage is no query of its own").remedy("take the parentheses away"))
                }
                Part::Spans(spans) => Ok(Stage::Spans(spans)),
            };
        }
        if self.begins_field() {
            return self.expression().map(|condition| Stage::Spans(Spanset::Filter(Some(condition))));
        }
        let left = self.scalar()?;
        let Some(comparison) = self.comparison() else {
            return Err(self
                .wrong("a comparison is missing after the number")
                .remedy("compare it, such as count() > 2; the answer shows the number with every spanset"));
        };
        self.next += 1;
        let right = self.scalar()?;
        Ok(Stage::Keep(left, comparison, right))
    }

    /// One field or more, with commas.
    pub(super) fn fields(&mut self) -> Result<Vec<super::super::ast::Field>, Mistake> {
        let mut fields = vec![self.field()?];
        while self.take_sign(",") {
            fields.push(self.field()?);
        }
        Ok(fields)
    }

    pub(super) fn in_parentheses<T>(
        &mut self,
        function: &str,
        read: impl FnOnce(&mut Self) -> Result<T, Mistake>,
    ) -> Result<T, Mistake> {
        self.expect_sign("(", &format!("`{function}`"))?;
        let made = read(self)?;
        self.expect_sign(")", &format!("`{function}(`"))?;
        Ok(made)
    }

    fn order(&mut self) -> Result<Stage, Mistake> {
        if !self.take_word("by") {
            return Err(self.wrong("`by` is expected after `order`").remedy("write order by duration desc"));
        }
        let expr = self.expression()?;
        let is_ascending = self.take_word("asc");
        let _descending = !is_ascending && self.take_word("desc");
        let direction = if is_ascending { Direction::Ascending } else { Direction::Descending };
        Ok(Stage::Order(expr, direction))
    }

    /// Parentheses may open a spanset or a number: what stands in them tells.
    fn begins_spans(&self) -> bool {
        let mut ahead = self.tokens[self.next..].iter().skip_while(|token| token.kind == Kind::Sign("("));
        matches!(ahead.next().map(|token| &token.kind), Some(Kind::Sign("{")))
    }

    /// `| duration > 1s` means `| { duration > 1s }`.
    fn begins_field(&self) -> bool {
        let is_call =
            matches!(self.tokens.get(self.next + 1).map(|token| &token.kind), Some(Kind::Sign("(")));
        match &self.peek().kind {
            Kind::Word(word) => !is_call && word.parse::<super::super::ast::Field>().is_ok(),
            Kind::Name(_) => true,
            _ => false,
        }
    }

    fn scalar(&mut self) -> Result<Scalar, Mistake> {
        self.scalars(Self::scalar_product, &[("+", Math::Add), ("-", Math::Subtract)])
    }

    fn scalar_product(&mut self) -> Result<Scalar, Mistake> {
        let signs = [("*", Math::Multiply), ("/", Math::Divide), ("%", Math::Modulo), ("^", Math::Power)];
        self.scalars(Self::scalar_unit, &signs)
    }

    fn scalars(
        &mut self,
        operand: fn(&mut Self) -> Result<Scalar, Mistake>,
        signs: &[(&str, Math)],
    ) -> Result<Scalar, Mistake> {
        let mut left = operand(self)?;
        for _ in 0..DEPTH_MAX {
            let Some(math) = self.math(signs) else { return Ok(left) };
            self.next += 1;
            left = Scalar::Math(Box::new(left), math, Box::new(operand(self)?));
        }
        Err(self.wrong(format!("more than {DEPTH_MAX} numbers stand side by side")))
    }

    fn scalar_unit(&mut self) -> Result<Scalar, Mistake> {
        let token = self.peek().clone();
        match &token.kind {
            Kind::Sign("(") => self.deeper(|parser| {
                parser.next += 1;
                let inside = parser.scalar()?;
                parser.expect_sign(")", "`(`")?;
                Ok(inside)
            }),
            Kind::Literal(_) | Kind::Sign("-") => self.literal().map(Scalar::Literal),
            Kind::Word(word) => {
                if let Some((_, aggregate)) = AGGREGATES.iter().find(|(known, _)| known == word) {
                    self.next += 1;
                    return self.aggregate(word, *aggregate);
                }
                if let Some(literal) = Literal::of_word(word) {
                    self.next += 1;
                    return Ok(Scalar::Literal(literal));
                }
                Err(self.unknown(word))
            }
            _ => Err(self.wrong("a stage is expected here").remedy(STAGES)),
        }
    }

    fn aggregate(&mut self, word: &str, aggregate: Aggregate) -> Result<Scalar, Mistake> {
        let of = self.in_parentheses(word, |parser| {
            if parser.is_sign(")") { Ok(None) } else { parser.expression().map(Some) }
        })?;
        match (aggregate, &of) {
            (Aggregate::Count, Some(of)) => {
                Err(Mistake::new(self.text, of.at.clone(), "`count` takes nothing")
                    .remedy("write count(); it counts the spans of the spanset"))
            }
            (Aggregate::Count, None) | (_, Some(_)) => Ok(Scalar::Aggregate(aggregate, of)),
            (_, None) => {
                let before = &self.tokens[self.next - 1];
                Err(Mistake::new(self.text, before.at.clone(), format!("`{word}` needs a field"))
                    .remedy(format!("write {word}(duration)")))
            }
        }
    }

    /// A word that is no stage.
    fn unknown(&self, word: &str) -> Mistake {
        let near = FUNCTIONS
            .iter()
            .map(|known| (strsim::damerau_levenshtein(known, word), *known))
            .filter(|(distance, known)| *distance * 3 <= known.len().max(3))
            .min();
        let remedy = near.map_or_else(|| STAGES.to_owned(), |(_, known)| format!("did you mean `{known}`?"));
        self.wrong(format!("`{word}` is no stage")).remedy(remedy)
    }
}

const STAGES: &str = "stages are { … }, count() > 2, avg(duration) > 1s, by(…), select(…), order by …, rate() and the other \
                      metrics";
