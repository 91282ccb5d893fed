//! From a text to a [`Statement`]: the clauses of `SELECT`, and nothing else.

use model::time::UnixNanos;
use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use store::plan::LIMIT_MAX;

use super::ast::{Expr, Output, Statement};
use super::select::Reader;
use super::{DEPTH_MAX, Table, lex, short};
use crate::Mistake;

/// The most rows that an `OFFSET` may leave out.
const OFFSET_MAX: usize = 100_000;

/// Reads a statement, or its short form; `now` is what `now()` means.
///
/// # Errors
/// The first [`Mistake`], with its place and what would be right.
pub fn parse(text: &str, now: UnixNanos) -> Result<Statement, Mistake> {
    if !lex::begins_statement(text) && short::is_short(text) {
        return statement(&short::statement(text), now);
    }
    statement(text, now)
}

fn statement(text: &str, now: UnixNanos) -> Result<Statement, Mistake> {
    let tokens = lex::tokens(text)?;
    let mut parser =
        Parser::new(&GenericDialect {}).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| unread(text, &error))?;
    let one = match statements.len() {
        0 => {
            return Err(
                Mistake::new(text, 0..0, "there is no statement").remedy("write SELECT * FROM traces")
            );
        }
        1 => statements.remove(0),
        _ => {
            return Err(
                Mistake::new(text, 0..0, "there are several statements").remedy("ask them one by one")
            );
        }
    };
    let (query, is_explained) = match one {
        sql::Statement::Query(query) => (query, false),
        sql::Statement::Explain { statement, .. } => match *statement {
            sql::Statement::Query(query) => (query, true),
            other => return Err(foreign(text, &other)),
        },
        other => return Err(foreign(text, &other)),
    };
    let mut statement = clauses(text, *query, now)?;
    statement.is_explained = is_explained;
    Ok(statement)
}

/// What the parser says, at the place that it names.
fn unread(text: &str, error: &ParserError) -> Mistake {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            let message = format!("the statement is nested deeper than {DEPTH_MAX} levels");
            return Mistake::new(text, 0..0, message);
        }
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    let (message, place) = message.split_once(" at Line: ").unwrap_or((message, ""));
    let numbers: Vec<u64> =
        place.split(", Column: ").filter_map(|number| number.trim().parse().ok()).collect();
    let at = match numbers[..] {
        [line, column] => lex::place(text, sqlparser::tokenizer::Location { line, column }),
        _ => text.len(),
    };
    let (first, rest) = message.split_at(message.chars().next().map_or(0, char::len_utf8));
    Mistake::new(text, at..at, format!("{}{rest}", first.to_lowercase()))
        .remedy("write SELECT columns FROM traces WHERE conditions GROUP BY … ORDER BY … LIMIT n")
}

fn foreign(text: &str, statement: &sql::Statement) -> Mistake {
    let word: String = statement.to_string().chars().take_while(|letter| !letter.is_whitespace()).collect();
    Mistake::new(text, 0..0, format!("{word} is not answered: spans are read here, never changed"))
        .remedy("write SELECT … or EXPLAIN SELECT …")
}

fn clauses(text: &str, query: sql::Query, now: UnixNanos) -> Result<Statement, Mistake> {
    let here = |at: sqlparser::tokenizer::Span| lex::range(text, at);
    let refuse = |at, what: &str| {
        Err(Mistake::new(text, here(at), format!("{what} is not part of this SQL"))
            .remedy("ask for it in several statements, or run DuckDB over the exported Parquet files"))
    };
    if let Some(with) = &query.with {
        return refuse(with.span(), "WITH");
    }
    let has_more = query.fetch.is_some() || !query.locks.is_empty() || query.for_clause.is_some();
    if has_more
        || query.settings.is_some()
        || query.format_clause.is_some()
        || !query.pipe_operators.is_empty()
    {
        return refuse(query.span(), "what follows the last clause");
    }
    let sql::SetExpr::Select(select) = *query.body else {
        return refuse(query.body.span(), "a set of queries");
    };
    let table = table(text, &select)?;
    unknown_clauses(text, &select)?;
    let mut reader = Reader::new(text, table, now);
    reader.name_outputs(&select.projection);
    let filter = select.selection.as_ref().map(|filter| reader.condition(filter)).transpose()?;
    reader.group_by(&select)?;
    let outputs = outputs(&mut reader, &select.projection)?;
    let having = select.having.as_ref().map(|having| reader.condition(having)).transpose()?;
    let order = order(&mut reader, query.order_by.as_ref(), &outputs)?;
    let (limit, offset) = page(text, query.limit_clause.as_ref())?;
    let group = reader.groups(&outputs, select.distinct.is_some())?;
    Ok(Statement {
        is_explained: false,
        table,
        outputs,
        filter,
        group,
        aggregates: reader.aggregates,
        having,
        order,
        limit,
        offset,
    })
}

fn table(text: &str, select: &sql::Select) -> Result<Table, Mistake> {
    let wrong = |message: &str| {
        Mistake::new(text, lex::range(text, select.span()), message)
            .remedy("write FROM traces, FROM spans, FROM events or FROM links")
    };
    let [from] = &select.from[..] else {
        return Err(wrong(if select.from.is_empty() {
            "the table is missing"
        } else {
            "there is more than one table"
        }));
    };
    if !from.joins.is_empty() {
        return Err(wrong("tables are not joined here: a row of spans, events and links knows its trace"));
    }
    let sql::TableFactor::Table { name, args: None, .. } = &from.relation else {
        return Err(wrong("only the name of a table can stand after FROM"));
    };
    let word = name.to_string();
    Table::parse(word.trim_matches(['"', '`'])).ok_or_else(|| wrong(&format!("there is no table {word}")))
}

/// Refuses what the parser knows and this language does not.
fn unknown_clauses(text: &str, select: &sql::Select) -> Result<(), Mistake> {
    let known = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.named_window.is_empty(), "WINDOW"),
        (select.qualify.is_some(), "QUALIFY"),
        (matches!(select.distinct, Some(sql::Distinct::On(_))), "DISTINCT ON"),
    ];
    match known.iter().find(|(is_there, _)| *is_there) {
        None => Ok(()),
        Some((_, clause)) => {
            let message = format!("{clause} is not part of this SQL");
            Err(Mistake::new(text, lex::range(text, select.span()), message).remedy("take it away"))
        }
    }
}

fn outputs(reader: &mut Reader<'_>, items: &[sql::SelectItem]) -> Result<Vec<Output>, Mistake> {
    let mut outputs = Vec::new();
    for item in items {
        match item {
            sql::SelectItem::UnnamedExpr(expr) => {
                outputs.push(Output { name: reader.name_of(expr), expr: reader.expr(expr)? });
            }
            sql::SelectItem::ExprWithAlias { expr, alias } => {
                outputs.push(Output { name: alias.value.clone(), expr: reader.expr(expr)? });
            }
            sql::SelectItem::Wildcard(_) => {
                for name in reader.table.star() {
                    outputs
                        .push(Output { name: (*name).to_owned(), expr: reader.column(name, item.span())? });
                }
            }
            other => {
                return Err(reader.wrong(other.span(), "this is no column").remedy("name a column, or *"));
            }
        }
    }
    Ok(outputs)
}

fn order(
    reader: &mut Reader<'_>,
    order: Option<&sql::OrderBy>,
    outputs: &[Output],
) -> Result<Vec<(Expr, bool)>, Mistake> {
    let Some(order) = order else { return Ok(Vec::new()) };
    let sql::OrderByKind::Expressions(keys) = &order.kind else {
        return Err(reader
            .wrong(order.span(), "ORDER BY ALL is not part of this SQL")
            .remedy("name columns"));
    };
    let mut out = Vec::new();
    for key in keys {
        let expr = match reader.ordinal(&key.expr, outputs.len())? {
            Some(place) => outputs[place].expr.clone(),
            None => reader.expr(&key.expr)?,
        };
        let is_descending = match &key.options.sort {
            None | Some(sql::OrderBySort::Asc) => false,
            Some(sql::OrderBySort::Desc) => true,
            Some(sql::OrderBySort::Using(_)) => {
                return Err(reader
                    .wrong(key.span(), "USING is not part of this SQL")
                    .remedy("write ASC or DESC"));
            }
        };
        out.push((expr, is_descending));
    }
    Ok(out)
}

fn page(text: &str, clause: Option<&sql::LimitClause>) -> Result<(Option<usize>, usize), Mistake> {
    let (limit, offset) = match clause {
        None => return Ok((None, 0)),
        Some(sql::LimitClause::LimitOffset { limit, offset, .. }) => {
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        Some(sql::LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
    };
    let number = |expr: &sql::Expr, most: usize| {
        let number = expr.to_string().parse().ok().filter(|number| *number <= most);
        let message = format!("`{expr}` is no whole number up to {most}");
        number.ok_or_else(|| {
            Mistake::new(text, lex::range(text, expr.span()), message)
                .remedy("ask for fewer rows, or export the spans with `faden export`")
        })
    };
    let limit = limit.map(|limit| number(limit, LIMIT_MAX)).transpose()?;
    let offset = offset.map(|offset| number(offset, OFFSET_MAX)).transpose()?;
    Ok((limit, offset.unwrap_or(0)))
}
