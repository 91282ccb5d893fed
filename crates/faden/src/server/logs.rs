//! The log on standard error, and the last errors for `faden doctor`.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Clock, SystemClock};
use pipeline::TelemetrySettings;
use query::answer::Count64;
use serve::faden::LoggedError;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::term::Paint;

/// So many errors are remembered; the oldest is forgotten first.
const ERRORS_MAX: usize = 20;
/// The longest error that is remembered, in bytes; the rest is cut off.
const ERROR_BYTES_MAX: usize = 1_000;

/// The last errors of the log; cheap to clone.
#[derive(Clone, Default)]
pub struct LastErrors(Arc<Mutex<VecDeque<LoggedError>>>);

impl LastErrors {
    /// Newest first.
    pub fn list(&self) -> Vec<LoggedError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }

    fn note(&self, message: String) {
        let mut errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if errors.len() == ERRORS_MAX {
            errors.pop_front();
        }
        errors.push_back(LoggedError { at: Count64(SystemClock.now()), message });
    }
}

/// Begins to log as the configuration says.
pub fn start(settings: &TelemetrySettings, paint: Paint) -> LastErrors {
    let errors = LastErrors::default();
    let level = settings.log_level;
    let filter = tracing_subscriber::EnvFilter::new(format!(
        "{level},h2=warn,hyper=warn,rustls=warn,object_store=warn"
    ));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(paint.is_on)
        .with_target(false);
    let registry = tracing_subscriber::registry().with(filter).with(Remember(errors.clone()));
    let started = match settings.log_json {
        true => registry.with(lines.json().flatten_event(true)).try_init(),
        false => registry.with(lines.compact()).try_init(),
    };
    if started.is_err() {
        crate::term::complain("logs go elsewhere: another logger was there first\n");
    }
    errors
}

/// Notes every event of level error.
struct Remember(LastErrors);

impl<S: Subscriber> Layer<S> for Remember {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut words = Words::default();
        event.record(&mut words);
        let mut message = format!("{}{}", words.message, words.fields);
        message.truncate(message.floor_char_boundary(ERROR_BYTES_MAX));
        self.0.note(message);
    }
}

#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        written.expect("a String takes every text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_errors_are_remembered_newest_first() {
        let errors = LastErrors::default();
        let subscriber = tracing_subscriber::registry().with(Remember(errors.clone()));
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..ERRORS_MAX + 5 {
                tracing::error!(number, "it failed");
            }
            tracing::warn!("this is none");
        });
        let list = errors.list();
        assert_eq!(list.len(), ERRORS_MAX);
        assert_eq!(list[0].message, format!("it failed number={}", ERRORS_MAX + 4));
    }
}
