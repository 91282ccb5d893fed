//! Reads the Collector's sections of a configuration, and reports everything that is wrong with them.
//!
//! Every component is read, also those that no pipeline uses; a pipeline that names a component which
//! is not there, or an unknown kind, gets the nearest name as advice.

mod service;

use config::{Block, Located, nearest};

use crate::{Component, ComponentId, Kind, Registry, Settings};

/// Sections that later versions will read.
const RESERVED: [&str; 3] = ["sampling", "tenants", "alerts"];

/// Reads everything below the root but the sections that the caller reads itself.
///
/// What comes back is only to be used if no error was reported to the block's problems.
pub fn resolve(root: &mut Block<'_>, registry: &Registry) -> Settings {
    let mut defined = Defined {
        receivers: components(root, ("receivers", "receiver"), &registry.receivers),
        processors: components(root, ("processors", "processor"), &registry.processors),
        exporters: components(root, ("exporters", "exporter"), &registry.exporters),
        extensions: components(root, ("extensions", "extension"), &registry.extensions),
    };
    components::<()>(root, ("connectors", "connector"), &[]);
    for section in RESERVED {
        if root.node(section).is_some() {
            root.problem(section, "this version has no such section yet", Some("remove it".to_owned()));
        }
    }
    // A node with a store and no pipeline answers questions about what others write.
    let may_be_none = root.has("store");
    let mut service = root.section("service", "which components run, and how they are joined");
    let pipelines = service::pipelines(&mut service, &mut defined, may_be_none);
    service::extensions(&mut service, &mut defined);
    let telemetry = service::telemetry(&mut service);
    service.finish();
    Settings {
        receivers: used(root, defined.receivers, "no pipeline uses it"),
        processors: used(root, defined.processors, "no pipeline uses it"),
        exporters: used(root, defined.exporters, "no pipeline uses it"),
        extensions: used(root, defined.extensions, "service::extensions does not name it"),
        pipelines,
        telemetry,
    }
}

/// The components of a file, by their sections.
struct Defined {
    receivers: Vec<Definition<crate::BuildReceiver>>,
    processors: Vec<Definition<crate::BuildProcessor>>,
    exporters: Vec<Definition<crate::BuildExporter>>,
    extensions: Vec<Definition<crate::BuildExtension>>,
}

/// A component as the file defines it. One of an unknown kind is kept, so that it can be named.
struct Definition<B> {
    id: ComponentId,
    written: Located,
    component: Option<Component<B>>,
    uses: usize,
}

fn components<B>(
    root: &mut Block<'_>,
    (section, noun): (&str, &str),
    kinds: &[Kind<B>],
) -> Vec<Definition<B>> {
    let mut definitions = Vec::new();
    for (written, mut block) in root.blocks(section, &format!("{noun}s by name")) {
        let id = match ComponentId::parse(&written.text) {
            Ok(id) => id,
            Err(message) => {
                block.ignore_all();
                block.report(written.error(message));
                continue;
            }
        };
        let component = match kinds.iter().find(|kind| kind.is_called(&id.kind)) {
            Some(kind) => {
                Some(Component { id: id.clone(), kind: kind.name, build: (kind.parse)(&mut block) })
            }
            None => {
                block.ignore_all();
                let message = format!("there is no {noun} \"{}\"", id.kind);
                block.report(written.error(message).remedy(known(&id.kind, noun, kinds)));
                None
            }
        };
        definitions.push(Definition { id, written, component, uses: 0 });
    }
    definitions
}

/// The advice for a kind that is not known.
fn known<B>(word: &str, noun: &str, kinds: &[Kind<B>]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let listed = match names.is_empty() {
        true => format!("this version has no {noun}s"),
        false => format!("known {noun}s: {}", names.join(", ")),
    };
    let every_name =
        kinds.iter().flat_map(|kind| std::iter::once(kind.name).chain(kind.aliases.iter().copied()));
    match nearest(word, every_name) {
        Some(candidate) => format!("did you mean \"{candidate}\"? {listed}"),
        None => listed,
    }
}

/// Checks that every reference has its definition; gives the ids of those that have.
fn refer<B>(
    block: &Block<'_>,
    references: &[Located],
    noun: &str,
    to: &mut [Definition<B>],
) -> Vec<ComponentId> {
    let mut ids: Vec<ComponentId> = Vec::new();
    for reference in references {
        let id = match ComponentId::parse(&reference.text) {
            Ok(id) => id,
            Err(message) => {
                block.report(reference.error(message));
                continue;
            }
        };
        if ids.contains(&id) {
            block.report(reference.error(format!("the {noun} \"{id}\" stands here twice")));
            continue;
        }
        if let Some(definition) = to.iter_mut().find(|definition| definition.id == id) {
            definition.uses += 1;
            ids.push(id);
            continue;
        }
        let names: Vec<String> = to.iter().map(|definition| definition.id.to_string()).collect();
        let remedy = match nearest(&reference.text, names.iter().map(String::as_str)) {
            Some(candidate) => format!("did you mean \"{candidate}\"?"),
            None => format!("define it under {noun}s"),
        };
        block.report(reference.error(format!("there is no {noun} \"{id}\"")).remedy(remedy));
    }
    ids
}

/// Leaves out what nothing names, with a warning.
fn used<B>(root: &Block<'_>, definitions: Vec<Definition<B>>, why_not: &str) -> Vec<Component<B>> {
    let mut components = Vec::new();
    for definition in definitions {
        let Some(component) = definition.component else { continue };
        match definition.uses {
            0 => root.report(definition.written.error(format!("defined, but {why_not}")).warning()),
            _ => components.push(component),
        }
    }
    components
}

#[cfg(test)]
mod tests;
