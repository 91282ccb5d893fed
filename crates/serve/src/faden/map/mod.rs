//! `map`: who calls whom, with databases, queues and peers that send no spans, laid out to be drawn.
//!
//! Calls between services are counted by the store over parents and children ([`store::Ask::Edges`]), what sends no spans by
//! what spans say of it ([`store::Ask::Uses`]): databases, queues, and other peers unless a service is known to answer there. Bounded by [`NODES_MAX`] and [`EDGES_MAX`]: of more the
//! busiest are kept, and the answer says what it left out.

mod fold;
mod gather;
mod peers;

pub use fold::Behind;

use std::collections::BTreeMap;
use std::sync::Arc;

use analyze::layout;
use analyze::neighbours::{Direction, greatest, near};
use axum::Json;
use axum::extract::State;
use query::answer::{About, Work};
use serde::{Deserialize, Serialize};
use store::metrics::Tally;

use super::red::Red;
use super::scope::{seconds, shown};
use super::{Api, Asked, Failed, computed};

/// So many nodes are drawn.
pub const NODES_MAX: usize = 300;
/// So many edges.
pub const EDGES_MAX: usize = 2_000;
/// So many steps away from the focus.
const DEPTH_MAX: usize = 10;

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// Services and peers, by id.
    pub nodes: Vec<Node>,
    /// Calls, by who calls and who is called.
    pub edges: Vec<Edge>,
    /// How wide the picture is; 0 without layout.
    pub width: f64,
    /// How high.
    pub height: f64,
    /// How high a node is; many nodes are drawn low.
    pub node_height: f64,
    /// How many databases, queues and peers are folded behind the services that use them.
    pub folded: usize,
    /// What is not shown, because there is too much of it or too little goes over it.
    pub left_out: LeftOut,
    /// How the answer came about.
    #[serde(flatten)]
    pub about: About,
}

/// What is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Nodes.
    pub nodes: usize,
    /// Edges.
    pub edges: usize,
}

/// A service, or what a service calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its id: the name of a service; for others the kind, a colon and a name.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// What it is.
    pub kind: NodeKind,
    /// Which database or queue, such as `postgresql`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// For a service its server and consumer spans, or all where it has none of these; for others the spans of callers.
    #[serde(flatten)]
    pub red: Red,
    /// The middle, in pixels.
    pub x: f64,
    /// The middle, in pixels.
    pub y: f64,
    /// Its layer, from the left.
    pub layer: usize,
    /// What it uses that sends no spans, where that is folded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Behind>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// It sends spans.
    Service,
    /// A database.
    Database,
    /// A queue or topic.
    Queue,
    /// Something else that sends no spans.
    Peer,
}

/// Calls from one node to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// How.
    pub kind: EdgeKind,
    /// How often.
    pub calls: u64,
    /// How many of the calls failed.
    pub errors: u64,
    /// Half of the calls took at most so long.
    pub p50_ns: u64,
    /// 95 % of them.
    pub p95_ns: u64,
    /// 99 % of them.
    pub p99_ns: u64,
    /// Where the line goes; empty without layout, and for a service that calls itself.
    pub points: Vec<[f64; 2]>,
}

/// How a node uses another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeKind {
    /// It waits for an answer.
    Call,
    /// It leaves a message, or takes one.
    Message,
    /// It asks a database.
    Query,
}

/// What a map is made of, before it is cut and drawn.
#[derive(Default)]
struct Parts {
    nodes: BTreeMap<String, Part>,
    edges: BTreeMap<(String, String, EdgeKind), Tally>,
    partial: Option<String>,
    work: store::Work,
}

/// A node before it is drawn.
struct Part {
    label: String,
    kind: NodeKind,
    system: Option<String>,
    sum: Tally,
}

/// How a map is to be cut.
struct Cut {
    focus: Option<String>,
    depth: usize,
    way: Direction,
    calls_min: u64,
    is_drawn: bool,
    is_folded: bool,
}

pub(super) async fn map(State(api): State<Arc<Api>>, mut asked: Asked) -> Result<Json<Map>, Failed> {
    let cut = cut(&mut asked)?;
    let clock = api.faden.clock.as_ref();
    let scope = asked.scope(clock)?;
    let seconds = seconds(&scope, clock);
    let parts = gather::gather(&api.faden.query, &scope).await?;
    if let Some(focus) = cut.focus.as_ref().filter(|focus| !parts.nodes.contains_key(*focus)) {
        return Err(Failed::invalid(format!("focus: `{}` is not on the map", shown(focus)))
            .remedy("name a node by its id, such as a service of this time"));
    }
    Ok(Json(computed(move || draw(parts, &cut, seconds)).await?))
}

fn cut(asked: &mut Asked) -> Result<Cut, Failed> {
    let way = match asked.take("dir").as_deref() {
        None | Some("both") => Direction::Both,
        Some("in") => Direction::In,
        Some("out") => Direction::Out,
        Some(text) => {
            let message = format!("dir: `{}` is no direction", shown(text));
            return Err(Failed::invalid(message).remedy("it is in, out or both"));
        }
    };
    let calls_min = match asked.take("min") {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            Failed::invalid(format!("min: `{}` is not a number of calls", shown(&text))).remedy("write 100")
        })?,
    };
    let is_drawn = match asked.take("layout").as_deref() {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(Failed::invalid("layout: it is true or false").remedy("leave it out for true")),
    };
    let is_folded = match asked.take("peers").as_deref() {
        None | Some("shown") => false,
        Some("folded") => true,
        Some(_) => {
            return Err(Failed::invalid("peers: they are shown or folded").remedy("write peers=folded"));
        }
    };
    let depth = asked.number("depth", 1, DEPTH_MAX)?;
    Ok(Cut { focus: asked.take("focus"), depth, way, calls_min, is_drawn, is_folded })
}

fn draw(mut parts: Parts, cut: &Cut, seconds: Option<f64>) -> Map {
    let all = parts.nodes.len();
    let is_peer = |id: &String| parts.nodes.get(id).is_some_and(|part| part.kind != NodeKind::Service);
    let mut behind = match &cut.focus {
        Some(focus) if is_peer(focus) => BTreeMap::new(),
        _ if cut.is_folded => parts.fold(),
        _ => BTreeMap::new(),
    };
    let folded = all - parts.nodes.len();
    let before = LeftOut { nodes: parts.nodes.len(), edges: parts.edges.len() };
    parts.keep(cut);
    let left_out =
        LeftOut { nodes: before.nodes - parts.nodes.len(), edges: before.edges - parts.edges.len() };
    let ids: Vec<String> = parts.nodes.keys().cloned().collect();
    let picture =
        if cut.is_drawn { layout::layout(ids.len(), &parts.ends(&ids)) } else { layout::Layout::default() };
    let point = |at: usize| picture.nodes.get(at).copied().unwrap_or_default();
    let nodes = parts.nodes.into_iter().enumerate().map(|(at, (id, part))| Node {
        behind: behind.remove(&id).unwrap_or_default(),
        id,
        label: part.label,
        kind: part.kind,
        system: part.system,
        red: Red::of(&part.sum, seconds),
        x: point(at)[0],
        y: point(at)[1],
        layer: picture.layers.get(at).copied().unwrap_or(0),
    });
    let edges = parts.edges.into_iter().enumerate().map(|(at, ((from, to, kind), sum))| {
        let red = Red::of(&sum, None);
        Edge {
            from,
            to,
            kind,
            calls: red.spans,
            errors: red.errors,
            p50_ns: red.p50_ns,
            p95_ns: red.p95_ns,
            p99_ns: red.p99_ns,
            points: picture.edges.get(at).cloned().unwrap_or_default(),
        }
    });
    let about = About { next: None, partial: parts.partial, work: Work::from(parts.work) };
    let layout::Layout { width, height, node_height, .. } = picture;
    let (nodes, edges) = (nodes.collect(), edges.collect());
    Map { nodes, edges, width, height, node_height, folded, left_out, about }
}

impl Parts {
    /// The ends of the edges, as places among the ids, which are sorted.
    fn ends(&self, ids: &[String]) -> Vec<(usize, usize)> {
        let place = |id: &String| ids.binary_search(id).unwrap_or(0);
        self.edges.keys().map(|(from, to, _)| (place(from), place(to))).collect()
    }

    fn keep(&mut self, cut: &Cut) {
        self.edges.retain(|_, sum| sum.spans() >= cut.calls_min);
        let ids: Vec<String> = self.nodes.keys().cloned().collect();
        let focus = cut.focus.as_ref().and_then(|focus| ids.binary_search(focus).ok());
        let mut kept = match focus {
            Some(focus) => near(ids.len(), &self.ends(&ids), focus, (cut.depth, cut.way)),
            None => vec![true; ids.len()],
        };
        let weights: Vec<u64> = ids
            .iter()
            .enumerate()
            .map(|(at, id)| if focus == Some(at) { u64::MAX } else { self.nodes[id].sum.spans() })
            .zip(&kept)
            .map(|(weight, is_near)| if *is_near { weight } else { 0 })
            .collect();
        let busiest = greatest(&weights, NODES_MAX);
        kept.iter_mut().zip(busiest).for_each(|(kept, is_busy)| *kept &= is_busy);
        let is_kept = |id: &String| ids.binary_search(id).is_ok_and(|at| kept[at]);
        self.nodes.retain(|id, _| is_kept(id));
        self.edges.retain(|(from, to, _), _| is_kept(from) && is_kept(to));
        let calls: Vec<u64> = self.edges.values().map(Tally::spans).collect();
        let mut busiest = greatest(&calls, EDGES_MAX).into_iter();
        self.edges.retain(|_, _| busiest.next().unwrap_or(false));
    }

    /// A peer and the spans of one that uses it.
    fn peer(&mut self, service: &str, peer: peers::Peer, sum: &Tally) {
        let peers::Peer { id, label, node, system, edge, is_source } = peer;
        let part = Part { label, kind: node, system, sum: Tally::default() };
        self.nodes.entry(id.clone()).or_insert(part).sum.merge(sum);
        self.service(service);
        let (from, to) = if is_source { (id, service.to_owned()) } else { (service.to_owned(), id) };
        self.edges.entry((from, to, edge)).or_default().merge(sum);
    }

    fn service(&mut self, name: &str) -> &mut Part {
        self.nodes.entry(name.to_owned()).or_insert_with(|| Part {
            label: name.to_owned(),
            kind: NodeKind::Service,
            system: None,
            sum: Tally::default(),
        })
    }
}
