//! The options of the memory limiter, as the Collector has them.

use std::sync::Arc;
use std::time::Duration;

use config::Block;
use pipeline::{BuildProcessor, Memory, ProcessorKind, Stability, StartError};

use super::{Bounds, Limiter};

pub(crate) const KIND: ProcessorKind = ProcessorKind {
    name: "memory_limiter",
    aliases: &[],
    summary: "holds spans off while memory is short; should be the first processor",
    stability: Stability::Stable,
    parse,
};

/// The share of the limit that is kept for spikes if none is given.
const SPIKE_PERCENT: u64 = 20;

const WHY_IGNORED: &str = "there is no garbage collector";

/// What the file says; percentages need the machine's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    check_interval: Duration,
    limit_mib: u64,
    spike_limit_mib: u64,
    limit_percentage: u64,
    spike_limit_percentage: u64,
}

fn parse(block: &mut Block<'_>) -> BuildProcessor {
    let settings = read(block);
    Box::new(move |context, next| {
        let bounds = settings.bounds(context.memory)?;
        let meter = context.telemetry.limiter(&context.id);
        Ok(Arc::new(Limiter::new(bounds, context.memory, next, meter)))
    })
}

pub(super) fn read(block: &mut Block<'_>) -> Settings {
    let mib = 0..=u64::from(u32::MAX);
    let settings = Settings {
        check_interval: block.duration(
            "check_interval",
            "0s",
            "how often memory is looked at; must be given",
        ),
        limit_mib: block.integer("limit_mib", 0, mib.clone(), "memory that may be in use, in MiB"),
        spike_limit_mib: block.integer(
            "spike_limit_mib",
            0,
            mib,
            "kept for spikes, in MiB; 0 is 20 % of the limit",
        ),
        limit_percentage: block.integer("limit_percentage", 0, 0..=100, "the limit as a share of all memory"),
        spike_limit_percentage: block.integer(
            "spike_limit_percentage",
            0,
            0..=100,
            "the spike as a share of all",
        ),
    };
    for key in [
        "min_gc_interval_when_soft_limited",
        "min_gc_interval_when_hard_limited",
        "max_gc_interval_when_soft_limited",
        "max_gc_interval_when_hard_limited",
    ] {
        block.ignored(key, WHY_IGNORED);
    }
    check(block, settings);
    settings
}

fn check(block: &Block<'_>, settings: Settings) {
    if settings.check_interval == Duration::ZERO {
        block.problem("check_interval", "it must be more than 0", Some("write 1s".to_owned()));
    }
    if settings.limit_mib == 0 && settings.limit_percentage == 0 {
        let remedy = "give limit_mib or limit_percentage".to_owned();
        block.problem("limit_mib", "there is no limit", Some(remedy));
    }
    if settings.limit_mib > 0 && settings.spike_limit_mib >= settings.limit_mib {
        block.problem("spike_limit_mib", "it must be less than limit_mib", None);
    }
    let by_share = settings.limit_mib == 0 && settings.limit_percentage > 0;
    if by_share && settings.spike_limit_percentage >= settings.limit_percentage {
        block.problem("spike_limit_percentage", "it must be less than limit_percentage", None);
    }
}

impl Settings {
    /// Limits in bytes; MiB go before percentages.
    pub(super) fn bounds(self, memory: Memory) -> Result<Bounds, StartError> {
        let (hard_bytes, spike_bytes) = match self.limit_mib {
            0 => {
                let total = (memory.total)().ok_or_else(|| {
                    let error = StartError::new("limit_percentage needs to know how much memory there is");
                    error.remedy("give limit_mib instead")
                })?;
                (share(total, self.limit_percentage), share(total, self.spike_limit_percentage))
            }
            mib => (mib << 20, self.spike_limit_mib << 20),
        };
        let spike_bytes = if spike_bytes == 0 { share(hard_bytes, SPIKE_PERCENT) } else { spike_bytes };
        let soft_bytes = hard_bytes.saturating_sub(spike_bytes);
        Ok(Bounds { hard_bytes, soft_bytes, check_interval: self.check_interval })
    }
}

fn share(bytes: u64, percent: u64) -> u64 {
    u64::try_from(u128::from(bytes) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}
