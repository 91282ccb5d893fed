use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::time::UnixNanos;
use model::{Clock, Tenant};

use super::{Audit, EXAMPLES_MAX, Fate, GROUPS_MAX, TRACES_MAX};
use crate::{Outcome, Reason, testing};

/// A clock that is one nanosecond later each time.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> UnixNanos {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

fn audit() -> Audit {
    Audit::new(Arc::new(Ticking::default()))
}

fn retry() -> Outcome {
    Outcome::retry(None, "memory", "no memory")
}

#[test]
fn a_trace_that_was_refused_twice_is_told_once_with_place_and_reason() {
    let audit = audit();
    let batch = testing::batch(3, Tenant::default());
    let outcome = retry().at(&"processor:traces:memory_limiter".into());
    for _ in 0..2 {
        audit.note(&"receiver:otlp".into(), &batch, &outcome);
    }
    let told = audit.told(&Tenant::default());
    assert_eq!(told.groups.len(), 1);
    let group = &told.groups[0];
    assert_eq!((group.spans, group.fate, group.reason.text()), (6, Fate::Refused, "no memory"));
    assert_eq!(group.reason.place().as_ref(), "processor:traces:memory_limiter");
    let ids: std::collections::BTreeSet<_> = batch.rows().iter().map(|row| row.trace_id).collect();
    assert_eq!(told.traces.len(), ids.len());
    assert_eq!(told.traces.iter().map(|lost| lost.spans).sum::<u64>(), 6);
    assert!(told.traces.iter().all(|lost| lost.first < lost.last && !lost.is_part));
}

#[test]
fn of_a_batch_that_was_rejected_in_part_nobody_knows_which_spans() {
    let audit = audit();
    let batch = testing::batch(4, Tenant::default());
    audit.note(&"exporter:store".into(), &batch, &Outcome::rejected(1, "too_old", "too old"));
    let told = audit.told(&Tenant::default());
    assert_eq!((told.groups.len(), told.groups[0].spans), (1, 1));
    assert!(told.traces.iter().all(|lost| lost.is_part));
}

#[test]
fn what_was_taken_leaves_no_trace_here() {
    let audit = audit();
    audit.note(&"receiver:otlp".into(), &testing::batch(4, Tenant::default()), &Outcome::Stored);
    let told = audit.told(&Tenant::default());
    assert!(told.groups.is_empty() && told.traces.is_empty());
}

#[test]
fn tenants_see_their_own_and_what_is_nobodys() {
    let audit = audit();
    let other = Tenant::parse("other").unwrap();
    audit.note(&"receiver:otlp".into(), &testing::batch(1, other.clone()), &retry());
    audit.note_request(&"receiver:otlp".into(), &Reason::new("malformed", "broken"));
    let told = |tenant: &Tenant| {
        let told = audit.told(tenant);
        (told.groups.len(), told.traces.len(), told.groups.iter().map(|group| group.requests).sum::<u64>())
    };
    assert_eq!((told(&Tenant::default()), told(&other)), ((1, 0, 1), (2, 1, 1)));
}

#[test]
fn what_is_forgotten_is_counted() {
    let audit = audit();
    let batch = testing::batch(1, Tenant::default());
    let places = GROUPS_MAX.max(TRACES_MAX) + 3;
    for number in 0..places {
        audit.note(&format!("exporter:{number}").into(), &batch, &retry());
    }
    let told = audit.told(&Tenant::default());
    assert_eq!((told.groups.len(), told.traces.len()), (GROUPS_MAX, TRACES_MAX));
    assert_eq!(told.groups_forgotten as usize, places - GROUPS_MAX);
    assert_eq!(told.traces_forgotten as usize, places - TRACES_MAX);
    assert_eq!(told.groups[0].reason.place().as_ref(), format!("exporter:{}", places - 1));
    assert!(told.groups[0].examples.len() <= EXAMPLES_MAX);
}
