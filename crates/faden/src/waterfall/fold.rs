//! Which lines a waterfall has: every span in depth-first order, equal siblings folded, cut at a limit.

use std::collections::HashMap;

use super::tree::Tree;
use super::{Span, Trace, View};

/// Equal siblings beyond so many are folded …
const FOLD_OVER: usize = 6;
/// … but the first few are shown.
const SHOWN_OF_FOLDED: usize = 3;
/// So many levels of guides are remembered; the layout shows fewer.
const GUIDES_MAX: usize = 64;

/// Lines to draw.
pub struct Lines {
    /// In order.
    pub lines: Vec<Line>,
    /// Spans that the limit cut off.
    pub left_out: usize,
}

/// One line of the waterfall.
pub enum Line {
    /// One span.
    Span {
        /// Its place in the trace.
        place: usize,
        /// What leads to it.
        guides: Guides,
    },
    /// Siblings that are alike.
    Fold {
        /// What they have in common and in sum.
        folded: Folded,
        /// What leads to them.
        guides: Guides,
    },
}

/// What is told of folded siblings.
#[derive(Clone, Debug)]
pub struct Folded {
    /// One of them, for its names.
    pub sample: usize,
    /// How many siblings.
    pub siblings: usize,
    /// How many spans, everything below them included.
    pub spans: usize,
    /// How many of the siblings failed.
    pub errors: usize,
    /// Their durations, added up.
    pub total_ns: u64,
    /// The longest of them.
    pub longest_ns: u64,
    /// Earliest start.
    pub start_ns: u64,
    /// Latest end.
    pub end_ns: u64,
}

/// The lines of the tree that lead to a row.
#[derive(Clone, Debug, Default)]
pub struct Guides {
    /// Levels between the root and the row; a root has none.
    pub depth: usize,
    /// For the last [`GUIDES_MAX`] levels: whether a sibling follows further down.
    pub goes_on: Vec<bool>,
    /// Whether the row has children that are drawn.
    pub has_children: bool,
}

enum Item {
    Span(usize),
    Fold(Folded),
}

/// The lines of a trace.
pub fn lines(trace: &Trace, tree: &Tree, view: View) -> Lines {
    let rows_max = if view.rows_max == 0 { usize::MAX } else { view.rows_max };
    let mut lines = Vec::new();
    let mut told = 0;
    let mut trail: Vec<bool> = Vec::new();
    let mut waiting = items(trace, tree, &tree.roots, view.is_folding, 0);
    while let Some((item, depth, goes_on)) = waiting.pop() {
        if lines.len() >= rows_max {
            break;
        }
        trail.truncate(depth.saturating_sub(1));
        if depth > 0 {
            trail.push(goes_on);
        }
        let kept = trail.len().saturating_sub(GUIDES_MAX);
        let mut guides = Guides { depth, goes_on: trail[kept..].to_vec(), has_children: false };
        match item {
            Item::Span(place) => {
                let below = items(trace, tree, &tree.children[place], view.is_folding, depth + 1);
                guides.has_children = !below.is_empty();
                waiting.extend(below);
                lines.push(Line::Span { place, guides });
                told += 1;
            }
            Item::Fold(folded) => {
                told += folded.spans;
                lines.push(Line::Fold { folded, guides });
            }
        }
    }
    Lines { lines, left_out: trace.spans.len() - told }
}

/// Siblings, folded, with their depth and whether another follows; the first one last.
fn items(
    trace: &Trace,
    tree: &Tree,
    siblings: &[usize],
    is_folding: bool,
    depth: usize,
) -> Vec<(Item, usize, bool)> {
    let spans = &trace.spans;
    let alike = |span: &Span| (span.service.clone(), span.name.clone());
    let mut groups: HashMap<(String, String), Vec<usize>> = HashMap::new();
    if is_folding && siblings.len() > FOLD_OVER {
        for place in siblings {
            groups.entry(alike(&spans[*place])).or_default().push(*place);
        }
    }
    let mut found = Vec::new();
    for place in siblings {
        let group = groups.get(&alike(&spans[*place])).filter(|group| group.len() > FOLD_OVER);
        match group.and_then(|group| Some((group, group.iter().position(|one| one == place)?))) {
            Some((group, SHOWN_OF_FOLDED)) => {
                found.push(Item::Fold(fold(spans, tree, &group[SHOWN_OF_FOLDED..])));
            }
            Some((_, position)) if position > SHOWN_OF_FOLDED => {}
            _ => found.push(Item::Span(*place)),
        }
    }
    let count = found.len();
    let numbered = found.into_iter().enumerate();
    let mut items: Vec<_> = numbered.map(|(number, item)| (item, depth, number + 1 < count)).collect();
    items.reverse();
    items
}

fn fold(spans: &[Span], tree: &Tree, places: &[usize]) -> Folded {
    let durations = places.iter().map(|place| spans[*place].duration_ns);
    Folded {
        sample: places[0],
        siblings: places.len(),
        spans: places.iter().map(|place| tree.size(*place)).sum(),
        errors: places.iter().filter(|place| spans[**place].is_error).count(),
        total_ns: durations.clone().fold(0, u64::saturating_add),
        longest_ns: durations.max().unwrap_or(0),
        start_ns: places.iter().map(|place| spans[*place].start_ns).min().unwrap_or(0),
        end_ns: places.iter().map(|place| super::tree::end(&spans[*place])).max().unwrap_or(0),
    }
}
