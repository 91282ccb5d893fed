//! Reads YAML with the place of every key, and reports every problem at once.
//!
//! In: the texts of one or more configuration files. Out: one tree of [`Node`]s that know their
//! place, read through [`Block`]s into typed values; every problem lands in one [`Problems`].
//! The same reading code describes its options for the documentation ([`OptionTable`]).
//! What the keys mean is left to the components; files and environment are handed in.
//! Bounded by [`limits`].

mod block;
mod describe;
mod expand;
pub mod limits;
mod merge;
mod node;
mod parse;
mod place;
mod problem;
mod scalar;
mod secret;
mod suggest;

use expand::expand;
use merge::merge;

pub use block::{Block, Located, Whole};
pub use describe::{OptionRow, OptionTable, markdown, plain};
pub use expand::Surroundings;
pub use node::{Entry, Node, Value};
pub use parse::parse;
pub use place::{KeyPath, Place};
pub use problem::{Problem, Problems, Severity};
pub use scalar::{parse_bytes, parse_duration};
pub use secret::Secret;
pub use suggest::nearest;

/// The text of one configuration file.
#[derive(Clone, Debug)]
pub struct Source {
    /// What problems call it, usually the path that the user typed.
    pub name: String,
    /// The whole file.
    pub text: String,
}

/// Reads the files in order into one tree and expands `${…}` in it.
///
/// Mappings merge deep; lists and scalars are replaced by the later file. Nothing is returned if a
/// file cannot be parsed; every other problem leaves a tree, so that reading goes on and finds more.
pub fn load(sources: &[Source], surroundings: &Surroundings<'_>, problems: &Problems) -> Option<Node> {
    let trees: Vec<Option<Node>> =
        sources.iter().map(|source| parse::read(&source.text, &source.name, problems)).collect();
    let mut merged: Option<Node> = None;
    for tree in trees {
        let tree = tree?;
        merged = Some(match merged {
            Some(earlier) => merge(earlier, tree),
            None => tree,
        });
    }
    let mut root = merged?;
    expand(&mut root, surroundings, problems);
    root.locate(&KeyPath::root());
    Some(root)
}

#[cfg(test)]
mod tests;
