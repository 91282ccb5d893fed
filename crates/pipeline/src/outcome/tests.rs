use std::time::Duration;

use proptest::prelude::*;

use super::Outcome;

fn rejected(spans: u64) -> Outcome {
    Outcome::rejected(spans, "test", "because")
}

fn retry(seconds: Option<u64>) -> Outcome {
    Outcome::retry(seconds.map(Duration::from_secs), "test", "later")
}

#[test]
fn a_fan_out_takes_the_worst() {
    assert_eq!(Outcome::Stored.worst(Outcome::Stored), Outcome::Stored);
    assert_eq!(Outcome::Stored.worst(rejected(2)), rejected(2));
    assert_eq!(rejected(5).worst(rejected(2)), rejected(5));
    assert_eq!(rejected(5).worst(retry(None)), retry(None));
    assert_eq!(retry(Some(3)).worst(retry(None)), retry(Some(3)));
    assert_eq!(retry(Some(3)).worst(retry(Some(9))), retry(Some(9)));
}

#[test]
fn pieces_of_a_split_batch_add_up() {
    assert_eq!(Outcome::Stored.joined(Outcome::Stored), Outcome::Stored);
    assert_eq!(rejected(5).joined(rejected(2)), rejected(7));
    assert_eq!(Outcome::Stored.joined(rejected(2)), rejected(2));
    assert_eq!(retry(None).joined(rejected(2)), retry(None));
}

#[test]
fn every_part_of_a_merged_batch_gets_a_retry() {
    assert_eq!(retry(Some(1)).shared(&[3, 4]), [retry(Some(1)), retry(Some(1))]);
    assert_eq!(Outcome::Stored.shared(&[3]), [Outcome::Stored]);
    assert_eq!(rejected(3).shared(&[]), []);
}

proptest! {
    #[test]
    fn rejections_are_shared_exactly(parts in proptest::collection::vec(0..9_u64, 0..20), spans in 0..200_u64) {
        let total: u64 = parts.iter().sum();
        let shares = rejected(spans).shared(&parts);
        prop_assert_eq!(shares.len(), parts.len());
        let mut sum = 0;
        for (share, part) in shares.iter().zip(&parts) {
            match share {
                Outcome::Stored => {}
                Outcome::Rejected { spans, .. } => {
                    prop_assert!(0 < *spans && spans <= part);
                    sum += spans;
                }
                Outcome::Retry { .. } => prop_assert!(false, "nothing was to be sent again"),
            }
        }
        prop_assert_eq!(sum, spans.min(total));
    }
}
