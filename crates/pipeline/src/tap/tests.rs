use model::Tenant;

use super::{BATCHES_MAX, Seen, Tap};
use crate::testing::batch;

#[tokio::test]
async fn a_slow_viewer_is_told_how_many_spans_it_missed_and_goes_on() {
    let tap = Tap::new();
    let other = Tenant::parse("other").unwrap();
    tap.show(&batch(9, Tenant::default()));
    let mut first = tap.watch(other.clone());
    tap.show(&batch(9, Tenant::default()));
    let mut view = tap.watch(Tenant::default());
    tap.show(&batch(5, other.clone()));
    tap.show(&batch(3, Tenant::default()));
    tap.show(&batch(4, Tenant::default()));
    for _ in 0..BATCHES_MAX {
        tap.show(&batch(2, Tenant::default()));
    }
    assert!(matches!(view.next().await, Some(Seen::Missed(7))));
    for _ in 0..BATCHES_MAX {
        assert!(matches!(view.next().await, Some(Seen::Batch(batch)) if batch.len() == 2));
    }
    tap.show(&batch(1, other));
    assert!(matches!(first.next().await, Some(Seen::Missed(5))));
    assert!(matches!(first.next().await, Some(Seen::Batch(batch)) if batch.len() == 1));
}

#[tokio::test]
async fn a_view_ends_with_its_tap() {
    let tap = Tap::new();
    let mut view = tap.watch(Tenant::default());
    assert_eq!(tap.viewers(), 1);
    drop(tap);
    assert!(view.next().await.is_none());
}
