//! The critical path: which span the trace was waiting for at every moment.
//!
//! Walked backwards: at the end of a span, the child that ended last before that moment is what it waited for; from that
//! child's start on, the next. What is between is the span's own. Children are cut to their parent's time, and those that
//! ran beside the chosen one are not on the path: the walk takes children that do not overlap to run one after the other.
//! The tops of a trace are taken as children of the whole.

use serde::{Deserialize, Serialize};

use super::Columns;

/// What made a trace as long as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Critical {
    /// Triples of span, from, to; by time, without overlap; times from the base.
    pub critical: Vec<u64>,
    /// What the path leaves out or assumes; absent where it is sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical_caveat: Option<String>,
}

impl Critical {
    /// The triples.
    pub fn segments(&self) -> impl Iterator<Item = [u64; 3]> + use<> {
        let triples: Vec<[u64; 3]> =
            self.critical.chunks_exact(3).map(|triple| [triple[0], triple[1], triple[2]]).collect();
        triples.into_iter()
    }
}

/// A span whose time up to `until` is to be told; `None` for the whole trace.
struct Open {
    span: Option<usize>,
    from: u64,
    until: u64,
}

pub(super) fn path(columns: &Columns) -> Critical {
    let end = (0..columns.len()).map(|at| columns.end_ns(at)).max().unwrap_or(0);
    let tops_end = columns.children(None).map(|at| columns.end_ns(at)).max().unwrap_or(0);
    let mut open = vec![Open { span: None, from: 0, until: tops_end }];
    let mut segments: Vec<[u64; 3]> = Vec::new();
    let mut beside = 0_u64;
    while let Some(Open { span, from, until }) = open.pop() {
        let mut children: Vec<usize> = columns.children(span).collect();
        children.sort_by_key(|child| std::cmp::Reverse((columns.end_ns(*child).min(until), *child)));
        let mut reached = until;
        for child in children {
            let start = columns.start_ns[child].max(from);
            let end = columns.end_ns(child).min(until);
            if end <= start {
                continue;
            }
            if end > reached {
                beside += u64::from(start < reached);
                continue;
            }
            own(&mut segments, span, end, reached);
            open.push(Open { span: Some(child), from: start, until: end });
            reached = start;
        }
        own(&mut segments, span, from, reached);
    }
    segments.sort_unstable_by_key(|[span, from, _]| (*from, *span));
    Critical { critical: segments.into_flattened(), critical_caveat: caveat(beside, end > tops_end) }
}

fn own(segments: &mut Vec<[u64; 3]>, span: Option<usize>, from: u64, to: u64) {
    if let Some(span) = span
        && from < to
    {
        segments.push([span as u64, from, to]);
    }
}

fn caveat(beside: u64, goes_on: bool) -> Option<String> {
    let mut parts = Vec::new();
    if beside > 0 {
        let spans = if beside == 1 { "1 span".to_owned() } else { format!("{beside} spans") };
        parts.push(format!(
            "{spans} ran beside the path: siblings that do not overlap are taken to run in order"
        ));
    }
    if goes_on {
        parts.push("what runs on after its parent has ended is not on the path".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
