//! Draws a directed graph in layers, from left to right: callers before those whom they call.
//!
//! Cycles are broken at edges that lead back, every node stands one layer after its last caller, long edges are led
//! through the layers between by bends, and both are ordered so that few edges cross. The same graph gives the same
//! picture. Bounded by [`BENDS_MAX`] bends: edges beyond are drawn straight. What would be too wide or too high to be
//! looked at ([`LAYERS_MAX`], [`HEIGHT_MAX`]) is drawn as a dense grid of low nodes instead (`dense.rs`).

mod dense;
mod order;

use serde::{Deserialize, Serialize};

/// The width of a node, in pixels.
pub const NODE_WIDTH: f64 = 160.0;
/// The height of a node.
pub const NODE_HEIGHT: f64 = 48.0;
/// Between two layers.
const GAP_X: f64 = 96.0;
/// Between two nodes of a layer.
const GAP_Y: f64 = 28.0;
/// Between a bend and its neighbours.
const BEND_GAP_Y: f64 = 14.0;
/// More layers are drawn as a grid.
const LAYERS_MAX: usize = 8;
/// A higher picture is drawn as a grid.
const HEIGHT_MAX: f64 = 1_200.0;
/// So many bends are drawn.
pub const BENDS_MAX: usize = 20_000;
/// How often nodes are moved towards their neighbours.
const MOVES: usize = 12;

/// A picture of a graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The middle of each node.
    pub nodes: Vec<[f64; 2]>,
    /// The layer of each node, from 0.
    pub layers: Vec<usize>,
    /// The points of each edge, from its caller to whom it calls; none for a node that calls itself.
    pub edges: Vec<Vec<[f64; 2]>>,
    /// How wide the picture is.
    pub width: f64,
    /// How high.
    pub height: f64,
    /// How high a node is.
    pub node_height: f64,
}

/// A graph in which every edge leads to the next layer.
struct Layered {
    /// How many of the vertices are nodes; the rest are bends.
    nodes: usize,
    layer: Vec<usize>,
    /// The vertices of each layer, top to bottom.
    layers: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    /// The bends of each edge in the direction of the layers.
    bends: Vec<Vec<usize>>,
}

/// Draws a graph of so many nodes; edges name them by place.
#[must_use]
pub fn layout(nodes: usize, edges: &[(usize, usize)]) -> Layout {
    let forward = order::acyclic(nodes, edges);
    let layer = order::layers(nodes, &forward);
    if layer.iter().any(|layer| *layer >= LAYERS_MAX) {
        return dense::layout(nodes, edges);
    }
    let mut layered = Layered::new(layer, &forward);
    order::untangle(&mut layered);
    let y = heights(&layered);
    let top = y.iter().copied().fold(f64::INFINITY, f64::min).min(0.0);
    let x = |at: usize| layered.layer[at] as f64 * (NODE_WIDTH + GAP_X) + NODE_WIDTH / 2.0;
    let place = |at: usize| [x(at), y[at] - top + NODE_HEIGHT / 2.0];
    let line = |edge: usize| line(edges[edge], &layered.bends[edge], &place);
    let bottom = (0..layered.layer.len()).map(|at| place(at)[1]).fold(0.0, f64::max);
    if bottom > HEIGHT_MAX {
        return dense::layout(nodes, edges);
    }
    let columns = layered.layers.len().max(1) as f64;
    Layout {
        nodes: (0..nodes).map(place).collect(),
        layers: layered.layer[..nodes].to_vec(),
        edges: (0..edges.len()).map(line).collect(),
        width: if nodes == 0 { 0.0 } else { columns * (NODE_WIDTH + GAP_X) - GAP_X },
        height: if nodes == 0 { 0.0 } else { bottom + NODE_HEIGHT / 2.0 },
        node_height: if nodes == 0 { 0.0 } else { NODE_HEIGHT },
    }
}

/// The points of an edge, from side to side of its nodes.
fn line((from, to): (usize, usize), bends: &[usize], place: &impl Fn(usize) -> [f64; 2]) -> Vec<[f64; 2]> {
    if from == to {
        return Vec::new();
    }
    let ([x_from, y_from], [x_to, y_to]) = (place(from), place(to));
    let half = NODE_WIDTH / 2.0;
    let leads_back = x_to < x_from;
    let (out, into) = if leads_back { (x_from - half, x_to + half) } else { (x_from + half, x_to - half) };
    let mut points = vec![[out, y_from]];
    points.extend(bends.iter().map(|bend| place(*bend)));
    points.push([into, y_to]);
    if leads_back {
        let inner = points.len() - 1;
        points[1..inner].reverse();
    }
    points
}

impl Layered {
    fn new(layer: Vec<usize>, forward: &[Option<(usize, usize)>]) -> Self {
        let nodes = layer.len();
        let mut graph = Self {
            nodes,
            layers: vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)],
            before: vec![Vec::new(); nodes],
            after: vec![Vec::new(); nodes],
            bends: vec![Vec::new(); forward.len()],
            layer,
        };
        (0..nodes).for_each(|node| graph.layers[graph.layer[node]].push(node));
        for (edge, ends) in forward.iter().enumerate() {
            if let Some((from, to)) = ends {
                graph.lead(edge, *from, *to);
            }
        }
        graph
    }

    /// Adds an edge, with a bend on every layer between.
    fn lead(&mut self, edge: usize, from: usize, to: usize) {
        let between = self.layer[from] + 1..self.layer[to];
        if self.layer.len() - self.nodes + between.len() > BENDS_MAX {
            return;
        }
        let mut last = from;
        for layer in between {
            let bend = self.layer.len();
            self.layer.push(layer);
            self.layers[layer].push(bend);
            self.before.push(Vec::new());
            self.after.push(Vec::new());
            self.bends[edge].push(bend);
            self.join(last, bend);
            last = bend;
        }
        self.join(last, to);
    }

    fn join(&mut self, left: usize, right: usize) {
        self.after[left].push(right);
        self.before[right].push(left);
    }
}

/// Where each vertex stands from top to bottom: near its neighbours, in order, without touching.
fn heights(graph: &Layered) -> Vec<f64> {
    let mut y = vec![0.0; graph.layer.len()];
    for layer in &graph.layers {
        let mut reached = 0.0;
        for (place, vertex) in layer.iter().enumerate() {
            reached += if place == 0 { 0.0 } else { gap(graph, layer[place - 1], *vertex) };
            y[*vertex] = reached;
        }
    }
    for round in 0..MOVES {
        let is_down = round % 2 == 0;
        let order: Vec<usize> =
            if is_down { (0..graph.layers.len()).collect() } else { (0..graph.layers.len()).rev().collect() };
        for layer in order {
            settle(graph, &graph.layers[layer], is_down, &mut y);
        }
    }
    y
}

fn gap(graph: &Layered, upper: usize, lower: usize) -> f64 {
    let is_bend = |vertex: usize| vertex >= graph.nodes;
    match (is_bend(upper), is_bend(lower)) {
        (false, false) => NODE_HEIGHT + GAP_Y,
        (true, true) => BEND_GAP_Y,
        _ => NODE_HEIGHT / 2.0 + BEND_GAP_Y,
    }
}

/// Moves the vertices of a layer towards their neighbours on one side: pushed down from the top, pushed up from the
/// bottom, and half way between, which keeps every distance that both keep.
fn settle(graph: &Layered, layer: &[usize], is_down: bool, y: &mut [f64]) {
    let wished = |vertex: usize, y: &[f64]| {
        let sides = if is_down { &graph.before[vertex] } else { &graph.after[vertex] };
        if sides.is_empty() {
            return y[vertex];
        }
        sides.iter().map(|other| y[*other]).sum::<f64>() / sides.len() as f64
    };
    let wishes: Vec<f64> = layer.iter().map(|vertex| wished(*vertex, y)).collect();
    let mut down = wishes.clone();
    for at in 1..layer.len() {
        down[at] = down[at].max(down[at - 1] + gap(graph, layer[at - 1], layer[at]));
    }
    let mut up = wishes;
    for at in (1..layer.len()).rev() {
        up[at - 1] = up[at - 1].min(up[at] - gap(graph, layer[at - 1], layer[at]));
    }
    for (at, vertex) in layer.iter().enumerate() {
        y[*vertex] = f64::midpoint(down[at], up[at]);
    }
}

#[cfg(test)]
mod tests;
