//! What a server says when it is ready: where to send, where to look, what it takes up, what to know.

use std::fmt::Write as _;

use serve::faden::Port;

use super::state::State;
use crate::term::{self, Ink, Paint};
use crate::text;

/// Shows it on standard error, or logs it where the log is JSON.
pub fn show(state: &State, paint: Paint) {
    if state.is_logging_json() {
        for port in state.ports() {
            tracing::info!(component = port.component, what = port.what, address = port.address, "listening");
        }
        for warning in state.warnings() {
            tracing::warn!(warning, "to be known");
        }
        tracing::info!(configuration = state.configuration(), "ready");
        return;
    }
    term::complain(&drawn(state, paint));
}

fn drawn(state: &State, paint: Paint) -> String {
    let mut out = String::new();
    let title = paint.ink(Ink::Bold, "faden");
    let version = paint.ink(Ink::Dim, &format!("{} · {}", env!("CARGO_PKG_VERSION"), state.configuration()));
    writeln!(out, "\n  {title} {version}\n").expect(INFALLIBLE);
    let mut line = |name: &str, words: &str| {
        let name = paint.ink(Ink::Dim, &format!("{name:<9}"));
        writeln!(out, "  {name} {words}").expect(INFALLIBLE);
    };
    let ports = state.ports();
    let (receivers, mut pages): (Vec<&Port>, Vec<&Port>) =
        ports.iter().partition(|port| state.is_receiver(port));
    pages.sort_by_key(|port| port.component != "serve");
    for (number, port) in receivers.iter().enumerate() {
        let address = paint.ink(Ink::Bold, &port.address);
        line(
            if number == 0 { "send to" } else { "" },
            &format!("{address}  {} ({})", port.what, port.component),
        );
    }
    for (number, port) in pages.iter().enumerate() {
        let address = paint.ink(Ink::Bold, &format!("http://{}", port.address));
        line(if number == 0 { "look at" } else { "" }, &format!("{address}  {}", port.what));
    }
    match state.kept() {
        Some((location, retention)) => {
            let days = text::duration(u64::try_from(retention.as_nanos()).unwrap_or(u64::MAX));
            line("kept in", &format!("{} for {}", text::harmless(location), age(retention, &days)));
        }
        None => line("kept in", "nothing is kept"),
    }
    line("memory", &memory(state));
    let warnings = state.warnings();
    for warning in &warnings {
        line(&paint.ink(Ink::Yellow, "note"), &text::harmless(warning));
    }
    out.push('\n');
    writeln!(out, "  {}\n", paint.ink(Ink::Green, "ready")).expect(INFALLIBLE);
    out
}

fn memory(state: &State) -> String {
    let budgets = state.budgets(None);
    let parts: Vec<String> =
        budgets.iter().map(|part| format!("{} {}", part.name, text::bytes(part.bytes_max))).collect();
    let sum: u64 = budgets.iter().map(|part| part.bytes_max).sum();
    if parts.len() == 1 {
        return parts.concat();
    }
    format!("{} = {}", parts.join(" + "), text::bytes(sum))
}

/// Whole days are said as days.
fn age(retention: std::time::Duration, otherwise: &str) -> String {
    match retention.as_secs() {
        seconds if seconds > 0 && seconds.is_multiple_of(86_400) => text::counted(seconds / 86_400, "day"),
        _ => otherwise.to_owned(),
    }
}

const INFALLIBLE: &str = "a String takes every text";
