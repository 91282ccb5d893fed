//! Faden as a child process, and what the kernel says it used.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::Setting;
use crate::web::Web;

/// How long a start or an orderly stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server looks every few seconds whether something is due.
const QUIET: Duration = Duration::from_secs(12);

/// How long merging may go on after the last span.
const MERGED_MAX: Duration = Duration::from_secs(1800);

/// What the server is to do with spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Route them to an exporter that throws them away.
    Nothing,
    /// Store them in this folder.
    Everything,
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// The file of what it says.
    log: PathBuf,
    pub(crate) otlp: String,
    pub(crate) web: Web,
    tempo: Web,
    metrics: Web,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// Bytes that it caused to be written to disks.
    pub(crate) written: u64,
    /// Bytes that it read, from files and sockets.
    pub(crate) read: u64,
}

impl Server {
    /// Starts the binary on free ports with data in `data`, and waits until it is ready.
    pub(crate) async fn start(setting: &Setting, keeps: Keeps, data: &Path) -> anyhow::Result<Self> {
        let [otlp, web, tempo, metrics, health] = free_ports()?;
        std::fs::create_dir_all(data)?;
        let file = data.with_extension("yaml");
        std::fs::write(&file, configuration(keeps, data, [otlp, web, tempo, metrics, health]))?;
        let binary = binary(setting)?;
        let said = data.with_extension("log");
        let log = std::fs::File::create(&said)?;
        let child = Command::new(&binary)
            .args(["serve", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let address = |port| format!("http://127.0.0.1:{port}");
        let mut server = Self {
            child,
            log: said,
            otlp: address(otlp),
            web: Web::new(&address(web))?,
            tempo: Web::new(&address(tempo))?,
            metrics: Web::new(&address(metrics))?,
        };
        server.ready(&Web::new(&address(health))?).await?;
        Ok(server)
    }

    async fn ready(&mut self, health: &Web) -> anyhow::Result<()> {
        let start = Instant::now();
        while !health.answers("/").await {
            if let Some(status) = self.child.try_wait()? {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                bail!("the server ended with {status}; its log:\n{log}");
            }
            ensure!(start.elapsed() < PATIENCE, "the server was not ready after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// What it has used since it started.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let stat = std::fs::read_to_string(self.proc("stat")).context("read the server's CPU time")?;
        let io = std::fs::read_to_string(self.proc("io")).unwrap_or_default();
        let counted = |name: &str| {
            io.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
        };
        let cpu = cpu(&stat).context("the kernel's stat line")?;
        Ok(Usage { cpu, written: counted("write_bytes:"), read: counted("rchar:") })
    }

    /// Asks by a path of Faden's and Jaeger's API, or with `tempo:` before it of Tempo's.
    pub(crate) async fn asked(&self, path: &str) -> anyhow::Result<bytes::Bytes> {
        match path.strip_prefix("tempo:") {
            Some(path) => self.tempo.get(path).await,
            None => self.web.get(path).await,
        }
    }

    /// Waits until nothing is due to be merged any more.
    pub(crate) async fn settled(&self) -> anyhow::Result<()> {
        let (start, mut quiet) = (Instant::now(), Instant::now());
        while quiet.elapsed() < QUIET {
            ensure!(start.elapsed() < MERGED_MAX, "blocks were still being merged after {MERGED_MAX:?}");
            if self.counted("faden_compaction_waiting_blocks").await? > 0.0 {
                quiet = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// The sum of one of its own counters over all labels.
    pub(crate) async fn counted(&self, metric: &str) -> anyhow::Result<f64> {
        let page = self.metrics.get("/metrics").await?;
        Ok(sum(&String::from_utf8_lossy(&page), metric))
    }

    /// CPU time of its threads, by name without a number at the end.
    pub(crate) fn threads(&self) -> BTreeMap<String, Duration> {
        let mut threads = BTreeMap::new();
        for entry in std::fs::read_dir(self.proc("task")).into_iter().flatten().flatten() {
            let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let name = name.trim().trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
            *threads.entry(name.to_owned()).or_default() += cpu(&stat).unwrap_or_default();
        }
        threads
    }

    /// Resident memory in MiB.
    pub(crate) fn memory_mib(&self) -> f64 {
        memory_mib(&self.proc("status"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to finish what it has and end, and waits.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .context("a process id")?;
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                let log = std::fs::read_to_string(&self.log)?;
                ensure!(!log.contains(" panicked at "), "a part of the server failed; its log:\n{log}");
                return Ok(());
            }
            ensure!(start.elapsed() < PATIENCE, "the server had not ended {PATIENCE:?} after SIGTERM");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, or the run has failed: in both cases nothing is left to be told.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory in MiB, by a process's `status` file; 0 where the process is gone.
pub(crate) fn memory_mib(status: &Path) -> f64 {
    let status = std::fs::read_to_string(status).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The sum of a metric's samples on a Prometheus page.
fn sum(page: &str, metric: &str) -> f64 {
    let samples = page.lines().filter_map(|line| line.strip_prefix(metric));
    let samples = samples.filter(|rest| rest.starts_with(['{', ' ']));
    samples.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// User and system time of a `stat` line; the name in it may hold spaces and brackets.
fn cpu(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Where the server's program is.
pub(crate) fn binary(setting: &Setting) -> anyhow::Result<PathBuf> {
    let path = match &setting.faden {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("faden"),
    };
    ensure!(
        path.exists(),
        "there is no {}; run `cargo build --release -p faden`, or say --faden",
        path.display()
    );
    Ok(path)
}

fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let listeners: Vec<TcpListener> =
        (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// The corpus lies in the past, so the retention is ten years.
fn configuration(keeps: Keeps, data: &Path, [otlp, web, tempo, metrics, health]: [u16; 5]) -> String {
    let (exporter, store) = match keeps {
        Keeps::Nothing => ("nop", String::new()),
        Keeps::Everything => {
            ("store", format!("store: {{ path: \"{}\", retention: {{ time: 87600h }} }}", data.display()))
        }
    };
    format!(
        "receivers: {{ otlp: {{ protocols: {{ grpc: {{ endpoint: '127.0.0.1:{otlp}' }} }} }} }}
exporters: {{ {exporter}: }}
extensions: {{ health_check: {{ endpoint: '127.0.0.1:{health}' }} }}
serve: {{ http: '127.0.0.1:{web}', tempo: '127.0.0.1:{tempo}', zipkin: '', grpc: '', storage: '' }}
{store}
service:
  extensions: [health_check]
  telemetry: {{ logs: {{ level: warn }}, metrics: {{ address: '127.0.0.1:{metrics}' }} }}
  pipelines: {{ traces: {{ receivers: [otlp], exporters: [{exporter}] }} }}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let line = "42 (a b) c) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 100 1 1";
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(cpu(line), Some(Duration::from_secs_f64(200.0 / ticks)));
        assert_eq!(cpu("nothing"), None);
    }

    #[test]
    fn samples_of_one_metric_are_summed() {
        let page = "# HELP a of b\na{x=\"1 2\"} 3\na{x=\"2\"} 4\na_total 9\n";
        assert_eq!([sum(page, "a"), sum(page, "a_total"), sum(page, "b")], [7.0, 9.0, 0.0]);
    }
}
