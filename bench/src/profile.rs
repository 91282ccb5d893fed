//! Where a server's time goes, by the kernel's `perf`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

/// Functions with less than this share of the samples, in per cent, are left out.
const PERCENT_MIN: &str = "0.5";

/// Samples one process until it is finished.
pub(crate) struct Profile {
    recorder: Child,
    samples: PathBuf,
}

impl Profile {
    /// Begins, where `perf` is installed.
    pub(crate) fn start(process: u32, folder: &Path) -> anyhow::Result<Self> {
        let samples = folder.with_extension("perf");
        let recorder = Command::new("perf")
            .args(["record", "--quiet", "-F", "997", "-p", &process.to_string(), "-o"])
            .arg(&samples)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start perf (Debian: linux-perf)")?;
        Ok(Self { recorder, samples })
    }

    /// Ends, and writes the functions with the most samples into `file`.
    pub(crate) fn finish(mut self, file: &Path) -> anyhow::Result<()> {
        let id = i32::try_from(self.recorder.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(id.context("a process id")?, rustix::process::Signal::INT)?;
        self.recorder.wait()?;
        let report = Command::new("perf")
            .args([
                "report",
                "--stdio",
                "--no-children",
                "--sort",
                "dso,symbol",
                "--percent-limit",
                PERCENT_MIN,
                "-i",
            ])
            .arg(&self.samples)
            .output()?;
        ensure!(report.status.success(), "perf report: {}", String::from_utf8_lossy(&report.stderr));
        let lines = String::from_utf8_lossy(&report.stdout);
        let rows = lines.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let text: String = rows.flat_map(|row| [row, "\n"]).collect();
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
    }
}
