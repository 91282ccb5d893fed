//! Replaces `${…}` in values, as the Collector does.
//!
//! `${env:NAME}`, `${NAME}`, `${env:NAME:-default}`, `${file:path}`, `${yaml:…}`; `$$` is one `$`.
//! A value that is wholly one `${…}` is read as YAML again, so that numbers and mappings work.
//! What comes from the environment is taken as it is, but for further `${…}` in it.
//! Bounded by the `EXPANSION…` limits; a value that breaks one is a problem and then invalid.

use crate::limits::{
    EXPANSION_BYTES_MAX, EXPANSION_BYTES_TOTAL_MAX, EXPANSION_DEPTH_MAX, EXPANSIONS_PER_VALUE_MAX,
};
use crate::{KeyPath, Node, Problem, Problems, Value, parse};

/// What the configuration may ask of the world around it.
pub struct Surroundings<'a> {
    /// The value of an environment variable, if it is set.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The text of a file, or why it cannot be read.
    pub file: &'a dyn Fn(&str) -> Result<String, String>,
}

/// Expands every value below `root`.
pub(crate) fn expand(root: &mut Node, surroundings: &Surroundings<'_>, problems: &Problems) {
    let mut expander = Expander { surroundings, problems, bytes_left: EXPANSION_BYTES_TOTAL_MAX };
    expander.node(root, &KeyPath::root(), 0);
}

struct Expander<'a> {
    surroundings: &'a Surroundings<'a>,
    problems: &'a Problems,
    bytes_left: usize,
}

/// Why a value cannot be expanded, and what to do.
struct Refusal {
    message: String,
    remedy: Option<&'static str>,
}

/// What one value has used up so far.
struct Spent {
    expansions: usize,
    bytes: usize,
}

/// Text that came from somewhere, and whether `$$` is an escape in it.
struct Retrieved {
    text: String,
    from_env: bool,
    file: Option<String>,
}

impl Expander<'_> {
    fn node(&mut self, node: &mut Node, path: &KeyPath, depth: usize) {
        match &mut node.value {
            Value::Sequence(items) => {
                for (position, item) in items.iter_mut().enumerate() {
                    self.node(item, &path.element(position), depth);
                }
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    self.node(&mut entry.value, &path.key(&entry.key), depth);
                }
            }
            Value::Scalar { text, .. } if text.contains('$') => {
                let text = std::mem::take(text);
                if let Err(refusal) = self.value(node, &text, path, depth) {
                    let mut problem = Problem::error(&node.place, path, refusal.message);
                    problem.remedy = refusal.remedy.map(str::to_owned);
                    self.problems.add(problem);
                    node.value = Value::Invalid;
                }
            }
            Value::Null | Value::Scalar { .. } | Value::Invalid => {}
        }
    }

    fn value(&mut self, node: &mut Node, text: &str, path: &KeyPath, depth: usize) -> Result<(), Refusal> {
        let mut spent = Spent { expansions: 0, bytes: 0 };
        let whole =
            text.strip_prefix("${").filter(|rest| end_of(rest).is_some_and(|end| end + 1 == rest.len()));
        let Some(rest) = whole else {
            let expanded = self.text(text, true, depth, &mut spent)?;
            node.value = Value::Scalar { text: expanded, quoted: true };
            return Ok(());
        };
        let retrieved = self.retrieve(&rest[..rest.len() - 1], depth, &mut spent)?;
        self.reread(node, retrieved, path, depth)
    }

    /// Reads the text that a whole value stands for as YAML; what is not YAML is text.
    fn reread(
        &mut self,
        node: &mut Node,
        retrieved: Retrieved,
        path: &KeyPath,
        depth: usize,
    ) -> Result<(), Refusal> {
        let name = retrieved.file.as_deref().unwrap_or(&node.place.file);
        let mut inner = match parse(&retrieved.text, name) {
            Ok(inner) => inner,
            Err(_) => {
                let value = Value::Scalar { text: retrieved.text.clone(), quoted: true };
                Node::new(node.place.clone(), value)
            }
        };
        if retrieved.file.is_none() || inner.text().is_some() {
            inner.move_to(&node.place);
        }
        if matches!(inner.value, Value::Mapping(_) | Value::Sequence(_)) {
            if depth >= EXPANSION_DEPTH_MAX {
                return Err(too_deep());
            }
            self.node(&mut inner, path, depth + 1);
            inner.expanded = Some(match retrieved.from_env {
                true => {
                    self.text(&retrieved.text, false, depth + 1, &mut Spent { expansions: 0, bytes: 0 })?
                }
                false => retrieved.text,
            });
        } else {
            let mut spent = Spent { expansions: 0, bytes: 0 };
            if let Value::Scalar { text, .. } = &mut inner.value {
                *text = self.text(text, !retrieved.from_env, depth + 1, &mut spent)?;
            }
            let text = self.text(&retrieved.text, !retrieved.from_env, depth + 1, &mut spent)?;
            inner.expanded = (!inner.is_null()).then_some(text);
        }
        *node = inner;
        Ok(())
    }

    /// Expands text that is not wholly one `${…}`.
    fn text(
        &mut self,
        text: &str,
        escapes: bool,
        depth: usize,
        spent: &mut Spent,
    ) -> Result<String, Refusal> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            if escapes && after.starts_with('$') {
                out.push('$');
                rest = &after[1..];
                continue;
            }
            match after.strip_prefix('{').and_then(|inner| Some((inner, end_of(inner)?))) {
                Some((inner, end)) => {
                    let retrieved = self.retrieve(&inner[..end], depth, spent)?;
                    let text = self.text(&retrieved.text, !retrieved.from_env, depth + 1, spent)?;
                    out.push_str(&text);
                    rest = &inner[end + 1..];
                }
                None => {
                    out.push('$');
                    rest = after;
                }
            }
            if out.len() > EXPANSION_BYTES_MAX {
                return Err(too_long());
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Fetches what stands between the braces.
    fn retrieve(&mut self, inside: &str, depth: usize, spent: &mut Spent) -> Result<Retrieved, Refusal> {
        if depth >= EXPANSION_DEPTH_MAX {
            return Err(too_deep());
        }
        spent.expansions += 1;
        if spent.expansions > EXPANSIONS_PER_VALUE_MAX {
            let message = format!("more than {EXPANSIONS_PER_VALUE_MAX} \"${{…}}\" in one value");
            return Err(Refusal { message, remedy: None });
        }
        let inside = self.text(inside, true, depth + 1, spent)?;
        let retrieved = self.fetch(&inside)?;
        spent.bytes += retrieved.text.len();
        if spent.bytes > EXPANSION_BYTES_MAX {
            return Err(too_long());
        }
        self.bytes_left = self.bytes_left.checked_sub(retrieved.text.len()).ok_or_else(too_long)?;
        Ok(retrieved)
    }

    fn fetch(&self, inside: &str) -> Result<Retrieved, Refusal> {
        match inside.split_once(':') {
            Some(("file", path)) => self.read(path),
            Some(("yaml", text)) => Ok(Retrieved { text: text.to_owned(), from_env: false, file: None }),
            Some(("env", variable)) => self.variable(variable),
            Some((_, rest)) if !rest.starts_with('-') => Err(unknown_source(inside)),
            _ => self.variable(inside),
        }
    }

    /// A file's text without the line end that editors add.
    fn read(&self, path: &str) -> Result<Retrieved, Refusal> {
        let mut text = (self.surroundings.file)(path).map_err(|why| Refusal {
            message: format!("cannot read the file {path}: {why}"),
            remedy: None,
        })?;
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(Retrieved { text, from_env: false, file: Some(path.to_owned()) })
    }

    fn variable(&self, inside: &str) -> Result<Retrieved, Refusal> {
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_variable(name) {
            return Err(Refusal {
                message: format!("\"{name}\" is no name of an environment variable"),
                remedy: Some("write \"$$\" for a plain dollar sign"),
            });
        }
        match ((self.surroundings.env)(name), default) {
            (Some(text), _) => Ok(Retrieved { text, from_env: true, file: None }),
            (None, Some(default)) => Ok(Retrieved { text: default.to_owned(), from_env: true, file: None }),
            (None, None) => Err(Refusal {
                message: format!("the environment variable {name} is not set"),
                remedy: Some("set it, or give a default as in ${env:NAME:-default}"),
            }),
        }
    }
}

/// Where the brace closes that was opened just before `text`.
fn end_of(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 1;
    for (position, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if position > 0 && bytes[position - 1] == b'$' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(position);
        }
    }
    None
}

fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn unknown_source(inside: &str) -> Refusal {
    let scheme = inside.split(':').next().unwrap_or(inside);
    Refusal {
        message: format!("\"{scheme}\" is no source that values can come from"),
        remedy: Some("use env, file or yaml, as in ${env:NAME}; write \"$$\" for a plain dollar sign"),
    }
}

fn too_deep() -> Refusal {
    Refusal {
        message: format!("\"${{…}}\" inside each other more than {EXPANSION_DEPTH_MAX} times"),
        remedy: None,
    }
}

fn too_long() -> Refusal {
    let message = format!(
        "expands to too much: {EXPANSION_BYTES_MAX} bytes for one value, {EXPANSION_BYTES_TOTAL_MAX} in all"
    );
    Refusal { message, remedy: None }
}
