//! Spans of HTTP servers and clients.

use model::proto::Message;

use super::{Writer, int, text, truth};
use crate::plan::{Draft, Step};
use crate::topology::Operation;

const MODES: [&str; 5] = ["fast", "slow", "batch", "replay", "shadow"];

/// Numbers in paths are below this.
const IDS: u64 = 2_000_000;

impl Writer<'_> {
    pub(super) fn entry(&mut self, out: &mut Message, draft: &Draft) {
        let service = self.service(draft.service);
        let names = service.names;
        let operation = &service.operations[draft.operation];
        text(out, names.method, operation.method);
        text(out, "http.route", &operation.route);
        int(out, names.status, u64::from(draft.code));
        let call = draft.cause.map_or(draft.id, |cause| self.plan.drafts[cause].id);
        let (before, id, after) = path(operation, call);
        self.composed(out, names.path, format_args!("{before}{}{after}", Shown(id)));
        text(out, names.scheme, "https");
        text(out, names.protocol_version, "1.1");
        let is_root = draft.cause.is_none();
        if is_root {
            self.visitor(out, draft);
        }
        if is_root || self.chance.happens(0.4) {
            let user = self.shared.user;
            self.composed(out, "user.id", format_args!("{user}"));
        }
        self.request_id(out);
        if is_root || self.chance.happens(0.5) {
            int(out, names.body_size, self.chance.log_normal(900.0, 1.2) as u64);
        }
        if self.chance.happens(0.7) {
            text(out, &service.keys.mode, MODES[self.chance.zipf(5) as usize]);
            int(out, &service.keys.shard, self.chance.below(64));
        }
        if self.chance.happens(0.3) {
            let reference = self.chance.below(10_000);
            self.composed(out, &service.keys.reference, format_args!("ref-{reference:05}"));
        }
        if self.chance.happens(0.15) {
            truth(out, "feature_flag.enabled", self.chance.happens(0.5));
        }
    }

    /// What only the first service sees of who is asking.
    fn visitor(&mut self, out: &mut Message, draft: &Draft) {
        let names = self.service(draft.service).names;
        let agent = self.chance.zipf(self.topology.user_agents.len() as u64) as usize;
        text(out, names.user_agent, &self.topology.user_agents[agent]);
        let [a, b, c, d] = (self.chance.bits() as u32).to_be_bytes();
        self.composed(out, names.client_address, format_args!("{}.{b}.{c}.{d}", 60 + a % 100));
        let session = self.chance.bits();
        self.composed(out, "session.id", format_args!("{session:016x}"));
    }

    fn request_id(&mut self, out: &mut Message) {
        let id = self.shared.request;
        let [a, b, c, d] = [id >> 96 & 0xffff_ffff, id >> 80 & 0xffff, id >> 64 & 0x0fff, id >> 48 & 0x3fff];
        let rest = id & 0xffff_ffff_ffff;
        self.composed(
            out,
            "request.id",
            format_args!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{rest:012x}", d | 0x8000),
        );
    }

    pub(super) fn call(&mut self, out: &mut Message, draft: &Draft, operation: &Operation) {
        let Step::Call { service: callee, .. } = draft.step else { return };
        let names = self.service(draft.service).names;
        let host = &self.service(callee).name;
        text(out, names.method, operation.method);
        let (before, id, after) = path(operation, draft.id);
        let url = format_args!("http://{host}.svc.cluster.local:8080{before}{}{after}", Shown(id));
        self.composed(out, names.full_url, url);
        if draft.code > 0 {
            int(out, names.status, u64::from(draft.code));
        }
        self.composed(out, names.server_address, format_args!("{host}.svc.cluster.local"));
        int(out, names.server_port, 8080);
        let [a, b, c, _] = (self.chance.bits() as u32).to_be_bytes();
        self.composed(out, names.peer_address, format_args!("10.{}.{b}.{c}", a % 4));
        text(out, names.protocol_version, "2");
    }
}

/// The route's text around its number, and the number where it has one: client and server name the same.
fn path(operation: &Operation, call: u64) -> (&str, Option<u64>, &str) {
    match operation.route.split_once("{id}") {
        Some((before, after)) => (before, Some(call % IDS), after),
        None => (&operation.route, None, ""),
    }
}

struct Shown(Option<u64>);

impl std::fmt::Display for Shown {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |number| number.fmt(out))
    }
}
