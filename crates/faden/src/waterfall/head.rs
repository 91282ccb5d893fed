//! The lines above a waterfall: which trace, when, how long, how many, and what is wrong with it.

use std::collections::BTreeMap;

use super::palette::Palette;
use super::tree::Tree;
use super::{Span, Trace, View};
use crate::term::Ink;
use crate::text;

/// More services than these are only counted.
const SERVICES_MAX: usize = 12;
/// More missing parents than these are only counted.
const PARENTS_MAX: usize = 3;

/// Everything above the first row.
pub fn draw(trace: &Trace, tree: &Tree, palette: &Palette, view: View) -> String {
    let paint = view.paint;
    let mut out = String::new();
    if let Some(root) = tree.roots.first().map(|place| &trace.spans[*place]) {
        let service = text::harmless(&root.service);
        let title =
            text::cut(&text::harmless(&root.name), view.columns.saturating_sub(text::columns(&service) + 1));
        out.push_str(&format!(
            "{} {}\n",
            paint.ink(palette.ink(&root.service), &service),
            paint.ink(Ink::Bold, &title)
        ));
    }
    out.push_str(&paint.ink(Ink::Dim, &format!("trace {}", text::harmless(&trace.id))));
    out.push('\n');
    out.push_str(&facts(trace, tree, view));
    out.push('\n');
    out.push_str(&services(&trace.spans, palette, view));
    for line in warnings(trace, tree) {
        out.push_str(&paint.ink(Ink::Yellow, &text::cut(&line, view.columns)));
        out.push('\n');
    }
    out.push('\n');
    out
}

fn facts(trace: &Trace, tree: &Tree, view: View) -> String {
    let errors = trace.spans.iter().filter(|span| span.is_error).count() as u64;
    let mut out = format!(
        "{} UTC · {} · {}",
        text::moment(tree.start_ns),
        view.paint.ink(Ink::Bold, &text::duration(tree.duration_ns())),
        text::counted(trace.spans.len() as u64, "span"),
    );
    if errors > 0 {
        out.push_str(" · ");
        out.push_str(&view.paint.ink(Ink::Red, &text::counted(errors, "error")));
    }
    out
}

/// Each service with its spans, most first; as many as fit in one line.
fn services(spans: &[Span], palette: &Palette, view: View) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for span in spans {
        *counts.entry(&span.service).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let mut out = String::new();
    let mut width = 0;
    for (shown, (name, count)) in counts.iter().enumerate() {
        let name_shown = text::harmless(name);
        let needed = text::columns(&name_shown) + text::count(*count).len() + 3;
        if shown > 0 && (shown == SERVICES_MAX || width + needed + 10 > view.columns) {
            out.push_str(&format!("+{} more", counts.len() - shown));
            break;
        }
        width += needed;
        out.push_str(&view.paint.ink(palette.ink(name), &name_shown));
        out.push_str(&format!(" {}  ", text::count(*count)));
    }
    format!("{}\n", out.trim_end())
}

fn warnings(trace: &Trace, tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = &trace.partial {
        lines.push(format!("! not the whole trace: {}", text::harmless(why)));
    }
    let orphans: Vec<&Span> = (0..trace.spans.len())
        .filter(|place| tree.is_orphan[*place])
        .map(|place| &trace.spans[place])
        .collect();
    if !orphans.is_empty() {
        let mut parents: Vec<&str> = orphans.iter().filter_map(|span| span.parent.as_deref()).collect();
        parents.sort_unstable();
        parents.dedup();
        let ids: Vec<String> = parents.iter().take(PARENTS_MAX).map(|id| text::harmless(id)).collect();
        let more = if parents.len() > PARENTS_MAX { ", …" } else { "" };
        let missing = text::counted(parents.len() as u64, "parent");
        let children = text::counted(orphans.len() as u64, "span");
        lines.push(format!("! {missing} of {children} not here (yet): {}{more}", ids.join(", ")));
    }
    lines
}
