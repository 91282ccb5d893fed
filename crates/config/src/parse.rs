//! Builds the tree from the events of the YAML parser.
//!
//! Nothing recurses while reading; aliases are copied and counted, so that a small file cannot
//! become a large tree. Duplicate keys, several documents and tags of other languages are problems.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::limits::{DEPTH_MAX, FILE_BYTES_MAX, KEY_BYTES_MAX, NODES_MAX, TEXT_BYTES_MAX};
use crate::{Entry, KeyPath, Node, Place, Problem, Problems, Value};

/// Reads one text, or says everything that is wrong with it. Any text is allowed; it never panics.
pub fn parse(text: &str, name: &str) -> Result<Node, Problems> {
    let problems = Problems::new();
    match read(text, name, &problems) {
        Some(mut root) if !problems.has_errors() => {
            root.locate(&KeyPath::root());
            Ok(root)
        }
        _ => Err(problems),
    }
}

/// Like [`parse`], but goes on after problems that leave a tree.
pub(crate) fn read(text: &str, name: &str, problems: &Problems) -> Option<Node> {
    let file: Arc<str> = Arc::from(name);
    let start = Place { file: Arc::clone(&file), line: 1, column: 1 };
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file is larger than {FILE_BYTES_MAX} bytes");
        problems.add(Problem::error(&start, &KeyPath::root(), message));
        return None;
    }
    let mut builder = Builder::new(file, problems);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, span.start)?,
            Err(error) => {
                builder.problem(*error.marker(), format!("not valid YAML: {}", error.info()));
                return None;
            }
        }
    }
    Some(builder.root.unwrap_or_else(|| Node::new(start, Value::Null)))
}

struct Builder<'a> {
    file: Arc<str>,
    problems: &'a Problems,
    open: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    bytes: usize,
    root: Option<Node>,
}

/// A list or mapping that has not ended yet.
struct Frame {
    place: Place,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping(Pairs),
}

#[derive(Default)]
struct Pairs {
    entries: Vec<Entry>,
    /// The line of each key, so that a large mapping does not cost its square.
    lines: HashMap<String, usize>,
    /// What `<<` brings in.
    merged: Vec<Node>,
    /// A key whose value has not come yet.
    key: Option<(String, Place)>,
}

impl<'a> Builder<'a> {
    fn new(file: Arc<str>, problems: &'a Problems) -> Self {
        Self { file, problems, open: Vec::new(), anchors: HashMap::new(), nodes: 0, bytes: 0, root: None }
    }

    /// Takes one event; nothing is returned if reading must end.
    fn take(&mut self, event: Event<'_>, at: Marker) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || self.is_text(tag.as_deref(), at);
                self.charge(1, text.len(), at)?;
                self.scalar(text.into_owned(), quoted, anchor, at)
            }
            Event::SequenceStart(anchor, tag) => {
                self.is_text(tag.as_deref(), at);
                self.begin(Inside::Sequence(Vec::new()), anchor, at)
            }
            Event::MappingStart(anchor, tag) => {
                self.is_text(tag.as_deref(), at);
                self.begin(Inside::Mapping(Pairs::default()), anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::DocumentStart(_) if self.root.is_some() => {
                self.problem(at, "a second document starts here");
                None
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Some(()),
        }
    }

    fn scalar(&mut self, text: String, quoted: bool, anchor: usize, at: Marker) -> Option<()> {
        if self.wants_key() {
            return self.key(text, at);
        }
        let value = match text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" if !quoted => Value::Null,
            _ => Value::Scalar { text, quoted },
        };
        let node = Node::new(self.place(at), value);
        self.complete(node, anchor, at)
    }

    fn begin(&mut self, inside: Inside, anchor: usize, at: Marker) -> Option<()> {
        self.charge(1, 0, at)?;
        if self.open.len() >= DEPTH_MAX {
            self.problem(at, format!("nested deeper than {DEPTH_MAX} levels"));
            return None;
        }
        self.open.push(Frame { place: self.place(at), anchor, inside });
        Some(())
    }

    fn end(&mut self, at: Marker) -> Option<()> {
        let frame = self.open.pop()?;
        let value = match frame.inside {
            Inside::Sequence(items) => Value::Sequence(items),
            Inside::Mapping(pairs) => Value::Mapping(self.fill_in(pairs)),
        };
        let node = Node::new(frame.place, value);
        if self.wants_key() {
            self.problem(at, "a list or mapping cannot be a key");
            return None;
        }
        self.complete(node, frame.anchor, at)
    }

    fn alias(&mut self, anchor: usize, at: Marker) -> Option<()> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            self.problem(at, "an alias refers to a value that contains it");
            return None;
        };
        let size = node.size();
        self.charge(size.nodes, size.bytes, at)?;
        if self.open.len() + size.depth > DEPTH_MAX {
            self.problem(at, format!("nested deeper than {DEPTH_MAX} levels"));
            return None;
        }
        match (self.wants_key(), node.text()) {
            (true, Some(text)) => self.key(text.to_owned(), at),
            (true, None) => {
                self.problem(at, "a list or mapping cannot be a key");
                None
            }
            (false, _) => self.complete(node, 0, at),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { inside: Inside::Mapping(Pairs { key: None, .. }), .. }))
    }

    fn key(&mut self, text: String, at: Marker) -> Option<()> {
        if text.len() > KEY_BYTES_MAX {
            self.problem(at, format!("a key is longer than {KEY_BYTES_MAX} bytes"));
            return None;
        }
        let place = self.place(at);
        if let Some(Frame { inside: Inside::Mapping(pairs), .. }) = self.open.last_mut() {
            pairs.key = Some((text, place));
        }
        Some(())
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize, at: Marker) -> Option<()> {
        if anchor != 0 {
            let size = node.size();
            self.charge(size.nodes, size.bytes, at)?;
            self.anchors.insert(anchor, node.clone());
        }
        let problems = self.problems;
        match self.open.last_mut().map(|frame| &mut frame.inside) {
            None => self.root = Some(node),
            Some(Inside::Sequence(items)) => items.push(node),
            Some(Inside::Mapping(pairs)) => {
                let (key, place) = pairs.key.take()?;
                if key == "<<" {
                    pairs.merged.push(node);
                } else if let Some(line) = pairs.lines.get(&key) {
                    let message = format!("the key \"{key}\" stands here twice");
                    let remedy = format!("it was first written in line {line}");
                    problems.add(Problem::error(&place, &KeyPath::root(), message).remedy(remedy));
                } else {
                    pairs.lines.insert(key.clone(), place.line);
                    pairs.entries.push(Entry { key, place, value: node });
                }
            }
        }
        Some(())
    }

    /// Adds what `<<` brings in and is not written beside it.
    fn fill_in(&self, pairs: Pairs) -> Vec<Entry> {
        let Pairs { mut entries, mut lines, merged, .. } = pairs;
        let sources = merged.into_iter().flat_map(|node| match node.value {
            Value::Sequence(items) => items,
            _ => vec![node],
        });
        for source in sources {
            let Value::Mapping(additions) = source.value else {
                let message = "\"<<\" takes a mapping or a list of mappings";
                self.problems.add(Problem::error(&source.place, &KeyPath::root(), message));
                continue;
            };
            for addition in additions {
                if !lines.contains_key(&addition.key) {
                    lines.insert(addition.key.clone(), addition.place.line);
                    entries.push(addition);
                }
            }
        }
        entries
    }

    /// Whether a tag says "text"; tags of other languages are a problem.
    fn is_text(&self, tag: Option<&Tag>, at: Marker) -> bool {
        match tag {
            Some(tag) if tag.is_yaml_core_schema() => tag.suffix == "str",
            Some(tag) => {
                self.problem(at, format!("the tag {tag} is not known"));
                false
            }
            None => false,
        }
    }

    fn charge(&mut self, nodes: usize, bytes: usize, at: Marker) -> Option<()> {
        self.nodes += nodes;
        self.bytes += bytes;
        if self.nodes > NODES_MAX {
            self.problem(at, format!("more than {NODES_MAX} values, aliases counted as often as used"));
            return None;
        }
        if self.bytes > TEXT_BYTES_MAX {
            self.problem(at, format!("more than {TEXT_BYTES_MAX} bytes, aliases counted as often as used"));
            return None;
        }
        Some(())
    }

    fn place(&self, at: Marker) -> Place {
        Place { file: Arc::clone(&self.file), line: at.line().max(1), column: at.col() + 1 }
    }

    fn problem(&self, at: Marker, message: impl Into<String>) {
        self.problems.add(Problem::error(&self.place(at), &KeyPath::root(), message));
    }
}
