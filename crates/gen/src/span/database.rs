//! Spans of database clients.

use model::proto::Message;

use super::{Writer, int, text};
use crate::plan::Draft;

impl Writer<'_> {
    pub(super) fn query(&mut self, out: &mut Message, draft: &Draft, statement: usize) {
        let service = self.service(draft.service);
        let names = service.names;
        let database = &service.database;
        let replica = statement % 3;
        let statement = &database.statements[statement];
        text(out, names.db_system, database.system);
        text(out, names.db_namespace, &database.name);
        text(out, names.db_operation, statement.operation);
        text(out, names.db_collection, &statement.collection);
        if statement.takes_literal {
            let literal = self.chance.below(5_000_000);
            self.composed(out, names.db_text, format_args!("{}'{literal}'", statement.text));
        } else {
            text(out, names.db_text, &statement.text);
        }
        self.composed(out, names.server_address, format_args!("{}-{replica}.db.internal", database.name));
        int(out, names.server_port, database.port as u64);
        if self.chance.happens(0.5) {
            int(out, "db.response.returned_rows", self.chance.zipf(500));
        }
        int(out, "thread.id", self.chance.below(200));
        let thread = self.chance.below(64);
        self.composed(out, "thread.name", format_args!("pool-2-thread-{thread}"));
    }
}
