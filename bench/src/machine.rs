//! Where figures were measured: date, commit, processor, kernel, compiler.

use std::path::Path;
use std::process::Command;

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let changed = !said("git", &["status", "--porcelain", "--", "crates"]).is_empty();
        let commit = said("git", &["rev-parse", "--short=12", "HEAD"]);
        Self {
            date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            commit: if changed { format!("{commit} with changes") } else { commit },
            cpu: line("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory: line("/proc/meminfo", "MemTotal"),
            kernel: said("uname", &["-sr"]),
            rustc: said("rustc", &["--version"]),
            load: std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned(),
        }
    }
}

/// When a file was changed, for people.
pub(crate) fn changed(file: &Path) -> String {
    said("date", &["-u", "-r", &file.to_string_lossy(), "+%Y-%m-%d %H:%M UTC"])
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn line(file: &str, key: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let found = text.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once(':'));
    found.map_or("unknown", |(_, value)| value.trim()).to_owned()
}
