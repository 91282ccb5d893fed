//! What services use that sends no spans (`store::uses`), counted run of rows by run of rows, with durations by steps of time.
//!
//! As with [`Calls`](super::Calls), of which the runs that are not counted are those of the uses too: whether a peer
//! answered is known as far as the run tells. Bounded by [`USES_MAX`] and [`TEXTS_MAX`], beyond which a search counts the
//! spans themselves.

use std::sync::Arc;

use model::Kind;
use model::proto::{Field, Message};
use store::uses::{Means, Target};

use super::cubes::Cube;
use crate::index::packed::{Packed, Parsed, Unpacked, each};
use crate::index::section::{About, Section, kind};

/// So many uses are told apart in a block.
pub(super) const USES_MAX: usize = 4 * 1024;

/// So many bytes their targets may take.
pub(super) const TEXTS_MAX: usize = 256 * 1024;

/// How a service uses a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Using {
    /// The place of the service in the listing.
    pub(crate) service: u32,
    /// The place of the target.
    pub(crate) target: u32,
    /// The role of the spans.
    pub(crate) kind: Kind,
    /// True for peers of which a span of another service is a child; see [`store::Use::answered`].
    pub(crate) is_answered: bool,
}

/// The uses of a tenant, ascending; the cubes have them as subjects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Ascending.
    pub(crate) targets: Vec<Target<Box<str>>>,
    pub(crate) uses: Vec<Using>,
}

/// Uses with their cubes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Used {
    pub(crate) uses: Arc<Uses>,
    /// In short steps.
    pub(crate) steps: Arc<Cube>,
    /// All time in one step; only where it is finished.
    pub(crate) whole: Option<Arc<Cube>>,
}

impl Uses {
    /// True where they are few enough to be kept.
    pub(super) fn fit(&self) -> bool {
        self.uses.len() <= USES_MAX && self.texts() <= TEXTS_MAX
    }

    fn texts(&self) -> usize {
        self.targets.iter().map(|target| target.system.len() + target.name.len()).sum()
    }
}

impl Section for Uses {
    const KIND: u32 = kind::USES;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        for target in &self.targets {
            out.message(1, |message| {
                message.varint(1, target.means as u64);
                message.bytes(2, target.system.as_bytes());
                message.bytes(3, target.name.as_bytes());
            });
        }
        let mut uses = Packed::default();
        for using in &self.uses {
            uses.put(using.service.into());
            uses.put(using.target.into());
            uses.put((using.kind as u64) << 1 | u64::from(using.is_answered));
        }
        out.bytes(2, &uses.0);
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut read = Self::default();
        each(raw, |number, field| {
            match (number, field) {
                (1, Field::Bytes(raw)) => {
                    let parsed = Parsed::of(raw)?;
                    let means = Means::EACH.get(usize::try_from(parsed.number(1)?).ok()?)?;
                    let (system, name) = (parsed.text(2)?.into(), parsed.text(3)?.into());
                    read.targets.push(Target { means: *means, system, name });
                }
                (2, Field::Bytes(raw)) => {
                    let mut numbers = Unpacked(raw);
                    while !numbers.is_done() {
                        let (service, target, how) = (numbers.u32()?, numbers.u32()?, numbers.u32()?);
                        let kind = Kind::from_number(u8::try_from(how >> 1).ok()?);
                        read.uses.push(Using { service, target, kind, is_answered: how & 1 == 1 });
                    }
                }
                _ => {}
            }
            Some(())
        })?;
        Some(read)
    }

    fn bytes(&self) -> usize {
        self.texts()
            + self.targets.len() * size_of::<Target<Box<str>>>()
            + self.uses.len() * size_of::<Using>()
    }
}
