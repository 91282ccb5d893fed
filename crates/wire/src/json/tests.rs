use proptest::prelude::*;

use super::{JsonError, Reader, Writer};

fn skip(text: &[u8]) -> Result<(), JsonError> {
    let mut reader = Reader::new(text);
    reader.skip().and_then(|()| reader.end()).map_err(|fault| fault.located(text))
}

fn string(text: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut reader = Reader::new(text);
    reader.string().map(std::borrow::Cow::into_owned).map_err(|fault| fault.located(text))
}

#[test]
fn what_is_json_is_skipped_and_what_is_not_is_refused() {
    for text in ["null", " [ ] ", "{}", r#"{"a":[1,-0.5e+3,{"b":true}],"c":"\u00e9\n"}"#, "0", "\u{feff}1"] {
        assert_eq!(skip(text.as_bytes()), Ok(()), "{text}");
    }
    for text in [
        "",
        "[",
        "[1,]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "01",
        "1.",
        "-",
        "1e",
        ".5",
        "nul",
        "[1}",
        "1 2",
        "\"",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "NaN",
        "'a'",
        "{\"a\":1,}",
    ] {
        assert!(skip(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_million_levels_are_skipped_without_stack() {
    let levels = 1_000_000;
    let text = ["[".repeat(levels), "]".repeat(levels)].concat();
    assert_eq!(skip(text.as_bytes()), Ok(()));
    assert!(skip(&text.as_bytes()[..text.len() - 1]).is_err());
}

#[test]
fn escapes_become_what_they_mean_and_lone_surrogates_become_replacements() {
    let read = |text: &str| String::from_utf8(string(text.as_bytes()).expect("a string")).expect("UTF-8");
    assert_eq!(read(r#""plain""#), "plain");
    assert_eq!(read(r#""\"\\\/\b\f\n\r\t\u0041""#), "\"\\/\u{8}\u{c}\n\r\tA");
    assert_eq!(read(r#""\ud83d\ude00!""#), "😀!");
    assert_eq!(read(r#""\ud83d!""#), "\u{fffd}!");
    assert_eq!(read(r#""\ud83d\u0041""#), "\u{fffd}A");
    assert_eq!(read(r#""\ude00""#), "\u{fffd}");
}

#[test]
fn a_fault_says_where_it_is() {
    let text = "{\n  \"é\": 1,\n  \"b\": [\n    \"ü\", truth]}";
    let error = skip(text.as_bytes()).expect_err("no JSON");
    assert_eq!((error.line, error.column, error.message.as_str()), (4, 10, "expected true"));
}

#[test]
fn an_indented_text_reads_as_gos_does() {
    let mut out = Writer::indented(4);
    out.object(|out| {
        out.key("data").array(|out| {
            out.text("a\"\u{1}");
            out.object(|_| {});
        });
        out.key("total").int(-3);
        out.key("none").array(|_| {});
    });
    let text = String::from_utf8(out.into_bytes()).expect("UTF-8");
    let expected = "{\n    \"data\": [\n        \"a\\\"\\u0001\",\n        {}\n    ],\n    \"total\": -3,\n    \"none\": []\n}";
    assert_eq!(text, expected);
}

#[test]
fn a_text_in_chunks_is_the_same_text_until_nobody_listens() {
    let write = |out: &mut Writer| {
        out.array(|out| {
            for number in 0..100 {
                out.array(|out| out.int(number));
            }
        });
    };
    let mut whole = Writer::compact();
    write(&mut whole);
    let chunks = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = chunks.clone();
    let mut parts = Writer::compact().in_chunks(50, move |chunk| {
        let mut kept = kept.lock().expect("no panic");
        kept.push(chunk);
        kept.len() < 5
    });
    write(&mut parts);
    assert!(!parts.is_wanted());
    let chunks = chunks.lock().expect("no panic");
    assert_eq!(chunks.len(), 5);
    assert!(whole.into_bytes().starts_with(&chunks.concat()));
}

#[test]
fn numbers_without_a_json_form_are_strings() {
    let mut out = Writer::compact();
    out.array(|out| {
        for number in [1.0, 1e300, -0.25, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            out.double(number);
        }
    });
    assert_eq!(out.into_bytes(), br#"[1.0,1e300,-0.25,"NaN","Infinity","-Infinity"]"#);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::hash_map(any::<String>(), inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_serde_writes_is_skipped(value in any_json(), cut in any::<proptest::sample::Index>()) {
        let text = serde_json::to_vec(&value).expect("JSON");
        prop_assert_eq!(skip(&text), Ok(()));
        let short = &text[..cut.index(text.len())];
        prop_assert_eq!(skip(short).is_ok(), serde_json::from_slice::<serde_json::Value>(short).is_ok());
    }

    #[test]
    fn a_written_string_reads_back(text in any::<String>()) {
        let mut out = Writer::compact();
        out.text(&text);
        let written = out.into_bytes();
        prop_assert_eq!(serde_json::from_slice::<String>(&written).ok(), Some(text.clone()));
        prop_assert_eq!(string(&written), Ok(text.into_bytes()));
    }

    #[test]
    fn a_plain_run_ends_at_the_first_special_byte(text in proptest::collection::vec(any::<u8>(), 0..40)) {
        let special = |byte: &u8| *byte < 32 || *byte == b'"' || *byte == b'\\';
        let expected = text.iter().position(special).unwrap_or(text.len());
        prop_assert_eq!(super::plain_run(&text), expected);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = skip(&bytes);
    }

    #[test]
    fn near_json_is_judged_as_serde_judges_it(text in r#"[\[\]{},:"0-9.eE+a\\ -]{0,12}"#) {
        let serde = serde_json::from_str::<serde_json::Value>(&text);
        // serde refuses numbers beyond f64, which JSON allows.
        let known = !serde.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert_eq!(skip(text.as_bytes()).is_ok() && known, serde.is_ok(), "{:?}", text);
    }
}
