//! The Collector's YAML, component contracts, outcomes and the running graph.
//!
//! A receiver turns requests into [`model::Batch`]es and hands them to the next [`Consumer`]; the
//! future that it awaits is the completion token, and its [`Outcome`] is what the client is told.
//! Kinds of components come in lists ([`Kind`]); nothing here knows one of them by name.
//!
//! This crate knows no protocol, no socket and no store.

pub mod audit;
mod component;
mod consumer;
mod context;
mod graph;
mod id;
mod outcome;
mod resolve;
mod settings;
mod stop;
pub mod tap;
mod telemetry;
pub mod testing;

pub use audit::Audit;
pub use component::{
    BuildExporter, BuildExtension, BuildProcessor, BuildReceiver, Exporter, ExporterKind, Extension,
    ExtensionKind, Kind, Listening, Processor, ProcessorKind, Receiver, ReceiverKind, Stability, StartError,
};
pub use consumer::{Consumer, FanOut};
pub use context::{Context, Memory, Shared};
pub use graph::{DRAIN_MAX, End, Running, Socket, start};
pub use id::ComponentId;
pub use outcome::{Outcome, Reason};
pub use resolve::resolve;
pub use settings::{Component, PipelineSettings, Registry, Settings, TelemetrySettings};
pub use stop::{Stop, Stopper};
pub use tap::Tap;
pub use telemetry::{BatchMeter, ExporterMeter, LimiterMeter, ProcessorMeter, ReceiverMeter, Telemetry};
