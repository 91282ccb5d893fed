//! What receivers, processors, exporters and extensions are, and how their kinds are listed.
//!
//! A kind reads its block of the configuration once; what it returns builds the component later,
//! when everything that is wrong with the configuration has been reported. Life is the same for all:
//! built, started (receivers: bound), running, shut down.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use config::{Block, OptionRow, OptionTable};

use crate::{ComponentId, Consumer, Context, Stop};

/// One kind of component, as the configuration knows it: one line in the list of its crate.
pub struct Kind<B: 'static> {
    /// The part before the slash: `otlp` in `otlp/edge`.
    pub name: &'static str,
    /// Other names it goes by, such as those it had in older files.
    pub aliases: &'static [&'static str],
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// How far it can be relied upon.
    pub stability: Stability,
    /// Reads the block of one component; problems are reported to the block, defaults stand in.
    pub parse: fn(&mut Block<'_>) -> B,
}

/// A kind of receiver.
pub type ReceiverKind = Kind<BuildReceiver>;
/// A kind of processor.
pub type ProcessorKind = Kind<BuildProcessor>;
/// A kind of exporter.
pub type ExporterKind = Kind<BuildExporter>;
/// A kind of extension.
pub type ExtensionKind = Kind<BuildExtension>;

/// Builds one receiver.
pub type BuildReceiver = Box<dyn FnOnce(Context) -> Result<Box<dyn Receiver>, StartError> + Send + Sync>;
/// Builds one processor for each pipeline that names it, in front of what comes next there.
pub type BuildProcessor =
    Box<dyn Fn(Context, Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, StartError> + Send + Sync>;
/// Builds one exporter, which all pipelines that name it share.
pub type BuildExporter = Box<dyn FnOnce(Context) -> Result<Arc<dyn Exporter>, StartError> + Send + Sync>;
/// Builds one extension.
pub type BuildExtension = Box<dyn FnOnce(Context) -> Result<Arc<dyn Extension>, StartError> + Send + Sync>;

/// How far a component can be relied upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// Options and behaviour stay.
    Stable,
    /// Works; options may change.
    Beta,
    /// May change or go.
    Alpha,
}

/// Takes spans in from outside.
#[async_trait]
pub trait Receiver: Send {
    /// Takes the sockets, so that a port in use is an error before anything runs. Nothing is read yet.
    async fn bind(&mut self) -> Result<Vec<Listening>, StartError>;

    /// Receives until a stop is requested; then takes nothing new, answers what was begun and ends.
    ///
    /// Batches go to `next`; clients are answered when it has said what became of them.
    async fn run(self: Box<Self>, next: Arc<dyn Consumer>, stop: Stop);
}

/// Changes batches on their way, in front of a consumer that it was built with.
#[async_trait]
pub trait Processor: Consumer {
    /// An end was requested: from now on holds nothing back, so that requests under way are answered.
    fn hurry(&self) {}

    /// Passes on what it holds back; called when nothing more comes in.
    async fn shutdown(&self) {}
}

/// Hands batches over to where they are kept.
#[async_trait]
pub trait Exporter: Consumer {
    /// Gets ready, before any batch comes.
    async fn start(&self) -> Result<(), StartError> {
        Ok(())
    }

    /// Hands over what it holds back and closes; called when nothing more comes in.
    async fn shutdown(&self) {}
}

/// Serves beside the pipelines.
#[async_trait]
pub trait Extension: Send + Sync {
    /// Begins; ends everything it began when the stop is requested.
    async fn start(&self, stop: Stop) -> Result<Vec<Listening>, StartError>;

    /// Waits until all that it began has ended.
    async fn shutdown(&self) {}
}

/// A socket that is open to others.
#[derive(Clone, Debug)]
pub struct Listening {
    /// What is spoken there, such as `OTLP/gRPC`.
    pub what: String,
    /// Where; the port is the real one even if any was asked for.
    pub address: SocketAddr,
    /// Whether strangers are kept out, by TLS with certificates or by authentication.
    pub protected: bool,
}

/// Why a component does not start.
#[derive(Clone, Debug)]
pub struct StartError {
    /// What went wrong, with address or path.
    pub message: String,
    /// What to do.
    pub remedy: Option<String>,
    /// Which component, such as `receiver otlp/edge`; the graph fills it in.
    pub component: Option<String>,
}

impl<B> Kind<B> {
    /// Whether the configuration means this kind when it says `name`.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// The options of this kind, as its own code reads them.
    pub fn options(&self) -> Vec<OptionRow> {
        let table = OptionTable::new();
        (self.parse)(&mut Block::describe(&table));
        table.into_rows()
    }
}

impl<B> Clone for Kind<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Kind<B> {}

impl Stability {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Beta => "beta",
            Self::Alpha => "alpha",
        }
    }
}

impl StartError {
    /// What went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: None, component: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn of(mut self, noun: &str, id: &ComponentId) -> Self {
        self.component.get_or_insert_with(|| format!("{noun} {id}"));
        self
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(component) = &self.component {
            write!(f, "{component}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StartError {}
