use super::*;

#[test]
fn a_full_budget_refuses_at_once_and_recovers() {
    let budget = Budget::new(100);
    let first = budget.reserve(60).unwrap();
    assert!(budget.reserve(41).is_none());
    let second = budget.reserve(40).unwrap();
    assert_eq!(budget.used(), 100);
    drop(first);
    assert_eq!(budget.used(), 40);
    drop(second);
    assert_eq!((budget.used(), budget.peak()), (0, 100));
}

#[test]
fn a_permit_grows_and_shrinks_within_the_budget() {
    let budget = Budget::new(100);
    let mut permit = budget.reserve(10).unwrap();
    assert!(permit.grow_to(90));
    assert!(!permit.grow_to(101));
    assert_eq!(permit.bytes(), 90);
    assert!(permit.grow_to(5), "holding more than asked is enough");
    permit.shrink_to(20);
    assert_eq!((permit.bytes(), budget.used()), (20, 20));
    drop(permit);
    assert_eq!(budget.used(), 0);
}

#[test]
fn an_absurd_reservation_does_not_overflow() {
    let budget = Budget::new(100);
    let _held = budget.reserve(50).unwrap();
    assert!(budget.reserve(usize::MAX).is_none());
    assert_eq!(budget.used(), 50);
}
