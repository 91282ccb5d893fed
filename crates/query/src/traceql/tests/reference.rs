//! Generated queries over generated traces: a second evaluator, slow and simple, finds the same spans as the store and the
//! engine, whether spans lie in memory, in blocks that cut traces apart, or in merged blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use blocks::engine::Engine;
use blocks::settings::{Compaction, Limits as Sizes, Settings, Size};
use model::time::UnixNanos;
use model::{Clock, SpanId, StatusCode, Tenant, TimeRange, TraceId};
use store::conformance::{Any, Draft, NOW, batch};
use store::memory::MemoryStore;
use store::{Reader, Writer};

use super::super::ast::Root;
use super::super::parse;
use super::super::search::{Match, Request, search};
use crate::{Limits, Query};

mod pipelines;
mod sketches;

const TRACES: u64 = 40;
const QUERIES: u64 = 300;

/// Numbers that are the same on every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}

fn drafts(trace: u64, chance: &mut Chance) -> Vec<Draft> {
    let spans = 1 + chance.below(9);
    let draft = |id: u64| {
        let mut draft = Draft::new(trace, id)
            .service(chance.one(&["web", "cart", "db"]))
            .name(chance.one(&["GET /", "add", "query"]))
            .lasting(chance.one(&[1_000_000, 5_000_000, 20_000_000]))
            .status(chance.one(&[StatusCode::Unset, StatusCode::Unset, StatusCode::Ok, StatusCode::Error]));
        if id > 1 {
            draft = draft.under(1 + chance.below(id - 1));
        }
        let values: [Any; 6] =
            ["a".into(), "5".into(), 5.into(), 7.into(), true.into(), Any::Array(vec![5.into(), "b".into()])];
        for key in ["x", "y"] {
            if chance.below(3) > 0 {
                draft = draft.with(key, chance.one(&values));
            }
        }
        if chance.below(4) == 0 { draft.with_resource("zone", chance.one(&["a", "b"])) } else { draft }
    };
    (1..=spans).map(draft).collect()
}

/// A query as it is evaluated here.
enum Spans {
    Filter(Condition),
    Pair(Box<Spans>, &'static str, Box<Spans>),
}

enum Condition {
    Every,
    Is(&'static str, &'static str, &'static str),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

const EQUALITIES: [&str; 2] = ["=", "!="];
const COMPARISONS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];
const RELATIONS: [&str; 15] =
    ["&&", "||", ">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&~"];

fn condition(chance: &mut Chance, depth: u64) -> Condition {
    let inside = |chance: &mut Chance| Box::new(condition(chance, depth + 1));
    match chance.below(if depth > 2 { 6 } else { 10 }) {
        0 => Condition::Is(
            "resource.service.name",
            chance.one(&EQUALITIES),
            chance.one(&["\"web\"", "\"cart\""]),
        ),
        1 => {
            Condition::Is("name", chance.one(&EQUALITIES), chance.one(&["\"add\"", "\"query\"", "\"other\""]))
        }
        2 => Condition::Is("status", chance.one(&EQUALITIES), chance.one(&["error", "ok", "unset"])),
        3 => Condition::Is("duration", chance.one(&COMPARISONS), chance.one(&["1ms", "5ms", "10ms"])),
        4 => Condition::Is(
            chance.one(&[".x", "span.y", ".zone"]),
            chance.one(&EQUALITIES),
            chance.one(&["\"a\"", "\"5\"", "true", "nil"]),
        ),
        5 => Condition::Is(chance.one(&["span.x", ".y"]), chance.one(&COMPARISONS), chance.one(&["5", "6"])),
        6 => Condition::Both(inside(chance), inside(chance)),
        7 => Condition::Either(inside(chance), inside(chance)),
        8 => Condition::Not(inside(chance)),
        _ => Condition::Every,
    }
}

fn spans(chance: &mut Chance, depth: u64) -> Spans {
    if depth > 1 || chance.below(2) == 0 {
        return Spans::Filter(condition(chance, 0));
    }
    let (left, right) = (Box::new(spans(chance, depth + 1)), Box::new(spans(chance, depth + 1)));
    Spans::Pair(left, chance.one(&RELATIONS), right)
}

impl Condition {
    fn text(&self) -> String {
        match self {
            Self::Every => "true".into(),
            Self::Is(field, comparison, value) => format!("{field} {comparison} {value}"),
            Self::Both(left, right) => format!("({} && {})", left.text(), right.text()),
            Self::Either(left, right) => format!("({} || {})", left.text(), right.text()),
            Self::Not(inside) => format!("!({})", inside.text()),
        }
    }

    fn holds(&self, span: &Draft) -> bool {
        match self {
            Self::Every => true,
            Self::Is(field, comparison, value) => compared(&values(span, field), comparison, value),
            Self::Both(left, right) => left.holds(span) && right.holds(span),
            Self::Either(left, right) => left.holds(span) || right.holds(span),
            Self::Not(inside) => !inside.holds(span),
        }
    }
}

impl Spans {
    fn text(&self) -> String {
        match self {
            Self::Filter(condition) => format!("{{ {} }}", condition.text()),
            Self::Pair(left, relation, right) => format!("({} {relation} {})", left.text(), right.text()),
        }
    }

    /// The ids of the spans that match.
    fn find(&self, trace: &[Draft]) -> BTreeSet<SpanId> {
        let (left, relation, right) = match self {
            Self::Filter(condition) => {
                return trace.iter().filter(|span| condition.holds(span)).map(|span| span.id).collect();
            }
            Self::Pair(left, relation, right) => (left.find(trace), *relation, right.find(trace)),
        };
        match relation {
            "&&" if left.is_empty() || right.is_empty() => BTreeSet::new(),
            "&&" | "||" => left.union(&right).copied().collect(),
            _ => {
                let sign = relation.trim_start_matches(['!', '&']);
                let stands = |one: SpanId, two: SpanId| stands(trace, one, sign, two);
                let has_left = |two: &SpanId| left.iter().any(|one| stands(*one, *two));
                let has_right = |one: &SpanId| right.iter().any(|two| stands(*one, *two));
                let is_without = relation.starts_with('!');
                let mut found: BTreeSet<SpanId> =
                    right.iter().copied().filter(|two| has_left(two) != is_without).collect();
                if relation.starts_with('&') {
                    found.extend(left.iter().copied().filter(has_right));
                }
                found
            }
        }
    }
}

/// True where `two` stands so to `one`: below it, above it, beside it.
fn stands(trace: &[Draft], one: SpanId, sign: &str, two: SpanId) -> bool {
    let parent = |id: SpanId| {
        let span = trace.iter().find(|span| span.id == id).expect("ids are those of the trace");
        (!span.parent.is_zero()).then_some(span.parent)
    };
    let is_above = |top: SpanId, mut id: SpanId| {
        while let Some(next) = parent(id) {
            if next == top {
                return true;
            }
            id = next;
        }
        false
    };
    match sign {
        ">" => parent(two) == Some(one),
        "<" => parent(one) == Some(two),
        ">>" => is_above(one, two),
        "<<" => is_above(two, one),
        "~" => one != two && parent(one).is_some() && parent(one) == parent(two),
        other => panic!("{other} is no relation"),
    }
}

/// Every value of a field.
fn values(span: &Draft, field: &str) -> Vec<Any> {
    let of = |pairs: &[(String, Any)], key: &str| {
        let value = pairs.iter().find(|(found, _)| found == key).map(|(_, value)| value.clone());
        match value {
            None => Vec::new(),
            Some(Any::Array(values)) => values,
            Some(value) => vec![value],
        }
    };
    match field {
        "name" => vec![span.name.as_str().into()],
        "status" => vec![span.status.as_str().into()],
        "duration" => vec![Any::Int((span.end - span.start) as i64)],
        "resource.service.name" => of(&span.resource, "service.name"),
        _ => {
            let (scope, key) = field.split_once('.').expect("attributes have a dot");
            let own = of(&span.attributes, key);
            if scope.is_empty() && own.is_empty() { of(&span.resource, key) } else { own }
        }
    }
}

fn compared(values: &[Any], comparison: &str, literal: &str) -> bool {
    if literal == "nil" {
        return values.is_empty() == (comparison == "=");
    }
    let nanos = |text: &str| text.trim_end_matches("ms").parse::<i64>().expect("a number") * 1_000_000;
    let order = |value: &Any| -> Option<std::cmp::Ordering> {
        let text = literal.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match (value, text, literal) {
            (Any::Text(value), Some(text), _) => Some(value.as_str().cmp(text)),
            (Any::Int(value), Some(text), _) => {
                (value.to_string() == text).then_some(std::cmp::Ordering::Equal)
            }
            (Any::Bool(value), Some(text), _) => {
                (value.to_string() == text).then_some(std::cmp::Ordering::Equal)
            }
            (Any::Bool(value), None, "true") => Some(value.cmp(&true)),
            (Any::Int(value), None, literal) if literal.ends_with("ms") => Some(value.cmp(&nanos(literal))),
            (Any::Int(value), None, literal) => Some(value.cmp(&literal.parse::<i64>().ok()?)),
            // The words of statuses.
            (Any::Text(value), None, literal) if matches!(literal, "error" | "ok" | "unset") => {
                Some(value.as_str().cmp(literal))
            }
            _ => None,
        }
    };
    let any = |test: &dyn Fn(std::cmp::Ordering) -> bool| values.iter().filter_map(order).any(test);
    match comparison {
        "=" => any(&|order| order.is_eq()),
        "!=" => !values.is_empty() && !any(&|order| order.is_eq()),
        "<" => any(&|order| order.is_lt()),
        "<=" => any(&|order| order.is_le()),
        ">" => any(&|order| order.is_gt()),
        ">=" => any(&|order| order.is_ge()),
        other => panic!("{other} is no comparison"),
    }
}

struct Standing;

impl Clock for Standing {
    fn now(&self) -> UnixNanos {
        NOW
    }
}

async fn open(path: &Path, merges: bool) -> Engine {
    let size = Size { spans_max: 1 << 40, bytes_max: 1 << 40 };
    let compaction = Compaction {
        enabled: merges,
        share: 1.0,
        inputs_min: 2,
        level_1: size,
        level_2: size,
        windows: [Duration::from_secs(1 << 40); 3],
        tenant_spans_min: 1,
        ..Compaction::default()
    };
    let limits = Sizes { chunk_spans_max: 32, free_bytes_min: 0, ..Sizes::default() };
    let settings = Settings { limits, compaction, ..Settings::new(path) };
    for _ in 0..500 {
        match Engine::open(settings.clone(), Arc::new(Standing), &prometheus::Registry::new()).await {
            Err(error) if error.to_string().contains("in use") => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            outcome => return outcome.unwrap(),
        }
    }
    panic!("the lock was never released");
}

/// The traces that a reader answers a query with, all of them.
async fn matches(reader: &Arc<dyn Reader>, text: &str) -> Vec<Match> {
    let Root::Spansets(pipeline) = parse(text).unwrap_or_else(|mistake| panic!("{mistake}")).root else {
        panic!("{text} asks for numbers")
    };
    let request = Request {
        tenant: Tenant::default(),
        time: TimeRange::ALL,
        limit: 1_000,
        after: None,
        time_limit: Duration::from_secs(60),
    };
    let query = Query::new(Arc::clone(reader), Limits::default());
    let answer = search(&query, pipeline.into(), &request).await.unwrap();
    assert_eq!(answer.partial, None, "{text}");
    answer.traces
}

/// What a reader finds: the spans that matched, by trace.
async fn found(reader: &Arc<dyn Reader>, text: &str) -> BTreeMap<TraceId, BTreeSet<SpanId>> {
    let ids = |found: Match| {
        let spans = found.sets.iter().flat_map(|set| &set.spans);
        let span = |at: &u32| found.trace.span(&found.trace.nodes()[*at as usize]).span_id();
        (found.trace.id(), spans.map(span).collect())
    };
    matches(reader, text).await.into_iter().map(ids).collect()
}

struct Corpus {
    traces: Vec<Vec<Draft>>,
    queries: Vec<Spans>,
}

impl Corpus {
    fn new() -> Self {
        let mut chance = Chance(7);
        Self {
            traces: (1..=TRACES).map(|number| drafts(number, &mut chance)).collect(),
            queries: (0..QUERIES).map(|_| spans(&mut chance, 0)).collect(),
        }
    }

    async fn check(&self, reader: Arc<dyn Reader>, state: &str) {
        let mut matched = 0;
        for query in &self.queries {
            let text = query.text();
            let traces = self.traces.iter().map(|trace| (trace[0].trace, query.find(trace)));
            let expected: BTreeMap<TraceId, BTreeSet<SpanId>> =
                traces.filter(|(_, spans)| !spans.is_empty()).collect();
            matched += expected.len();
            let answered = found(&reader, &text).await;
            assert_eq!(answered, expected, "{state}: {text}");
        }
        let pairs = self.queries.len() * self.traces.len();
        assert!(pairs >= 10_000 && matched > pairs / 10 && matched < pairs, "{matched} of {pairs} match");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_evaluator_agrees_in_every_state() {
    let corpus = Corpus::new();
    in_every_state(&corpus.traces, async |reader, state| corpus.check(reader, state).await).await;
}

/// Checks in memory, with half of the spans in a block and half in the head, with two blocks that cut traces apart, and
/// with one that they were merged into.
async fn in_every_state(traces: &[Vec<Draft>], check: impl AsyncFn(Arc<dyn Reader>, &str)) {
    let memory = Arc::new(MemoryStore::default());
    write(traces, memory.as_ref(), true).await;
    write(traces, memory.as_ref(), false).await;
    check(memory, "memory").await;

    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let engine = Arc::new(open(folder.path(), false).await);
    write(traces, engine.as_ref(), true).await;
    engine.close().await.unwrap();
    drop(engine);
    let engine = Arc::new(open(folder.path(), false).await);
    write(traces, engine.as_ref(), false).await;
    check(Arc::clone(&engine) as _, "a block and the head").await;
    engine.close().await.unwrap();
    drop(engine);
    let engine = Arc::new(open(folder.path(), false).await);
    assert_eq!(engine.stat().await.blocks, 2);
    check(Arc::clone(&engine) as _, "two blocks that cut traces apart").await;
    engine.close().await.unwrap();
    drop(engine);
    let engine = Arc::new(open(folder.path(), true).await);
    for _ in 0..1_000 {
        if engine.stat().await.blocks == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(engine.stat().await.blocks, 1, "the blocks were merged");
    check(Arc::clone(&engine) as _, "a merged block").await;
    engine.close().await.unwrap();
}

/// The spans of every trace whose place among its siblings is even, or odd.
async fn write(traces: &[Vec<Draft>], writer: &dyn Writer, is_even: bool) {
    for trace in traces {
        let half = trace.iter().enumerate().filter(|(at, _)| (at % 2 == 0) == is_even);
        let half: Vec<Draft> = half.map(|(_, span)| span.clone()).collect();
        if !half.is_empty() {
            writer.write(batch(&Tenant::default(), &half)).await.unwrap();
        }
    }
}
