use super::{content, repeated};
use crate::samples::{Sample, request, scope_spans};
use crate::{Batch, Value, otlp};

/// A span with these attributes, of a resource with these.
fn batch(attributes: &[(&str, Value<'_>)], resource: &[(&str, Value<'_>)]) -> Batch {
    let admitted = request(|group| {
        group.message(otlp::resource_spans::RESOURCE, |open| {
            resource.iter().for_each(|(key, value)| {
                otlp::attribute(open, otlp::resource::ATTRIBUTES, key, *value);
            });
        });
        scope_spans(group, |span| {
            Sample::new(1, 0, 10, 20).write(span);
            attributes.iter().for_each(|(key, value)| {
                otlp::attribute(span, otlp::span::ATTRIBUTES, key, *value);
            });
        });
    });
    admitted.batch
}

#[track_caller]
fn check(left: &Batch, right: &Batch, are_same: bool) {
    assert_eq!(content(left.span(0)) == content(right.span(0)), are_same);
    assert_eq!(repeated(&[left.clone(), right.clone()]).len(), usize::from(are_same));
}

#[test]
fn the_order_of_different_keys_does_not_matter() {
    let (one, two) = (("a", Value::Int(1)), ("b", Value::Text("x")));
    check(&batch(&[one, two], &[one, two]), &batch(&[two, one], &[two, one]), true);
}

#[test]
fn whatever_else_differs_makes_two_spans() {
    let one = ("a", Value::Int(1));
    let plain = batch(&[one], &[]);
    check(&plain, &batch(&[one], &[one]), false);
    check(&plain, &batch(&[("a", Value::Text("1"))], &[]), false);
    check(&plain, &batch(&[one, one], &[]), false);
    check(&plain, &batch(&[], &[one]), false);
    let doubles = [0.0, -0.0, f64::NAN].map(|number| batch(&[("a", Value::Double(number))], &[]));
    check(&doubles[0], &doubles[1], false);
    check(&doubles[2], &doubles[2], true);
    let (first, second) = (("a", Value::Int(1)), ("a", Value::Int(2)));
    check(&batch(&[first, second], &[]), &batch(&[second, first], &[]), false);
}

#[test]
fn all_but_the_first_are_repeated() {
    let one = Sample::new(1, 0, 10, 20);
    let other = Sample { failed: true, ..one };
    let batches = [one, other, one, Sample::new(2, 1, 10, 20), one, other].map(Sample::batch);
    let mut places: Vec<_> = repeated(&batches).into_iter().collect();
    places.sort_unstable();
    assert_eq!(places, [(2, 0), (4, 0), (5, 0)]);
    assert!(repeated(&[]).is_empty());
}
