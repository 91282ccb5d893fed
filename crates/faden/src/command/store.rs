//! `faden store`: what is kept, and whether it is sound.

use std::io::IsTerminal;

use blocks::engine;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serve::faden::{Figure, Report};

use crate::api::Api;
use crate::cli::Server;
use crate::exit::{Ended, Exit, Failure};
use crate::server;
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Where the store is if nobody says.
const DATA_DEFAULT: &str = "./faden-data";

/// Look at what is kept, and check it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden store stat                       of the running server\n  faden store stat --data ./faden-data   of a directory\n  faden store check                      read everything, compare every checksum\n\nBoth only read: they can be used while a server runs."
)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How many spans, blocks and bytes there are
    Stat(Place),
    /// Read every file and compare its checksum; exit code 1 if something is damaged
    Check(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// This data directory, instead of the running server's
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    #[command(flatten)]
    server: Server,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let paint = term::stdout_paint(color);
    match &arguments.what {
        What::Stat(place) => super::block_on(stat(place, paint)),
        What::Check(place) => super::block_on(check(place, paint)),
    }
}

async fn stat(place: &Place, paint: Paint) -> Ended {
    let (location, figures) = match &place.data {
        Some(data) => {
            let stat = engine::stat(&existing(data)?, &model::SystemClock).await.map_err(Failure::problem)?;
            (data.clone(), server::storage::figures(&stat))
        }
        None => {
            let report: Report = Api::new(&place.server.url)?.ask("/status", &[]).await?;
            let nothing = || Failure::problem("this server keeps nothing: no pipeline exports to `store`");
            let store = report.store.ok_or_else(nothing)?;
            (store.location, store.figures)
        }
    };
    let mut out = format!("{}\n", paint.ink(Ink::Bold, &text::harmless(&location)));
    for figure in &figures {
        out.push_str(&format!("  {:<36} {:>14}\n", text::harmless(&figure.name), value(figure)));
    }
    term::say(&out);
    Ok(Exit::Good)
}

async fn check(place: &Place, paint: Paint) -> Ended {
    let data = match &place.data {
        Some(data) => data.clone(),
        None => location(&place.server.url).await,
    };
    let settings = existing(&data)?;
    let bar = bar();
    let mut moved = |progress: engine::Progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes);
    };
    let report = engine::check(&settings, &mut moved).await.map_err(Failure::problem)?;
    bar.finish_and_clear();
    term::say(&format!(
        "{}: {} ({}), {}, {}\n",
        text::harmless(&data),
        text::counted(report.blocks, "block"),
        text::bytes(report.bytes),
        text::counted(report.manifest_files, "manifest file"),
        text::counted(report.journal_frames, "journal frame"),
    ));
    if !report.orphans.is_empty() {
        let count = text::counted(report.orphans.len() as u64, "block");
        term::say(&format!(
            "{count} without an entry, left behind by a crash; they are deleted after a while\n"
        ));
    }
    if report.damages.is_empty() {
        term::say(&format!("{}\n", paint.ink(Ink::Green, "everything is sound")));
        return Ok(Exit::Good);
    }
    for damage in &report.damages {
        let line = format!("{}: {}\n", text::harmless(&damage.file), text::harmless(&damage.what));
        term::say(&paint.ink(Ink::Red, &line));
    }
    Ok(Exit::Problem)
}

/// Where the running server keeps its spans, else the default.
async fn location(url: &str) -> String {
    let asked = match Api::new(url) {
        Ok(api) => api.ask::<Report>("/status", &[]).await.ok(),
        Err(_) => None,
    };
    asked.and_then(|report| report.store).map_or_else(|| DATA_DEFAULT.to_owned(), |store| store.location)
}

fn existing(data: &str) -> Result<blocks::settings::Settings, Failure> {
    if !std::path::Path::new(data).is_dir() {
        return Err(Failure::problem(format!(
            "there is no directory {data}\n       say which one with --data"
        )));
    }
    Ok(blocks::settings::Settings::new(data))
}

fn bar() -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(5),
        false => ProgressDrawTarget::hidden(),
    };
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} · {bytes_per_sec} · {eta}");
    ProgressBar::with_draw_target(Some(0), target).with_style(style.expect("the template is well formed"))
}

/// A number in its unit.
pub fn value(figure: &Figure) -> String {
    match figure.unit.as_str() {
        "bytes" => text::bytes(figure.value),
        _ => text::count(figure.value),
    }
}
