//! What the answer of an OTLP server means for a batch.

use std::time::Duration;

use model::proto::{Cursor, Field};
use net::status::{Code, Status};
use pipeline::Outcome;

/// The word in metrics for what the remote did not take.
const REMOTE: &str = "remote";

/// What is read of `ExportTracePartialSuccess`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartialSuccess {
    pub(super) rejected_spans: u64,
    pub(super) error_message: String,
}

/// A success, perhaps without some of the spans, which are not to be sent again.
pub(super) fn of_success(partial: &PartialSuccess, spans: u64, exporter: &str) -> Outcome {
    let message = &partial.error_message;
    match partial.rejected_spans {
        0 => {
            if !message.is_empty() {
                tracing::warn!(exporter, message, "the remote took all spans, with a warning");
            }
            Outcome::Stored
        }
        rejected => {
            Outcome::rejected(rejected.min(spans), REMOTE, format!("the remote rejected spans: {message}"))
        }
    }
}

/// A refusal over gRPC, by the table of the OTLP specification.
pub(super) fn of_status(status: &Status, spans: u64) -> Outcome {
    let may_come_again = match status.code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => status.retry_after.is_some(),
        _ => false,
    };
    decided(may_come_again, status.retry_after, spans, status.to_string())
}

/// A refusal over HTTP.
pub(super) fn of_http(code: u16, retry_after: Option<Duration>, spans: u64, body: &[u8]) -> Outcome {
    const SHOWN_MAX: usize = 300;
    let text = match Status::from_proto(body) {
        Some(status) if !status.message.is_empty() => status.message,
        _ => String::from_utf8_lossy(body).trim().to_owned(),
    };
    let text: String = text.chars().filter(|one| !one.is_control()).take(SHOWN_MAX).collect();
    let text = format!("HTTP {code}{}{text}", if text.is_empty() { "" } else { ": " });
    decided(matches!(code, 429 | 502 | 503 | 504), retry_after, spans, text)
}

/// Reads `ExportTraceServiceResponse`; what cannot be read says nothing about spans.
pub(super) fn from_proto(bytes: &[u8]) -> PartialSuccess {
    let mut partial = PartialSuccess::default();
    let mut answer = Cursor::new(bytes);
    while let Ok(Some((number, field))) = answer.next_field() {
        if let (1, Field::Bytes(bytes)) = (number, field) {
            read_partial(bytes, &mut partial);
        }
    }
    partial
}

fn read_partial(bytes: &[u8], partial: &mut PartialSuccess) {
    let mut message = Cursor::new(bytes);
    while let Ok(Some(field)) = message.next_field() {
        match field {
            (1, Field::Varint(rejected)) => partial.rejected_spans = rejected,
            (2, Field::Bytes(text)) => partial.error_message = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
}

fn decided(may_come_again: bool, after: Option<Duration>, spans: u64, text: String) -> Outcome {
    if may_come_again {
        return Outcome::retry(after, REMOTE, text);
    }
    Outcome::rejected(spans, REMOTE, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_as_the_specification_says() {
        let retried = |code, after| {
            let status = Status { code, message: String::new(), retry_after: after };
            matches!(of_status(&status, 3), Outcome::Retry { after: told, .. } if told == after)
        };
        for number in 1..=16 {
            let code = Code::of(number);
            assert_eq!(retried(code, None), [1, 4, 10, 11, 14, 15].contains(&number), "{code:?}");
        }
        assert!(retried(Code::ResourceExhausted, Some(Duration::from_secs(3))));
        for (code, again) in [(400, false), (429, true), (500, false), (502, true), (503, true), (504, true)]
        {
            assert_eq!(matches!(of_http(code, None, 3, b""), Outcome::Retry { .. }), again, "{code}");
        }
    }

    #[test]
    fn a_partial_success_counts_the_rejected_spans() {
        let answer = b"\x0a\x08\x08\x02\x12\x04late";
        let partial = from_proto(answer);
        assert_eq!(partial, PartialSuccess { rejected_spans: 2, error_message: "late".into() });
        assert!(matches!(of_success(&partial, 5, "otlp"), Outcome::Rejected { spans: 2, .. }));
        assert!(matches!(of_success(&partial, 1, "otlp"), Outcome::Rejected { spans: 1, .. }));
        assert_eq!(of_success(&from_proto(b""), 5, "otlp"), Outcome::Stored);
        assert_eq!(from_proto(b"\xff\xff\xff"), PartialSuccess::default());
    }
}
