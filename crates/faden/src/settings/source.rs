//! Which files are read, and how the command line changes them.

use config::{Node, Problem, Problems, Surroundings};

/// The configuration that runs when no file is given.
pub const BUILT_IN: &str = include_str!("default.yaml");

/// What the built-in configuration is called in problems.
const BUILT_IN_NAME: &str = "(built-in)";

/// The part of the command line that makes a configuration.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Source {
    /// A configuration file, in the Collector's YAML; several are merged in order
    #[arg(long, short, value_name = "FILE")]
    pub config: Vec<String>,
    /// Where the store keeps its data, instead of store.path
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Changes one option, such as store.retention.time=30d (or receivers::otlp/edge::…)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Source {
    /// Reads and merges everything; nothing if a file cannot be read or parsed.
    pub fn read(&self, problems: &Problems) -> Option<Node> {
        let mut texts = Vec::new();
        for path in &self.config {
            match std::fs::read_to_string(path) {
                Ok(text) => texts.push(config::Source { name: path.clone(), text }),
                Err(cause) => problems.add(Problem::general(format!("cannot read {path}: {cause}"))),
            }
        }
        if self.config.is_empty() {
            texts.push(config::Source { name: BUILT_IN_NAME.to_owned(), text: BUILT_IN.to_owned() });
        }
        if let Some(path) = &self.data {
            texts.push(option("--data", &["store", "path"], &quoted(path)));
        }
        for set in &self.set {
            match assignment(set) {
                Some((keys, value)) => texts.push(option(&format!("--set {set}"), &keys, value)),
                None => problems.add(
                    Problem::general(format!("--set {set}: there is no `=`"))
                        .remedy("write it as --set store.path=/var/lib/faden"),
                ),
            }
        }
        if problems.has_errors() {
            return None;
        }
        config::load(&texts, &Surroundings { env: &variable, file: &file }, problems)
    }

    /// What a configuration of this command line is called: the files, or the built-in one.
    pub fn names(&self) -> String {
        if self.config.is_empty() { "the built-in configuration".to_owned() } else { self.config.join(", ") }
    }
}

/// One option as a file of its own, which is merged last.
fn option(name: &str, keys: &[&str], value: &str) -> config::Source {
    let opened: String = keys.iter().map(|key| format!("{{ {}: ", quoted(key))).collect();
    let closed = " }".repeat(keys.len());
    config::Source { name: name.to_owned(), text: format!("{opened}{value}{closed}\n") }
}

/// `a::b=c` or, where no `::` stands, `a.b=c`.
fn assignment(text: &str) -> Option<(Vec<&str>, &str)> {
    let (path, value) = text.split_once('=')?;
    let separator = if path.contains("::") { "::" } else { "." };
    let keys: Vec<&str> = path.split(separator).map(str::trim).collect();
    (!keys.iter().any(|key| key.is_empty())).then_some((keys, if value.is_empty() { "\"\"" } else { value }))
}

/// Text as a YAML scalar that holds nothing but this text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[expect(clippy::disallowed_methods, reason = "this is where `${env:…}` of the configuration comes from")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn file(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &Source, path: &[&str], value: &str) {
        let problems = Problems::new();
        let root = source.read(&problems).unwrap_or_else(|| panic!("{problems}"));
        let mut node = &root;
        for key in path {
            node = &node.entries().iter().find(|entry| entry.key == *key).expect("the key is there").value;
        }
        assert_eq!(node.text(), Some(value));
    }

    #[test]
    fn the_command_line_wins_over_files() {
        let source = Source {
            data: Some("/var/lib/a \"b\": c".into()),
            set: vec![
                "store.retention.time=30d".into(),
                "receivers::otlp::protocols::grpc::endpoint=x:1".into(),
            ],
            ..Source::default()
        };
        check(&source, &["store", "path"], "/var/lib/a \"b\": c");
        check(&source, &["store", "retention", "time"], "30d");
        check(&source, &["receivers", "otlp", "protocols", "grpc", "endpoint"], "x:1");
        check(&source, &["serve", "http"], "127.0.0.1:16686");
    }

    #[test]
    fn what_cannot_be_read_is_reported() {
        for source in [
            Source { config: vec!["/nowhere/x.yaml".into()], ..Source::default() },
            Source { set: vec!["store.path".into()], ..Source::default() },
        ] {
            let problems = Problems::new();
            assert!(source.read(&problems).is_none());
            assert_eq!(problems.sorted().len(), 1, "{problems}");
        }
    }
}
