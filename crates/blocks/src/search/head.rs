//! Goes through the spans of the head that a plan looks for.
//!
//! What a filter says of a service is decided once per resource, so that most spans are passed over without being read.

use model::{Batch, Span};
use store::eval;

use super::Run;
use super::words;

impl<'a> Run<'a> {
    /// Visits the spans of a batch that the plan looks for, with their services; those that stand there before are left out.
    pub(super) fn each_found(&mut self, batch: &'a Batch, mut visit: impl FnMut(Span<'a>, &'a str)) {
        let plan = self.plan;
        let resources = 0..batch.resource_count() as u32;
        let services: Vec<&str> = resources.map(|number| batch.resource(number).service()).collect();
        let decided = |service: &&str| words::decided(&plan.spans, words::Span { service, status: None });
        let verdicts: Vec<_> = services.iter().map(decided).collect();
        let repeats = self.repeats.clone();
        let mut repeated = repeats.places(batch).iter().map(|place| *place as usize).peekable();
        for (place, row) in batch.rows().iter().enumerate() {
            if repeated.next_if_eq(&place).is_some() {
                continue;
            }
            let in_time = plan.ids.is_some() || plan.time.contains(row.start);
            let verdict = verdicts[row.resource as usize];
            if !in_time || verdict == Some(false) || !self.asks_for(row.trace_id) {
                continue;
            }
            let span = batch.span(place);
            if verdict == Some(true) || eval::passes(&plan.spans, span) {
                visit(span, services[row.resource as usize]);
            }
        }
        self.work.spans_seen += batch.len() as u64;
    }
}
