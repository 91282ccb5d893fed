//! The memory of a server over time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::server::Server;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Looks at a process's memory again and again.
pub(super) struct Memory {
    task: tokio::task::JoinHandle<()>,
    series: std::sync::Arc<std::sync::Mutex<Vec<(f64, f64)>>>,
}

impl Memory {
    pub(super) fn watch(server: &Server) -> Self {
        let status = PathBuf::from(format!("/proc/{}/status", server.id()));
        let series = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&series);
        let start = Instant::now();
        let task = tokio::spawn(async move {
            loop {
                let mib = crate::server::memory_mib(&status);
                seen.lock()
                    .expect("nothing panics while it is held")
                    .push((start.elapsed().as_secs_f64(), mib));
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { task, series }
    }

    pub(super) fn series(self) -> Vec<(f64, f64)> {
        self.task.abort();
        std::mem::take(&mut self.series.lock().expect("nothing panics while it is held"))
    }
}

pub(super) fn highest(series: &[(f64, f64)]) -> f64 {
    series.iter().map(|(_, mib)| *mib).fold(0.0, f64::max)
}
