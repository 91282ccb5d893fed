//! From command line and files to settings: which files are read, and what they come to.
//!
//! Files are merged in the order of the command line; then come `--data` and `--set`. Without files
//! the built-in configuration is read, which is a file like any other. All problems come back together.

mod limits;
pub mod own;
mod peers;
mod remote;
mod retention;
mod source;
mod tiers;

use config::{Block, Node, Problems};
use pipeline::Registry;

pub use own::{DemoRule, ServeSettings, StoreSettings};
pub use peers::PeerSettings;

pub use source::{BUILT_IN, Source};

/// Everything that a server runs on.
pub struct Settings {
    /// Components and how they are joined.
    pub pipeline: pipeline::Settings,
    /// The store, if one is to be opened.
    pub store: Option<StoreSettings>,
    /// The query APIs, if they are to be served.
    pub serve: Option<ServeSettings>,
}

/// Every kind of component in this binary.
pub fn registry() -> Registry {
    Registry {
        receivers: receive::ALL.to_vec(),
        processors: process::ALL.to_vec(),
        exporters: export::ALL.to_vec(),
        extensions: serve::EXTENSIONS.to_vec(),
    }
}

/// Reads the files that the command line names; settings are only to be used if there are no errors.
pub fn load(source: &Source) -> (Option<Settings>, Problems) {
    let problems = Problems::new();
    let settings = source.read(&problems).map(|root| resolve(&root, &problems));
    (settings, problems)
}

fn resolve(root: &Node, problems: &Problems) -> Settings {
    let mut root = Block::of(root, problems);
    let has_store = root.has("store");
    let has_serve = root.has("serve");
    let mut store = own::store(&mut root);
    let serve = own::serve(&mut root);
    let pipeline = pipeline::resolve(&mut root, &registry());
    store.reads_only &= !pipeline.exports_to("store");
    let needs_store = has_store || pipeline.exports_to("store");
    Settings {
        store: needs_store.then_some(store),
        serve: (needs_store || has_serve).then_some(serve),
        pipeline,
    }
}

#[cfg(test)]
mod tests;
