//! Whose clock is off: a server's span that fits into its client's, but lies partly outside of it.
//!
//! Such a span, with all below it, is moved into the middle of the client's, which is where it lies if the way there and
//! the way back took equally long. Asynchronous spans and spans of one service are left where they are.

use model::Kind;
use serde::{Deserialize, Serialize};

use super::{Columns, Service};

/// A span that, with all below it, should start at another time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// The row of the span.
    pub span: u32,
    /// Its service.
    pub service: String,
    /// What is to be added to its start.
    pub shift_ns: i64,
}

pub(super) fn shifts(columns: &Columns, services: &[Service]) -> Vec<Shift> {
    let mut shifts = Vec::new();
    let mut of_span: Vec<i64> = vec![0; columns.len()];
    for at in 0..columns.len() {
        let Ok(parent) = usize::try_from(columns.parent[at]) else { continue };
        of_span[at] = of_span[parent];
        if let Some(shift) = needed(columns, at, (parent, of_span[parent])) {
            of_span[at] = shift;
            let service = services[columns.service[at] as usize].name.clone();
            shifts.push(Shift { span: at as u32, service, shift_ns: shift });
        }
    }
    shifts
}

/// The shift that brings a server's span inside its client's, whose own shift is known.
fn needed(columns: &Columns, at: usize, (parent, inherited): (usize, i64)) -> Option<i64> {
    let is_call = columns.kind[at] == Kind::Server as u8
        && columns.kind[parent] == Kind::Client as u8
        && columns.service[at] != columns.service[parent];
    let (length, room) = (columns.duration_ns[at], columns.duration_ns[parent]);
    if !is_call || length > room {
        return None;
    }
    let start = columns.start_ns[at] as i64 + inherited;
    let from = columns.start_ns[parent] as i64 + inherited;
    let is_inside = from <= start && start + length as i64 <= from + room as i64;
    (!is_inside).then(|| from + ((room - length) / 2) as i64 - columns.start_ns[at] as i64)
}
