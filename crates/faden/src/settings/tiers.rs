//! The section `store.tiers`: how blocks are kept as they grow older.

use std::time::Duration;

use blocks::retain::Retention;
use blocks::settings::{Cold, Tiers};
use config::Block;

/// Reads `tiers` of the section `store`; `is_remote` where blocks lie on no disk of this machine.
pub fn tiers(store: &mut Block<'_>, is_remote: bool, retention: &Retention) -> Tiers {
    let mut block = store.section("tiers", "how blocks are kept as they grow older");
    let mut warm = block.section("warm", "blocks that are in the object store alone");
    let warm_after = warm.optional_duration(
        "after",
        "with store.url: younger blocks are kept whole on the local disk too, in three quarters of store.cache.bytes",
    );
    let mut cold = block.section("cold", "blocks that are written again, smaller");
    let cold_after = cold.optional_duration(
        "after",
        "older blocks, once they are merged, are compressed more strongly in the background",
    );
    let compression = cold.integer(
        "compression",
        Cold::COMPRESSION,
        COMPRESSION_MIN..=COMPRESSION_MAX,
        "how strongly, as zstd counts; merged blocks have 3",
    );
    if !block.is_describing() {
        if warm_after.is_some() && !is_remote {
            let remedy = "set store.url to an object store, or leave this out".to_owned();
            warm.problem(
                "after",
                "blocks on a disk of this machine are hot until they are cold",
                Some(remedy),
            );
        }
        if let (Some(warm_after), Some(cold_after)) = (warm_after, cold_after)
            && warm_after > cold_after
        {
            let remedy = "give it store.tiers.cold.after or less".to_owned();
            warm.problem("after", "blocks would be cold before they are warm", Some(remedy));
        }
        if cold_after.is_some_and(|after| after >= longest(retention)) {
            let remedy = "give it less than store.retention.time, or keep spans for longer".to_owned();
            cold.problem("after", "nothing is kept for so long", Some(remedy));
        }
        if cold_after.is_none() && cold.has("compression") {
            let remedy = "write from which age on, such as after: 3d".to_owned();
            cold.problem("compression", "no block becomes cold", Some(remedy));
        }
    }
    warm.finish();
    cold.finish();
    block.finish();
    Tiers { warm_after, cold: cold_after.map(|after| Cold { after, compression }) }
}

/// Less than this is no more than merged blocks have.
const COMPRESSION_MIN: i32 = 4;

/// The strongest that zstd has.
const COMPRESSION_MAX: i32 = 22;

/// The longest that anything is kept, the archive apart.
fn longest(retention: &Retention) -> Duration {
    let tenants = retention.tenants.keys().map(|tenant| retention.of(tenant.as_str()));
    let policies = tenants.chain([retention.of("")]);
    policies.map(|policy| Duration::from_nanos(policy.longest())).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use config::Problems;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn read(text: &str, is_remote: bool) -> (Tiers, String) {
        let problems = Problems::new();
        let root = config::parse(text, "test.yaml").expect("tests write YAML");
        let retention = Retention::of_time(7 * DAY);
        let read = tiers(&mut Block::of(&root, &problems), is_remote, &retention);
        (read, if problems.is_empty() { String::new() } else { problems.to_string() })
    }

    #[track_caller]
    fn check_problem(text: &str, is_remote: bool, words: &[&str]) {
        let (_, said) = read(text, is_remote);
        for word in words {
            assert!(said.contains(word), "{word} is not in\n{said}");
        }
    }

    #[test]
    fn cold_blocks_need_no_object_store_and_warm_ones_do() {
        let (tiers, said) = read("tiers: { cold: { after: 3d } }", false);
        assert_eq!(said, "");
        assert_eq!(tiers.cold, Some(Cold { after: 3 * DAY, compression: 9 }));
        let (tiers, said) =
            read("tiers: { warm: { after: 1d }, cold: { after: 3d, compression: 12 } }", true);
        assert_eq!(said, "");
        assert_eq!((tiers.warm_after, tiers.cold.map(|cold| cold.compression)), (Some(DAY), Some(12)));
        let (tiers, said) = read("{}", true);
        assert_eq!((tiers.warm_after, tiers.cold, said), (None, None, String::new()));
        check_problem("tiers: { warm: { after: 1d } }", false, &["tiers::warm::after", "store.url"]);
    }

    #[test]
    fn ages_that_make_no_sense_are_named_with_a_remedy() {
        check_problem(
            "tiers: { warm: { after: 4d }, cold: { after: 3d } }",
            true,
            &["test.yaml:1", "tiers::warm::after", "cold before they are warm"],
        );
        check_problem(
            "tiers: { cold: { after: 7d } }",
            false,
            &["tiers::cold::after", "store.retention.time"],
        );
        check_problem("tiers: { cold: { compression: 9 } }", false, &["no block becomes cold", "after: 3d"]);
        check_problem("tiers: { cold: { after: 1d, compression: 3 } }", false, &["tiers::cold::compression"]);
        check_problem("tiers: { cold: { afer: 1d } }", false, &["did you mean \"after\""]);
    }
}
