//! How far a long command is: a bar on a terminal, nothing elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a bar is drawn anew.
const DRAWS_PER_S: u8 = 5;

/// A bar of bytes.
pub fn bytes(total: u64) -> ProgressBar {
    bar(Some(total), "{wide_bar} {bytes}/{total_bytes} · {bytes_per_sec} · {eta} · {msg}")
}

/// A bar of spans; without a total it only counts.
pub fn spans(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{wide_bar} {human_pos}/{human_len} spans · {per_sec} · {eta}",
        None => "{spinner} {human_pos} spans · {per_sec} · {elapsed}",
    };
    bar(total, template)
}

/// A bar of this form.
pub fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(DRAWS_PER_S),
        false => ProgressDrawTarget::hidden(),
    };
    let style = ProgressStyle::with_template(template).expect("the templates are well formed");
    ProgressBar::with_draw_target(length, target).with_style(style)
}
