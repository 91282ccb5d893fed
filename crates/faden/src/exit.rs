//! How a command ends: four codes, and a message for people.

use std::fmt::Display;
use std::process::ExitCode;

/// What a command ends with; scripts can rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Good = 0,
    /// A problem was found, or what was asked for was not.
    Problem = 1,
    /// The command line is wrong.
    Usage = 2,
    /// No server answers.
    Unreachable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub struct Failure {
    /// The code to end with.
    pub exit: Exit,
    /// What is said on standard error.
    pub message: String,
}

impl Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl Failure {
    /// Something is wrong, or missing.
    pub fn problem(message: impl Display) -> Self {
        Self { exit: Exit::Problem, message: message.to_string() }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }
}

/// What a command comes to.
pub type Ended = Result<Exit, Failure>;
