//! What the terminal can do: its width, and whether it shows colours.

use std::io::IsTerminal;

/// The width that is assumed where nothing tells one.
const COLUMNS_DEFAULT: usize = 120;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set or TERM is `dumb`.
    Auto,
    /// Even into files and pipes.
    Always,
    /// Not at all.
    Never,
}

/// How text is coloured, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether colours are used.
    pub is_on: bool,
}

/// Colours and weights, as terminals know them (SGR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As it comes.
    Plain,
    /// For what matters less.
    Dim,
    /// For what matters more.
    Bold,
    /// For what failed.
    Red,
    /// For what deserves a look.
    Yellow,
    /// For what is well.
    Green,
    /// One of the 256 colours.
    Colour(u8),
}

impl Paint {
    /// Never any colour.
    #[cfg(test)]
    pub const OFF: Self = Self { is_on: false };

    /// The text in this ink.
    pub fn ink(self, ink: Ink, text: &str) -> String {
        if !self.is_on || text.is_empty() {
            return text.to_owned();
        }
        match ink {
            Ink::Plain => text.to_owned(),
            Ink::Dim => format!("\x1b[2m{text}\x1b[0m"),
            Ink::Bold => format!("\x1b[1m{text}\x1b[0m"),
            Ink::Red => format!("\x1b[31m{text}\x1b[0m"),
            Ink::Yellow => format!("\x1b[33m{text}\x1b[0m"),
            Ink::Green => format!("\x1b[32m{text}\x1b[0m"),
            Ink::Colour(number) => format!("\x1b[38;5;{number}m{text}\x1b[0m"),
        }
    }
}

/// The paint for standard output.
pub fn stdout_paint(when: When) -> Paint {
    paint(when, std::io::stdout().is_terminal())
}

/// The paint for standard error.
pub fn stderr_paint(when: When) -> Paint {
    paint(when, std::io::stderr().is_terminal())
}

/// The width of the terminal behind standard output; `COLUMNS` or 120 where there is none.
pub fn stdout_columns() -> usize {
    let measured = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
    let stated = || surroundings("COLUMNS").and_then(|text| text.parse().ok());
    measured.filter(|columns| *columns > 0).or_else(stated).unwrap_or(COLUMNS_DEFAULT)
}

fn paint(when: When, is_terminal: bool) -> Paint {
    let is_wanted = || {
        let no_color = surroundings("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = surroundings("TERM").is_some_and(|term| term == "dumb");
        is_terminal && !no_color && !is_dumb
    };
    let is_on = match when {
        When::Auto => is_wanted(),
        When::Always => true,
        When::Never => false,
    };
    Paint { is_on }
}

#[expect(clippy::disallowed_methods, reason = "terminals describe themselves in the environment")]
fn surroundings(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Writes to standard output; whoever reads it may stop reading, which ends the process in peace.
pub fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Writes to standard error; there is nobody to tell if that fails.
pub fn complain(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
