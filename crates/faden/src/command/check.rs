//! `faden store check`: reads every file of a store and compares its checksum; with `--repair` replaces what is damaged.
//!
//! The exit code tells what is so at the end: 0 all is sound, 1 something is damaged, 2 it could not be looked.

use std::path::Path;
use std::sync::Arc;

use blocks::engine::{self, Mended, Report, Restored};
use blocks::settings::Settings;
use clap::Args;
use model::SystemClock;

use crate::cli::Server;
use crate::closed;
use crate::exit::{Ended, Exit, Failure};
use crate::progress;
use crate::term::{self, Ink, Paint};
use crate::text;

/// Read every file and compare its checksum; exit code 1 if something is damaged, 2 if that could not be found out
#[derive(Debug, Args)]
pub struct Arguments {
    /// This data directory, instead of the running server's
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// With --data: the server's configuration, which says where blocks live if not there
    #[arg(long, short, value_name = "FILE", requires = "data")]
    config: Vec<String>,
    /// Replace what is damaged by what can be saved; no server may hold the directory, nor write to the same object store
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    server: Server,
}

pub async fn run(arguments: &Arguments, paint: Paint) -> Ended {
    let data = match &arguments.data {
        Some(data) => data.clone(),
        None => super::store::location(&arguments.server.url).await,
    };
    let settings = super::keep::existing(&data, &arguments.config).map_err(blind)?;
    let report = match look(&settings).await {
        Err(unreadable) if arguments.repair => {
            term::say(&format!("{}\n", text::harmless(&unreadable.message)));
            manifest(&settings).await?;
            look(&settings).await?
        }
        report => report?,
    };
    say(&data, &report, paint);
    if report.damages.is_empty() {
        return Ok(Exit::Good);
    }
    if !arguments.repair {
        term::say(
            "`faden store check --repair` does this while no server runs; damaged files are kept in quarantine/\n",
        );
        return Ok(Exit::Problem);
    }
    if report.damages.iter().any(is_manifest) {
        manifest(&settings).await?;
    }
    let mended = engine::repair(&settings, Arc::new(SystemClock)).await.map_err(blind)?;
    mended.iter().for_each(|one| term::say(&told(one)));
    if report.damages.iter().any(is_journal) {
        journal(&settings).await?;
    }
    let report = look(&settings).await?;
    say(&data, &report, paint);
    Ok(if report.damages.is_empty() { Exit::Good } else { Exit::Problem })
}

async fn look(settings: &Settings) -> Result<Report, Failure> {
    let bar = progress::bytes(0);
    let mut moved = |progress: engine::Progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes);
    };
    let report = engine::check(settings, &mut moved).await;
    bar.finish_and_clear();
    report.map_err(blind)
}

fn say(data: &str, report: &Report, paint: Paint) {
    term::say(&format!(
        "{}: {} ({}), {}, {}\n",
        text::harmless(data),
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
    }
    for damage in &report.damages {
        let line = format!("{}: {}\n", text::harmless(&damage.file), text::harmless(&damage.what));
        term::say(&paint.ink(Ink::Red, &line));
        term::say(&format!("  {}\n", costs(&damage.file)));
    }
}

/// What a damaged file costs, and what repairing it does.
fn costs(file: &str) -> &'static str {
    if file.ends_with(".idx") {
        "costs no span: the index is made anew, from the spans"
    } else if file.ends_with(".parquet") {
        "costs the spans of pages whose checksums do not hold: the others go into a new block"
    } else if file.ends_with(".json") {
        "a file of the manifest: what it said is taken from the others and from the blocks, as far as they know it"
    } else {
        "costs the frames that are damaged: the others go into blocks"
    }
}

fn is_manifest(damage: &blocks::manifest::Damage) -> bool {
    damage.file.ends_with(".json")
}

/// Makes the manifest anew, and says what was done and what cannot be known.
async fn manifest(settings: &Settings) -> Result<(), Failure> {
    let restored = engine::restore(settings, Arc::new(SystemClock)).await.map_err(blind)?;
    if let Some(restored) = restored {
        term::say(&told_of_manifest(&restored));
    }
    Ok(())
}

fn told_of_manifest(restored: &Restored) -> String {
    let quarantine = restored.quarantine.display();
    let mut told = String::new();
    let mut tell = |line: String| told.push_str(&format!("{}\n", text::harmless(&line)));
    for file in &restored.files {
        tell(format!("{file} is damaged; it is in {quarantine}/manifest now"));
    }
    if restored.gaps.is_empty() {
        tell("the other files of the manifest say everything that it said: nothing is lost".into());
        return told;
    }
    for (id, spans) in &restored.found {
        tell(format!("block {id} is listed again, as it was found: {}", text::counted(*spans, "span")));
    }
    for id in &restored.replaced {
        tell(format!("block {id} is not listed: newer blocks have its spans, as far as they were kept"));
    }
    for (id, spans) in &restored.gone {
        let spans = text::counted(*spans, "span");
        tell(format!(
            "block {id} is not listed any more: its files are gone, with {spans} if no other block has them"
        ));
    }
    for id in &restored.unusable {
        tell(format!("block {id} does not say what is in it: its files are in {quarantine}/{id}"));
    }
    for gap in &restored.gaps {
        tell(format!(
            "entries {} to {} of the manifest are lost. What they took away as a whole and is still on the disk is listed: \
             repeat erasures of that time; the retention drops again what is due. Traces that they archived are not, those \
             that they took out of the archive still are, and spans that are in the journal too stand twice until blocks \
             are merged.",
            gap.first, gap.last
        ));
    }
    told
}

fn is_journal(damage: &blocks::manifest::Damage) -> bool {
    !damage.file.ends_with(".idx") && !damage.file.ends_with(".parquet") && !damage.file.ends_with(".json")
}

fn told(mended: &Mended) -> String {
    let Mended { block, by, saved, lost, quarantine } = mended;
    let by = by.as_ref().map_or_else(|| "is dropped".to_owned(), |by| format!("is replaced by {by}"));
    format!(
        "block {block} {by}: {} saved, {} lost; the damaged files are in {}\n",
        text::counted(*saved, "span"),
        text::count(*lost),
        text::harmless(&quarantine.display().to_string()),
    )
}

/// Brings every sound frame into a block, as a start would, and keeps the segments as they were.
async fn journal(settings: &Settings) -> Result<(), Failure> {
    let (from, to) = (settings.path.join("journal"), settings.path.join("quarantine/journal"));
    copied(&from, &to)
        .map_err(|cause| blind(Failure::problem(format!("cannot copy the journal: {cause}"))))?;
    let engine = closed::open_at(settings).await.map_err(blind)?;
    let lost = engine.stat().await.recovery.frames_lost;
    engine.close().await.map_err(blind)?;
    term::say(&format!(
        "the journal is in blocks now, {} lost; its segments as they were are in {}\n",
        text::counted(lost, "frame"),
        text::harmless(&to.display().to_string()),
    ));
    Ok(())
}

fn copied(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// It could not be looked, or not be repaired.
fn blind(cause: impl std::fmt::Display) -> Failure {
    Failure { exit: Exit::Usage, message: cause.to_string() }
}
