//! Builds the running graph from settings, and ends it in order.
//!
//! Per pipeline: receivers → processors → fan-out over exporters; a receiver that feeds several
//! pipelines fans out as well. An exporter in several pipelines is one exporter; processors are built
//! for each pipeline. Sockets are taken first, then exporters and extensions start, receivers last.
//!
//! The end goes in the order of the flow: processors hold nothing back any more, receivers answer what
//! they have begun, processors pass on what is left, exporters hand it over. All of that takes at most
//! [`DRAIN_MAX`]; a second request to stop ends it at once.

mod running;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::Batch;
use prometheus::IntCounter;

use crate::{
    BuildProcessor, Component, ComponentId, Consumer, Context, Exporter, Extension, FanOut, Listening,
    Outcome, PipelineSettings, Processor, Receiver, Settings, StartError, Stopper, Tap,
};

pub use running::{DRAIN_MAX, End, Running};

/// Everything that is built, before any of it runs.
struct Graph {
    receivers: Vec<Inlet>,
    /// In the order of the flow, for each pipeline.
    processors: Vec<Vec<Arc<dyn Processor>>>,
    exporters: Vec<(ComponentId, Arc<dyn Exporter>)>,
    extensions: Vec<(ComponentId, Arc<dyn Extension>)>,
}

/// A receiver and what it hands its batches to.
struct Inlet {
    id: ComponentId,
    receiver: Box<dyn Receiver>,
    next: Arc<dyn Consumer>,
}

/// Builds and starts everything; what does not start says which component and why.
///
/// # Errors
/// The first component that cannot be built, bound or started; what was started is shut down again.
pub async fn start(settings: Settings, context: &Context, tap: &Tap) -> Result<Running, StartError> {
    let mut graph = build(settings, context, tap)?;
    let mut listening = Vec::new();
    for Inlet { id, receiver, .. } in &mut graph.receivers {
        let bound = receiver.bind().await.map_err(|error| error.of("receiver", id))?;
        listening.extend(bound.into_iter().map(|socket| (id.clone(), socket)));
    }
    let (stopper, stop) = Stopper::new();
    let mut running = Running::new(stopper, graph.processors);
    for (id, exporter) in graph.exporters {
        if let Err(error) = exporter.start().await {
            running.abandon().await;
            return Err(error.of("exporter", &id));
        }
        running.add_exporter(id, exporter);
    }
    for (id, extension) in graph.extensions {
        match extension.start(stop.clone()).await {
            Ok(sockets) => listening.extend(sockets.into_iter().map(|socket| (id.clone(), socket))),
            Err(error) => {
                running.abandon().await;
                return Err(error.of("extension", &id));
            }
        }
        running.add_extension(id, extension);
    }
    for inlet in graph.receivers {
        running.add_receiver(inlet);
    }
    running.set_listening(listening);
    Ok(running)
}

fn build(settings: Settings, context: &Context, tap: &Tap) -> Result<Graph, StartError> {
    let mut exporters = HashMap::new();
    let mut ordered = Vec::new();
    for Component { id, build, .. } in settings.exporters {
        let exporter = build(context.for_component(&id)).map_err(|error| error.of("exporter", &id))?;
        exporters.insert(id.clone(), Arc::clone(&exporter));
        ordered.push((id, exporter));
    }
    let mut processors = Vec::new();
    let mut entries = Vec::new();
    for pipeline in &settings.pipelines {
        let destinations = pipeline.exporters.iter().filter_map(|id| {
            let exporter = Arc::clone(exporters.get(id)?) as Arc<dyn Consumer>;
            Some(Placed::over(format!("exporter:{id}"), exporter))
        });
        let fan_out = FanOut::over(destinations.collect());
        let (chain, entry) = chain(pipeline, &settings.processors, fan_out, context)?;
        processors.push(chain);
        entries.push(entry);
    }
    let mut receivers = Vec::new();
    for Component { id, build, .. } in settings.receivers {
        let fed =
            settings.pipelines.iter().zip(&entries).filter(|(pipeline, _)| pipeline.receivers.contains(&id));
        let next = tap.before(FanOut::over(fed.map(|(_, entry)| Arc::clone(entry)).collect()));
        let receiver = build(context.for_component(&id)).map_err(|error| error.of("receiver", &id))?;
        receivers.push(Inlet { id, receiver, next });
    }
    let mut extensions = Vec::new();
    for Component { id, build, .. } in settings.extensions {
        extensions.push((
            id.clone(),
            build(context.for_component(&id)).map_err(|error| error.of("extension", &id))?,
        ));
    }
    Ok(Graph { receivers, processors, exporters: ordered, extensions })
}

/// A pipeline's processors in the order of the flow, and what its receivers hand batches to.
type Chain = (Vec<Arc<dyn Processor>>, Arc<dyn Consumer>);

/// Builds a pipeline's processors from the last to the first.
fn chain(
    pipeline: &PipelineSettings,
    components: &[Component<BuildProcessor>],
    fan_out: Arc<dyn Consumer>,
    context: &Context,
) -> Result<Chain, StartError> {
    let mut next = fan_out;
    let mut processors = Vec::new();
    for id in pipeline.processors.iter().rev() {
        let Some(component) = components.iter().find(|component| component.id == *id) else { continue };
        let meter = context.telemetry.processor(id);
        let counted = Arc::new(Counted { spans: meter.outgoing, next });
        let processor = (component.build)(context.for_component(id), counted)
            .map_err(|error| error.of("processor", id))?;
        let counted =
            Arc::new(Counted { spans: meter.incoming, next: Arc::clone(&processor) as Arc<dyn Consumer> });
        next = Placed::over(format!("processor:{}:{id}", pipeline.id), counted);
        processors.push(processor);
    }
    processors.reverse();
    Ok((processors, next))
}

/// Counts the spans that pass.
struct Counted {
    spans: IntCounter,
    next: Arc<dyn Consumer>,
}

#[async_trait]
impl Consumer for Counted {
    async fn consume(&self, batch: Batch) -> Outcome {
        self.spans.inc_by(batch.len() as u64);
        self.next.consume(batch).await
    }
}

/// Notes where an outcome arose, unless it came from further on.
struct Placed {
    place: Arc<str>,
    next: Arc<dyn Consumer>,
}

impl Placed {
    fn over(place: String, next: Arc<dyn Consumer>) -> Arc<dyn Consumer> {
        Arc::new(Self { place: place.into(), next })
    }
}

#[async_trait]
impl Consumer for Placed {
    async fn consume(&self, batch: Batch) -> Outcome {
        self.next.consume(batch).await.at(&self.place)
    }
}

/// A component and a socket that it opened.
pub type Socket = (ComponentId, Listening);

#[cfg(test)]
mod tests;
