//! The named parameters of a search, as the API's query string and the command line's flags give them.
//!
//! Every problem is reported at once. What is not given asks for everything: all time, the newest 20.

use model::time::UnixNanos;
use model::{Kind, StatusCode, Tenant, TimeRange};
use store::{
    Ask, Compare, Condition, Cursor, Field, Filter, Level, Operand, Order, Plan, TraceFilter, plan::LIMIT_MAX,
};

use crate::{duration, filter, moment};

/// What a search asks for, resolved.
#[derive(Clone, Debug)]
pub struct Search {
    /// What one span must pass.
    pub spans: Filter,
    /// What its whole trace must pass.
    pub trace: TraceFilter,
    /// When the span starts.
    pub time: TimeRange,
    /// The order of traces.
    pub order: Order,
    /// How many rows at once.
    pub limit: usize,
    /// The row after which the page begins.
    pub after: Option<Cursor>,
}

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// Its name.
    pub parameter: String,
    /// What is wrong; for `q` with the place.
    pub message: String,
    /// What would be right.
    pub remedy: Option<String>,
}

impl std::fmt::Display for Unclear {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.parameter, self.message)?;
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(out, "; {remedy}"))
    }
}

impl std::error::Error for Unclear {}

/// Every parameter, for advice.
const PARAMETERS: [&str; 16] = [
    "q",
    "service",
    "operation",
    "kind",
    "status",
    "tag",
    "min_duration",
    "max_duration",
    "min_trace_duration",
    "max_trace_duration",
    "start",
    "end",
    "last",
    "order",
    "limit",
    "cursor",
];

impl Default for Search {
    fn default() -> Self {
        Self {
            spans: Filter::All,
            trace: TraceFilter::default(),
            time: TimeRange::ALL,
            order: Order::Newest,
            limit: 20,
            after: None,
        }
    }
}

impl Search {
    /// Reads parameters; empty ones count as not given, and `tag` and `q` may be given several times.
    ///
    /// # Errors
    /// Every parameter that is not known or not understood.
    pub fn read<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: UnixNanos,
    ) -> Result<Self, Vec<Unclear>> {
        let mut reading = Reading { search: Self::default(), all: Vec::new(), now, is_last: false };
        let mut unclear = Vec::new();
        for (parameter, value) in pairs {
            if value.is_empty() && PARAMETERS.contains(&parameter) {
                continue;
            }
            if let Err((message, remedy)) = reading.take(parameter, value) {
                unclear.push(Unclear { parameter: parameter.into(), message, remedy });
            }
        }
        let Reading { mut search, mut all, .. } = reading;
        if search.time.start > search.time.end {
            unclear.push(Unclear {
                parameter: "end".into(),
                message: "it lies before `start`".into(),
                remedy: Some("exchange the two".into()),
            });
        }
        search.spans = if all.len() == 1 { all.remove(0) } else { Filter::And(all) };
        if matches!(&search.spans, Filter::And(all) if all.is_empty()) {
            search.spans = Filter::All;
        }
        if unclear.is_empty() { Ok(search) } else { Err(unclear) }
    }

    /// The plan that asks a tenant's store for it.
    #[must_use]
    pub fn plan(&self, tenant: Tenant, ask: Ask) -> Plan {
        Plan {
            time: self.time,
            spans: self.spans.clone(),
            trace: self.trace.clone(),
            order: self.order,
            limit: self.limit,
            after: self.after,
            ..Plan::new(tenant, ask)
        }
    }
}

struct Reading {
    search: Search,
    all: Vec<Filter>,
    now: UnixNanos,
    is_last: bool,
}

type Taken = Result<(), (String, Option<String>)>;

impl Reading {
    fn take(&mut self, parameter: &str, value: &str) -> Taken {
        match parameter {
            "q" => {
                let question = filter::parse(value).map_err(|mistake| (mistake.to_string(), None))?;
                if !matches!(question.spans, Filter::All) {
                    self.all.push(question.spans);
                }
                self.narrow(question.trace.duration_min, question.trace.duration_max);
            }
            "service" => self.all.push(Filter::service(value)),
            "operation" => self.equal(Field::Name, Operand::Text(value.into())),
            "kind" => {
                let kind = Kind::parse(value).ok_or_else(|| {
                    let kinds = "it is server, client, producer, consumer, internal or unspecified";
                    wrong("a kind of span", value, kinds)
                })?;
                self.equal(Field::Kind, Operand::Kind(kind));
            }
            "status" => {
                let status = StatusCode::parse(value)
                    .ok_or_else(|| wrong("a status", value, "it is error, ok or unset"))?;
                self.equal(Field::Status, Operand::Status(status));
            }
            "tag" => self.tag(value)?,
            "min_duration" => self.duration(Compare::AtLeast, value)?,
            "max_duration" => self.duration(Compare::AtMost, value)?,
            "min_trace_duration" => self.narrow(Some(nanos(value)?), None),
            "max_trace_duration" => self.narrow(None, Some(nanos(value)?)),
            "start" | "end" | "last" => self.time(parameter, value)?,
            "order" | "limit" | "cursor" => self.page(parameter, value)?,
            unknown => return Err(not_known(unknown)),
        }
        Ok(())
    }

    fn equal(&mut self, field: Field, operand: Operand) {
        self.all.push(Filter::equal(field, operand));
    }

    fn narrow(&mut self, min: Option<u64>, max: Option<u64>) {
        let filter = &mut self.search.trace;
        filter.duration_min = filter.duration_min.max(min);
        filter.duration_max = [filter.duration_max, max].into_iter().flatten().min();
    }

    fn duration(&mut self, compare: Compare, value: &str) -> Taken {
        let operand = Operand::Int(i64::try_from(nanos(value)?).unwrap_or(i64::MAX));
        self.all.push(Filter::Is(Condition { field: Field::Duration, compare, operand }));
        Ok(())
    }

    fn tag(&mut self, value: &str) -> Taken {
        let (key, value) = value
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| wrong("a tag", value, "write key=value, such as http.response.status_code=500"))?;
        self.equal(Field::Attribute { level: Level::Any, key: key.into() }, Operand::Text(value.into()));
        Ok(())
    }

    fn time(&mut self, parameter: &str, value: &str) -> Taken {
        if self.is_last {
            let remedy = "give `last`, or `start` and `end`";
            return Err(("`last` says the whole range already".into(), Some(remedy.into())));
        }
        if parameter == "last" {
            if self.search.time != TimeRange::ALL {
                let remedy = "give `last`, or `start` and `end`";
                return Err(("the range is given by `start` or `end` already".into(), Some(remedy.into())));
            }
            self.is_last = true;
            self.search.time.start = self.now.saturating_sub(nanos(value)?);
            return Ok(());
        }
        let at = moment::parse(value, self.now).ok_or_else(|| wrong("a time", value, moment::FORMS))?;
        if parameter == "start" {
            self.search.time.start = at;
        } else {
            self.search.time.end = at;
        }
        Ok(())
    }

    fn page(&mut self, parameter: &str, value: &str) -> Taken {
        match parameter {
            "order" => {
                self.search.order = match value {
                    "newest" => Order::Newest,
                    "oldest" => Order::Oldest,
                    "longest" => Order::Longest,
                    _ => return Err(wrong("an order", value, "it is newest, oldest or longest")),
                };
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                let advice = format!("it is a number from 1 to {LIMIT_MAX}");
                self.search.limit = limit.ok_or_else(|| wrong("a limit", value, &advice))?;
            }
            _ => {
                let advice = "give back `next` of the page before, unchanged";
                self.search.after =
                    Some(Cursor::parse(value).ok_or_else(|| wrong("a cursor", value, advice))?);
            }
        }
        Ok(())
    }
}

fn nanos(value: &str) -> Result<u64, (String, Option<String>)> {
    duration::parse(value).ok_or_else(|| wrong("a duration", value, "write, for instance, 250ms, 1.5s or 1h"))
}

fn wrong(what: &str, value: &str, remedy: &str) -> (String, Option<String>) {
    let shown: String = value.chars().take(100).collect();
    (format!("`{shown}` is not {what}"), Some(remedy.into()))
}

fn not_known(parameter: &str) -> (String, Option<String>) {
    let near = PARAMETERS
        .iter()
        .map(|known| (strsim::osa_distance(parameter, known), known))
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .min();
    let remedy = match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("known are: {}", PARAMETERS.join(", ")),
    };
    ("the parameter is not known".into(), Some(remedy))
}

#[cfg(test)]
mod tests;
