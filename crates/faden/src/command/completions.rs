//! `faden completions`: a script for the shell.

use clap::Args;
use clap_complete::Shell;

use crate::exit::{Ended, Exit};
use crate::{cli, term};

/// Write the completions for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden completions bash > /etc/bash_completion.d/faden\n  faden completions zsh > ~/.zfunc/_faden\n  faden completions fish > ~/.config/fish/completions/faden.fish"
)]
pub struct Arguments {
    /// Which shell
    shell: Shell,
}

pub fn run(arguments: &Arguments) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli::command(), "faden", &mut script);
    term::say(&String::from_utf8_lossy(&script));
    Ok(Exit::Good)
}
