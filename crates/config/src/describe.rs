//! What options there are: recorded by the same code that reads them.

use std::cell::RefCell;
use std::fmt::Write as _;

/// One option of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionRow {
    /// The keys that lead to it inside the component, joined by dots.
    pub path: String,
    /// What kind of value it takes.
    pub kind: String,
    /// What holds if it is not given; empty if nothing does.
    pub default: String,
    /// The values that are allowed, if they can be listed.
    pub allowed: String,
    /// What it is for, in one sentence.
    pub doc: String,
}

/// Collects the options while a component's reading code runs over a describing block.
#[derive(Debug, Default)]
pub struct OptionTable(RefCell<Vec<OptionRow>>);

impl OptionTable {
    /// Nothing recorded yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The options in the order in which the code asks for them.
    pub fn into_rows(self) -> Vec<OptionRow> {
        self.0.into_inner()
    }

    /// Records one; a key that is asked for twice keeps its first row.
    pub(crate) fn push(&self, row: OptionRow) {
        let mut rows = self.0.borrow_mut();
        if rows.iter().all(|known| known.path != row.path) {
            rows.push(row);
        }
    }
}

/// The options as a Markdown table.
pub fn markdown(rows: &[OptionRow]) -> String {
    let mut text = String::from("| option | type | default | meaning |\n|---|---|---|---|\n");
    for row in rows {
        let default = if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) };
        let cells = [format!("`{}`", row.path), row.kind.clone(), default, meaning(row)];
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// The options as aligned text for a terminal.
pub fn plain(rows: &[OptionRow]) -> String {
    let width =
        |cell: fn(&OptionRow) -> &str| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0);
    let (path, kind, default) = (width(|r| &r.path), width(|r| &r.kind), width(|r| &r.default).min(28));
    let mut text = String::new();
    for row in rows {
        let line =
            format!("{:path$}  {:kind$}  {:default$}  {}", row.path, row.kind, row.default, meaning(row),);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn meaning(row: &OptionRow) -> String {
    match row.allowed.as_str() {
        "" => row.doc.clone(),
        allowed => format!("{} ({allowed})", row.doc),
    }
}
