//! The section of names: what the services of a tenant did, and which keys their spans carry.

use model::Kind;
use model::proto::{Field, Message};
use store::Level;

use crate::index::level_of;
use crate::index::packed::{Packed, Parsed, Unpacked, each};
use crate::index::section::{About, Section, kind};
use crate::index::tokens::level_number;

/// Operations of a service with more are not told apart in a block.
pub(crate) const OPERATIONS_MAX: usize = 2_000;

/// The names of a tenant in a block, with their spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) services: Vec<Box<str>>,
    pub(crate) names: Vec<Box<str>>,
    /// By service, name and kind; all texts ascend.
    pub(crate) operations: Vec<Operation>,
    /// By level and key, with the spans that carry it.
    pub(crate) keys: Vec<(Level, Box<str>, u64)>,
}

/// What a service did, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) service: u32,
    /// `None` where the service has too many to be told apart.
    pub(crate) name: Option<u32>,
    pub(crate) kind: Kind,
    pub(crate) spans: u64,
    pub(crate) errors: u64,
}

impl Listing {
    pub(crate) fn service(&self, operation: &Operation) -> &str {
        &self.services[operation.service as usize]
    }

    /// The operation's name, where it is told apart.
    pub(crate) fn name(&self, operation: &Operation) -> Option<&str> {
        Some(&self.names[operation.name? as usize])
    }

    /// How many spans carry a key.
    pub(crate) fn spans_with(&self, level: Level, key: &str) -> u64 {
        let at = self.keys.binary_search_by(|(of, name, _)| (*of, &**name).cmp(&(level, key)));
        at.map_or(0, |at| self.keys[at].2)
    }

    /// Services with kinds, ascending, each with its operations.
    pub(crate) fn kinds(&self) -> Vec<(u32, Kind)> {
        let mut kinds: Vec<_> = self.operations.iter().map(|of| (of.service, of.kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

impl Section for Listing {
    const KIND: u32 = kind::LISTING;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        self.services.iter().for_each(|text| out.bytes(1, text.as_bytes()));
        self.names.iter().for_each(|text| out.bytes(2, text.as_bytes()));
        let mut operations = Packed::default();
        for of in &self.operations {
            operations.put(of.service.into());
            operations.put(of.name.map_or(0, |name| u64::from(name) + 1));
            operations.put(of.kind as u64);
            operations.put(of.spans);
            operations.put(of.errors);
        }
        out.bytes(3, &operations.0);
        for (level, key, spans) in &self.keys {
            out.message(4, |message| {
                message.varint(1, level_number(*level));
                message.bytes(2, key.as_bytes());
                message.varint(3, *spans);
            });
        }
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut listing = Self::default();
        each(raw, |number, field| {
            match (number, field) {
                (1, Field::Bytes(raw)) => listing.services.push(text(raw)?),
                (2, Field::Bytes(raw)) => listing.names.push(text(raw)?),
                (3, Field::Bytes(raw)) => operations(raw, &mut listing)?,
                (4, Field::Bytes(raw)) => {
                    let key = Parsed::of(raw)?;
                    listing.keys.push((level_of(key.number(1)?)?, key.text(2)?.into(), key.number(3)?));
                }
                _ => {}
            }
            Some(())
        })?;
        Some(listing)
    }

    fn bytes(&self) -> usize {
        let texts = self.services.iter().chain(&self.names).chain(self.keys.iter().map(|(_, key, _)| key));
        let texts: usize = texts.map(|text| size_of::<Box<str>>() + text.len()).sum();
        texts + self.operations.len() * size_of::<Operation>() + self.keys.len() * size_of::<(Level, u64)>()
    }
}

fn text(raw: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(raw).ok().map(Into::into)
}

/// Reads the operations, which refer to texts that stand before them.
fn operations(raw: &[u8], listing: &mut Listing) -> Option<()> {
    let mut numbers = Unpacked(raw);
    while !numbers.is_done() {
        let service = numbers.u32().filter(|at| (*at as usize) < listing.services.len())?;
        let name = match numbers.u32()? {
            0 => None,
            above => Some(above - 1).filter(|at| (*at as usize) < listing.names.len()).map(Some)?,
        };
        let kind = Kind::from_number(u8::try_from(numbers.next()?).ok()?);
        let (spans, errors) = (numbers.next()?, numbers.next()?);
        listing.operations.push(Operation { service, name, kind, spans, errors });
    }
    Some(())
}
