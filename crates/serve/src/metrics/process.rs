//! What the process takes, read when somebody looks, under the Collector's names.

use std::sync::Mutex;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Error, Gauge};

use crate::health::Health;

/// The kernel counts CPU time for `/proc` in hundredths of a second on every architecture that Linux has today.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) struct Process {
    health: Health,
    live_bytes: fn() -> u64,
    metrics: Mutex<Metrics>,
    descriptions: Vec<Desc>,
}

struct Metrics {
    uptime: Counter,
    cpu: Counter,
    rss: Gauge,
    heap: Gauge,
    files: Gauge,
}

/// What `/proc` says; absent where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) rss_bytes: Option<f64>,
    pub(super) open_files: Option<f64>,
}

impl Process {
    pub(super) fn new(health: Health, live_bytes: fn() -> u64) -> Result<Self, Error> {
        let metrics = Metrics {
            uptime: Counter::new("otelcol_process_uptime", "Uptime of the process in seconds")?,
            cpu: Counter::new("otelcol_process_cpu_seconds", "CPU time of the process, user and system")?,
            rss: Gauge::new("otelcol_process_memory_rss", "Resident memory of the process in bytes")?,
            heap: Gauge::new("otelcol_process_runtime_heap_alloc_bytes", "Bytes allocated and not freed")?,
            files: Gauge::new("process_open_fds", "Open file descriptors")?,
        };
        let descriptions = metrics.all().into_iter().flat_map(Collector::desc).cloned().collect();
        Ok(Self { health, live_bytes, metrics: Mutex::new(metrics), descriptions })
    }
}

impl Metrics {
    fn all(&self) -> [&dyn Collector; 5] {
        [&self.uptime, &self.cpu, &self.rss, &self.heap, &self.files]
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let usage = usage();
        let metrics = self.metrics.lock().expect("no holder of this lock panics");
        set(&metrics.uptime, self.health.uptime() as f64 / 1e9);
        set(&metrics.cpu, usage.cpu_seconds.unwrap_or(0.0));
        metrics.rss.set(usage.rss_bytes.unwrap_or(0.0));
        metrics.heap.set((self.live_bytes)() as f64);
        metrics.files.set(usage.open_files.unwrap_or(0.0));
        metrics.all().into_iter().flat_map(Collector::collect).collect()
    }
}

fn set(counter: &Counter, value: f64) {
    counter.reset();
    counter.inc_by(value);
}

pub(super) fn usage() -> Usage {
    let read = |path| std::fs::read_to_string(path).ok();
    Usage {
        cpu_seconds: read("/proc/self/stat").and_then(|stat| cpu_seconds(&stat)),
        rss_bytes: read("/proc/self/status").and_then(|status| rss_bytes(&status)),
        open_files: std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64),
    }
}

/// Fields 14 and 15; the second field is the name in parentheses, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

fn rss_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::{cpu_seconds, rss_bytes};

    #[test]
    fn the_kernels_lines_are_read_whatever_the_process_is_called() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1000 200";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(rss_bytes("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), Some(2_097_152.0));
        assert_eq!((cpu_seconds(""), rss_bytes("VmRSS: many")), (None, None));
    }
}
