use proptest::prelude::*;

use super::*;

#[test]
fn a_status_survives_the_wire() {
    for retry_after in [None, Some(Duration::ZERO), Some(Duration::from_millis(2500))] {
        let status = Status { code: Code::Unavailable, message: "später".into(), retry_after };
        assert_eq!(Status::from_proto(&status.to_proto()), Some(status));
    }
}

#[test]
fn the_bytes_are_those_of_google_rpc() {
    let status = Status { retry_after: Some(Duration::from_secs(1)), ..Status::new(Code::Unavailable, "no") };
    let mut expected = b"\x08\x0e\x12\x02no\x1a\x30\x0a\x28type.googleapis.com/google.rpc.RetryInfo".to_vec();
    expected.extend(b"\x12\x04\x0a\x02\x08\x01");
    assert_eq!(status.to_proto(), expected);
}

#[test]
fn what_is_no_status_is_none() {
    assert_eq!(Status::from_proto(b"\x08"), None);
    assert_eq!(Status::from_proto(b"\x12\x7fshort"), None);
    assert_eq!(Status::from_proto(b""), Some(Status::new(Code::Ok, "")));
}

#[test]
fn json_is_escaped_and_carries_the_hint() {
    let status = Situation::Unavailable.status("a \"quote\"\n", Some(Duration::from_millis(1500)));
    assert_eq!(
        status.to_json(),
        r#"{"code":14,"message":"a \"quote\"\u000a","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}"#
    );
    assert_eq!(status.retry_after_header().unwrap(), "2");
}

#[test]
fn only_situations_that_pass_carry_a_hint() {
    use Situation::*;
    for situation in [RateLimited, Unavailable, Bug] {
        assert!(situation.status("", None).retry_after.is_some(), "{situation:?}");
    }
    for situation in
        [Undecodable, TooLarge, UnsupportedMedia, Unauthenticated, Forbidden, DeadlinePassed, Poison]
    {
        let status = situation.status("", Some(Duration::from_secs(1)));
        assert_eq!(status.retry_after, None, "{situation:?}");
    }
}

#[test]
fn codes_map_to_http_as_the_collector_does() {
    for (code, http) in [
        (Code::Ok, 200),
        (Code::Unavailable, 503),
        (Code::DeadlineExceeded, 503),
        (Code::ResourceExhausted, 429),
        (Code::InvalidArgument, 400),
        (Code::Unimplemented, 404),
        (Code::Internal, 500),
    ] {
        assert_eq!(code.http(), http, "{code:?}");
    }
    assert_eq!(Code::of(99), Code::Unknown);
    assert_eq!(Code::of(14), Code::Unavailable);
}

proptest! {
    #[test]
    fn no_bytes_panic(input in proptest::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        let _ = Status::from_proto(&input);
        let _ = crate::grpc::parse_timeout(&text);
        let _ = crate::inflate::encodings(&text);
        let status = Status::new(Code::Internal, text);
        prop_assert_eq!(Status::from_proto(&status.to_proto()).map(|it| it.code), Some(Code::Internal));
    }
}
