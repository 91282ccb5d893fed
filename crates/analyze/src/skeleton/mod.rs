//! A trace as columns: what a waterfall of any size is drawn from, without attributes.
//!
//! In: a joined trace. Out: one number for each span in every column, in the order of [`model::Trace::nodes`], and what
//! follows from them. Everything takes time and memory in proportion to the spans (sorting of siblings apart), and
//! nothing recurses.

mod critical;
mod detail;
mod findings;
mod read;
mod siblings;
mod skew;

use serde::{Deserialize, Serialize};

pub use critical::Critical;
pub use detail::Folded;
pub use findings::{Finding, What};
pub use siblings::{GROUP_MIN, Group};
pub use skew::Shift;

/// A trace as columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Skeleton {
    /// The earliest start in nanoseconds since 1970, as a decimal string; points in time count from it.
    pub base: String,
    /// From the earliest start to the latest end.
    pub duration_ns: u64,
    /// How many spans.
    pub spans: usize,
    /// The ids of the spans: 16 hexadecimal letters each, without anything between them.
    pub ids: String,
    /// One number for each span.
    pub columns: Columns,
    /// The services, in the order in which they are met.
    pub services: Vec<Service>,
    /// The operations, in the order in which they are met.
    pub names: Vec<String>,
    /// What made the trace as long as it is.
    #[serde(flatten)]
    pub critical: Critical,
    /// Equal siblings, of which there are many.
    pub groups: Vec<Group>,
    /// Parents that nobody sent.
    pub missing: Vec<Missing>,
    /// Spans whose clock is off, ascending; each shift holds for the span and all below it, up to the next entry.
    pub skew: Vec<Shift>,
    /// What is worth a look first.
    pub findings: Vec<Finding>,
    /// Which rows these are of the whole skeleton, where it is folded; absent where all are there.
    #[serde(flatten)]
    pub folded: Option<Folded>,
}

/// One number for each span.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    /// Start, from the base.
    pub start_ns: Vec<u64>,
    /// From start to end.
    pub duration_ns: Vec<u64>,
    /// Time in which no child ran.
    pub self_ns: Vec<u64>,
    /// The row of the parent; -1 for none.
    pub parent: Vec<i32>,
    /// Levels below the root.
    pub depth: Vec<u32>,
    /// Spans below it: the subtree of `i` is `i..=i + descendants[i]`.
    pub descendants: Vec<u32>,
    /// Place in the services.
    pub service: Vec<u32>,
    /// Place in the names.
    pub name: Vec<u32>,
    /// OTLP's number of the kind.
    pub kind: Vec<u8>,
    /// OTLP's number of the status.
    pub status: Vec<u8>,
    /// Bits, see [`flag`].
    pub flags: Vec<u16>,
}

/// A service's part in a trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its spans.
    pub spans: u64,
    /// Its spans that failed.
    pub errors: u64,
    /// The self time of its spans.
    pub self_ns: u64,
    /// Its time on the critical path.
    pub critical_ns: u64,
}

/// A parent that nobody sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// Its id.
    pub id: String,
    /// The rows of the spans that name it.
    pub children: Vec<u32>,
}

/// What the bits of [`Columns::flags`] mean.
pub mod flag {
    /// It names a parent that nobody sent.
    pub const ORPHAN: u16 = 1;
    /// It failed, and nothing below it did: the error begins here.
    pub const ERROR_ORIGIN: u16 = 2;
    /// It failed, and something below it failed too.
    pub const ERROR_ECHO: u16 = 4;
    /// It did not fail, but something below it did.
    pub const ERROR_BELOW: u16 = 8;
    /// It has events.
    pub const EVENTS: u16 = 16;
    /// It has links.
    pub const LINKS: u16 = 32;
    /// One of its events is an exception.
    pub const EXCEPTION: u16 = 64;
    /// A part of the critical path is its own.
    pub const CRITICAL: u16 = 128;
    /// It starts before its parent.
    pub const BEFORE_PARENT: u16 = 256;
    /// It ends after its parent.
    pub const AFTER_PARENT: u16 = 512;
}

impl Skeleton {
    /// The skeleton of a trace.
    #[must_use]
    pub fn of(trace: &model::Trace) -> Self {
        let mut skeleton = read::read(trace);
        skeleton.critical = critical::path(&skeleton.columns);
        skeleton.settle_critical();
        skeleton.groups = siblings::groups(&skeleton.columns);
        skeleton.skew = skew::shifts(&skeleton.columns, &skeleton.services);
        skeleton.findings = findings::findings(&skeleton);
        skeleton
    }

    /// Notes the critical path at its spans and services.
    fn settle_critical(&mut self) {
        for [span, from, to] in self.critical.segments() {
            let span = span as usize;
            self.columns.flags[span] |= flag::CRITICAL;
            self.services[self.columns.service[span] as usize].critical_ns += to - from;
        }
    }
}

impl Columns {
    /// How many spans.
    #[must_use]
    pub fn len(&self) -> usize {
        self.start_ns.len()
    }

    /// True where there is no span.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start_ns.is_empty()
    }

    /// When a span ended, from the base.
    #[must_use]
    pub fn end_ns(&self, at: usize) -> u64 {
        self.start_ns[at].saturating_add(self.duration_ns[at]).min(crate::EXACT_MAX)
    }

    /// The children of a span in order, or the tops of the trace.
    pub fn children(&self, of: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        let (mut next, end) = match of {
            Some(at) => (at + 1, at + 1 + self.descendants[at] as usize),
            None => (0, self.len()),
        };
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next += 1 + self.descendants[child] as usize;
            Some(child)
        })
    }
}

#[cfg(test)]
mod tests;
