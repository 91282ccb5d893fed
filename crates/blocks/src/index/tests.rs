use proptest::collection::vec;
use proptest::prelude::*;
use store::Level;

use super::tokens::{Filter, KeyToken};

#[test]
fn a_token_is_part_of_the_format() {
    let token = KeyToken::new(Level::Span, "request.id").with(b"0123456789");
    assert_eq!(token, KeyToken::new(Level::Span, "request.id").with(b"0123456789"));
    assert_ne!(token, KeyToken::new(Level::Resource, "request.id").with(b"0123456789"));
    assert_ne!(token, KeyToken::new(Level::Span, "request.id").with(b"012345678"));
}

#[test]
fn a_filter_seldom_errs() {
    let mut tokens: Vec<u64> = (0..10_000_u32).map(token).collect();
    let filter = Filter::of(&mut tokens);
    let wrong = (10_000..110_000).filter(|number| filter.may_hold(token(*number))).count();
    assert!(wrong < 3000, "{wrong} of 100,000 absent tokens seem to be there");
}

fn token(number: u32) -> u64 {
    KeyToken::new(Level::Span, "user.id").with(number.to_string().as_bytes())
}

proptest! {
    #[test]
    fn a_filter_holds_what_was_put_in(mut tokens in vec(proptest::num::u64::ANY, 0..500)) {
        let filter = Filter::of(&mut tokens);
        prop_assert!(tokens.iter().all(|token| filter.may_hold(*token)));
    }
}
