//! What the configuration comes to: the components that run, and how they are joined.

use crate::{
    BuildExporter, BuildExtension, BuildProcessor, BuildReceiver, ComponentId, ExporterKind, ExtensionKind,
    ProcessorKind, ReceiverKind,
};

/// Every kind of component in this binary.
#[derive(Clone, Default)]
pub struct Registry {
    /// What takes spans in.
    pub receivers: Vec<ReceiverKind>,
    /// What changes them on their way.
    pub processors: Vec<ProcessorKind>,
    /// What hands them over.
    pub exporters: Vec<ExporterKind>,
    /// What serves beside them.
    pub extensions: Vec<ExtensionKind>,
}

/// The components that run. Those that no pipeline uses were checked and left out.
pub struct Settings {
    /// Receivers that some pipeline names.
    pub receivers: Vec<Component<BuildReceiver>>,
    /// Processors that some pipeline names.
    pub processors: Vec<Component<BuildProcessor>>,
    /// Exporters that some pipeline names.
    pub exporters: Vec<Component<BuildExporter>>,
    /// Extensions that the service names, in its order.
    pub extensions: Vec<Component<BuildExtension>>,
    /// How they are joined.
    pub pipelines: Vec<PipelineSettings>,
    /// How Faden speaks about itself.
    pub telemetry: TelemetrySettings,
}

/// One component, ready to be built.
pub struct Component<B> {
    /// Who it is.
    pub id: ComponentId,
    /// The name of its kind, whatever alias the file uses.
    pub kind: &'static str,
    /// Builds it.
    pub build: B,
}

/// One pipeline; every name in it is that of a component in the [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineSettings {
    /// `traces` or `traces/name`.
    pub id: ComponentId,
    /// Where its spans come from.
    pub receivers: Vec<ComponentId>,
    /// What they pass, in order.
    pub processors: Vec<ComponentId>,
    /// Where they all go.
    pub exporters: Vec<ComponentId>,
}

/// How Faden speaks about itself: `service::telemetry`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// `debug`, `info`, `warn` or `error`.
    pub log_level: &'static str,
    /// Whether logs are JSON lines.
    pub log_json: bool,
    /// Where metrics are served; nothing if they are switched off.
    pub metrics_address: Option<String>,
}

impl Settings {
    /// Whether some pipeline hands its spans to an exporter of this kind.
    pub fn exports_to(&self, kind: &str) -> bool {
        self.exporters.iter().any(|exporter| exporter.kind == kind)
    }
}
