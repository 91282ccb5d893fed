//! `faden store`: what is kept, and whether it is sound.

use std::io::IsTerminal;

use blocks::engine;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serve::faden::{Figure, Report};

use super::keep;
use crate::api::Api;
use crate::cli::Server;
use crate::exit::{Ended, Exit, Failure};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Where the store is if nobody says.
const DATA_DEFAULT: &str = "./faden-data";

/// Look at what is kept, and check it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden store stat                       of the running server\n  faden store stat --data ./faden-data   of a directory\n  faden store check                      read everything, compare every checksum\n  faden store archive 4bf92f3577b34da6a3ce929d0e0e4736\n  faden store erase --where 'user.id = u-17' --dry-run"
)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What is kept, where and for how long; what goes next, and when the room is used up
    Stat(keep::Stat),
    /// Read every file and compare its checksum; exit code 1 if something is damaged
    Check(Place),
    /// Keep traces for ever, whatever the retention says; without ids, list them
    Archive(keep::Traces),
    /// Keep archived traces no longer than all others
    Unarchive(keep::Traces),
    /// Take spans out for good, from everywhere, and prove it
    Erase(keep::Erase),
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
        What::Stat(arguments) => super::block_on(keep::stat(arguments, paint)),
        What::Check(place) => super::block_on(check(place, paint)),
        What::Archive(arguments) => super::block_on(keep::archive(arguments, paint)),
        What::Unarchive(arguments) => super::block_on(keep::unarchive(arguments)),
        What::Erase(arguments) => super::block_on(keep::erase(arguments, paint)),
    }
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
