//! The section `store.retention`: how long spans are kept, by time, by room, by rule, by tenant.

use std::collections::BTreeMap;

use blocks::retain::{Quota, RULES_MAX, Retention, Rule, TenantRetention};
use config::Block;
use model::Tenant;

/// Names that figures use for other things.
const NAMES_TAKEN: [&str; 3] = ["time", "bytes", "archive"];

/// Reads `retention` of the section `store`; `is_remote` where blocks lie on no disk of this machine.
pub fn retention(store: &mut Block<'_>, is_remote: bool) -> Retention {
    let mut block = store.section("retention", "when spans are dropped");
    let time = block.duration("time", "7d", "traces that no rule matches are kept so long");
    let bytes = quota(&mut block, is_remote);
    let rules =
        rules(&mut block, "traces that are kept longer, or shorter; the longest time that matches counts");
    let mut tenants = BTreeMap::new();
    for (name, mut own) in block.blocks("tenants", "tenants that have a retention of their own") {
        let has_rules = own.has("rules");
        let time = own.optional_duration("time", "instead of the common time");
        let bytes = own.optional_bytes("bytes", "the tenant's blocks take no more; the oldest go first");
        let rules = self::rules(&mut own, "instead of the common rules");
        let own_retention = TenantRetention { time, bytes, rules: has_rules.then_some(rules) };
        match Tenant::parse(&name.text) {
            Some(tenant) => drop(tenants.insert(tenant, own_retention)),
            None if own.is_describing() => {}
            None => {
                let message = format!("\"{}\" is no name of a tenant", name.text);
                own.report(name.error(message).remedy("write letters, digits and -_. only"));
            }
        }
    }
    Retention { time, bytes, rules, tenants }
}

fn quota(block: &mut Block<'_>, is_remote: bool) -> Option<Quota> {
    let doc = "blocks take no more than this, such as 200GB, or 80% of the disk; the oldest go first";
    let text = block.optional_text("bytes", doc)?;
    let quota = read_quota(&text);
    if quota.is_none() {
        let remedy = "write a number with its unit, such as 200GB, or a part of the disk, such as 80%";
        block.problem("bytes", format!("\"{text}\" is not a size"), Some(remedy.to_owned()));
    }
    if is_remote && matches!(quota, Some(Quota::OfDisk(_))) {
        let remedy = "write a number of bytes, such as 2TB";
        block.problem("bytes", "blocks at a URL lie on no disk of this machine", Some(remedy.to_owned()));
    }
    quota
}

fn read_quota(text: &str) -> Option<Quota> {
    match text.trim().strip_suffix('%') {
        Some(percent) => {
            let percent: f64 = percent.trim().parse().ok()?;
            (percent > 0.0 && percent <= 100.0).then_some(Quota::OfDisk(percent / 100.0))
        }
        None => config::parse_bytes(text).filter(|bytes| *bytes > 0).map(Quota::Bytes),
    }
}

fn rules(block: &mut Block<'_>, doc: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for mut one in block.list_of_blocks("rules", doc) {
        let name = one.required_text("name", "what the rule is called in figures");
        let text = one.required_text(
            "filter",
            "as in `faden search`, such as status = error; a trace matches by one span",
        );
        let time = one.optional_duration("time", "how long the traces that it matches are kept");
        if one.is_describing() {
            continue;
        }
        if NAMES_TAKEN.contains(&name.as_str()) || rules.iter().any(|rule| rule.name == name) {
            one.problem(
                "name",
                format!("\"{name}\" is the name of something else"),
                Some("choose another".to_owned()),
            );
        }
        if time.is_none() && !one.has("time") {
            one.problem("time", "this must be given", Some("write how long, such as 30d".to_owned()));
        }
        match query::filter::parse(&text) {
            Ok(question) => rules.push(Rule {
                name,
                text,
                spans: question.spans,
                trace: question.trace,
                time: time.unwrap_or_default(),
            }),
            Err(mistake) => {
                let message = format!("column {}: {}", mistake.column, mistake.message);
                one.problem("filter", message, mistake.remedy);
            }
        }
    }
    if rules.len() > RULES_MAX {
        block.problem(
            "rules",
            format!("there are {} rules, and at most {RULES_MAX} count", rules.len()),
            None,
        );
    }
    rules
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use config::Problems;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn read(text: &str, is_remote: bool) -> (Retention, Problems) {
        let problems = Problems::new();
        let root = config::parse(text, "test.yaml").expect("tests write YAML");
        let read = retention(&mut Block::of(&root, &problems), is_remote);
        (read, problems)
    }

    #[track_caller]
    fn check_problem(text: &str, words: &[&str]) {
        let (_, problems) = read(text, true);
        let said = problems.to_string();
        for word in words {
            assert!(said.contains(word), "{word} is not in\n{said}");
        }
        assert_eq!(problems.sorted().len(), 1, "{said}");
    }

    #[test]
    fn rules_speak_the_language_of_searches() {
        let text = "retention:
  time: 7d
  bytes: 200GB
  rules:
    - { name: errors, filter: 'status = error', time: 30d }
    - { name: slow, filter: 'service = cart && traceDuration > 2s', time: 14d }
  tenants:
    red: { time: 3d, bytes: 10GB, rules: [] }
    blue: { time: 90d }
";
        let (retention, problems) = read(text, false);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(retention.bytes, Some(Quota::Bytes(200_000_000_000)));
        assert_eq!((retention.of("x").time, retention.of("x").rules.len()), (7 * DAY, 2));
        assert_eq!((retention.of("red").time, retention.of("red").rules.len()), (3 * DAY, 0));
        assert_eq!((retention.of("blue").time, retention.of("blue").rules.len()), (90 * DAY, 2));
        assert_eq!(retention.rules[0].time, 30 * DAY);
        assert!(!retention.rules[1].trace.is_empty());
    }

    #[test]
    fn a_part_of_the_disk_is_a_quota() {
        let (retention, problems) = read("retention: { bytes: 80% }", false);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(retention.bytes, Some(Quota::OfDisk(0.8)));
        check_problem("retention: { bytes: 80% }", &["retention::bytes", "no disk of this machine", "2TB"]);
        for wrong in ["0", "120%", "much"] {
            check_problem(&format!("retention: {{ bytes: {wrong} }}"), &["is not a size", "200GB"]);
        }
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_said_with_its_place() {
        let rule = |rule: &str| format!("retention: {{ rules: [{rule}] }}");
        check_problem(
            &rule("{ name: a, filter: 'status = error', time: 1d, tme: 2d }"),
            &["test.yaml:1", "did you mean \"time\""],
        );
        check_problem(
            &rule("{ name: a, filter: 'status = eror', time: 1d }"),
            &["filter", "column 10", "error"],
        );
        check_problem(&rule("{ name: a, filter: 'status = error' }"), &["time", "must be given", "30d"]);
        check_problem(
            &rule("{ name: archive, filter: 'status = error', time: 1d }"),
            &["name of something else"],
        );
        check_problem("retention: { tenants: { 'a b': { time: 1d } } }", &["is no name of a tenant"]);
    }
}
