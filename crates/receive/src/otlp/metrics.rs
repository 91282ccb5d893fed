//! What this receiver counts beside the ledger.

use model::Mended;
use pipeline::{Context, StartError};
use prometheus::{IntCounter, IntCounterVec, Opts};

/// Counters of one receiver; cheap to clone.
#[derive(Clone)]
pub(super) struct Metrics {
    mended: IntCounterVec,
    panics: IntCounter,
}

impl Metrics {
    pub(super) fn register(context: &Context) -> Result<Metrics, StartError> {
        let of =
            |name: &str, help: &str| Opts::new(name, help).const_label("receiver", context.id.to_string());
        let failed = |cause: prometheus::Error| StartError::new(format!("cannot register metrics: {cause}"));
        let mended =
            of("faden_receiver_mended_total", "Ids, strings and values that were mended to be taken in");
        let panics = of("faden_receiver_panics_total", "Requests that met a bug and were caught");
        let mended = IntCounterVec::new(mended, &["what"]).map_err(failed)?;
        let panics = IntCounter::with_opts(panics).map_err(failed)?;
        let registry = context.telemetry.registry();
        registry.register(Box::new(mended.clone())).map_err(failed)?;
        registry.register(Box::new(panics.clone())).map_err(failed)?;
        Ok(Metrics { mended, panics })
    }

    pub(super) fn mended(&self, mended: Mended) {
        let Mended { short_ids, invalid_utf8, too_deep } = mended;
        for (what, count) in [("short_id", short_ids), ("invalid_utf8", invalid_utf8), ("too_deep", too_deep)]
        {
            if count > 0 {
                self.mended.with_label_values(&[what]).inc_by(count);
            }
        }
    }

    pub(super) fn panicked(&self) {
        self.panics.inc();
    }
}
