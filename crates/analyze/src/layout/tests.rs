use proptest::prelude::*;

use super::*;

#[test]
fn callers_stand_left_of_whom_they_call() {
    let picture = layout(4, &[(0, 1), (1, 2), (0, 2), (3, 2)]);
    assert_eq!(picture.layers, [0, 1, 2, 0]);
    assert!(picture.nodes[0][0] < picture.nodes[1][0] && picture.nodes[1][0] < picture.nodes[2][0]);
    assert_eq!(picture.edges[2].len(), 3, "a long edge has a bend");
    assert_eq!(picture.width, 3.0 * NODE_WIDTH + 2.0 * GAP_X);
}

#[test]
fn cycles_and_selves_are_drawn() {
    let picture = layout(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]);
    assert_eq!(picture.layers, [0, 1, 2]);
    assert!(picture.edges[3].is_empty());
    let back = &picture.edges[2];
    assert!(back[0][0] > back[back.len() - 1][0], "it leads from right to left: {back:?}");
}

#[test]
fn a_graph_that_can_be_drawn_without_crossings_is() {
    let edges = [(0, 5), (1, 4), (2, 3)];
    let forward = order::acyclic(6, &edges);
    let mut graph = Layered::new(order::layers(6, &forward), &forward);
    assert_eq!(order::crossings(&graph), 3);
    order::untangle(&mut graph);
    assert_eq!(order::crossings(&graph), 0);
}

#[test]
fn nothing_is_a_picture_too() {
    assert_eq!(layout(0, &[]), Layout::default());
    assert_eq!(layout(1, &[]).nodes, [[NODE_WIDTH / 2.0, NODE_HEIGHT / 2.0]]);
}

#[test]
fn a_thousand_services_are_drawn() {
    let edges: Vec<(usize, usize)> =
        (0..3_000).map(|at| (at * 7 % 1_000, (at * 13 + at / 7) % 1_000)).collect();
    let picture = layout(1_000, &edges);
    assert_eq!((picture.nodes.len(), picture.edges.len()), (1_000, 3_000));
}

#[test]
fn a_hundred_services_that_call_each_other_fit_a_screen() {
    let edges: Vec<(usize, usize)> = (0..400).map(|at| (at * 7 % 100, (at * 13 + at / 7) % 100)).collect();
    let picture = layout(100, &edges);
    assert!(picture.width <= 2_000.0 && picture.height <= 900.0, "{} x {}", picture.width, picture.height);
    assert!(picture.node_height < NODE_HEIGHT);
}

proptest! {
    #[test]
    fn nodes_never_touch_and_edges_begin_and_end_at_theirs(
        nodes in 1..25_usize,
        edges in prop::collection::vec((0..25_usize, 0..25_usize), 0..60),
    ) {
        let edges: Vec<(usize, usize)> = edges.into_iter().map(|(a, b)| (a % nodes, b % nodes)).collect();
        let picture = layout(nodes, &edges);
        for (at, left) in picture.nodes.iter().enumerate() {
            prop_assert!(left[0] >= 0.0 && left[0] <= picture.width && left[1] >= 0.0 && left[1] <= picture.height);
            for right in &picture.nodes[at + 1..] {
                let apart = (left[0] - right[0]).abs() >= NODE_WIDTH || (left[1] - right[1]).abs() >= picture.node_height;
                prop_assert!(apart, "{left:?} {right:?}");
            }
        }
        for ((from, to), line) in edges.iter().zip(&picture.edges) {
            if from == to {
                continue;
            }
            prop_assert_eq!(line[0][1], picture.nodes[*from][1]);
            prop_assert_eq!(line[line.len() - 1][1], picture.nodes[*to][1]);
        }
        prop_assert_eq!(layout(nodes, &edges), picture);
    }
}
