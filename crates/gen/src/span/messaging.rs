//! Spans of producers and consumers.

use model::proto::Message;

use super::{Writer, int, text};
use crate::plan::{Draft, Step};

const PARTITIONS: u64 = 24;

impl Writer<'_> {
    /// Both sides of a message say the same about it, so what varies comes from the producer's span id.
    pub(super) fn message(&mut self, out: &mut Message, draft: &Draft, from: usize, topic: usize) {
        let names = self.service(draft.service).names;
        let is_receiver = matches!(draft.step, Step::Receive { .. });
        let producer = draft.cause.filter(|_| is_receiver).map_or(draft, |cause| &self.plan.drafts[cause]);
        let (id, partition) = (producer.id, producer.id % PARTITIONS);
        let offset = self.shared.base / 1_000_000 % 1_000_000_000 + id / PARTITIONS % 10_000;
        text(out, "messaging.system", "kafka");
        text(out, names.destination, &self.service(from).topics[topic].name);
        text(out, names.messaging_operation, if is_receiver { "process" } else { "send" });
        let [high, middle, low] = [id >> 32, id >> 16 & 0xffff, id & 0xffff];
        let rest = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
        let uuid =
            format_args!("{high:08x}-{middle:04x}-4{:03x}-a{:03x}-{rest:012x}", low & 0xfff, rest & 0xfff);
        self.composed(out, "messaging.message.id", uuid);
        self.composed(out, names.partition, format_args!("{partition}"));
        int(out, "messaging.kafka.offset", offset);
        int(out, names.message_size, id % 3_000);
        if is_receiver {
            let group = &self.service(draft.service).name;
            text(out, "messaging.consumer.group.name", group);
        }
    }
}
