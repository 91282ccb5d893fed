//! `faden store stat`, `archive`, `unarchive` and `erase`: what is kept, for ever or not, and what is to go.
//!
//! They ask the running server, or with `--data` open a directory that no server holds.

use std::sync::Arc;

use blocks::engine::{self, Engine};
use blocks::settings::Compaction;
use clap::Args;
use model::{Clock, SystemClock, Tenant, TraceId};
use query::answer::Count64;
use serve::faden::read_erase;
use serve::keep::{Archive, EraseAsked, Erasure, StoreStat};

use super::keep_text;
use crate::api::{Api, part};
use crate::cli::Server;
use crate::closed;
use crate::exit::{Ended, Exit, Failure};
use crate::server::keeper;
use crate::settings::{self, Source};
use crate::term::{self, Paint};
use crate::text;

/// Which store.
#[derive(Debug, Args)]
pub struct Place {
    /// This data directory, instead of the running server's; no server may hold it if something is to be changed
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    #[command(flatten)]
    server: Server,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Stat {
    #[command(flatten)]
    place: Place,
    /// With --data: the configuration that says how long what is kept
    #[arg(long, short, value_name = "FILE", requires = "data")]
    config: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Traces {
    /// Ids of traces; `archive` without any lists what is archived
    #[arg(value_name = "TRACE_ID")]
    ids: Vec<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden store erase --trace 4bf92f3577b34da6a3ce929d0e0e4736\n  faden store erase --where 'user.id = u-17' --dry-run\n  faden store erase --where 'user.id = u-17' --from 2026-01-01 --to now --json > proof.json\n\nWhat was acknowledged before is erased from blocks, head and journal, and looked for again afterwards; spans that\narrive later are not. The old files are deleted two minutes later, at once with --data. Copies that you made elsewhere\n(exports, backups, versions that a bucket keeps) are yours to erase.\n\nExit codes: 0 it is proven that nothing is left, 1 it is not"
)]
pub struct Erase {
    /// This trace; may be given several times
    #[arg(long = "trace", value_name = "TRACE_ID")]
    traces: Vec<String>,
    /// The spans that pass this filter, written as for `faden search`
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// Only spans that start at this time or later
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Only spans that start before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

/// Shows what is kept.
pub async fn stat(arguments: &Stat, paint: Paint) -> Ended {
    let place = &arguments.place;
    let stat: StoreStat = match &place.data {
        None => Api::new(&place.server.url)?.ask("/store", &[]).await?,
        Some(data) => {
            let settings = existing(data, &arguments.config)?;
            let figures = engine::stat(&settings, &SystemClock).await.map_err(Failure::problem)?;
            let inventory = engine::inventory(&settings, &SystemClock).await.map_err(Failure::problem)?;
            let stat = keeper::store_stat(&figures, &inventory, &settings.retention);
            StoreStat { location: data.clone(), now: Count64(SystemClock.now()), ..stat }
        }
    };
    show(place, &stat, || keep_text::stat(&stat, paint))?;
    Ok(Exit::Good)
}

/// Keeps traces for ever, or lists those that are.
pub async fn archive(arguments: &Traces, paint: Paint) -> Ended {
    let ids = trace_ids(&arguments.ids)?;
    let place = &arguments.place;
    if ids.is_empty() {
        let archive = list(place).await?;
        show(place, &archive, || keep_text::archive(&archive, paint))?;
        return Ok(Exit::Good);
    }
    let mut exit = Exit::Good;
    match &place.data {
        None => {
            let api = Api::new(&place.server.url)?;
            for id in &ids {
                let _archived: serde_json::Value =
                    api.send("PUT", &format!("/archive/{}", part(&id.to_string())), None).await?;
            }
        }
        Some(data) => {
            let store = open(data).await?;
            let missing = store.archive(&Tenant::default(), &ids).await.map_err(Failure::problem)?;
            close(&store).await?;
            for id in missing {
                term::complain(&format!("trace {id} is not here\n"));
                exit = Exit::Problem;
            }
        }
    }
    if exit == Exit::Good && !place.json {
        term::say(&format!("{} kept for ever\n", text::counted(ids.len() as u64, "trace")));
    }
    Ok(exit)
}

/// Keeps traces no longer than others.
pub async fn unarchive(arguments: &Traces) -> Ended {
    let ids = trace_ids(&arguments.ids)?;
    if ids.is_empty() {
        return Err(Failure::usage("say which traces; `faden store archive` lists them"));
    }
    match &arguments.place.data {
        None => {
            let api = Api::new(&arguments.place.server.url)?;
            for id in &ids {
                let _taken: serde_json::Value =
                    api.send("DELETE", &format!("/archive/{}", part(&id.to_string())), None).await?;
            }
        }
        Some(data) => {
            let store = open(data).await?;
            store.unarchive(&Tenant::default(), &ids).await.map_err(Failure::problem)?;
            close(&store).await?;
        }
    }
    term::say(&format!("{} kept like all others\n", text::counted(ids.len() as u64, "trace")));
    Ok(Exit::Good)
}

/// Erases spans, and shows the proof.
pub async fn erase(arguments: &Erase, paint: Paint) -> Ended {
    let asked = EraseAsked {
        traces: arguments.traces.clone(),
        filter: arguments.filter.clone(),
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        dry_run: arguments.dry_run,
    };
    let what = read_erase(&asked, SystemClock.now())
        .map_err(|(message, remedy)| Failure::usage(format!("{message}\n       {remedy}")))?;
    let erasure: Erasure = match &arguments.place.data {
        None => {
            let body = serde_json::to_vec(&asked).map_err(Failure::problem)?;
            Api::new(&arguments.place.server.url)?.send("POST", "/erase", Some(body)).await?
        }
        Some(data) => {
            let store = open(data).await?;
            let erased = store.erase(keeper::erase(what, true)).await.map_err(Failure::problem)?;
            close(&store).await?;
            keeper::erasure(erased)
        }
    };
    show(&arguments.place, &erasure, || keep_text::erasure(&erasure, paint))?;
    Ok(if erasure.is_proven || erasure.dry_run { Exit::Good } else { Exit::Problem })
}

async fn list(place: &Place) -> Result<Archive, Failure> {
    let Some(data) = &place.data else { return Api::new(&place.server.url)?.ask("/archive", &[]).await };
    let store = open(data).await?;
    let traces = keeper::archived(store.archived(&Tenant::default()).await);
    close(&store).await?;
    Ok(Archive { traces })
}

fn show(place: &Place, answer: &impl serde::Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
    let said = match place.json {
        true => format!("{}\n", serde_json::to_string_pretty(answer).map_err(Failure::problem)?),
        false => text(),
    };
    term::say(&said);
    Ok(())
}

fn trace_ids(texts: &[String]) -> Result<Vec<TraceId>, Failure> {
    let id = |text: &String| {
        let wrong = || Failure::usage(format!("{text} is no trace id: it has 1 to 32 hexadecimal digits"));
        TraceId::parse(text).ok_or_else(wrong)
    };
    texts.iter().map(id).collect()
}

/// What a directory is kept by: the configuration if one is given, else the built-in one.
pub fn existing(data: &str, config: &[String]) -> Result<blocks::settings::Settings, Failure> {
    if !std::path::Path::new(data).is_dir() {
        return Err(Failure::problem(format!(
            "there is no directory {data}\n       say which one with --data"
        )));
    }
    let source = Source { config: config.to_vec(), data: Some(data.to_owned()), set: Vec::new() };
    let (settings, problems) = settings::load(&source);
    if problems.has_errors() {
        return Err(Failure::problem(problems.to_string()));
    }
    let store = settings.and_then(|settings| settings.store);
    let store =
        store.ok_or_else(|| Failure::problem(format!("the configuration describes no store\n{problems}")))?;
    let settings = crate::server::storage::engine_settings(&store);
    closed::refuse_elsewhere(&settings)?;
    Ok(settings)
}

/// Takes a directory that no server holds; nothing in it is dropped for its age.
async fn open(data: &str) -> Result<Arc<Engine>, Failure> {
    closed::refuse_elsewhere(&blocks::Settings::new(data))?;
    if !std::path::Path::new(data).join("manifest").is_dir() {
        return Err(Failure::problem(format!(
            "there is no store in {data}\n       say where it is with --data, or ask a running server with --url"
        )));
    }
    let compaction = Compaction { enabled: false, ..Compaction::default() };
    closed::open_at(&blocks::Settings { compaction, ..blocks::Settings::new(data) }).await
}

async fn close(store: &Engine) -> Result<(), Failure> {
    store.close().await.map_err(Failure::problem)
}
