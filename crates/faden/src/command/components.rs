//! `faden components`: what there is to configure, from the tables that read the configuration.

use clap::Args;
use pipeline::{Kind, Registry};

use crate::exit::{Ended, Exit, Failure};
use crate::settings;
use crate::term::{self, Ink, Paint, When};

/// List the components of this binary, or the options of one
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden components                 what there is\n  faden components otlp            every option of the components called otlp\n  faden components --markdown      all of it, as documentation"
)]
pub struct Arguments {
    /// Only components of this name, with their options
    name: Option<String>,
    /// Everything as Markdown
    #[arg(long)]
    markdown: bool,
}

/// One kind of component, whatever it is.
struct Row {
    section: &'static str,
    name: &'static str,
    aliases: &'static [&'static str],
    summary: &'static str,
    stability: &'static str,
    options: Vec<config::OptionRow>,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let rows = rows(settings::registry());
    let wanted = |row: &&Row| {
        arguments.name.as_deref().is_none_or(|name| row.name == name || row.aliases.contains(&name))
    };
    let chosen: Vec<&Row> = rows.iter().filter(wanted).collect();
    if let (Some(name), true) = (&arguments.name, chosen.is_empty()) {
        let nearest = config::nearest(name, rows.iter().map(|row| row.name));
        let advice = nearest.map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
        return Err(Failure::problem(format!("there is no component \"{name}\"{advice}")));
    }
    let paint = term::stdout_paint(color);
    term::say(&match (arguments.markdown, &arguments.name) {
        (true, _) => markdown(&chosen),
        (false, Some(_)) => detailed(&chosen, paint),
        (false, None) => list(&chosen, paint),
    });
    Ok(Exit::Good)
}

fn rows(registry: Registry) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(registry.receivers.iter().map(|kind| row("receivers", kind)));
    rows.extend(registry.processors.iter().map(|kind| row("processors", kind)));
    rows.extend(registry.exporters.iter().map(|kind| row("exporters", kind)));
    rows.extend(registry.extensions.iter().map(|kind| row("extensions", kind)));
    rows.push(own("store", "where spans are kept, and for how long", |root| {
        drop(settings::own::store(root))
    }));
    rows.push(own("serve", "where queries are answered", |root| drop(settings::own::serve(root))));
    rows
}

/// A section of the configuration that is Faden's own.
fn own(name: &'static str, summary: &'static str, read: fn(&mut config::Block<'_>)) -> Row {
    let table = config::OptionTable::new();
    read(&mut config::Block::describe(&table));
    Row { section: "sections", name, aliases: &[], summary, stability: "beta", options: table.into_rows() }
}

fn row<B>(section: &'static str, kind: &Kind<B>) -> Row {
    Row {
        section,
        name: kind.name,
        aliases: kind.aliases,
        summary: kind.summary,
        stability: kind.stability.as_str(),
        options: kind.options(),
    }
}

fn list(rows: &[&Row], paint: Paint) -> String {
    let mut out = String::new();
    let mut section = "";
    for row in rows {
        if row.section != section {
            section = row.section;
            out.push_str(&format!("{}\n", paint.ink(Ink::Bold, section)));
        }
        out.push_str(&format!("  {:<16} {:<7} {}\n", row.name, row.stability, row.summary));
    }
    out.push_str("\n`faden components NAME` shows the options of one.\n");
    out
}

fn detailed(rows: &[&Row], paint: Paint) -> String {
    let mut out = String::new();
    for row in rows {
        let title = format!("{} · {} ({})", row.section, row.name, row.stability);
        out.push_str(&format!("{}\n{}\n", paint.ink(Ink::Bold, &title), row.summary));
        if !row.aliases.is_empty() {
            out.push_str(&format!("also called: {}\n", row.aliases.join(", ")));
        }
        out.push_str(&format!("\n{}\n", config::plain(&row.options)));
    }
    out
}

fn markdown(rows: &[&Row]) -> String {
    let mut out = String::from(
        "# Components\n\nMade by `faden components --markdown` from the tables that read the configuration.\n",
    );
    let mut section = "";
    for row in rows {
        if row.section != section {
            section = row.section;
            out.push_str(&format!("\n## {section}\n"));
        }
        let stability = row.stability;
        out.push_str(&format!("\n### {}\n\n{}. Stability: {stability}.", row.name, sentence(row.summary)));
        if !row.aliases.is_empty() {
            out.push_str(&format!(" Also called `{}`.", row.aliases.join("`, `")));
        }
        out.push('\n');
        if !row.options.is_empty() {
            out.push_str(&format!("\n{}", config::markdown(&row.options)));
        }
    }
    out
}

/// With a capital at its start.
fn sentence(words: &str) -> String {
    let mut letters = words.trim_end_matches('.').chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
