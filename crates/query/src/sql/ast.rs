//! What a statement says, as data.

use regex::bytes::Regex;

use super::aggregate::Aggregate;
use super::call::Call;
use super::{Column, Table};
use crate::traceql::ast::{Comparison, Math};
use crate::traceql::eval::Value;

/// A whole statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// True where the asker wants to know how it is answered.
    pub is_explained: bool,
    /// What a row is.
    pub table: Table,
    /// The columns of the answer.
    pub outputs: Vec<Output>,
    /// What a row must pass.
    pub filter: Option<Expr>,
    /// What the rows of a group have in common; `None` where rows are not grouped.
    pub group: Option<Vec<Expr>>,
    /// What is computed of the rows of each group.
    pub aggregates: Vec<Aggregate>,
    /// What a group must pass.
    pub having: Option<Expr>,
    /// What the answer is sorted by, and whether the greatest comes first.
    pub order: Vec<(Expr, bool)>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Rows that are left out at the beginning.
    pub offset: usize,
}

/// One column of the answer.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What stands in it.
    pub expr: Expr,
}

/// An expression over one row, or over one group.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A value.
    Value(Value<'static>),
    /// Something of the row.
    Column(Column),
    /// What the group has in common, by its place in [`Statement::group`].
    Group(usize),
    /// What is computed of the group, by its place in [`Statement::aggregates`].
    Aggregate(usize),
    /// All hold.
    And(Vec<Expr>),
    /// One holds.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// A comparison.
    Compare(Box<Expr>, Comparison, Box<Expr>),
    /// Equal to one of them, or, where the last part is true, to none.
    In(Box<Expr>, Vec<Value<'static>>, bool),
    /// The whole text matches, or, where the last part is true, does not.
    Match(Box<Expr>, Regex, bool),
    /// There is no value, or, where the last part is true, there is one.
    IsNull(Box<Expr>, bool),
    /// The number with the other sign.
    Negative(Box<Expr>),
    /// Two numbers.
    Math(Box<Expr>, Math, Box<Expr>),
    /// A function.
    Call(Call, Vec<Expr>),
    /// The second of the first pair whose first holds, else the last.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
}

impl Expr {
    /// Shows every expression inside, itself first.
    pub fn each<'e>(&'e self, see: &mut dyn FnMut(&'e Self)) {
        see(self);
        match self {
            Self::Value(_) | Self::Column(_) | Self::Group(_) | Self::Aggregate(_) => {}
            Self::And(all) | Self::Or(all) | Self::Call(_, all) => all.iter().for_each(|one| one.each(see)),
            Self::Not(inside)
            | Self::In(inside, ..)
            | Self::Match(inside, ..)
            | Self::IsNull(inside, _)
            | Self::Negative(inside) => inside.each(see),
            Self::Compare(left, _, right) | Self::Math(left, _, right) => {
                left.each(see);
                right.each(see);
            }
            Self::Case(pairs, otherwise) => {
                for (condition, result) in pairs {
                    condition.each(see);
                    result.each(see);
                }
                otherwise.iter().for_each(|otherwise| otherwise.each(see));
            }
        }
    }

    /// The columns that it names.
    #[must_use]
    pub fn columns(&self) -> Vec<&Column> {
        let mut columns = Vec::new();
        self.each(&mut |expr| {
            if let Self::Column(column) = expr {
                columns.push(column);
            }
        });
        columns
    }
}
