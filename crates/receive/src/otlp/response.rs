//! The bodies of answers: `ExportTraceServiceResponse` as protobuf and JSON.

use model::proto::Message;
use wire::json::Writer;

use super::intake::Partial;

const PARTIAL_SUCCESS: u32 = 1;
const REJECTED_SPANS: u32 = 1;
const ERROR_MESSAGE: u32 = 2;

/// Longer messages are cut.
const MESSAGE_BYTES_MAX: usize = 1024;

pub(super) fn protobuf(partial: &Partial) -> Vec<u8> {
    let mut response = Message::new();
    if partial.rejected > 0 {
        response.message(PARTIAL_SUCCESS, |success| {
            success.varint(REJECTED_SPANS, partial.rejected);
            success.text(ERROR_MESSAGE, cut(&partial.message));
        });
    }
    response.into_bytes()
}

pub(super) fn json(partial: &Partial) -> Vec<u8> {
    let mut out = Writer::compact();
    out.object(|out| {
        if partial.rejected > 0 {
            out.key("partialSuccess").object(|out| {
                out.key("rejectedSpans").text(&partial.rejected.to_string());
                out.key("errorMessage").text(cut(&partial.message));
            });
        }
    });
    out.into_bytes()
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)]
}
