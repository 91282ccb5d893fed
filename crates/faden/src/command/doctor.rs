//! `faden doctor`: looks at the server, its directory and the machine, and says what to mend.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use blocks::lock::DirectoryLock;
use clap::Args;
use serve::faden::{Port, Report};

use crate::api::Api;
use crate::exit::{Ended, Exit};
use crate::settings::{self, Source};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Fewer open files than this will not do for many clients.
const OPEN_FILES_MIN: u64 = 4_096;
/// The engine refuses spans below a twentieth of the disk; this is where to look closer.
const FREE_SHARE_MIN: f64 = 0.1;
/// Ports of the built-in configuration, with what is spoken there.
const PORTS: [(u16, &str); 5] =
    [(4317, "OTLP/gRPC"), (4318, "OTLP/HTTP"), (16686, "queries"), (3200, "Tempo's API"), (8888, "metrics")];
/// Where the query port of the built-in configuration is.
const HTTP_DEFAULT: &str = "127.0.0.1:16686";
/// How long a port may take to answer.
const PORT_WAIT_MAX: Duration = Duration::from_millis(500);
/// 2025-01-01: a clock before it is wrong.
const CLOCK_MIN_NS: u64 = 1_735_689_600_000_000_000;

/// Look for what is wrong: the server, its ports, its disk and limits, its last errors
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden doctor\n  faden doctor --config /etc/faden.yaml --url http://127.0.0.1:16686\n\nExit codes: 0 nothing is bad, 1 something is, 3 no server answers"
)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// The running server, if it listens elsewhere than the configuration says
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// What was found at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    grade: Grade,
    what: &'static str,
    words: String,
    remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Good,
    Note,
    Bad,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let paint = term::stdout_paint(color);
    let (settings, problems) = settings::load(&arguments.source);
    let mut findings = vec![configuration(&arguments.source, &problems)];
    let listens_at =
        settings.as_ref().and_then(|settings| settings.serve.as_ref()).map(|serve| serve.http.as_str());
    let url = arguments.url.clone().unwrap_or_else(|| url_of(listens_at.unwrap_or(HTTP_DEFAULT)));
    let api = Api::new(&url)?;
    let data = settings.and_then(|settings| settings.store).map(|store| store.path);
    let mut is_away = false;
    match super::block_on(api.ask::<Report>("/status", &[])) {
        Ok(report) => findings.extend(of_server(&report, &url)),
        Err(failure) => {
            is_away = failure.exit == Exit::Unreachable;
            let away = bad("server", first_line(&failure.message));
            findings.push(away.remedy("start one with `faden`, or say where it is with --url"));
            findings.extend(PORTS.map(|(port, what)| free_port(port, what)));
            findings.extend(data.as_deref().map(directory));
        }
    }
    findings.extend(data.as_deref().and_then(disk));
    findings.push(open_files());
    findings.push(clock());
    for finding in &findings {
        term::say(&line(finding, paint));
    }
    let bad = findings.iter().filter(|finding| finding.grade == Grade::Bad).count();
    Ok(match (bad, is_away) {
        (0, _) => Exit::Good,
        (1, true) => Exit::Unreachable,
        _ => Exit::Problem,
    })
}

/// Where a server that listens there is asked from its own machine.
fn url_of(address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "16686"));
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    format!("http://{host}:{port}")
}

impl Finding {
    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    fn graded(self, grade: Grade) -> Self {
        Self { grade, ..self }
    }
}

fn good(what: &'static str, words: impl Into<String>) -> Finding {
    Finding { grade: Grade::Good, what, words: words.into(), remedy: None }
}

fn note(what: &'static str, words: impl Into<String>) -> Finding {
    good(what, words).graded(Grade::Note)
}

fn bad(what: &'static str, words: impl Into<String>) -> Finding {
    good(what, words).graded(Grade::Bad)
}

fn line(finding: &Finding, paint: Paint) -> String {
    let (ink, word) = match finding.grade {
        Grade::Good => (Ink::Green, "ok  "),
        Grade::Note => (Ink::Yellow, "note"),
        Grade::Bad => (Ink::Red, "bad "),
    };
    let words = text::harmless(&finding.words);
    let mut out = format!("{}  {:<14} {words}\n", paint.ink(ink, word), finding.what);
    if let Some(remedy) = &finding.remedy {
        out.push_str(&format!("      {:<14} {} {}\n", "", paint.ink(Ink::Dim, "→"), text::harmless(remedy)));
    }
    out
}

fn configuration(source: &Source, problems: &config::Problems) -> Finding {
    let found = problems.sorted().len() as u64;
    let words = format!("{}: {}", source.names(), text::counted(found, "problem"));
    match (problems.has_errors(), found) {
        (true, _) => bad("configuration", words).remedy("`faden validate` lists them"),
        (false, 0) => good("configuration", format!("{} is good", source.names())),
        (false, _) => note("configuration", words).remedy("`faden validate` lists them"),
    }
}

fn of_server(report: &Report, url: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let up = text::duration(report.uptime_s.saturating_mul(1_000_000_000));
    let words =
        format!("{} {} at {url}, process {}, up {up}", report.version, report.phase, report.process_id);
    findings.push(if report.phase == "ready" { good("server", words) } else { note("server", words) });
    findings.extend(report.ports.iter().map(port));
    findings.extend(report.store.iter().map(|store| {
        let figures = store.figures.iter().filter(|figure| figure.value > 0);
        let figures: Vec<String> = figures
            .map(|figure| {
                format!("{} {}", super::store::value(figure), figure.name.trim_start_matches("bytes "))
            })
            .collect();
        good("store", format!("{}: {}", store.location, figures.join(", ")))
    }));
    findings.extend(report.budgets.iter().filter_map(|budget| {
        let used = budget.bytes_used?;
        let words = format!("{}: {} of {}", budget.name, text::bytes(used), text::bytes(budget.bytes_max));
        let is_tight = used as f64 > 0.9 * budget.bytes_max as f64;
        Some(match is_tight {
            true => note("memory", words).remedy(format!("when it is full, {}", budget.when_full)),
            false => good("memory", words),
        })
    }));
    let figures: Vec<String> = report
        .figures
        .iter()
        .map(|figure| format!("{} {}", text::count(figure.value), figure.name))
        .collect();
    findings.push(good("ledger", figures.join(", ")));
    let pages = format!("{url}/search · what runs {url}/pipeline · first spans {url}/welcome");
    findings.push(good("pages", pages));
    findings.extend(
        report
            .warnings
            .iter()
            .filter(|words| !words.contains("open to the network"))
            .map(|words| note("server", words.clone())),
    );
    findings.extend(
        report
            .errors
            .iter()
            .map(|error| note("last errors", format!("{} UTC {}", text::moment(error.at.0), error.message))),
    );
    findings
}

fn port(port: &Port) -> Finding {
    let words = format!("{} {} ({})", port.address, port.what, port.component);
    match port.warning() {
        Some(warning) => note("port", words).remedy(warning),
        None => good("port", words),
    }
}

/// Without a server, its ports ought to be free.
fn free_port(port: u16, what: &str) -> Finding {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    match TcpStream::connect_timeout(&address, PORT_WAIT_MAX) {
        Err(_) => good("port", format!("{port} is free ({what})")),
        Ok(_) => note("port", format!("{port} is held by another process ({what})")).remedy(format!(
            "stop it, or listen elsewhere in the configuration; `ss -ltnp 'sport = :{port}'` names it"
        )),
    }
}

fn directory(path: &str) -> Finding {
    if !Path::new(path).exists() {
        return good("data", format!("{path} is made by the first start"));
    }
    match DirectoryLock::holder(Path::new(path)) {
        Some(holder) => note("data", format!("{path} is held by {holder}"))
            .remedy("it may be starting, or listen elsewhere: say where with --url"),
        None => good("data", format!("{path} is held by nobody")),
    }
}

/// The file system of the directory, or of where it is going to be.
fn disk(path: &str) -> Option<Finding> {
    let path = std::path::absolute(path).ok()?;
    let existing = path.ancestors().find(|path| path.exists())?;
    let stat = rustix::fs::statvfs(existing).ok()?;
    let (free, total) = (stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize);
    let words = format!("{} free of {} at {}", text::bytes(free), text::bytes(total), existing.display());
    Some(match (free as f64) < FREE_SHARE_MIN * total as f64 {
        true => bad("disk", words)
            .remedy("spans are refused when a twentieth is left: make room, or shorten store.retention.time"),
        false => good("disk", words),
    })
}

fn open_files() -> Finding {
    // A server takes as many as it may get.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    match limit {
        Some(files) if files < OPEN_FILES_MIN => {
            note("open files", format!("at most {}", text::count(files))).remedy(
                "a connection takes one, a block two: raise it with `ulimit -Hn 65536` or LimitNOFILE=65536",
            )
        }
        Some(files) => good("open files", format!("at most {}", text::count(files))),
        None => good("open files", "no limit"),
    }
}

fn clock() -> Finding {
    let now = model::Clock::now(&model::SystemClock);
    let words = format!("{} UTC", text::moment(now));
    match now < CLOCK_MIN_NS {
        true => bad("clock", words).remedy("set it: spans from the future go where nobody looks for them"),
        false => good("clock", words),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
