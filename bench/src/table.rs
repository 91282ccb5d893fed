//! The tables of the README, made from the records in `bench/results/`.

mod answers;
mod figures;
mod peers;

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A table's name, and what makes it from a folder of records.
type Table = (&'static str, fn(&Path) -> anyhow::Result<String>);

const TABLES: [Table; 3] =
    [("figures", figures::table), ("answers", answers::table), ("peers", peers::table)];

const END: &str = "<!-- end -->";

/// Puts the tables into the README; answers whether anything changed.
pub(crate) fn write(readme: &Path, results: &Path) -> anyhow::Result<bool> {
    let text = std::fs::read_to_string(readme).with_context(|| format!("read {}", readme.display()))?;
    let with = replaced(&text, results)?;
    if with == text {
        return Ok(false);
    }
    std::fs::write(readme, with)?;
    Ok(true)
}

fn replaced(readme: &str, results: &Path) -> anyhow::Result<String> {
    let mut readme = readme.to_owned();
    for (name, table) in TABLES {
        let begin = format!("<!-- {name}: made by `cargo run -p bench -- table` from bench/results/ -->");
        let (before, rest) =
            readme.split_once(&begin).with_context(|| format!("the README lacks the line `{begin}`"))?;
        let (_, after) = rest
            .split_once(END)
            .with_context(|| format!("the README lacks the line `{END}` after `{begin}`"))?;
        readme = format!("{before}{begin}\n{}{END}{after}", table(results)?);
    }
    Ok(readme)
}

/// The record of a scenario.
fn read<T: DeserializeOwned>(results: &Path, scenario: &str) -> anyhow::Result<T> {
    let path = results.join(scenario).with_extension("json");
    let text = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} was written by another version", path.display()))
}

/// What a record tells.
#[derive(Deserialize)]
struct Recorded {
    scenario: String,
    parameters: Vec<(String, String)>,
    figures: Vec<RecordedFigure>,
}

#[derive(Deserialize)]
struct RecordedFigure {
    name: String,
    value: f64,
}

impl Recorded {
    fn read(results: &Path, scenario: &str) -> anyhow::Result<Self> {
        read(results, scenario)
    }

    fn figure(&self, name: &str) -> anyhow::Result<f64> {
        let found = self.figures.iter().find(|figure| figure.name == name);
        Ok(found.with_context(|| format!("the record of {} lacks `{name}`", self.scenario))?.value)
    }

    fn parameter(&self, name: &str) -> anyhow::Result<&str> {
        let found = self.parameters.iter().find(|(other, _)| other == name);
        Ok(&found.with_context(|| format!("the record of {} lacks `{name}`", self.scenario))?.1)
    }
}

/// Two digits that matter, as many as a comparison needs.
fn number(value: f64) -> String {
    let digits = if value < 1.0 { 2 } else { usize::from(value < 20.0) };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_says_what_was_recorded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let readme = std::fs::read_to_string(root.join("README.md")).expect("the README is there");
        let with =
            replaced(&readme, &root.join("bench/results")).expect("there are records and a place for them");
        assert!(with == readme, "run `cargo run -p bench -- table`");
    }

    #[test]
    fn numbers_have_the_digits_that_matter() {
        assert_eq!([0.123, 4.56, 123.4].map(number), ["0.12", "4.6", "123"]);
    }
}
