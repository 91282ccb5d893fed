//! `query`: TraceQL, answered by traces with the spans that matched or by numbers over time; and SQL, answered by a table.
//!
//! `lang` says which of them a text is; without it, the text tells.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use model::TimeRange;
use query::Mistake;
use query::answer::Queried;
use query::sql;
use query::traceql::ast::Root;
use query::traceql::{metrics, parse, search};

use super::scope::SINCE_DEFAULT;
use super::{Api, Asked, Failed};

/// How long a query may take; then its answer is partial.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// So many spans of each spanset are told; their number is told always.
const SPANS_MAX: usize = 10;

/// A statement without `LIMIT`, asked without `limit`, has so many rows.
const ROWS_DEFAULT: usize = 100;

/// Metrics without a step have about so many.
const STEPS_DEFAULT: u64 = 60;

pub(super) async fn query(State(api): State<Arc<Api>>, mut asked: Asked) -> Result<Json<Queried>, Failed> {
    let missing = || {
        Failed::invalid("q: the query is missing")
            .remedy("send q={ status = error }, q={ } | rate() or q=SELECT * FROM traces")
    };
    let text = asked.take("q").ok_or_else(missing)?;
    let step = asked.nanos("step")?;
    let has_limit = asked.names("limit");
    let is_sql = match asked.take("lang").as_deref() {
        None => sql::is_sql(&text),
        Some("sql") => true,
        Some("traceql") => false,
        Some(other) => {
            return Err(
                Failed::invalid(format!("lang: `{other}` is no language")).remedy("it is traceql or sql")
            );
        }
    };
    let found = asked.search(api.faden.clock.as_ref())?;
    let query = &api.faden.query;
    if is_sql {
        let statement = sql::parse(&text, api.faden.clock.now()).map_err(unclear)?;
        let request = sql::Request {
            tenant: asked.tenant,
            time: found.time,
            limit: if has_limit { found.limit } else { ROWS_DEFAULT },
            time_limit: TIME_LIMIT,
        };
        return Ok(Json(Queried::table(&sql::run(query, statement, &request).await?)));
    }
    match parse(&text).map_err(unclear)?.root {
        Root::Spansets(pipeline) => {
            let shown = search::fields(&pipeline);
            let request = search::Request {
                tenant: asked.tenant,
                time: found.time,
                limit: found.limit,
                after: found.after,
                time_limit: TIME_LIMIT,
            };
            let answer = search::search(query, Arc::new(pipeline), &request).await?;
            Ok(Json(Queried::traces(&answer, &shown, SPANS_MAX)))
        }
        Root::Metrics(metrics) => {
            let now = api.faden.clock.now();
            let end = found.time.end.min(now);
            let start =
                if found.time.start == 0 { end.saturating_sub(SINCE_DEFAULT) } else { found.time.start };
            let step = step.unwrap_or_else(|| step_of(end.saturating_sub(start)));
            let request = metrics::Request {
                tenant: asked.tenant,
                time: TimeRange { start, end },
                step: Some(Duration::from_nanos(step)),
                time_limit: TIME_LIMIT,
            };
            Ok(Json(Queried::series(&metrics::range(query, &metrics, &request).await?)))
        }
    }
}

/// Whole seconds.
fn step_of(time: u64) -> u64 {
    (time / STEPS_DEFAULT).next_multiple_of(1_000_000_000).max(1_000_000_000)
}

fn unclear(mistake: Mistake) -> Failed {
    Failed::invalid(format!("q: {mistake}"))
}
