//! Mistakes have a place and a remedy, and nothing but reading is understood.

use proptest::prelude::*;
use store::conformance::NOW;

use crate::sql::parse;

#[track_caller]
fn mistaken(text: &str, message: &str) {
    let mistake = parse(text, NOW).expect_err(text).to_string();
    assert!(mistake.contains(message), "{text}:\n{mistake}");
}

#[test]
fn a_mistake_has_a_place_and_a_remedy() {
    for (text, message) in [
        ("SELECT * FROM trace", "there is no table trace"),
        ("SELECT *", "the table is missing"),
        ("SELECT * FROM traces, spans", "more than one table"),
        ("SELECT * FROM traces JOIN spans ON a = b", "not joined here"),
        ("SELECT * FROM (SELECT * FROM spans)", "only the name of a table"),
        ("SELECT durration FROM spans", "did you mean `duration`?"),
        ("SELECT foo FROM spans", "write `tags.foo`"),
        ("SELECT * FROM spans WHERE duration > 1000", "add a unit, such as 1000ms"),
        ("SELECT * FROM spans WHERE status = 'bad'", "it is one of: error, ok, unset"),
        ("SELECT * FROM spans WHERE kind > 'server'", "have no order"),
        ("SELECT * FROM spans WHERE start > 'soon'", "`soon` is no time"),
        ("SELECT service, count(*) FROM spans", "`service` stands neither in GROUP BY nor in an aggregate"),
        ("SELECT cuont(*) FROM spans", "did you mean `count`?"),
        ("SELECT sum(max(duration)) FROM spans", "inside of another"),
        ("SELECT row_number() OVER () FROM spans", "windows are not part"),
        ("SELECT * FROM spans WHERE a.b IN (SELECT 1)", "is not part of this SQL"),
        ("SELECT * FROM spans LIMIT 20000", "no whole number up to 10000"),
        ("SELECT * FROM spans ORDER BY 99", "there is no column 99"),
        ("SELECT * FROM spans UNION SELECT * FROM spans", "a set of queries"),
        ("WITH a AS (SELECT 1) SELECT * FROM spans", "WITH is not part"),
        ("SELECT * FROM spans WHERE name ~ '('", "the pattern is wrong"),
        ("SELECT * FROM spans WHERE", "expected"),
        ("SELECT * FROM spans WHERE name = 'x", "unterminated"),
        ("SELECT percentile(duration, 2000) FROM spans", "no number from 0 to 1"),
        ("SELECT date_trunc('month', start) FROM spans", "no unit of time"),
        ("SELECT lower() FROM spans", "lower takes 1 to 1 values"),
        ("SELECT * FROM spans; SELECT * FROM traces", "several statements"),
        ("", "there is no statement"),
    ] {
        mistaken(text, message);
    }
    let mistake = parse("SELECT *\nFROM spans\nWHERE durration > 1s", NOW).unwrap_err();
    assert_eq!((mistake.column, mistake.length), (27, 9), "{mistake}");
}

#[test]
fn nothing_is_changed_by_asking() {
    for text in [
        "DELETE FROM spans",
        "UPDATE spans SET name = 'x'",
        "INSERT INTO spans VALUES (1)",
        "DROP TABLE spans",
        "CREATE TABLE spans (a int)",
        "TRUNCATE TABLE spans",
        "ALTER TABLE spans ADD COLUMN a int",
        "EXPLAIN DELETE FROM spans",
        "COPY spans TO 'x'",
        "SET a = 1",
        "SELECT * INTO other FROM spans",
    ] {
        let mistake = parse(text, NOW).expect_err(text).to_string();
        assert!(!mistake.is_empty());
    }
    mistaken("DELETE FROM spans", "never changed");
}

#[test]
fn no_cut_of_a_statement_panics() {
    let whole = "EXPLAIN SELECT service, tags['a b'], p95(duration) x FROM spans WHERE (name LIKE 'ü%' AND duration > 1h30m) \
                 OR tags.http.5xx IN ('a', \"b\", 3) GROUP BY 1, 2 HAVING count(*) > 2 ORDER BY x DESC LIMIT 5";
    for (at, _) in whole.char_indices() {
        let _ = parse(&whole[..at], NOW);
        let _ = parse(&whole[at..], NOW);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = parse(&text, NOW);
    }

    #[test]
    fn no_row_of_words_panics(words in proptest::collection::vec(
        prop::sample::select(vec![
            "SELECT", "FROM", "spans", "traces", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "*", "count(*)", "tags.a",
            "=", "<", "(", ")", ",", "'x'", "\"y\"", "1s", "12", "NOT", "AND", "OR", "IN", "LIKE", "BETWEEN", "CASE", "WHEN",
            "END", "error", "service", "duration", "AS", "a", "p95(duration)", "-", "/", "[", "]", ".", "NULL", "IS", "DESC",
        ]),
        0..24,
    )) {
        let text = words.join(" ");
        let _ = parse(&text, NOW);
        let _ = parse(&format!("SELECT * FROM spans WHERE {text}"), NOW);
        let _ = crate::sql::is_sql(&text);
    }
}
