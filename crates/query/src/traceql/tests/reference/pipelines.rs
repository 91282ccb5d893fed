//! Pipelines, arithmetic, patterns, events, links, parents and metrics: the second evaluator for all that is more than
//! one spanset.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::{SpanId, Tenant, TimeRange, TraceId};
use store::Reader;
use store::conformance::{Any, Draft, NOW, trace_id};

use super::super::super::ast::Root;
use super::super::super::metrics::{self, range};
use super::super::super::parse;
use super::super::super::search::Match;
use super::{Chance, TRACES, compared, in_every_state, matches, values};
use crate::{Limits, Query};

const PIPELINES: u64 = 300;
const METRICS: u64 = 60;
const STEP: u64 = 10_000_000_000;

pub(super) fn drafts(trace: u64, chance: &mut Chance) -> Vec<Draft> {
    let mut spans = super::drafts(trace, chance);
    for span in &mut spans {
        if chance.below(3) > 0 {
            let numbers: [Any; 5] = [1.into(), 3.into(), 4.into(), 9.into(), 0.5.into()];
            span.attributes.push(("n".into(), chance.one(&numbers)));
        }
        for _ in 0..chance.below(3) {
            let at = span.start + chance.one(&[0, 1_000_000, 3_000_000]);
            let kind = ("type".to_owned(), Any::from(chance.one(&["io", "net"])));
            span.events.push((at, chance.one(&["exception", "retry"]).into(), vec![kind]));
        }
        if chance.below(4) == 0 {
            let why = ("why".to_owned(), Any::from(chance.one(&["batch", "retry"])));
            span.links.push((trace_id(999), span.id, vec![why]));
        }
    }
    spans
}

/// A number of a span.
#[derive(Clone)]
pub(super) enum Number {
    Of(&'static str),
    Literal(i64, &'static str),
    Math(Box<Number>, char, Box<Number>),
    Negative(Box<Number>),
}

impl Number {
    fn some(chance: &mut Chance) -> (Self, Self) {
        let literal = |chance: &mut Chance, of: &[i64]| Self::Literal(chance.one(of), "");
        let n = || Box::new(Self::Of("span.n"));
        let left = match chance.below(4) {
            0 => {
                Self::Math(n(), chance.one(&['+', '-', '*', '/', '%']), Box::new(literal(chance, &[1, 2, 3])))
            }
            1 => Self::Math(n(), '^', Box::new(literal(chance, &[0, 2]))),
            2 => Self::Negative(n()),
            _ => {
                let more = Self::Literal(chance.one(&[1, 4]), "ms");
                let left =
                    Self::Math(Box::new(Self::Of("duration")), chance.one(&['+', '-']), Box::new(more));
                return (left, Self::Literal(chance.one(&[2, 4, 6, 21]), "ms"));
            }
        };
        let right = match chance.below(4) {
            0 => Self::Of("span.n"),
            1 => Self::Math(Box::new(literal(chance, &[1, 2])), '*', Box::new(literal(chance, &[1, 2, 4]))),
            _ => literal(chance, &[-4, 0, 1, 2, 9, 16]),
        };
        (left, right)
    }

    fn text(&self) -> String {
        match self {
            Self::Of(field) => (*field).into(),
            Self::Literal(number, unit) if *number < 0 => format!("({number}{unit})"),
            Self::Literal(number, unit) => format!("{number}{unit}"),
            Self::Math(left, sign, right) => format!("({} {sign} {})", left.text(), right.text()),
            Self::Negative(inside) => format!("-({})", inside.text()),
        }
    }

    fn value(&self, span: &Draft) -> Option<f64> {
        match self {
            Self::Of("duration") => Some((span.end - span.start) as f64),
            Self::Of(field) => number(values(span, field).first()?),
            Self::Literal(number, "ms") => Some(*number as f64 * 1e6),
            Self::Literal(number, _) => Some(*number as f64),
            Self::Negative(inside) => inside.value(span).map(|number| -number),
            Self::Math(left, sign, right) => {
                let (left, right) = (left.value(span)?, right.value(span)?);
                Some(match sign {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    '/' => left / right,
                    '%' => left % right,
                    _ => left.powf(right),
                })
            }
        }
    }
}

pub(super) fn number(value: &Any) -> Option<f64> {
    match value {
        Any::Int(number) => Some(*number as f64),
        Any::Double(number) => Some(*number),
        _ => None,
    }
}

fn suits(order: Option<Ordering>, comparison: &str) -> bool {
    order.is_some_and(|order| match comparison {
        "=" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    })
}

/// What one span must be.
#[derive(Clone)]
pub(super) enum Condition {
    Plain(&'static str, &'static str, &'static str),
    Number(Number, &'static str, Number),
    Pattern(&'static str, bool, usize),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
}

type Matches = fn(&str) -> bool;

/// Patterns, and what they match as a whole.
const PATTERNS: [(&str, Matches); 4] = [
    ("web|db", |text| matches!(text, "web" | "db")),
    ("GET.*", |text| text.starts_with("GET")),
    (".*e.*", |text| text.contains('e')),
    ("[0-9]+", |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())),
];

const PLAIN: [(&str, &[&str]); 7] = [
    ("event:name", &["\"exception\"", "\"retry\"", "nil"]),
    ("event.type", &["\"io\"", "\"net\"", "nil"]),
    ("event:timeSinceStart", &["0ms", "1ms", "3ms"]),
    ("link.why", &["\"batch\"", "nil"]),
    ("parent.span.y", &["\"a\"", "5", "nil"]),
    ("parent.resource.zone", &["\"a\"", "nil"]),
    ("status", &["error", "ok"]),
];

impl Condition {
    pub(super) fn some(chance: &mut Chance, depth: u64) -> Self {
        match chance.below(if depth > 1 { 6 } else { 8 }) {
            0..=2 => {
                let (field, literals) = chance.one(&PLAIN);
                let literal = chance.one(literals);
                let is_time = literal.ends_with("ms");
                let comparisons: &[&str] = if is_time { &super::COMPARISONS } else { &super::EQUALITIES };
                Self::Plain(field, chance.one(comparisons), literal)
            }
            3 | 4 => {
                let (left, right) = Number::some(chance);
                Self::Number(left, chance.one(&super::COMPARISONS), right)
            }
            5 => {
                let fields = ["name", "resource.service.name", ".x", "span.y", "event:name"];
                Self::Pattern(chance.one(&fields), chance.below(3) == 0, chance.below(4) as usize)
            }
            6 => Self::Both(Box::new(Self::some(chance, depth + 1)), Box::new(Self::some(chance, depth + 1))),
            _ => {
                Self::Either(Box::new(Self::some(chance, depth + 1)), Box::new(Self::some(chance, depth + 1)))
            }
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Plain(field, comparison, literal) => format!("{field} {comparison} {literal}"),
            Self::Number(left, comparison, right) => format!("{} {comparison} {}", left.text(), right.text()),
            Self::Pattern(field, is_not, pattern) => {
                format!("{field} {} \"{}\"", if *is_not { "!~" } else { "=~" }, PATTERNS[*pattern].0)
            }
            Self::Both(left, right) => format!("({} && {})", left.text(), right.text()),
            Self::Either(left, right) => format!("({} || {})", left.text(), right.text()),
        }
    }

    pub(super) fn holds(&self, trace: &[Draft], span: &Draft) -> bool {
        match self {
            Self::Plain(field, comparison, literal) => {
                compared(&reach(trace, span, field), comparison, literal)
            }
            Self::Number(left, comparison, right) => {
                let (left, right) = (left.value(span), right.value(span));
                suits(left.zip(right).and_then(|(left, right)| left.partial_cmp(&right)), comparison)
            }
            Self::Pattern(field, is_not, pattern) => {
                let found = reach(trace, span, field);
                let any = found.iter().any(|value| PATTERNS[*pattern].1(&written(value)));
                !found.is_empty() && any != *is_not
            }
            Self::Both(left, right) => left.holds(trace, span) && right.holds(trace, span),
            Self::Either(left, right) => left.holds(trace, span) || right.holds(trace, span),
        }
    }
}

pub(super) fn written(value: &Any) -> String {
    match value {
        Any::Text(text) => text.clone(),
        Any::Bool(bool) => bool.to_string(),
        Any::Int(number) => number.to_string(),
        Any::Double(number) => number.to_string(),
        other => panic!("{other:?} is not generated"),
    }
}

/// Every value of a field, of events, links and parents too.
pub(super) fn reach(trace: &[Draft], span: &Draft, field: &str) -> Vec<Any> {
    let of = |pairs: &[(String, Any)], key: &str| -> Vec<Any> {
        pairs.iter().filter(|(found, _)| found == key).map(|(_, value)| value.clone()).collect()
    };
    match field.split_once(['.', ':']) {
        Some(("resource", key)) => of(&span.resource, key),
        Some(("event", "name")) => span.events.iter().map(|event| event.1.as_str().into()).collect(),
        Some(("event", "timeSinceStart")) => {
            span.events.iter().map(|event| Any::Int((event.0 - span.start) as i64)).collect()
        }
        Some(("event", key)) => span.events.iter().flat_map(|event| of(&event.2, key)).collect(),
        Some(("link", key)) => span.links.iter().flat_map(|link| of(&link.2, key)).collect(),
        Some(("parent", rest)) => {
            let parent = trace.iter().find(|other| other.id == span.parent);
            match (parent, rest.split_once('.').expect("a scope")) {
                (None, _) => Vec::new(),
                (Some(parent), ("resource", key)) => of(&parent.resource, key),
                (Some(parent), _) => values(parent, rest),
            }
        }
        _ => values(span, field),
    }
}

/// One stage after the first.
#[derive(Clone)]
enum Stage {
    Filter(Condition),
    Keep(&'static str, &'static str, &'static str, i64),
    Group(&'static str),
    Coalesce,
    Select,
}

const GROUPS: [&str; 5] = ["resource.service.name", "name", "status", "resource.zone", "span.n"];

impl Stage {
    fn some(chance: &mut Chance) -> Self {
        match chance.below(8) {
            0 | 1 => Self::Filter(Condition::some(chance, 1)),
            2 => Self::Keep("count", "", chance.one(&super::COMPARISONS), chance.one(&[1, 2, 3])),
            3 => Self::Keep(
                chance.one(&["min", "max", "sum", "avg"]),
                "duration",
                chance.one(&super::COMPARISONS),
                chance.one(&[1_000_000, 5_000_000, 12_000_000]),
            ),
            4 => Self::Keep(
                chance.one(&["min", "max", "sum", "avg"]),
                "span.n",
                chance.one(&super::COMPARISONS),
                chance.one(&[1, 3, 9]),
            ),
            5 | 6 => Self::Group(chance.one(&GROUPS)),
            _ => chance.one(&[Self::Coalesce, Self::Select]),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Filter(condition) => format!("{{ {} }}", condition.text()),
            Self::Keep("count", _, comparison, number) => format!("count() {comparison} {number}"),
            Self::Keep(of, "duration", comparison, nanos) => format!("{of}(duration) {comparison} {nanos}ns"),
            Self::Keep(of, field, comparison, number) => format!("{of}({field}) {comparison} {number}"),
            Self::Group(by) => format!("by({by})"),
            Self::Coalesce => "coalesce()".into(),
            Self::Select => "select(name, span.x)".into(),
        }
    }

    fn run(&self, trace: &[Draft], sets: Vec<BTreeSet<SpanId>>) -> Vec<BTreeSet<SpanId>> {
        let of = |set: &BTreeSet<SpanId>| -> Vec<&Draft> {
            trace.iter().filter(|span| set.contains(&span.id)).collect()
        };
        let ids = |spans: Vec<&Draft>| -> BTreeSet<SpanId> { spans.iter().map(|span| span.id).collect() };
        let made = match self {
            Self::Filter(condition) => {
                let kept = |set: &BTreeSet<SpanId>| {
                    ids(of(set).into_iter().filter(|span| condition.holds(trace, span)).collect())
                };
                sets.iter().map(kept).collect()
            }
            Self::Keep(aggregate, field, comparison, number) => {
                let holds = |set: &BTreeSet<SpanId>| {
                    let found = aggregated(aggregate, field, &of(set));
                    suits(found.and_then(|found| found.partial_cmp(&(*number as f64))), comparison)
                };
                sets.into_iter().filter(holds).collect()
            }
            Self::Group(by) => {
                let mut groups: BTreeMap<(usize, Vec<String>), BTreeSet<SpanId>> = BTreeMap::new();
                for (at, set) in sets.iter().enumerate() {
                    for span in of(set) {
                        let value = reach(trace, span, by).iter().map(written).collect();
                        groups.entry((at, value)).or_default().insert(span.id);
                    }
                }
                groups.into_values().collect()
            }
            Self::Coalesce => vec![sets.into_iter().flatten().collect::<BTreeSet<SpanId>>()],
            Self::Select => sets,
        };
        made.into_iter().filter(|set: &BTreeSet<SpanId>| !set.is_empty()).collect()
    }
}

fn aggregated(aggregate: &str, field: &str, spans: &[&Draft]) -> Option<f64> {
    if aggregate == "count" {
        return Some(spans.len() as f64);
    }
    let of = Number::Of(if field == "duration" { "duration" } else { "span.n" });
    let found: Vec<f64> = spans.iter().filter_map(|span| of.value(span)).collect();
    let first = found.first()?;
    let sum: f64 = found.iter().sum();
    Some(match aggregate {
        "min" => found.iter().fold(*first, |least, number| least.min(*number)),
        "max" => found.iter().fold(*first, |greatest, number| greatest.max(*number)),
        "sum" => sum,
        // Durations are whole nanoseconds.
        _ if field == "duration" => (sum / found.len() as f64).trunc(),
        _ => sum / found.len() as f64,
    })
}

struct Asked {
    first: Condition,
    stages: Vec<Stage>,
}

impl Asked {
    fn some(chance: &mut Chance) -> Self {
        let first = Condition::some(chance, 0);
        let stages = (0..chance.below(4)).map(|_| Stage::some(chance)).collect();
        Self { first, stages }
    }

    fn text(&self) -> String {
        let stages = self.stages.iter().map(|stage| format!(" | {}", stage.text()));
        format!("{{ {} }}{}", self.first.text(), stages.collect::<String>())
    }

    fn find(&self, trace: &[Draft]) -> Vec<BTreeSet<SpanId>> {
        let every = vec![trace.iter().map(|span| span.id).collect()];
        let first = Stage::Filter(self.first.clone()).run(trace, every);
        let mut sets = self.stages.iter().fold(first, |sets, stage| stage.run(trace, sets));
        sets.sort();
        sets
    }
}

/// What a reader answers: the spansets of each trace.
async fn found(reader: &Arc<dyn Reader>, text: &str) -> BTreeMap<TraceId, Vec<BTreeSet<SpanId>>> {
    let of = |found: Match| {
        let id = |at: &u32| found.trace.span(&found.trace.nodes()[*at as usize]).span_id();
        let mut sets: Vec<BTreeSet<SpanId>> =
            found.sets.iter().map(|set| set.spans.iter().map(id).collect()).collect();
        sets.sort();
        (found.trace.id(), sets)
    };
    matches(reader, text).await.into_iter().map(of).collect()
}

/// A question for numbers over time.
struct Measured {
    of: Condition,
    function: &'static str,
    field: &'static str,
    by: Option<&'static str>,
}

type Numbers = BTreeMap<(String, u64), f64>;

impl Measured {
    fn some(chance: &mut Chance) -> Self {
        let function = chance.one(&["rate", "count", "min", "max", "sum", "avg"]);
        let by = (chance.below(3) > 0).then(|| chance.one(&GROUPS[..4]));
        let of = match chance.below(3) {
            0 => Condition::Plain("status", "=", "error"),
            _ => Condition::some(chance, 1),
        };
        Self { of, function, field: chance.one(&["duration", "span.n"]), by }
    }

    fn text(&self) -> String {
        let function = match self.function {
            "rate" => "rate()".into(),
            "count" => "count_over_time()".into(),
            other => format!("{other}_over_time({})", self.field),
        };
        let by = self.by.map_or_else(String::new, |by| format!(" by({by})"));
        format!("{{ {} }} | {function}{by}", self.of.text())
    }

    fn find(&self, traces: &[Vec<Draft>]) -> Numbers {
        let mut spans: BTreeMap<(String, u64), Vec<&Draft>> = BTreeMap::new();
        for trace in traces {
            for span in trace.iter().filter(|span| self.of.holds(trace, span)) {
                let label = self.by.map_or_else(String::new, |by| {
                    let values: Vec<String> = reach(trace, span, by).iter().map(written).collect();
                    if values.is_empty() { "nil".into() } else { values.join(", ") }
                });
                spans.entry((label, span.start / STEP * STEP)).or_default().push(span);
            }
        }
        let value = |spans: &Vec<&Draft>| match self.function {
            "rate" => Some(spans.len() as f64 / (STEP as f64 / 1e9)),
            "count" => Some(spans.len() as f64),
            "avg" => {
                let of = Number::Of(self.field);
                let found: Vec<f64> = spans.iter().filter_map(|span| of.value(span)).collect();
                (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
            }
            other => aggregated(other, self.field, spans),
        };
        let seconds =
            if self.field == "duration" && !matches!(self.function, "rate" | "count") { 1e9 } else { 1.0 };
        spans.iter().filter_map(|(key, spans)| Some((key.clone(), value(spans)? / seconds))).collect()
    }
}

/// The series that a reader answers.
pub(super) async fn series(reader: &Arc<dyn Reader>, text: &str) -> Vec<metrics::Series> {
    let Root::Metrics(asked) = parse(text).unwrap_or_else(|mistake| panic!("{mistake}")).root else {
        panic!("{text} asks for spans")
    };
    let request = metrics::Request {
        tenant: Tenant::default(),
        time: TimeRange { start: NOW - 60_000_000_000, end: NOW + 1_000_000_000 },
        step: Some(Duration::from_nanos(STEP)),
        time_limit: Duration::from_secs(60),
    };
    let answer = range(&Query::new(Arc::clone(reader), Limits::default()), &asked, &request).await.unwrap();
    assert_eq!(answer.partial, None, "{text}");
    answer.series
}

/// The numbers that a reader answers; a zero stands for nothing.
async fn measured(reader: &Arc<dyn Reader>, text: &str) -> Numbers {
    let of_series = |series: metrics::Series| {
        let label = series.labels.first().map(|(_, value)| value.clone()).unwrap_or_default();
        series.samples.into_iter().map(move |(step, value)| ((label.clone(), step), value))
    };
    let samples = series(reader, text).await.into_iter().flat_map(of_series);
    samples.filter(|(_, value)| *value != 0.0).collect()
}

#[track_caller]
fn near(found: &Numbers, expected: &Numbers, what: &str) {
    let expected: Numbers = expected
        .iter()
        .filter(|(_, value)| **value != 0.0)
        .map(|(key, value)| (key.clone(), *value))
        .collect();
    let keys = |numbers: &Numbers| -> Vec<(String, u64)> { numbers.keys().cloned().collect() };
    assert_eq!(keys(found), keys(&expected), "{what}");
    for (key, value) in &expected {
        let found = found[key];
        assert!(
            (found - value).abs() <= value.abs() * 1e-9,
            "{what}: {key:?} is {found}, and {value} was expected"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_and_metrics_agree_in_every_state() {
    let mut chance = Chance(11);
    let traces: Vec<Vec<Draft>> = (1..=TRACES).map(|number| drafts(number, &mut chance)).collect();
    let pipelines: Vec<Asked> = (0..PIPELINES).map(|_| Asked::some(&mut chance)).collect();
    let numbers: Vec<Measured> = (0..METRICS).map(|_| Measured::some(&mut chance)).collect();
    in_every_state(&traces, async |reader: Arc<dyn Reader>, state: &str| {
        let mut matched = 0;
        for asked in &pipelines {
            let text = asked.text();
            let expected = traces.iter().map(|trace| (trace[0].trace, asked.find(trace)));
            let expected: BTreeMap<_, _> = expected.filter(|(_, sets)| !sets.is_empty()).collect();
            matched += expected.len();
            assert_eq!(found(&reader, &text).await, expected, "{state}: {text}");
        }
        let pairs = pipelines.len() * traces.len();
        assert!(pairs >= 10_000 && matched > pairs / 10 && matched < pairs, "{matched} of {pairs} match");
        let mut counted = 0;
        for asked in &numbers {
            let (text, expected) = (asked.text(), asked.find(&traces));
            counted += expected.len();
            near(&measured(&reader, &text).await, &expected, &format!("{state}: {text}"));
        }
        assert!(counted > numbers.len(), "{counted} numbers");
    })
    .await;
}
