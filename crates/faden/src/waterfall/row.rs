//! One row: guides and names, a bar, the duration and the time without children.

use std::borrow::Cow;

use super::bar::Axis;
use super::fold::{Folded, Guides, Line};
use super::palette::Palette;
use super::tree::{self, Tree};
use super::{Trace, View};
use crate::term::{Ink, Paint};
use crate::text;

/// Columns of a duration, the gap before it included.
const TIME_COLUMNS: usize = 9;
/// Narrower terminals get no bars.
const COLUMNS_FOR_BARS: usize = 60;
/// Narrower terminals get no self time.
const COLUMNS_FOR_SELF: usize = 80;
/// The narrowest bar that says anything.
const BAR_COLUMNS_MIN: usize = 16;
/// The narrowest place for names.
const NAME_COLUMNS_MIN: usize = 12;
/// What stands behind a span whose parent is not there.
const ORPHAN: &str = " (parent missing)";
/// A span that alone takes this share of the trace is marked.
const SELF_SHARE_MARKED: f64 = 0.2;

/// How the columns are shared out.
pub struct Layout<'a> {
    trace: &'a Trace,
    paint: Paint,
    columns: usize,
    label: usize,
    has_self: bool,
    axis: Option<Axis>,
    duration_ns: u64,
}

/// What the columns of a row hold.
struct Cells<'s> {
    label: Vec<(Ink, Cow<'s, str>)>,
    bar: (u64, u64, &'s [(u64, u64)]),
    bar_ink: Ink,
    time: String,
    self_time: (Ink, String),
}

impl<'a> Layout<'a> {
    /// Names take what they need, up to a half; bars take the rest.
    pub fn of(trace: &'a Trace, tree: &Tree, lines: &[Line], view: View) -> Self {
        let has_self = view.columns >= COLUMNS_FOR_SELF;
        let times = TIME_COLUMNS * if has_self { 2 } else { 1 };
        let room = view.columns.saturating_sub(times).max(NAME_COLUMNS_MIN);
        let has_bars = view.columns >= COLUMNS_FOR_BARS;
        let label_max = if has_bars { (room - BAR_COLUMNS_MIN).min(room * 11 / 20) } else { room };
        let wanted = lines.iter().map(|line| label_wanted(trace, tree, line)).max().unwrap_or(0);
        let label = if has_bars { wanted.clamp(NAME_COLUMNS_MIN, label_max) } else { label_max };
        let bar = if has_bars { room - label - 1 } else { 0 };
        let axis = has_bars.then(|| Axis::new(tree, bar));
        let duration_ns = tree.duration_ns();
        Self { trace, paint: view.paint, columns: view.columns, label, has_self, axis, duration_ns }
    }

    /// The scale above the bars and the names of the columns.
    pub fn header(&self) -> String {
        let scale = self.axis.map_or(String::new(), |axis| format!(" {}", axis.scale()));
        let own = if self.has_self { format!("{:>TIME_COLUMNS$}", "self") } else { String::new() };
        let line = format!("{}{scale}{:>TIME_COLUMNS$}{own}", " ".repeat(self.label), "time");
        format!("{}\n", self.paint.ink(Ink::Dim, &line))
    }

    /// A span, and below it why it failed.
    pub fn span(&self, tree: &Tree, palette: &Palette, (place, guides): (usize, &Guides), out: &mut String) {
        let span = &self.trace.spans[place];
        let own = tree.self_ns(&self.trace.spans, place);
        let is_slow = own as f64 >= SELF_SHARE_MARKED * self.duration_ns as f64 && own > 0;
        let mut label = vec![(Ink::Dim, Cow::from(self.guides(guides, false)))];
        if span.is_error {
            label.push((Ink::Red, "✗ ".into()));
        }
        label.push((palette.ink(&span.service), text::harmless(&span.service).into()));
        let ink = if span.is_error { Ink::Red } else { Ink::Plain };
        label.push((ink, format!(" {}", text::harmless(&span.name)).into()));
        if tree.is_orphan[place] {
            label.push((Ink::Yellow, ORPHAN.into()));
        }
        self.row(
            Cells {
                label,
                bar: (span.start_ns, tree::end(span), &tree.covered[place]),
                bar_ink: if span.is_error { Ink::Red } else { palette.ink(&span.service) },
                time: text::duration(span.duration_ns),
                self_time: (if is_slow { Ink::Yellow } else { Ink::Dim }, text::duration(own)),
            },
            out,
        );
        if span.is_error && !span.message.is_empty() {
            let lead = self.guides(guides, true);
            let room = self.columns.saturating_sub(text::columns(&lead) + 2);
            let message = text::cut(&text::harmless(&span.message), room);
            let lead = self.paint.ink(Ink::Dim, &lead);
            out.push_str(&format!("{lead}  {}\n", self.paint.ink(Ink::Red, &message)));
        }
    }

    /// Siblings that are alike, in one row.
    pub fn fold(&self, palette: &Palette, folded: &Folded, guides: &Guides, out: &mut String) {
        let sample = &self.trace.spans[folded.sample];
        let label = vec![
            (Ink::Dim, Cow::from(self.guides(guides, false))),
            (Ink::Dim, fold_words(folded).into()),
            (Ink::Red, fold_errors(folded).into()),
            (palette.ink(&sample.service), format!(" {}", text::harmless(&sample.service)).into()),
            (Ink::Dim, format!(" {}", text::harmless(&sample.name)).into()),
        ];
        let bar_ink = if folded.errors > 0 { Ink::Red } else { Ink::Dim };
        self.row(
            Cells {
                label,
                bar: (folded.start_ns, folded.end_ns, &[(folded.start_ns, folded.end_ns)]),
                bar_ink,
                time: format!("Σ{}", text::duration(folded.total_ns)),
                self_time: (Ink::Dim, format!("≤{}", text::duration(folded.longest_ns))),
            },
            out,
        );
    }

    fn row(&self, cells: Cells<'_>, out: &mut String) {
        let mut room = self.label;
        for (ink, words) in &cells.label {
            let words = text::cut(words, room);
            room -= text::columns(&words);
            out.push_str(&self.paint.ink(*ink, &words));
        }
        out.push_str(&" ".repeat(room));
        if let Some(axis) = &self.axis {
            let (from, to, covered) = cells.bar;
            let (before, bar, after) = axis.bar(from, to, covered);
            out.push_str(&" ".repeat(before + 1));
            out.push_str(&self.paint.ink(cells.bar_ink, &bar));
            out.push_str(&" ".repeat(after));
        }
        out.push_str(&format!("{:>TIME_COLUMNS$}", cells.time));
        if self.has_self {
            let (ink, own) = cells.self_time;
            out.push_str(&self.paint.ink(ink, &format!("{own:>TIME_COLUMNS$}")));
        }
        out.push('\n');
    }

    /// The lines that lead to a row; nesting that would leave no room for names is abbreviated.
    fn guides(&self, guides: &Guides, is_below: bool) -> String {
        let levels_max = (self.label / 4).max(2);
        let shown = guides.goes_on.len().min(levels_max);
        let levels = &guides.goes_on[guides.goes_on.len() - shown..];
        let mut out = String::new();
        let hidden = guides.depth - shown;
        if hidden > 0 {
            out = if is_below { " ".repeat(hidden.to_string().len() + 2) } else { format!("…{hidden} ") };
        }
        for (number, goes_on) in levels.iter().enumerate() {
            let is_last = number + 1 == levels.len() && !is_below;
            out.push_str(match (is_last, goes_on) {
                (true, true) => "├╴",
                (true, false) => "└╴",
                (false, true) => "│ ",
                (false, false) => "  ",
            });
        }
        if is_below {
            out.push_str(if guides.has_children { "│" } else { " " });
        }
        out
    }
}

fn label_wanted(trace: &Trace, tree: &Tree, line: &Line) -> usize {
    match line {
        Line::Span { place, guides } => {
            let span = &trace.spans[*place];
            let mark = if span.is_error { 2 } else { 0 };
            let note = if tree.is_orphan[*place] { ORPHAN.len() } else { 0 };
            2 * guides.depth + mark + note + text::columns(&span.service) + 1 + text::columns(&span.name)
        }
        Line::Fold { folded, guides } => {
            let sample = &trace.spans[folded.sample];
            let names = text::columns(&sample.service) + 1 + text::columns(&sample.name);
            2 * guides.depth + fold_words(folded).len() + fold_errors(folded).len() + 1 + names
        }
    }
}

fn fold_words(folded: &Folded) -> String {
    let below = folded.spans - folded.siblings;
    if below == 0 {
        return format!("+ {} more", text::count(folded.siblings as u64));
    }
    format!("+ {} more with {} below", text::count(folded.siblings as u64), text::count(below as u64))
}

fn fold_errors(folded: &Folded) -> String {
    match folded.errors {
        0 => String::new(),
        errors => format!(" ({})", text::counted(errors as u64, "error")),
    }
}
