use model::Tenant;

use super::passes;
use crate::conformance::{Any, Draft, batch};
use crate::plan::{Compare, Condition, Field, Filter, Level, Operand};

#[track_caller]
fn check(draft: Draft, field: Field, compare: Compare, operand: Operand, expected: bool) {
    let batch = batch(&Tenant::default(), &[draft]);
    let filter = Filter::Is(Condition { field, compare, operand });
    assert_eq!(passes(&filter, batch.span(0)), expected, "{filter:?} on {:?}", batch.span(0).attributes());
    let not = Filter::Not(Box::new(filter));
    assert_eq!(passes(&not, batch.span(0)), !expected, "{not:?}");
}

fn k() -> Field {
    Field::Attribute { level: Level::Any, key: "k".into() }
}

#[test]
fn one_element_of_an_array_is_enough_and_none_may_be_equal() {
    let array = || Draft::new(1, 1).with("k", Any::Array(vec![Any::Int(1), Any::Int(5)]));
    check(array(), k(), Compare::Equal, Operand::Int(5), true);
    check(array(), k(), Compare::Greater, Operand::Int(4), true);
    check(array(), k(), Compare::Unequal, Operand::Int(5), false);
    check(array(), k(), Compare::Unequal, Operand::Int(6), true);
    check(Draft::new(1, 1).with("k", Any::Array(vec![])), k(), Compare::Exists, Operand::None, true);
}

#[test]
fn an_absent_key_fails_every_comparison_but_missing() {
    for compare in [Compare::Equal, Compare::Unequal, Compare::Less, Compare::AtLeast, Compare::Exists] {
        check(Draft::new(1, 1), k(), compare, Operand::Int(0), false);
    }
    check(Draft::new(1, 1), k(), Compare::Missing, Operand::None, true);
}

#[test]
fn text_and_number_meet_only_where_they_are_written_alike() {
    check(Draft::new(1, 1).with("k", 500), k(), Compare::Equal, Operand::Text("500".into()), true);
    check(Draft::new(1, 1).with("k", 500), k(), Compare::Less, Operand::Text("600".into()), false);
    check(Draft::new(1, 1).with("k", "500"), k(), Compare::Equal, Operand::Int(500), false);
}

#[test]
fn a_duration_beyond_i64_is_the_longest() {
    let span = Draft::new(1, 1).at(0, u64::MAX);
    check(span, Field::Duration, Compare::AtLeast, Operand::Int(i64::MAX), true);
}
