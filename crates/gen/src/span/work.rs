//! Internal spans: functions of the service itself.

use model::proto::Message;
use model::{Value, otlp};

use super::{Writer, int, text, truth};
use crate::plan::Draft;

impl Writer<'_> {
    pub(super) fn work(&mut self, out: &mut Message, draft: &Draft, function: usize) {
        let service = self.service(draft.service);
        text(out, "code.function.name", &service.functions[function]);
        self.composed(out, "code.namespace", format_args!("com.acme.{}", service.noun));
        int(out, "thread.id", self.chance.below(200));
        let thread = self.chance.below(32);
        self.composed(out, "thread.name", format_args!("worker-{thread}"));
        if self.chance.happens(0.6) {
            let bucket = self.chance.below(128);
            self.composed(out, &service.keys.bucket, format_args!("bucket-{bucket}"));
            int(out, &service.keys.shard, self.chance.below(64));
        }
        if self.chance.happens(0.2) {
            truth(out, "cache.hit", self.chance.happens(0.8));
            let ratio = Value::Double(self.chance.unit());
            otlp::attribute(out, otlp::span::ATTRIBUTES, "cache.ratio", ratio);
        }
    }
}
