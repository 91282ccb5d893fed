//! Draws a graph of many nodes as a grid: columns by the distance from where requests enter, of about the same height.
//!
//! Edges lead straight from side to side, behind the nodes between; nodes of a column stand near those that they call
//! and that call them. The picture of 100 services is about 1,400 pixels wide and 800 high.

use std::collections::VecDeque;

use super::{Layout, NODE_WIDTH};

/// The height of a node, in pixels.
const NODE_HEIGHT: f64 = 28.0;
/// Between two columns.
const GAP_X: f64 = 68.0;
/// From one node of a column to the next.
const PITCH: f64 = 38.0;
/// How many times as many rows as columns there are, so that a picture has about the form of a screen.
const ROWS_BY_COLUMN: f64 = 4.6;
/// How often columns are ordered anew.
const SWEEPS: usize = 16;

/// Draws a graph of so many nodes.
pub(super) fn layout(nodes: usize, edges: &[(usize, usize)]) -> Layout {
    let rows_max = (nodes as f64 * ROWS_BY_COLUMN).sqrt().ceil().max(1.0) as usize;
    let mut columns = columns(&distances(nodes, edges), edges, rows_max);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut place = vec![[0.0; 2]; nodes];
    let mut layers = vec![0; nodes];
    for (at, column) in columns.iter().enumerate() {
        for node in column {
            place[*node][0] = at as f64 * (NODE_WIDTH + GAP_X) + NODE_WIDTH / 2.0;
            layers[*node] = at;
        }
    }
    columns.iter().for_each(|column| stack(column, rows, &mut place));
    order(&mut columns, edges, rows, &mut place);
    Layout {
        edges: edges.iter().map(|ends| line(*ends, &place)).collect(),
        nodes: place,
        layers,
        width: columns.len() as f64 * (NODE_WIDTH + GAP_X) - GAP_X,
        height: rows as f64 * PITCH - PITCH + NODE_HEIGHT,
        node_height: NODE_HEIGHT,
    }
}

/// How many calls each node is away from where requests enter; a part of the graph that nothing enters is entered at
/// the node that calls most others.
fn distances(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut calls: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut is_called = vec![false; nodes];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        calls[*from].push(*to);
        is_called[*to] = true;
    }
    let mut found: Vec<Option<usize>> = vec![None; nodes];
    let mut by_calls: Vec<usize> = (0..nodes).collect();
    by_calls.sort_by_key(|node| (is_called[*node], usize::MAX - calls[*node].len()));
    let entries: VecDeque<usize> = by_calls.iter().copied().filter(|node| !is_called[*node]).collect();
    walk(entries, &calls, &mut found);
    for node in by_calls {
        if found[node].is_none() {
            walk(VecDeque::from([node]), &calls, &mut found);
        }
    }
    found.into_iter().map(Option::unwrap_or_default).collect()
}

fn walk(mut open: VecDeque<usize>, calls: &[Vec<usize>], found: &mut [Option<usize>]) {
    open.iter().for_each(|node| found[*node] = Some(0));
    while let Some(node) = open.pop_front() {
        let next = found[node].map_or(0, |distance| distance + 1);
        for to in &calls[node] {
            if found[*to].is_none() {
                found[*to] = Some(next);
                open.push_back(*to);
            }
        }
    }
}

/// The nodes of each distance in as many columns as they need; within a distance callers first.
fn columns(distance: &[usize], edges: &[(usize, usize)], rows_max: usize) -> Vec<Vec<usize>> {
    let mut called = vec![0_i64; distance.len()];
    for (from, to) in edges.iter().filter(|(from, to)| distance[*from] == distance[*to]) {
        called[*from] -= 1;
        called[*to] += 1;
    }
    let farthest = distance.iter().max().map_or(0, |last| last + 1);
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); farthest];
    distance.iter().enumerate().for_each(|(node, distance)| groups[*distance].push(node));
    let mut columns = Vec::new();
    for mut group in groups {
        group.sort_by_key(|node| (called[*node], *node));
        let parts = group.len().div_ceil(rows_max).max(1);
        let size = group.len().div_ceil(parts).max(1);
        columns.extend(group.chunks(size).map(<[usize]>::to_vec));
    }
    columns
}

/// Puts the nodes of a column below each other, around the middle of the picture.
fn stack(column: &[usize], rows: usize, place: &mut [[f64; 2]]) {
    let top = (rows - column.len()) as f64 * PITCH / 2.0 + NODE_HEIGHT / 2.0;
    for (row, node) in column.iter().enumerate() {
        place[*node][1] = top + row as f64 * PITCH;
    }
}

/// Orders every column by where the neighbours of its nodes stand, to and fro.
fn order(columns: &mut [Vec<usize>], edges: &[(usize, usize)], rows: usize, place: &mut [[f64; 2]]) {
    let mut beside: Vec<Vec<usize>> = vec![Vec::new(); place.len()];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        beside[*from].push(*to);
        beside[*to].push(*from);
    }
    for sweep in 0..SWEEPS {
        let count = columns.len();
        for turn in 0..count {
            let column = &mut columns[if sweep % 2 == 0 { turn } else { count - 1 - turn }];
            let wish = |node: usize| match beside[node].as_slice() {
                [] => place[node][1],
                others => others.iter().map(|other| place[*other][1]).sum::<f64>() / others.len() as f64,
            };
            let mut ranked: Vec<(f64, usize)> = column.iter().map(|node| (wish(*node), *node)).collect();
            ranked.sort_by(|left, right| left.0.total_cmp(&right.0));
            *column = ranked.into_iter().map(|(_, node)| node).collect();
            stack(column, rows, place);
        }
    }
}

/// From side to side of the nodes; between nodes of one column out and back on the right.
fn line((from, to): (usize, usize), place: &[[f64; 2]]) -> Vec<[f64; 2]> {
    if from == to {
        return Vec::new();
    }
    let half = NODE_WIDTH / 2.0;
    let ([x_from, y_from], [x_to, y_to]) = (place[from], place[to]);
    let (out, into) = if x_to > x_from {
        (half, -half)
    } else if x_to < x_from {
        (-half, half)
    } else {
        (half, half)
    };
    vec![[x_from + out, y_from], [x_to + into, y_to]]
}
