use model::{Kind, Tenant};

use super::{Table, step_ns, text_of};
use crate::conformance::{Any, Draft, batch};
use crate::plan::{Field, Level};

#[track_caller]
fn check(draft: Draft, level: Level, expected: Option<&str>) {
    let batch = batch(&Tenant::default(), &[draft]);
    let field = Field::Attribute { level, key: "k".into() };
    assert_eq!(text_of(&field, batch.span(0)).as_deref(), expected);
}

#[test]
fn the_innermost_level_gives_the_text_and_there_the_least_value() {
    let draft = || Draft::new(1, 1).with_resource("k", "outer").with_event("e", &[("k", Any::Int(1))]);
    check(draft(), Level::Any, Some("outer"));
    check(draft(), Level::Event, Some("1"));
    check(draft(), Level::Span, None);
    check(draft().with("k", "b").with("k", "a"), Level::Any, Some("a"));
    check(draft().with("k", Any::Array(vec![Any::Int(2), Any::Int(1)])), Level::Any, Some("[2,1]"));
}

#[test]
fn plain_fields_have_texts_and_empty_ones_none() {
    let draft =
        Draft { scope: (String::new(), "2".into()), ..Draft::new(1, 1).kind(Kind::Client).lasting(7) };
    let batch = batch(&Tenant::default(), &[draft]);
    let fields = [Field::Kind, Field::Duration, Field::ScopeName, Field::ScopeVersion, Field::EventName];
    let texts = fields.map(|field| text_of(&field, batch.span(0)).map(std::borrow::Cow::into_owned));
    assert_eq!(texts, [Some("client"), Some("7"), None, Some("2"), None].map(|text| text.map(str::to_owned)));
}

#[test]
fn of_too_many_groups_the_first_stay_whole_in_whatever_order_they_come() {
    let group = |name: &str| (vec![Some(name.to_owned())], None);
    let mut table = Table::new(2);
    for name in ["d", "b", "c", "a", "b", "d", "a"] {
        if let Some(tally) = table.tally(group(name)) {
            tally.add(1, true);
        }
    }
    let (rows, has_more) = table.finish();
    let rows: Vec<_> = rows.iter().map(|row| (row.by[0].as_deref().unwrap(), row.sum.errors)).collect();
    assert_eq!((rows, has_more), (vec![("a", 2), ("b", 2)], true));
}

#[test]
fn a_step_that_makes_no_sense_is_refused() {
    assert!(step_ns(Some(std::time::Duration::ZERO)).is_err());
    assert!(step_ns(Some(std::time::Duration::MAX)).is_err());
    assert_eq!(step_ns(Some(std::time::Duration::from_secs(1))), Ok(Some(1_000_000_000)));
}
