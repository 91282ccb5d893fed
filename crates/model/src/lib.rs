//! What a span is.
//!
//! A request arrives as OTLP protobuf bytes and stays that way: [`Batch`] is those bytes, their tenant and a table of
//! spans from one walk ([`admit`](Batch::admit)). Everything else reads through the views of [`view`], which allocate
//! nothing. [`Trace`] joins the spans of one trace from any number of batches.
//!
//! This crate knows no socket, no file, no configuration and no other protocol than OTLP protobuf.

pub mod batch;
pub mod id;
pub mod otlp;
pub mod proto;
mod rewrite;
pub mod same;
#[cfg(test)]
mod samples;
pub mod tenant;
pub mod time;
pub mod trace;
pub mod view;
pub mod walk;

pub use batch::{Batch, SpanRow};
pub use id::{SpanId, TraceId};
pub use tenant::Tenant;
pub use time::{Clock, SystemClock, TimeRange};
pub use trace::{Kin, Node, Summary, Trace, parents};
pub use view::{Attribute, Attributes, Event, Kind, Link, Resource, Scope, Span, StatusCode, Value};
pub use walk::{Admitted, Malformed, Mended, Rejections};
