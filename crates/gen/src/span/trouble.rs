//! What spans tell when something went wrong: the status, `error.type`, exception events; and the odd cache miss.

use model::proto::Message;
use model::{Value, otlp};

use super::{Writer, text};
use crate::plan::{Draft, Step};

/// `STATUS_CODE_ERROR`
const ERROR: u64 = 2;

impl Writer<'_> {
    pub(super) fn failure(&mut self, out: &mut Message, draft: &Draft) {
        let language = self.service(draft.service).language;
        let which = self.chance.below(language.exception_count() as u64) as usize;
        let refused = matches!(draft.step, Step::Call { .. }) && draft.code == 0;
        let kind = if refused { "connection_refused" } else { language.exception(which) };
        text(out, "error.type", kind);
        let number = self.chance.below(1_000);
        let what = self.put_together(format_args!("{kind}: request {number} failed"));
        out.message(otlp::span::STATUS, |status| {
            status.text(otlp::status::MESSAGE, what);
            status.varint(otlp::status::CODE, ERROR);
        });
        let with_stack = self.chance.happens(0.5);
        let stack = &self.service(draft.service).stacks[which];
        event(out, "exception", self.shared.base + draft.start + draft.duration / 2, |event| {
            put(event, "exception.type", kind);
            put(event, "exception.message", "failed to process request");
            if with_stack {
                put(event, "exception.stacktrace", stack);
            }
        });
    }

    pub(super) fn cache_miss(&mut self, out: &mut Message, draft: &Draft) {
        let at = self.shared.base + draft.start + draft.duration / 3;
        let key = self.chance.below(100_000);
        let key = self.put_together(format_args!("k:{key}"));
        event(out, "cache.miss", at, |event| put(event, "cache.key", key));
    }
}

fn event(out: &mut Message, name: &str, at: u64, attributes: impl FnOnce(&mut Message)) {
    out.message(otlp::span::EVENTS, |event| {
        event.fixed64(otlp::event::TIME_UNIX_NANO, at);
        event.text(otlp::event::NAME, name);
        attributes(event);
    });
}

fn put(event: &mut Message, key: &str, value: &str) {
    otlp::attribute(event, otlp::event::ATTRIBUTES, key, Value::Text(value));
}
