//! SQL over spans: `SELECT` from `traces`, `spans`, `events` and `links`.
//!
//! ```text
//! SELECT * FROM traces WHERE duration > 1000ms AND tags.http.status_code = 500
//! SELECT service, count(*), p95(duration) FROM spans WHERE start > now() - 1h GROUP BY service ORDER BY 2 DESC
//! service=order-service error=true
//! ```
//! A row of `traces` is a whole trace: conditions on columns of the trace (`duration`, `root_service`, …) hold for it, all
//! others hold together on **one** of its spans. Attributes are `tags.key` wherever they stand, or `span.key`,
//! `resource.key`, `scope.key`, `event.key`, `link.key`; `attributes['key']` are those of the row itself.
//! [`parse`] turns the text into data ([`ast`]) and names the place of a mistake; [`run`] asks a store for what may match,
//! and does the rest. There are no joins, windows or subqueries, and nothing that writes.
//! Bounded by [`TEXT_BYTES_MAX`], [`DEPTH_MAX`], [`VALUES_MAX`] and the limits of [`run`].

mod aggregate;
pub mod ast;
mod call;
mod column;
mod compare;
mod eval;
mod explain;
mod function;
mod group;
mod kinds;
mod lex;
mod literal;
mod pushdown;
mod read;
mod row;
mod run;
mod select;
mod short;
mod sink;

#[cfg(test)]
mod tests;

pub use column::{Column, Table, Type};
pub use read::parse;
pub use run::{Answer, BYTES_MAX, GROUPS_MAX, Request, run};

/// The longest text, in bytes; a longer one is refused.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The deepest nesting of an expression; a deeper one is refused.
pub const DEPTH_MAX: usize = 48;

/// The most values of one `IN (…)`; more are refused.
pub const VALUES_MAX: usize = 2_000;

/// The most conditions, operators and functions of a text; more are refused.
pub const PARTS_MAX: usize = 1_000;

/// True where a text is SQL, in full or in short, and not TraceQL.
#[must_use]
pub fn is_sql(text: &str) -> bool {
    lex::begins_statement(text) || short::is_short(text)
}
