//! The section of values: which values the attribute keys of a tenant have, and how many spans carry each.
//!
//! In merged blocks only. A key is there where all its values stand in its column, so that no span has two, and they are
//! few: at most [`VALUES_MAX`], which take at most [`TEXTS_MAX`] bytes. Beyond that, and of keys that are not there for
//! another reason, the spans are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::proto::{Field, Message};
use store::Level;

use super::Digest;
use crate::columns::schema::Kind;
use crate::index::level_of;
use crate::index::packed::{Packed, Parsed, Unpacked, each};
use crate::index::section::{About, Section, kind};
use crate::index::tokens::level_number;

/// The values of a key with more are not listed.
pub(super) const VALUES_MAX: usize = 512;

/// Nor are those that take more bytes.
pub(super) const TEXTS_MAX: usize = 16 * 1024;

/// So many bytes the section may have however few spans there are.
const FREE: u64 = 16 * 1024;

/// The types that values of columns have, by number.
const TYPES: [(Kind, &str); 4] =
    [(Kind::Text, "string"), (Kind::Int, "int"), (Kind::Double, "double"), (Kind::Bool, "bool")];

/// The keys of a tenant with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyValues {
    /// Ascending by level and key.
    pub(crate) keys: Vec<OfKey>,
}

/// The values of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfKey {
    pub(crate) level: Level,
    pub(crate) key: Box<str>,
    /// The place of their type in [`TYPES`].
    pub(super) of_type: usize,
    /// Ascending, with the spans that carry them.
    pub(crate) values: Vec<(Box<str>, u64)>,
}

impl KeyValues {
    /// So many bytes a section may have for so many spans; the keys that take most are left out.
    pub(super) fn bytes_max(spans: u64) -> u64 {
        FREE + spans / 20
    }

    /// The place of a key.
    pub(crate) fn place(&self, level: Level, key: &str) -> Option<usize> {
        self.keys.binary_search_by(|of| (of.level, &*of.key).cmp(&(level, key))).ok()
    }

    /// What a key has, if it is there.
    fn of(&self, level: Level, key: &str) -> Option<&OfKey> {
        self.place(level, key).map(|at| &self.keys[at])
    }

    /// Leaves keys out, those that take most, until the others fit.
    fn cut(&mut self, bytes_max: u64) {
        let mut bytes: u64 = self.keys.iter().map(OfKey::size).sum();
        while bytes > bytes_max {
            let sizes = self.keys.iter().map(OfKey::size).enumerate();
            let Some((at, size)) = sizes.max_by_key(|(_, size)| *size) else { return };
            self.keys.remove(at);
            bytes -= size;
        }
    }
}

/// The values of all; `None` where those of one are not known. A key is left out where one does not tell its values.
pub(super) fn merged(digests: &[Arc<Digest>], (spans, is_finished): (u64, bool)) -> Option<Arc<KeyValues>> {
    let parts: Vec<(&Digest, &KeyValues)> =
        digests.iter().map(|digest| Some((&**digest, digest.values.as_deref()?))).collect::<Option<_>>()?;
    let mut keys: Vec<(Level, &str)> =
        parts.iter().flat_map(|(_, values)| &values.keys).map(|of| (of.level, &*of.key)).collect();
    keys.sort_unstable();
    keys.dedup();
    let keys = keys.into_iter().filter_map(|(level, key)| one(&parts, level, key)).collect();
    let mut merged = KeyValues { keys };
    if is_finished {
        merged.cut(KeyValues::bytes_max(spans));
    }
    Some(Arc::new(merged))
}

/// The values of a key everywhere; `None` where a part has the key and does not tell them, or they are too many.
fn one(parts: &[(&Digest, &KeyValues)], level: Level, key: &str) -> Option<OfKey> {
    let mut values: BTreeMap<&str, u64> = BTreeMap::new();
    let mut of_type = None;
    for (digest, part) in parts {
        let Some(of) = part.of(level, key) else {
            if digest.listing.spans_with(level, key) > 0 {
                return None;
            }
            continue;
        };
        if *of_type.get_or_insert(of.of_type) != of.of_type {
            return None;
        }
        for (text, spans) in &of.values {
            *values.entry(text).or_default() += spans;
        }
    }
    let values = values.into_iter().map(|(text, spans)| (text.into(), spans)).collect();
    let of = OfKey { level, key: key.into(), of_type: of_type?, values };
    of.fits().then_some(of)
}

impl OfKey {
    /// The word for the type of its values.
    pub(crate) fn type_word(&self) -> &'static str {
        TYPES[self.of_type].1
    }

    /// The bytes of its values.
    fn texts(&self) -> usize {
        self.values.iter().map(|(text, _)| text.len()).sum()
    }

    /// What it takes in the section, about.
    fn size(&self) -> u64 {
        (self.key.len() + self.texts() + 5 * self.values.len()) as u64
    }

    /// True where the values are few enough to be listed.
    fn fits(&self) -> bool {
        self.values.len() <= VALUES_MAX && self.texts() <= TEXTS_MAX
    }
}

/// The number of the type of a column's values.
pub(super) fn type_number(kind: Kind) -> Option<usize> {
    TYPES.iter().position(|(other, _)| *other == kind)
}

impl Section for KeyValues {
    const KIND: u32 = kind::VALUES;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        for of in &self.keys {
            out.message(1, |message| {
                message.varint(1, level_number(of.level));
                message.bytes(2, of.key.as_bytes());
                message.varint(3, of.of_type as u64);
                let mut counts = Packed::default();
                for (text, spans) in &of.values {
                    message.bytes(4, text.as_bytes());
                    counts.put(*spans);
                }
                message.bytes(5, &counts.0);
            });
        }
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut read = Self::default();
        each(raw, |number, field| {
            if let (1, Field::Bytes(raw)) = (number, field) {
                read.keys.push(of_key(raw)?);
            }
            Some(())
        })?;
        Some(read)
    }

    fn bytes(&self) -> usize {
        let of_key = |of: &OfKey| of.key.len() + of.texts() + of.values.len() * size_of::<(Box<str>, u64)>();
        self.keys.len() * size_of::<OfKey>() + self.keys.iter().map(of_key).sum::<usize>()
    }
}

fn of_key(raw: &[u8]) -> Option<OfKey> {
    let mut values: Vec<(Box<str>, u64)> = Vec::new();
    each(raw, |number, field| {
        if let (4, Field::Bytes(text)) = (number, field) {
            values.push((std::str::from_utf8(text).ok()?.into(), 0));
        }
        Some(())
    })?;
    let key = Parsed::of(raw)?;
    let mut counts = Unpacked(key.bytes(5)?);
    for (_, spans) in &mut values {
        *spans = counts.next()?;
    }
    let of_type = usize::try_from(key.number(3)?).ok().filter(|at| *at < TYPES.len())?;
    let level = level_of(key.number(1)?)?;
    counts.is_done().then_some(OfKey { level, key: key.text(2)?.into(), of_type, values })
}
