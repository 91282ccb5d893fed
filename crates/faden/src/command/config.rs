//! `faden config`: shows configurations.

use clap::{Args, Subcommand};

use crate::exit::{Ended, Exit};
use crate::settings::BUILT_IN;
use crate::term;

/// Show the configuration that runs when no file is given
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden config default > faden.yaml     begin your own\n  faden --config faden.yaml"
)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The built-in configuration, word for word
    Default,
}

pub fn run(arguments: &Arguments) -> Ended {
    match arguments.what {
        What::Default => term::say(BUILT_IN),
    }
    Ok(Exit::Good)
}
