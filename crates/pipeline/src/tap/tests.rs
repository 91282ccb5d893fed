use model::Tenant;

use super::{BATCHES_MAX, Seen, Tap};
use crate::testing::batch;

#[tokio::test]
async fn a_slow_viewer_is_told_what_it_missed_and_goes_on() {
    let tap = Tap::new();
    let mut view = tap.watch();
    for _ in 0..BATCHES_MAX + 3 {
        tap.show(&batch(1, Tenant::default()));
    }
    assert!(matches!(view.next().await, Some(Seen::Missed(3))));
    assert!(matches!(view.next().await, Some(Seen::Batch(_))));
}

#[tokio::test]
async fn a_view_ends_with_its_tap() {
    let tap = Tap::new();
    let mut view = tap.watch();
    assert_eq!(tap.viewers(), 1);
    drop(tap);
    assert!(view.next().await.is_none());
}
