//! Who called whom: parents, children and the time in which a span ran without its children.

use std::collections::HashMap;

use super::Span;

/// The structure over the places of the spans.
#[derive(Debug)]
pub struct Tree {
    /// Spans without a known parent, by start.
    pub roots: Vec<usize>,
    /// The children of each span, by start.
    pub children: Vec<Vec<usize>>,
    /// Whether the span names a parent that is not there.
    pub is_orphan: Vec<bool>,
    /// When the children of each span ran: apart from each other, by time, inside the span.
    pub covered: Vec<Vec<(u64, u64)>>,
    /// Earliest start.
    pub start_ns: u64,
    /// Latest end.
    pub end_ns: u64,
}

impl Tree {
    /// Arranges the spans. A circle of parents is cut open at its earliest span.
    pub fn of(spans: &[Span]) -> Self {
        let mut by_start: Vec<usize> = (0..spans.len()).collect();
        by_start.sort_by_key(|place| (spans[*place].start_ns, *place));
        let mut by_id = HashMap::with_capacity(spans.len());
        for place in &by_start {
            by_id.entry(spans[*place].id.as_str()).or_insert(*place);
        }
        let mut tree = Self {
            roots: Vec::new(),
            children: vec![Vec::new(); spans.len()],
            is_orphan: vec![false; spans.len()],
            covered: Vec::new(),
            start_ns: spans.iter().map(|span| span.start_ns).min().unwrap_or(0),
            end_ns: spans.iter().map(end).max().unwrap_or(0),
        };
        for place in &by_start {
            let named = spans[*place].parent.as_deref();
            match named.and_then(|id| by_id.get(id)).filter(|parent| *parent != place) {
                Some(parent) => tree.children[*parent].push(*place),
                None => {
                    tree.is_orphan[*place] = named.is_some_and(|id| id != spans[*place].id);
                    tree.roots.push(*place);
                }
            }
        }
        tree.open_circles(&by_start);
        tree.covered = (0..spans.len()).map(|place| tree.cover(spans, place)).collect();
        tree
    }

    /// From the earliest start to the latest end.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// The span's duration without the time of its children.
    pub fn self_ns(&self, spans: &[Span], place: usize) -> u64 {
        let covered: u64 = self.covered[place].iter().map(|(from, to)| to - from).sum();
        spans[place].duration_ns - covered
    }

    /// How many spans hang below this one, itself included.
    pub fn size(&self, place: usize) -> usize {
        let mut waiting = vec![place];
        let mut size = 0;
        while let Some(place) = waiting.pop() {
            size += 1;
            waiting.extend(&self.children[place]);
        }
        size
    }

    fn open_circles(&mut self, by_start: &[usize]) {
        let mut is_reached = vec![false; by_start.len()];
        self.reach(self.roots.clone(), &mut is_reached);
        for place in by_start {
            if !is_reached[*place] {
                for children in &mut self.children {
                    children.retain(|child| child != place);
                }
                self.roots.push(*place);
                self.reach(vec![*place], &mut is_reached);
            }
        }
    }

    fn reach(&self, mut waiting: Vec<usize>, is_reached: &mut [bool]) {
        while let Some(place) = waiting.pop() {
            if !std::mem::replace(&mut is_reached[place], true) {
                waiting.extend(&self.children[place]);
            }
        }
    }

    fn cover(&self, spans: &[Span], place: usize) -> Vec<(u64, u64)> {
        let mut covered: Vec<(u64, u64)> = Vec::new();
        let mut reached = spans[place].start_ns;
        for child in self.children[place].iter().map(|child| &spans[*child]) {
            let from = child.start_ns.max(reached);
            let to = end(child).min(end(&spans[place]));
            if from >= to {
                continue;
            }
            match covered.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => covered.push((from, to)),
            }
            reached = to;
        }
        covered
    }
}

/// When the span ended.
pub fn end(span: &Span) -> u64 {
    span.start_ns.saturating_add(span.duration_ns)
}
