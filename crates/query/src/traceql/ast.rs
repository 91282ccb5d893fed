//! What a TraceQL text says, as data.
//!
//! Every expression knows its place in the text, so that what comes later can still point at it.

use std::ops::Range;

use regex::bytes::Regex;

pub use super::field::{Field, Intrinsic, Scope};
pub use super::literal::Literal;

/// A whole query with its hints.
#[derive(Clone, Debug)]
pub struct Query {
    /// What is asked.
    pub root: Root,
    /// `with( name = value, … )`, in the order given.
    pub hints: Vec<Hint>,
}

/// What kind of answer a query wants.
#[derive(Clone, Debug)]
pub enum Root {
    /// Traces with the spans that matched.
    Spansets(Pipeline),
    /// Numbers over time.
    Metrics(Metrics),
}

/// Advice of the asker: it never changes which rows are right.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Literal,
}

/// Stages, left to right; each takes the spansets of the one before.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// At least one.
    pub stages: Vec<Stage>,
}

/// One stage of a pipeline.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Spans that match, and relations between them.
    Spans(Spanset),
    /// Keeps a spanset where the comparison of its numbers holds: `count() > 2`.
    Keep(Scalar, Comparison, Scalar),
    /// `by(…)`: one spanset for each value.
    Group(Expr),
    /// `coalesce()`: one spanset again.
    Coalesce,
    /// `select(…)`: fields that the answer shows.
    Select(Vec<Field>),
    /// `order by …`: traces by their greatest (or, ascending, least) value.
    Order(Expr, Direction),
    /// `distinct(…)`: the first trace of each value.
    Distinct(Expr),
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Least first.
    Ascending,
    /// Greatest first.
    Descending,
}

/// Spans of one trace, found by what they are and how they stand to each other.
#[derive(Clone, Debug)]
pub enum Spanset {
    /// `{ … }`; `None` for every span.
    Filter(Option<Expr>),
    /// Two spansets joined.
    Pair(Box<Spanset>, Joint, Box<Spanset>),
    /// A pipeline in parentheses.
    Pipeline(Box<Pipeline>),
}

/// How two spansets are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// `&&`: both have spans.
    And,
    /// `||`: one has spans.
    Or,
    /// How spans of the right side stand to spans of the left.
    Structure(Relation, Form),
}

/// How a span of the right side stands to one of the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `>`
    Child,
    /// `>>`
    Descendant,
    /// `<`
    Parent,
    /// `<<`
    Ancestor,
    /// `~`
    Sibling,
}

/// Which spans a relation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Those of the right side that have a partner.
    Right,
    /// Those of the right side that have none: `!>`.
    Without,
    /// Both partners: `&>`.
    Both,
}

/// An expression over one span, and where it stands in the text.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

impl Expr {
    /// Adds the fields that it names, in order.
    pub fn fields(&self, into: &mut Vec<Field>) {
        match &self.kind {
            ExprKind::Literal(_) => {}
            ExprKind::Field(field) => into.push(field.clone()),
            ExprKind::Negative(inside) | ExprKind::Not(inside) | ExprKind::Match(inside, ..) => {
                inside.fields(into);
            }
            ExprKind::Math(left, _, right)
            | ExprKind::Compare(left, _, right)
            | ExprKind::And(left, right)
            | ExprKind::Or(left, right) => {
                left.fields(into);
                right.fields(into);
            }
        }
    }
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A value.
    Literal(Literal),
    /// Something of the span.
    Field(Field),
    /// `-x`
    Negative(Box<Expr>),
    /// `!x`
    Not(Box<Expr>),
    /// Numbers.
    Math(Box<Expr>, Math, Box<Expr>),
    /// A comparison of two values.
    Compare(Box<Expr>, Comparison, Box<Expr>),
    /// `=~`, or `!~` where the last part is true; the pattern is anchored at both ends.
    Match(Box<Expr>, Regex, bool),
    /// `&&`
    And(Box<Expr>, Box<Expr>),
    /// `||`
    Or(Box<Expr>, Box<Expr>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// The comparison with its sides exchanged.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            same => same,
        }
    }
}

/// How two numbers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Math {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `^`
    Power,
}

/// A number of a whole spanset.
#[derive(Clone, Debug)]
pub enum Scalar {
    /// A value.
    Literal(Literal),
    /// Computed from the spans; only `count` takes nothing.
    Aggregate(Aggregate, Option<Expr>),
    /// Two numbers.
    Math(Box<Scalar>, Math, Box<Scalar>),
}

impl Scalar {
    /// Adds the fields that it names, in order.
    pub fn fields(&self, into: &mut Vec<Field>) {
        match self {
            Self::Literal(_) => {}
            Self::Aggregate(_, of) => of.iter().for_each(|of| of.fields(into)),
            Self::Math(left, _, right) => {
                left.fields(into);
                right.fields(into);
            }
        }
    }
}

/// How the values of many spans become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// How many spans.
    Count,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// All together.
    Sum,
}

/// Numbers over time.
#[derive(Clone, Debug)]
pub enum Metrics {
    /// Spans counted or measured, step by step, then worked on.
    Series(Series),
    /// A plain number.
    Scalar(f64),
    /// Series joined by equal labels.
    Math(Box<Metrics>, Math, Box<Metrics>),
}

/// Spans counted or measured, step by step.
#[derive(Clone, Debug)]
pub struct Series {
    /// Which spans.
    pub spans: Pipeline,
    /// What becomes of them.
    pub measure: Measure,
    /// The labels, `by(…)`.
    pub by: Vec<Field>,
    /// What is done with the series, left to right.
    pub then: Vec<Then>,
}

/// What is measured in every step.
#[derive(Clone, Debug)]
pub enum Measure {
    /// Spans each second.
    Rate,
    /// Spans.
    Count,
    /// An aggregate of a field; never [`Aggregate::Count`].
    Over(Aggregate, Field),
    /// Quantiles of a field, each from 0 to 1.
    Quantiles(Field, Vec<f64>),
    /// Counts by power-of-two bucket.
    Histogram(Field),
    /// What the spans of a selection have more often than the others.
    Compare(Comparing),
}

/// `compare( {…}, top, start, end )`
#[derive(Clone, Debug)]
pub struct Comparing {
    /// The selection.
    pub selection: Option<Expr>,
    /// How many values of each attribute are told.
    pub top: usize,
    /// The selection's time in Unix nanoseconds, where it is narrower than the query's.
    pub time: Option<(u64, u64)>,
}

/// A second stage over series.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    /// The greatest so many at each step.
    Top(usize),
    /// The least so many at each step.
    Bottom(usize),
    /// Values for which the comparison holds.
    Keep(Comparison, f64),
}
