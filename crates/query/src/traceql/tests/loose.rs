//! Questions that were not asked in TraceQL, or not to the end.

use super::super::{loose, parse};

#[test]
fn older_searches_mean_parts_of_values_whatever_their_case() {
    let of = |tags: &[(&str, &str)]| loose::of_tags(tags, (None, None));
    assert_eq!(of(&[("service.name", "Shop")]), "{ resource.service.name =~ `(?i).*Shop.*` }");
    assert_eq!(
        of(&[("http.status_code", "500")]),
        "{ (.\"http.status_code\" =~ `(?i).*500.*` || .\"http.status_code\" = 500) }"
    );
    assert_eq!(of(&[("error", "true"), ("name", "a.b")]), "{ status = error && name =~ `(?i).*a\\.b.*` }");
    assert_eq!(
        loose::of_tags(&[], (Some(1_000), Some(2_000_000))),
        "{ trace:duration >= 1000ns && trace:duration <= 2000000ns }"
    );
    for text in [of(&[("a \"b\\", "`x`")]), of(&[]), of(&[("status", "error")])] {
        parse(&text).unwrap_or_else(|mistake| panic!("{mistake}"));
    }
}

#[test]
fn logfmt_is_read_with_quotes() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        loose::logfmt("  a=1 b=\"two words\"  c= d=x"),
        Ok(vec![pair("a", "1"), pair("b", "two words"), pair("c", ""), pair("d", "x")])
    );
    assert_eq!(loose::logfmt(""), Ok(Vec::new()));
    assert_eq!(loose::logfmt("a=1 nonsense"), Err(4));
    assert_eq!(loose::logfmt("a=\"x"), Err(2));
    assert_eq!(loose::logfmt("=x"), Err(0));
}

#[test]
fn an_unfinished_query_keeps_what_can_be_read() {
    let conditions = |text: &str| {
        loose::readable(text).map(|pipeline| {
            crate::traceql::search::fields(&pipeline).iter().map(ToString::to_string).collect::<Vec<_>>()
        })
    };
    assert_eq!(conditions("{ resource.service.name = \"a\" && .x = }").unwrap(), ["resource.service.name"]);
    assert_eq!(conditions("{ .x = && name = \"b\" && }").unwrap(), ["name"]);
    assert_eq!(conditions("{ .a = 1 }").unwrap(), [".a"]);
    assert_eq!(conditions("{ .a = 1 "), Some(vec![".a".to_owned()]));
    assert_eq!(conditions("{ .a = "), None);
    assert_eq!(conditions("{}"), None);
    assert_eq!(conditions(""), None);
}
