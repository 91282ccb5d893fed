//! Fills the cells of one series expression, by the store or by whole traces.

use std::sync::Arc;

use model::{Kind, StatusCode};
use store::plan::{LIMIT_MAX, more_rows};
use store::{Ask, Field as Stored, Filter, Plan, Rows, TraceFilter};

use super::super::ast::{Aggregate, Field, Intrinsic, Measure, Series as Asked};
use super::super::eval::{Subject, Value};
use super::super::prefilter::{Prefilter, prefilter, stored};
use super::super::visit::{Visit, visit};
use super::compare::Compared;
use super::{Answer, Cells, Request};
use crate::{Error, Query};

/// The series of one expression.
pub(super) async fn gather(query: &Query, asked: &Asked, request: &Request) -> Result<Answer, Error> {
    let filter = prefilter(&asked.spans);
    let answer = match by_store(asked, &filter) {
        Some(by) => counted(query, asked, (by, filter.spans), request).await?,
        None => evaluated(query, asked, request).await?,
    };
    Ok(Answer { series: super::after::then(&asked.then, answer.series), ..answer })
}

/// The labels as a store knows them, where it answers the whole question.
fn by_store(asked: &Asked, filter: &Prefilter) -> Option<Vec<Stored>> {
    let measures_time = match &asked.measure {
        Measure::Rate | Measure::Count => true,
        Measure::Over(_, field) | Measure::Quantiles(field, _) | Measure::Histogram(field) => {
            *field == Field::Intrinsic(Intrinsic::Duration)
        }
        Measure::Compare(_) => false,
    };
    if !measures_time || !filter.is_exact || !filter.trace.is_empty() || filter.ids.is_some() {
        return None;
    }
    asked.by.iter().map(stored).collect()
}

async fn counted(
    query: &Query,
    asked: &Asked,
    (by, spans): (Vec<Stored>, Filter),
    request: &Request,
) -> Result<Answer, Error> {
    let plan = Plan {
        time: request.time,
        spans,
        limit: LIMIT_MAX,
        time_limit: request.time_limit,
        ..Plan::new(request.tenant.clone(), Ask::Metrics { by, step: request.step })
    };
    let answer = query.run(&plan).await?;
    let Rows::Metrics(rows) = answer.rows else {
        return Err(Error::Failed("the store answered a question for numbers with other rows".into()));
    };
    let partial = answer.partial.or_else(|| (rows.len() == LIMIT_MAX).then(|| more_rows(LIMIT_MAX)));
    let mut cells = Cells::new(request);
    for row in rows {
        let labels = row.by.into_iter().map(|text| text.unwrap_or_else(|| "nil".into())).collect();
        let step = row.time.map_or_else(|| request.step_of(request.time.start), |time| request.step_of(time));
        if let Some(cell) = cells.at(labels, step) {
            cell.merge(&row.sum.durations);
        }
    }
    Ok(Answer {
        series: cells.series(asked, request),
        partial: partial.or_else(|| cells.cut()),
        work: answer.work,
    })
}

async fn evaluated(query: &Query, asked: &Asked, request: &Request) -> Result<Answer, Error> {
    let counting = Counting {
        asked: Arc::new(asked.clone()),
        request: request.clone(),
        cells: Cells::new(request),
        compared: Compared::default(),
    };
    let what = Visit {
        tenant: request.tenant.clone(),
        time: request.time,
        pipeline: Some(Arc::new(asked.spans.clone())),
        spans: Filter::All,
        trace: TraceFilter::default(),
        fields: fields(asked),
        traces_max: usize::MAX,
        time_limit: request.time_limit,
    };
    let (counting, visited) = visit(query, &what, counting, |counting, subject, places| {
        places.iter().for_each(|at| counting.span(subject, *at, subject.span(*at).start()));
    })
    .await?;
    let series = match &asked.measure {
        Measure::Compare(comparing) => counting.compared.series(comparing, request),
        _ => counting.cells.series(asked, request),
    };
    Ok(Answer { series, partial: visited.partial.or_else(|| counting.cells.cut()), work: visited.work })
}

/// The fields that are measured, and that tell series apart; `None` for all.
fn fields(asked: &Asked) -> Option<Vec<Field>> {
    let measured = match &asked.measure {
        Measure::Rate | Measure::Count => None,
        Measure::Over(_, field) | Measure::Quantiles(field, _) | Measure::Histogram(field) => Some(field),
        Measure::Compare(_) => return None,
    };
    Some(asked.by.iter().chain(measured).cloned().collect())
}

/// What was counted so far.
struct Counting {
    asked: Arc<Asked>,
    request: Request,
    cells: Cells,
    compared: Compared,
}

impl Counting {
    fn span(&mut self, subject: &Subject<'_>, at: usize, start: u64) {
        let step = self.request.step_of(start);
        let measured = match &self.asked.measure {
            Measure::Compare(comparing) => return self.compared.add(comparing, (subject, at), step),
            Measure::Rate | Measure::Count => None,
            Measure::Over(_, field) | Measure::Quantiles(field, _) | Measure::Histogram(field) => {
                let Some(number) = measure(&subject.field(field, at)) else { return };
                Some(number)
            }
        };
        let labels = self.asked.by.iter().map(|label| label_text(&subject.field(label, at))).collect();
        if let Some(cell) = self.cells.at(labels, step) {
            cell.add(measured.unwrap_or_default());
        }
    }
}

/// The number that is measured: durations in seconds.
pub(super) fn measure(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Duration(nanos) => Some(*nanos as f64 / 1e9),
        Value::Many(values) => values.iter().find_map(measure),
        value => value.number(),
    }
}

pub(super) fn label_text(value: &Value<'_>) -> String {
    match value {
        Value::Kind(kind) => Kind::as_str(*kind).into(),
        Value::Status(status) => StatusCode::as_str(*status).into(),
        value => value.to_text(),
    }
}

/// True where a missing step is a zero: spans that are not there were counted.
pub(super) fn counts(measure: &Measure) -> bool {
    matches!(measure, Measure::Rate | Measure::Count | Measure::Over(Aggregate::Count, _))
}
