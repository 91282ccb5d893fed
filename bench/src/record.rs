//! What a run leaves behind: `<scenario>.json` for programs and `<scenario>.md` for people.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::figure::Figure;
use crate::machine::Machine;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) scenario: &'static str,
    pub(crate) machine: Machine,
    /// What was asked for.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) figures: Vec<Figure>,
    /// What a reader must know in order not to be misled.
    pub(crate) remarks: Vec<String>,
    /// Named series over time, as (seconds, value).
    pub(crate) series: Vec<(String, Vec<(f64, f64)>)>,
}

impl Record {
    pub(crate) fn new(scenario: &'static str) -> Self {
        Self {
            scenario,
            machine: Machine::here(),
            parameters: Vec::new(),
            figures: Vec::new(),
            remarks: Vec::new(),
            series: Vec::new(),
        }
    }

    pub(crate) fn parameter(&mut self, name: &str, value: impl ToString) {
        self.parameters.push((name.to_owned(), value.to_string()));
    }

    pub(crate) fn remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    pub(crate) fn markdown(&self) -> String {
        let machine = &self.machine;
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let width = self.figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        let rows: String = self
            .figures
            .iter()
            .map(|figure| format!("| {:width$} | {:>12} | {} |\n", figure.name, figure.shown(), figure.unit))
            .collect();
        let remarks: String = self.remarks.iter().map(|remark| format!("- {remark}\n")).collect();
        format!(
            "# {}\n\n{}, commit {}. {} × {} cores, {}, {}, {}; load {}.\n\n{}.\n\n| {:width$} | {:>12} | unit |\n|-{}-|-{}:|------|\n{rows}\n{remarks}",
            self.scenario,
            machine.date,
            machine.commit,
            machine.cpu,
            machine.cores,
            machine.memory,
            machine.kernel,
            machine.rustc,
            machine.load,
            parameters.join(", "),
            "figure",
            "value",
            "-".repeat(width),
            "-".repeat(12),
        )
    }

    /// Writes both files and says where.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<String> {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let stem = folder.join(self.scenario);
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        std::fs::write(stem.with_extension("json"), json)?;
        std::fs::write(stem.with_extension("md"), self.markdown())?;
        Ok(format!("{0}.json and {0}.md", stem.display()))
    }
}
