//! Puts tokens together: pipelines and what joins them.
//!
//! ```text
//! query    = sum [ "with" "(" name "=" literal { "," … } ")" ]
//! sum      = product { ("+" | "-") product }                    over metrics
//! product  = unit { ("*" | "/") unit }
//! unit     = number | joined { "|" stage }
//! joined   = related { ("&&" | "||") related }
//! related  = primary { relation primary }
//! primary  = "{" [ expression ] "}" | "(" sum ")"
//! ```
//!
//! `stage.rs` reads what follows a `|`, `expression.rs` what stands between braces.

mod expression;
mod metrics;
mod stage;

use super::ast::{Form, Hint, Joint, Math, Metrics, Pipeline, Query, Relation, Root, Spanset, Stage};
use super::lex::{self, Kind, Token};
use super::literal::Literal;
use crate::Mistake;

/// Parentheses, signs and pipelines may be nested so deep; what is deeper is refused.
pub const DEPTH_MAX: usize = 64;

/// So many signs stand between series; each series is a question of its own. More are refused.
const SERIES_MAX: usize = 16;

/// So many stages follow each other; more are refused.
const STAGES_MAX: usize = 256;

/// Reads a query.
///
/// # Errors
/// The first mistake, with its place and what would be right.
pub fn parse(text: &str) -> Result<Query, Mistake> {
    let mut parser = Parser { text, tokens: lex::tokens(text)?, next: 0, depth: 0, series: 0 };
    let root = parser.sum()?;
    let hints = if parser.take_word("with") { parser.hints()? } else { Vec::new() };
    match &parser.peek().kind {
        Kind::End => Ok(Query { root, hints }),
        Kind::Sign(sign @ (")" | "}")) => Err(parser.wrong(format!("this `{sign}` closes nothing"))),
        _ => Err(parser
            .wrong("the query before ends here")
            .remedy("go on with `|` and a stage, or join spansets by && || > >> < << ~")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    series: usize,
}

/// What stands in parentheses may be either.
enum Part {
    Spans(Spanset),
    Metrics(Metrics),
}

const RELATIONS: [(&str, Relation, Form); 15] = [
    (">", Relation::Child, Form::Right),
    (">>", Relation::Descendant, Form::Right),
    ("<", Relation::Parent, Form::Right),
    ("<<", Relation::Ancestor, Form::Right),
    ("~", Relation::Sibling, Form::Right),
    ("!>", Relation::Child, Form::Without),
    ("!>>", Relation::Descendant, Form::Without),
    ("!<", Relation::Parent, Form::Without),
    ("!<<", Relation::Ancestor, Form::Without),
    ("!~", Relation::Sibling, Form::Without),
    ("&>", Relation::Child, Form::Both),
    ("&>>", Relation::Descendant, Form::Both),
    ("&<", Relation::Parent, Form::Both),
    ("&<<", Relation::Ancestor, Form::Both),
    ("&~", Relation::Sibling, Form::Both),
];

impl Parser<'_> {
    fn sum(&mut self) -> Result<Root, Mistake> {
        self.chain(Self::product, &[("+", Math::Add), ("-", Math::Subtract)])
    }

    fn product(&mut self) -> Result<Root, Mistake> {
        self.chain(Self::unit, &[("*", Math::Multiply), ("/", Math::Divide)])
    }

    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Root, Mistake>,
        signs: &[(&str, Math)],
    ) -> Result<Root, Mistake> {
        let mut left = operand(self)?;
        while let Some(math) = self.math(signs) {
            left = self.metrics_math(left, math, operand)?;
        }
        Ok(left)
    }

    fn metrics_math(
        &mut self,
        left: Root,
        math: Math,
        right: fn(&mut Self) -> Result<Root, Mistake>,
    ) -> Result<Root, Mistake> {
        self.series += 1;
        if self.series > SERIES_MAX {
            return Err(self.wrong(format!("more than {SERIES_MAX} series are computed with")));
        }
        let sign = self.next;
        self.next += 1;
        match (left, right(self)?) {
            (Root::Metrics(left), Root::Metrics(right)) => {
                Ok(Root::Metrics(Metrics::Math(Box::new(left), math, Box::new(right))))
            }
            _ => Err(Mistake::new(
                self.text,
                self.tokens[sign].at.clone(),
                "only metrics can be computed with",
            )
            .remedy("make numbers of the spans first: ({ … } | rate()) / ({ … } | rate())")),
        }
    }

    fn unit(&mut self) -> Result<Root, Mistake> {
        if let Kind::Literal(literal) = &self.peek().kind {
            let number = literal.number().filter(|_| !matches!(literal, Literal::Duration(_)));
            let number = number.ok_or_else(|| {
                self.wrong("a query begins with spans").remedy("write { … }, or { } for every span")
            })?;
            self.next += 1;
            return Ok(Root::Metrics(Metrics::Scalar(number)));
        }
        match self.joined()? {
            Part::Metrics(metrics) => Ok(Root::Metrics(metrics)),
            Part::Spans(first) => self.stages(first),
        }
    }

    /// What follows the first spanset: stages, up to one that makes numbers of the spans.
    fn stages(&mut self, first: Spanset) -> Result<Root, Mistake> {
        let mut stages = match first {
            Spanset::Pipeline(pipeline) => pipeline.stages,
            spans => vec![Stage::Spans(spans)],
        };
        while self.take_sign("|") {
            if stages.len() >= STAGES_MAX {
                return Err(self.wrong(format!("more than {STAGES_MAX} stages follow each other")));
            }
            if let Some(measure) = self.measure()? {
                return self.series(Pipeline { stages }, measure).map(Root::Metrics);
            }
            stages.push(self.stage()?);
        }
        Ok(Root::Spansets(Pipeline { stages }))
    }

    fn joined(&mut self) -> Result<Part, Mistake> {
        self.pairs(Self::related, |parser| match parser.peek().kind {
            Kind::Sign("&&") => Some(Joint::And),
            Kind::Sign("||") => Some(Joint::Or),
            _ => None,
        })
    }

    fn related(&mut self) -> Result<Part, Mistake> {
        self.pairs(Self::primary, |parser| {
            let Kind::Sign(sign) = parser.peek().kind else { return None };
            let (_, relation, form) = RELATIONS.iter().find(|(known, ..)| *known == sign)?;
            Some(Joint::Structure(*relation, *form))
        })
    }

    /// Operands of one level, joined from left to right.
    fn pairs(
        &mut self,
        operand: fn(&mut Self) -> Result<Part, Mistake>,
        joint: fn(&Self) -> Option<Joint>,
    ) -> Result<Part, Mistake> {
        let mut left = operand(self)?;
        let mut pairs = 0;
        while let Some(found) = joint(self) {
            pairs += 1;
            if pairs > DEPTH_MAX {
                return Err(self.wrong(format!("more than {DEPTH_MAX} spansets are joined here")));
            }
            let sign = self.next;
            self.next += 1;
            left = match (left, operand(self)?) {
                (Part::Spans(left), Part::Spans(right)) => {
                    Part::Spans(Spanset::Pair(Box::new(left), found, Box::new(right)))
                }
                _ => {
                    return Err(Mistake::new(
                        self.text,
                        self.tokens[sign].at.clone(),
                        "this joins spans, not metrics",
                    )
                    .remedy("metrics are joined by + - * /"));
                }
            };
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<Part, Mistake> {
        match &self.peek().kind {
            Kind::Sign("{") => {
                self.next += 1;
                let is_empty = self.is_sign("}");
                let condition = if is_empty { None } else { Some(self.expression()?) };
                self.expect_sign("}", "`{`")?;
                Ok(Part::Spans(Spanset::Filter(condition)))
            }
            Kind::Sign("(") => {
                let inside = self.deeper(|parser| {
                    parser.next += 1;
                    let inside = parser.sum()?;
                    parser.expect_sign(")", "`(`")?;
                    Ok(inside)
                })?;
                Ok(match inside {
                    Root::Metrics(metrics) => Part::Metrics(metrics),
                    Root::Spansets(pipeline) => Part::Spans(grouped(pipeline)),
                })
            }
            Kind::End => {
                Err(self.wrong("spans are missing at the end").remedy("write { … }, or { } for every span"))
            }
            _ => Err(self
                .wrong("a spanset begins with `{`")
                .remedy("put conditions on a span in braces: { status = error && duration > 1s }")),
        }
    }

    fn hints(&mut self) -> Result<Vec<Hint>, Mistake> {
        self.expect_sign("(", "`with`")?;
        let mut hints = Vec::new();
        loop {
            let Kind::Word(name) = self.peek().kind.clone() else {
                return Err(self.wrong("a hint begins with its name").remedy("write with(most_recent=true)"));
            };
            self.next += 1;
            self.expect_sign("=", "the hint")?;
            hints.push(Hint { name, value: self.literal()? });
            if !self.take_sign(",") {
                break;
            }
        }
        self.expect_sign(")", "`with(`")?;
        Ok(hints)
    }

    /// A value that must stand here, with its minus.
    fn literal(&mut self) -> Result<Literal, Mistake> {
        let is_negative = self.take_sign("-");
        let found = match &self.peek().kind {
            Kind::Literal(literal) => Some(literal.clone()),
            Kind::Word(word) => Literal::of_word(word),
            _ => None,
        };
        let literal = match (found, is_negative) {
            (Some(Literal::Int(int)), true) => Some(Literal::Int(-int)),
            (Some(Literal::Float(float)), true) => Some(Literal::Float(-float)),
            (Some(Literal::Duration(nanos)), true) => Some(Literal::Duration(-nanos)),
            (found, false) => found,
            _ => None,
        };
        let literal = literal.ok_or_else(|| self.wrong("a value is missing here"))?;
        self.next += 1;
        Ok(literal)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        if self.depth >= DEPTH_MAX {
            return Err(self.wrong(format!("the query is nested deeper than {DEPTH_MAX} levels")));
        }
        self.depth += 1;
        let made = read(self);
        self.depth -= 1;
        made
    }

    fn math(&self, signs: &[(&str, Math)]) -> Option<Math> {
        let Kind::Sign(sign) = self.peek().kind else { return None };
        signs.iter().find(|(known, _)| *known == sign).map(|(_, math)| *math)
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(&self.peek().kind, Kind::Sign(found) if *found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.next += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(&self.peek().kind, Kind::Word(found) if found == word);
        self.next += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str, after: &str) -> Result<(), Mistake> {
        if self.take_sign(sign) {
            return Ok(());
        }
        let closes = matches!(sign, ")" | "}");
        Err(match (&self.peek().kind, closes) {
            (Kind::End, true) => {
                self.wrong(format!("{after} is never closed")).remedy(format!("add `{sign}`"))
            }
            (_, true) => {
                self.wrong(format!("`{sign}` is expected here")).remedy(format!("it closes {after}"))
            }
            _ => self.wrong(format!("`{sign}` is expected after {after}")),
        })
    }

    fn wrong(&self, message: impl Into<String>) -> Mistake {
        Mistake::new(self.text, self.peek().at.clone(), message)
    }
}

/// Parentheses around one spanset add nothing.
fn grouped(mut pipeline: Pipeline) -> Spanset {
    match (pipeline.stages.len(), pipeline.stages.pop()) {
        (1, Some(Stage::Spans(spans))) => spans,
        (_, last) => {
            pipeline.stages.extend(last);
            Spanset::Pipeline(Box::new(pipeline))
        }
    }
}
