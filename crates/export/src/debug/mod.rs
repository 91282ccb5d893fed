//! Shows batches to people, in the Collector's form.
//!
//! In every second the first `sampling_initial` batches are shown and of the others one in
//! `sampling_thereafter`. Control characters are escaped, since what is shown comes from strangers.

mod print;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use config::Block;
use model::{Batch, Clock};
use pipeline::{BuildExporter, Consumer, Context, Exporter, ExporterKind, ExporterMeter, Outcome, Stability};

pub(crate) const KIND: ExporterKind = ExporterKind {
    name: "debug",
    aliases: &["logging"],
    summary: "writes spans to the log or to standard output, for looking at",
    stability: Stability::Stable,
    parse,
};

#[derive(Clone, Debug)]
struct Settings {
    verbosity: &'static str,
    sampling_initial: u64,
    sampling_thereafter: u64,
    use_internal_logger: bool,
    output_paths: Vec<String>,
}

struct Debug {
    settings: Settings,
    meter: ExporterMeter,
    clock: Arc<dyn Clock>,
    sampling: Mutex<Sampling>,
}

/// How many batches came in this second.
#[derive(Clone, Copy, Debug, Default)]
struct Sampling {
    second: u64,
    batches: u64,
}

fn parse(block: &mut Block<'_>) -> BuildExporter {
    let settings = read(block);
    Box::new(move |context: Context| {
        let exporter: Arc<dyn Exporter> = Arc::new(Debug {
            settings,
            meter: context.telemetry.exporter(&context.id),
            clock: context.clock,
            sampling: Mutex::default(),
        });
        Ok(exporter)
    })
}

fn read(block: &mut Block<'_>) -> Settings {
    const OUTPUTS: [&str; 2] = ["stdout", "stderr"];
    block.ignored("loglevel", "use `verbosity`");
    block.ignored("sending_queue", "what is shown needs no queue");
    let settings = Settings {
        verbosity: block.choice(
            "verbosity",
            &["basic", "normal", "detailed"],
            "basic",
            "one line per batch, one line per span, or everything",
        ),
        sampling_initial: block.integer(
            "sampling_initial",
            2,
            0..=u64::MAX,
            "batches shown in every second …",
        ),
        sampling_thereafter: block.integer(
            "sampling_thereafter",
            1,
            0..=u64::MAX,
            "… and of the others every so many; 0 shows none of them",
        ),
        use_internal_logger: block.boolean("use_internal_logger", true, "write to Faden's own log"),
        output_paths: block.list_of_text(
            "output_paths",
            &["stdout"],
            "where to write otherwise: stdout, stderr",
        ),
    };
    if settings.output_paths.iter().any(|path| !OUTPUTS.contains(&path.as_str())) {
        block.problem("output_paths", "only stdout and stderr are possible", None);
    }
    settings
}

impl Sampling {
    fn is_shown(&mut self, settings: &Settings, second: u64) -> bool {
        if self.second != second {
            *self = Self { second, batches: 0 };
        }
        self.batches += 1;
        let over = self.batches.saturating_sub(settings.sampling_initial);
        over == 0 || (settings.sampling_thereafter > 0 && over.is_multiple_of(settings.sampling_thereafter))
    }
}

impl Debug {
    fn show(&self, batch: &Batch) {
        let text = match self.settings.verbosity {
            "detailed" => format!("{}\n{}", print::basic(batch), print::detailed(batch)),
            "normal" => format!("{}\n{}", print::basic(batch), print::normal(batch)),
            _ => print::basic(batch),
        };
        let text = text.trim_end();
        if self.settings.use_internal_logger {
            tracing::info!("{text}");
            return;
        }
        for path in &self.settings.output_paths {
            let mut out: Box<dyn Write> = if path == "stderr" {
                Box::new(std::io::stderr())
            } else {
                Box::new(std::io::stdout().lock())
            };
            if let Err(cause) = writeln!(out, "{text}") {
                tracing::warn!(%cause, path, "cannot show spans");
            }
        }
    }
}

#[async_trait]
impl Consumer for Debug {
    async fn consume(&self, batch: Batch) -> Outcome {
        let second = self.clock.now() / 1_000_000_000;
        if self.sampling.lock().unwrap_or_else(PoisonError::into_inner).is_shown(&self.settings, second) {
            self.show(&batch);
        }
        self.meter.settle(batch.len() as u64, &Outcome::Stored);
        Outcome::Stored
    }
}

impl Exporter for Debug {}

#[cfg(test)]
mod tests;
