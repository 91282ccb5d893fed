//! `faden store`: what is kept, and whether it is sound.

use clap::{Args, Subcommand};
use serve::faden::{Figure, Report};

use super::{check, keep};
use crate::api::Api;
use crate::cli::Server;
use crate::exit::Ended;
use crate::term::{self, When};
use crate::text;

/// Where the store is if nobody says.
const DATA_DEFAULT: &str = "./faden-data";

/// Look at what is kept, and check it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden store stat                       of the running server\n  faden store stat --data ./faden-data   of a directory\n  faden store check                      read everything, compare every checksum\n  faden store check --data DIR --repair  replace what is damaged by what can be saved\n  faden store archive 4bf92f3577b34da6a3ce929d0e0e4736\n  faden store erase --where 'user.id = u-17' --dry-run\n\nstat and check without --repair only read: they can be used while a server runs.\n\nExit codes of check: 0 all is sound, 1 something is damaged, 2 it could not be looked"
)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What is kept, where and for how long; what goes next, and when the room is used up
    Stat(keep::Stat),
    Check(check::Arguments),
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
        What::Check(arguments) => super::block_on(check::run(arguments, paint)),
        What::Archive(arguments) => super::block_on(keep::archive(arguments, paint)),
        What::Unarchive(arguments) => super::block_on(keep::unarchive(arguments)),
        What::Erase(arguments) => super::block_on(keep::erase(arguments, paint)),
    }
}

/// Where the running server keeps its spans, else the default.
pub async fn location(url: &str) -> String {
    let asked = match Api::new(url) {
        Ok(api) => api.ask::<Report>("/status", &[]).await.ok(),
        Err(_) => None,
    };
    asked.and_then(|report| report.store).map_or_else(|| DATA_DEFAULT.to_owned(), |store| store.location)
}

/// A number in its unit.
pub fn value(figure: &Figure) -> String {
    match figure.unit.as_str() {
        "bytes" => text::bytes(figure.value),
        _ => text::count(figure.value),
    }
}
