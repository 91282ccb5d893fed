use super::ComponentId;

#[test]
fn ids_are_a_kind_and_perhaps_a_name() {
    for text in ["otlp", "otlp/edge", "memory_limiter", "otlp/a/b", "otlp/ümlaut"] {
        assert_eq!(ComponentId::parse(text).map(|id| id.to_string()), Ok(text.to_owned()));
    }
    for text in ["", "/", "otlp/", "/edge", "ot lp", "1otlp", "otlp-grpc"] {
        assert!(ComponentId::parse(text).is_err(), "{text}");
    }
}
