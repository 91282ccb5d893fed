//! Reads one mapping of the configuration into typed values.
//!
//! The same code either reads (over a [`Node`]) or describes (over an [`OptionTable`]). A value that
//! cannot be used is a problem and the default takes its place, so that reading goes on. Keys that
//! nobody asked for are reported when the block is dropped.

mod options;

pub use options::Whole;

use crate::suggest::advice;
use crate::{Entry, KeyPath, Node, OptionRow, OptionTable, Place, Problem, Problems, Severity, Value};

/// One mapping, while a component reads its options from it.
pub struct Block<'a> {
    source: Mode<'a>,
    known: Vec<String>,
    renamed: Vec<(String, String)>,
}

enum Mode<'a> {
    /// `node` is nothing for a section that is not written; `place` is then that of the parent.
    Read {
        node: Option<&'a Node>,
        place: Place,
        path: KeyPath,
        problems: &'a Problems,
    },
    Describe {
        table: &'a OptionTable,
        path: String,
    },
}

/// A word of the configuration that refers to something, with its place.
#[derive(Clone, Debug)]
pub struct Located {
    /// The word.
    pub text: String,
    /// Where it is written.
    pub place: Place,
    /// The keys that lead to it.
    pub path: KeyPath,
}

impl Located {
    /// An error at this word.
    pub fn error(&self, message: impl Into<String>) -> Problem {
        Problem::error(&self.place, &self.path, message)
    }
}

/// What the table of options says about one of them.
struct Row<'r> {
    kind: &'r str,
    default: String,
    allowed: String,
    doc: &'r str,
}

impl<'a> Block<'a> {
    /// Reads the mapping `node`; nothing at all counts as an empty one.
    pub fn of(node: &'a Node, problems: &'a Problems) -> Self {
        if !matches!(node.value, Value::Mapping(_) | Value::Null | Value::Invalid) {
            let message = format!("expected a mapping, found {}", node.kind());
            problems.add(Problem::error(&node.place, &node.path, message));
        }
        let (place, path) = (node.place.clone(), node.path.clone());
        Self::over(Mode::Read { node: Some(node), place, path, problems })
    }

    /// Records the options that the reading code asks for; every value is the default then.
    pub fn describe(table: &'a OptionTable) -> Self {
        Self::describing(table, String::new())
    }

    fn describing(table: &'a OptionTable, path: String) -> Self {
        Self::over(Mode::Describe { table, path })
    }

    fn over(source: Mode<'a>) -> Self {
        Self { source, known: Vec::new(), renamed: Vec::new() }
    }

    /// Whether options are only being described, so that checks between options can be left out.
    pub fn is_describing(&self) -> bool {
        matches!(self.source, Mode::Describe { .. })
    }

    /// Whether the key is written, with or without a value.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The mapping under `key`, if the key is written; without a value it is an empty mapping.
    pub fn block(&mut self, key: &str, doc: &str) -> Option<Block<'a>> {
        match self.nested(key, doc) {
            Nested::Written(node, problems) => Some(Block::of(node, problems)),
            Nested::Absent(_) => None,
            Nested::Described(block) => Some(block),
        }
    }

    /// The mapping under `key`, an empty one if the key is not written.
    pub fn section(&mut self, key: &str, doc: &str) -> Block<'a> {
        match self.nested(key, doc) {
            Nested::Written(node, problems) => Block::of(node, problems),
            Nested::Absent(block) => block,
            Nested::Described(block) => block,
        }
    }

    /// The mappings under `key`, each with its name, in the order of the file.
    pub fn blocks(&mut self, key: &str, doc: &str) -> Vec<(Located, Block<'a>)> {
        match self.nested(key, doc) {
            Nested::Written(node, problems) => {
                if matches!(node.value, Value::Scalar { .. } | Value::Sequence(_)) {
                    let message = format!("expected a mapping of names, found {}", node.kind());
                    problems.add(Problem::error(&node.place, &node.path, message));
                }
                let named = |entry: &'a Entry| {
                    let path = entry.value.path.clone();
                    let name = Located { text: entry.key.clone(), place: entry.place.clone(), path };
                    (name, Block::of(&entry.value, problems))
                };
                node.entries().iter().map(named).collect()
            }
            Nested::Absent(_) => Vec::new(),
            Nested::Described(block) => {
                let place = Place { file: "".into(), line: 0, column: 0 };
                let name = Located { text: "<name>".to_owned(), place, path: KeyPath::root() };
                vec![(name, block.sample("<name>"))]
            }
        }
    }

    /// The list of mappings under `key`.
    pub fn list_of_blocks(&mut self, key: &str, doc: &str) -> Vec<Block<'a>> {
        match self.nested(key, doc) {
            Nested::Written(Node { value: Value::Sequence(items), .. }, problems) => {
                items.iter().map(|item| Block::of(item, problems)).collect()
            }
            Nested::Written(node, problems) => {
                if !node.is_null() {
                    let message = format!("expected a list, found {}", node.kind());
                    problems.add(Problem::error(&node.place, &node.path, message));
                }
                Vec::new()
            }
            Nested::Absent(_) => Vec::new(),
            Nested::Described(block) => vec![block.sample("[]")],
        }
    }

    /// The value under `key` as it is written, for what no other method reads.
    pub fn node(&mut self, key: &str) -> Option<&'a Node> {
        self.known.push(key.to_owned());
        self.find(key)
    }

    /// Accepts a key of the Collector that means nothing here, and says why in the table.
    pub fn ignored(&mut self, key: &str, why: &str) {
        self.known.push(key.to_owned());
        let doc = format!("accepted and ignored: {why}");
        self.describe_row(
            key,
            Row { kind: "any", default: String::new(), allowed: String::new(), doc: &doc },
        );
    }

    /// Accepts every key, where what is wrong is said of the block as a whole.
    pub fn ignore_all(&mut self) {
        self.known.extend(self.entries().iter().map(|entry| entry.key.clone()));
    }

    /// Reads the old name of an option as the new one, with a warning; ask before reading the option.
    pub fn renamed(&mut self, old: &str, new: &str) {
        self.known.push(old.to_owned());
        let Mode::Read { problems, .. } = &self.source else { return };
        if let Some(entry) = self.entries().iter().find(|entry| entry.key == old) {
            let message = format!("\"{old}\" is now called \"{new}\"");
            problems.add(Problem::error(&entry.place, &entry.value.path, message).warning());
            self.renamed.push((old.to_owned(), new.to_owned()));
        }
    }

    /// Reports what is wrong with the value under `key`, or with its absence.
    pub fn problem(&self, key: &str, message: impl Into<String>, remedy: Option<String>) {
        self.report_at(Some(key), message.into(), remedy, Severity::Error);
    }

    /// Like [`problem`](Self::problem), but the configuration can still be used.
    pub fn warning(&self, key: &str, message: impl Into<String>, remedy: Option<String>) {
        self.report_at(Some(key), message.into(), remedy, Severity::Warning);
    }

    /// Reports what is wrong with the block as a whole.
    pub fn problem_here(&self, message: impl Into<String>, remedy: Option<String>) {
        self.report_at(None, message.into(), remedy, Severity::Error);
    }

    fn report_at(&self, key: Option<&str>, message: String, remedy: Option<String>, severity: Severity) {
        let Mode::Read { place, path, problems, .. } = &self.source else { return };
        let (place, path) = match key.map(|key| (key, self.find(key))) {
            Some((_, Some(value))) => (&value.place, value.path.clone()),
            Some((key, None)) => (place, path.key(key)),
            None => (place, path.clone()),
        };
        let problem = Problem { remedy, severity, ..Problem::error(place, &path, message) };
        problems.add(problem);
    }

    /// Reports a problem that stands elsewhere.
    pub fn report(&self, problem: Problem) {
        if let Mode::Read { problems, .. } = &self.source {
            problems.add(problem);
        }
    }

    /// Ends the reading: keys that nobody asked for are reported now.
    pub fn finish(self) {}

    fn entries(&self) -> &'a [Entry] {
        match &self.source {
            Mode::Read { node: Some(node), .. } => node.entries(),
            Mode::Read { node: None, .. } | Mode::Describe { .. } => &[],
        }
    }

    fn find(&self, key: &str) -> Option<&'a Node> {
        let under =
            |key: &str| self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        let old = || self.renamed.iter().find(|(_, new)| new == key).and_then(|(old, _)| under(old));
        under(key).or_else(old)
    }

    fn nested(&mut self, key: &str, doc: &str) -> Nested<'a> {
        self.known.push(key.to_owned());
        let row = Row { kind: "block", default: String::new(), allowed: String::new(), doc };
        self.describe_row(key, row);
        match &self.source {
            Mode::Describe { table, path } => Nested::Described(Block::describing(table, joined(path, key))),
            Mode::Read { place, path, problems, .. } => match self.find(key) {
                Some(node) => Nested::Written(node, problems),
                None => Nested::Absent(Block::over(Mode::Read {
                    node: None,
                    place: place.clone(),
                    path: path.key(key),
                    problems,
                })),
            },
        }
    }

    /// One element of a described map or list.
    fn sample(self, name: &str) -> Self {
        match &self.source {
            Mode::Describe { table, path } => Block::describing(table, joined(path, name)),
            Mode::Read { .. } => self,
        }
    }

    fn describe_row(&self, key: &str, row: Row<'_>) {
        if let Mode::Describe { table, path } = &self.source {
            table.push(OptionRow {
                path: joined(path, key),
                kind: row.kind.to_owned(),
                default: row.default,
                allowed: row.allowed,
                doc: row.doc.to_owned(),
            });
        }
    }
}

enum Nested<'a> {
    Written(&'a Node, &'a Problems),
    Absent(Block<'a>),
    Described(Block<'a>),
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        let Mode::Read { problems, .. } = &self.source else { return };
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        for entry in self.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let mut problem = Problem::error(&entry.place, &entry.value.path, "unknown key");
            problem.remedy = advice(&entry.key, &known);
            problems.add(problem);
        }
    }
}

fn joined(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}
