//! Which part of a graph is worth looking at: what is near a node, or what is busiest.

use std::collections::VecDeque;

/// Which way edges are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Direction {
    /// To those who call.
    In,
    /// To those who are called.
    Out,
    /// Both, each on its own: callers of callers, and the called of the called.
    #[default]
    Both,
}

/// Which nodes are at most so many edges away from one of them.
#[must_use]
pub fn near(
    nodes: usize,
    edges: &[(usize, usize)],
    focus: usize,
    (depth, way): (usize, Direction),
) -> Vec<bool> {
    let mut kept = vec![false; nodes];
    if way != Direction::In {
        let out: Vec<(usize, usize)> = edges.to_vec();
        walk(nodes, &out, (focus, depth), &mut kept);
    }
    if way != Direction::Out {
        let back: Vec<(usize, usize)> = edges.iter().map(|(from, to)| (*to, *from)).collect();
        walk(nodes, &back, (focus, depth), &mut kept);
    }
    kept
}

fn walk(nodes: usize, edges: &[(usize, usize)], (focus, depth): (usize, usize), kept: &mut [bool]) {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    edges.iter().for_each(|(from, to)| after[*from].push(*to));
    let mut seen = vec![false; nodes];
    let mut waiting = VecDeque::from([(focus, 0)]);
    seen[focus] = true;
    while let Some((node, steps)) = waiting.pop_front() {
        kept[node] = true;
        if steps == depth {
            continue;
        }
        for to in &after[node] {
            if !std::mem::replace(&mut seen[*to], true) {
                waiting.push_back((*to, steps + 1));
            }
        }
    }
}

/// The places of the greatest weights, at most so many, in the order of the places.
#[must_use]
pub fn greatest(weights: &[u64], count_max: usize) -> Vec<bool> {
    let mut ranked: Vec<usize> = (0..weights.len()).collect();
    ranked.sort_by_key(|at| (std::cmp::Reverse(weights[*at]), *at));
    let mut kept = vec![false; weights.len()];
    ranked.into_iter().take(count_max).for_each(|at| kept[at] = true);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_found_by_steps_and_direction() {
        let edges = [(0, 1), (1, 2), (2, 3), (4, 1), (1, 1)];
        let near = |depth, way| {
            let kept = near(5, &edges, 1, (depth, way));
            (0..5).filter(|at| kept[*at]).collect::<Vec<_>>()
        };
        assert_eq!(near(1, Direction::Out), [1, 2]);
        assert_eq!(near(2, Direction::Out), [1, 2, 3]);
        assert_eq!(near(3, Direction::In), [0, 1, 4]);
        assert_eq!(near(1, Direction::Both), [0, 1, 2, 4]);
    }

    #[test]
    fn the_greatest_are_kept() {
        assert_eq!(greatest(&[5, 9, 9, 1], 2), [false, true, true, false]);
    }
}
