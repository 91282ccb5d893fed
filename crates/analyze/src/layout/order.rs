//! Which layer a node stands on, and in which order.

use super::Layered;

/// How often the layers are ordered anew; the best order counts.
const SWEEPS: usize = 8;

/// The edges in a direction without cycles; `None` for nodes that call themselves.
pub(super) fn acyclic(nodes: usize, edges: &[(usize, usize)]) -> Vec<Option<(usize, usize)>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut calls: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut is_called = vec![false; nodes];
    for (edge, (from, to)) in edges.iter().enumerate().filter(|(_, (from, to))| from != to) {
        calls[*from].push(edge);
        is_called[*to] = true;
    }
    let mut state = vec![State::New; nodes];
    let mut reversed = vec![false; edges.len()];
    let entries = (0..nodes).filter(|node| !is_called[*node]);
    for start in entries.chain(0..nodes) {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::Open;
        let mut path = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let Some(edge) = calls[*node].get(*next).copied() else {
                state[*node] = State::Done;
                path.pop();
                continue;
            };
            *next += 1;
            let to = edges[edge].1;
            match state[to] {
                State::Open => reversed[edge] = true,
                State::Done => {}
                State::New => {
                    state[to] = State::Open;
                    path.push((to, 0));
                }
            }
        }
    }
    let forward = |(edge, (from, to)): (usize, &(usize, usize))| {
        (from != to).then_some(if reversed[edge] { (*to, *from) } else { (*from, *to) })
    };
    edges.iter().enumerate().map(forward).collect()
}

/// Every node one layer after the last that leads to it.
pub(super) fn layers(nodes: usize, forward: &[Option<(usize, usize)>]) -> Vec<usize> {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut waits = vec![0; nodes];
    for (from, to) in forward.iter().flatten() {
        after[*from].push(*to);
        waits[*to] += 1;
    }
    let mut layer = vec![0; nodes];
    let mut ready: Vec<usize> = (0..nodes).filter(|node| waits[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for to in &after[node] {
            layer[*to] = layer[*to].max(layer[node] + 1);
            waits[*to] -= 1;
            if waits[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    layer
}

/// Orders every layer by the places of its neighbours, to and fro, and keeps the order with the fewest crossings.
pub(super) fn untangle(graph: &mut Layered) {
    let mut best = (crossings(graph), graph.layers.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        let is_down = sweep % 2 == 0;
        let count = graph.layers.len();
        let order: Vec<usize> =
            if is_down { (1..count).collect() } else { (0..count.saturating_sub(1)).rev().collect() };
        for layer in order {
            arrange(graph, layer, is_down);
        }
        let found = crossings(graph);
        if found < best.0 {
            best = (found, graph.layers.clone());
        }
    }
    graph.layers = best.1;
}

fn arrange(graph: &mut Layered, layer: usize, is_down: bool) {
    let beside = if is_down { layer - 1 } else { layer + 1 };
    let places = places(graph, beside);
    let own = self::places(graph, layer);
    let wish = |vertex: usize| {
        let sides = if is_down { &graph.before[vertex] } else { &graph.after[vertex] };
        if sides.is_empty() {
            return own[vertex] as f64;
        }
        sides.iter().map(|other| places[*other] as f64).sum::<f64>() / sides.len() as f64
    };
    let mut ranked: Vec<(f64, usize)> =
        graph.layers[layer].iter().map(|vertex| (wish(*vertex), *vertex)).collect();
    ranked.sort_by(|left, right| left.0.total_cmp(&right.0));
    graph.layers[layer] = ranked.into_iter().map(|(_, vertex)| vertex).collect();
}

/// The place of each vertex of a layer; of others nothing that means something.
fn places(graph: &Layered, layer: usize) -> Vec<usize> {
    let mut places = vec![0; graph.layer.len()];
    graph.layers[layer].iter().enumerate().for_each(|(place, vertex)| places[*vertex] = place);
    places
}

/// How often edges between neighbouring layers cross.
pub(super) fn crossings(graph: &Layered) -> u64 {
    (1..graph.layers.len()).map(|layer| between(graph, layer)).sum()
}

/// Counted as inversions: edges by their left end, and how many before each end further down.
fn between(graph: &Layered, layer: usize) -> u64 {
    let places = places(graph, layer);
    let width = graph.layers[layer].len();
    let mut ends = vec![0_u64; width + 1];
    let mut seen = 0;
    let mut crossings = 0;
    for vertex in &graph.layers[layer - 1] {
        let mut to: Vec<usize> = graph.after[*vertex].iter().map(|other| places[*other]).collect();
        to.sort_unstable();
        for end in &to {
            crossings += seen - sum(&ends, *end);
        }
        for end in &to {
            add(&mut ends, *end);
            seen += 1;
        }
    }
    crossings
}

/// How many ends were added at `at` or before (a Fenwick tree).
fn sum(tree: &[u64], at: usize) -> u64 {
    let mut sum = 0;
    let mut place = at + 1;
    while place > 0 {
        sum += tree[place];
        place &= place - 1;
    }
    sum
}

fn add(tree: &mut [u64], at: usize) {
    let mut place = at + 1;
    while place < tree.len() {
        tree[place] += 1;
        place += place & place.wrapping_neg();
    }
}
