//! The values of one attribute, by what digests tell of them: without reading spans.

use std::sync::Arc;

use store::Level;

use crate::digest::{Digested, KeyValues, OfKey};
use crate::error::Result;

/// What a digest tells of the values of a key.
pub(super) enum Told {
    /// No span has the key.
    Nothing,
    /// The values, and the place of the key among those that are told.
    Values(Arc<KeyValues>, usize),
}

impl Told {
    /// `None` where the digest does not tell: of a key with many values, and of one that stands on several levels where
    /// any is asked for.
    ///
    /// # Errors
    /// Where it can't be read.
    pub(super) fn of(digest: &Digested, level: Level, key: &str) -> Result<Option<Self>> {
        let listing = digest.listing();
        let is_there =
            |other: &Level| (level == Level::Any || level == *other) && listing.spans_with(*other, key) > 0;
        let levels: Vec<Level> = Level::EACH.into_iter().filter(is_there).collect();
        let [level] = levels[..] else { return Ok(levels.is_empty().then_some(Self::Nothing)) };
        let Some(values) = digest.values()? else { return Ok(None) };
        let at = values.place(level, key);
        Ok(at.map(|at| Self::Values(values, at)))
    }

    /// The values of the key.
    pub(super) fn key(&self) -> Option<&OfKey> {
        match self {
            Self::Nothing => None,
            Self::Values(values, at) => values.keys.get(*at),
        }
    }
}
