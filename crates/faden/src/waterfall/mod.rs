//! Draws a trace as a coloured waterfall of text.
//!
//! In: a [`Trace`] as the API tells it, and the width and colours of the terminal. Out: text. Pure.
//! What services call themselves and their spans is written [harmlessly](crate::text::harmless).
//! At most [`View::rows_max`] rows are drawn, groups of equal siblings are folded, and deep nesting is
//! abbreviated, so that 10,000 spans stay readable; what is left out is counted.

mod bar;
mod fold;
mod head;
mod palette;
mod row;
mod tree;

use fold::Line;
use palette::Palette;
use row::Layout;
use tree::Tree;

use crate::term::{Ink, Paint};
use crate::text;

/// A whole trace, or what has arrived of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// In hexadecimal.
    pub id: String,
    /// In any order.
    pub spans: Vec<Span>,
    /// Why spans may be missing, if the server said so.
    pub partial: Option<String>,
}

/// What is drawn of a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// In hexadecimal.
    pub id: String,
    /// The id of its parent; nothing for a root.
    pub parent: Option<String>,
    /// The service that recorded it.
    pub service: String,
    /// The operation.
    pub name: String,
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    /// How long it took.
    pub duration_ns: u64,
    /// Whether it failed.
    pub is_error: bool,
    /// Why, if it says so.
    pub message: String,
}

/// How to draw.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Columns of the terminal.
    pub columns: usize,
    /// Colours or none.
    pub paint: Paint,
    /// So many rows at most; 0 draws all.
    pub rows_max: usize,
    /// Equal siblings are folded.
    pub is_folding: bool,
}

/// The trace as text, each line ended.
pub fn draw(trace: &Trace, view: View) -> String {
    let tree = Tree::of(&trace.spans);
    let palette = Palette::of(&trace.spans);
    let plan = fold::lines(trace, &tree, view);
    let layout = Layout::of(trace, &tree, &plan.lines, view);
    let mut out = head::draw(trace, &tree, &palette, view);
    out.push_str(&layout.header());
    for line in &plan.lines {
        match line {
            Line::Span { place, guides } => layout.span(&tree, &palette, (*place, guides), &mut out),
            Line::Fold { folded, guides } => layout.fold(&palette, folded, guides, &mut out),
        }
    }
    if plan.left_out > 0 {
        let note = format!("… {} more spans; --limit 0 shows all", text::count(plan.left_out as u64));
        out.push_str(&view.paint.ink(Ink::Yellow, &note));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
