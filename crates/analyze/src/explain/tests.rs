use model::Tenant;
use store::conformance::{Draft, batch};

use super::*;

/// Explains spans that are selected by their number.
#[track_caller]
fn explained(
    count: u64,
    draft: impl Fn(u64, Draft) -> Draft,
    is_selected: impl Fn(u64) -> bool,
) -> Explanation {
    let drafts: Vec<Draft> = (1..=count).map(|number| draft(number, Draft::new(1, number))).collect();
    let batch = batch(&Tenant::default(), &drafts);
    let mut explain = Explain::default();
    for span in batch.spans() {
        let number = u64::from_be_bytes(span.span_id().0);
        explain.add(span, is_selected(number));
    }
    explain.finish()
}

#[test]
fn what_the_selection_has_more_often_comes_first() {
    let pod = |number: u64| if number.is_multiple_of(10) || number == 1 { "cart-7f" } else { "cart-1a" };
    let found = explained(
        200,
        |number, draft| {
            draft.with("pod", pod(number)).with("region", "eu").with("request", format!("r{number}").as_str())
        },
        |number| number.is_multiple_of(10),
    );
    assert_eq!((found.selection, found.baseline), (20, 180));
    assert_eq!(found.identifiers, ["span.request"]);
    let keys: Vec<&str> = found.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(keys, ["span.pod"], "what is the same everywhere explains nothing");
    let pod = &found.attributes[0];
    assert_eq!(pod.text, "span.pod = cart-7f is 100% of the selection and 1% of the rest");
    assert_eq!((pod.values[0].selection, pod.values[0].baseline), (20, 1));
    assert_eq!(pod.values[1].value.as_deref(), Some("cart-1a"));
}

#[test]
fn a_key_that_is_missing_explains_too() {
    let found = explained(
        100,
        |number, draft| if number > 50 { draft.with("cache.hit", true) } else { draft },
        |number| number <= 50,
    );
    assert_eq!(found.attributes[0].key, "span.cache.hit");
    let values: Vec<Option<&str>> =
        found.attributes[0].values.iter().map(|share| share.value.as_deref()).collect();
    assert_eq!(values, [None, Some("true")]);
    assert_eq!(
        found.attributes[0].text,
        "span.cache.hit is missing on 100% of the selection and 0% of the rest"
    );
}

#[test]
fn numbers_are_cut_into_doublings() {
    let found = explained(
        400,
        |number, draft| draft.with("bytes", (if number > 300 { 5_000 + number } else { number }) as i64),
        |number| number > 300,
    );
    let bytes = &found.attributes[0];
    assert_eq!((bytes.key.as_str(), bytes.values[0].value.as_deref()), ("span.bytes", Some("4096 to 8192")));
    assert!(bytes.values[0].is_range && bytes.score > 0.99);
}

#[test]
fn chance_alone_explains_nothing() {
    let found = explained(8, |number, draft| draft.with("n", (number % 2) as i64), |number| number == 2);
    assert_eq!(found.attributes, []);
    assert_eq!(explained(5, |_, draft| draft.with("a", 1), |_| true).attributes, []);
}
