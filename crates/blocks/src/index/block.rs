//! What is known of a block as a whole: its columns, its row groups, and whose index this is.

use model::Tenant;
use model::proto::{Field, Message};
use store::Level;

use super::packed::{Parsed, each};
use super::section::{About, Section, kind};
use super::tokens::level_number;
use crate::columns::schema::{Kind, Promoted};

/// The section that is read when a block is opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BlockFacts {
    /// Length and checksum of the file of spans that the index belongs to.
    pub(crate) data: (u64, u32),
    /// How many columns the block has.
    pub(crate) leaves: usize,
    /// The keys that have columns of their own.
    pub(crate) promoted: Vec<Promoted>,
    pub(crate) groups: Vec<GroupFacts>,
    /// How many row groups, one after the other, share each lookup.
    pub(crate) sets: Vec<u32>,
}

/// What is always in memory of a row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupFacts {
    /// Whose spans these are.
    pub(crate) tenant: Tenant,
    pub(crate) rows: u32,
    /// How many runs of rows it has, one for each trace.
    pub(crate) runs: u32,
    /// The first and the last span start.
    pub(crate) extent: (u64, u64),
    /// True where the traces that links lead to are looked up, as in every group that this program writes.
    pub(crate) has_links: bool,
    /// How long the longest run takes, from its earliest start to its latest end; `None` where that is not known.
    pub(crate) longest: Option<u64>,
}

impl Section for BlockFacts {
    const KIND: u32 = kind::BLOCK;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        for promoted in &self.promoted {
            out.message(1, |key| {
                key.varint(1, level_number(promoted.level));
                key.bytes(2, promoted.key.as_bytes());
                key.varint(3, kind_number(promoted.kind));
            });
        }
        out.varint(2, self.leaves as u64);
        out.varint(3, self.data.0);
        out.varint(4, u64::from(self.data.1));
        for group in &self.groups {
            out.message(5, |message| {
                message.bytes(1, group.tenant.as_str().as_bytes());
                message.varint(2, u64::from(group.rows));
                message.varint(3, group.extent.0);
                message.varint(4, group.extent.1 - group.extent.0);
                message.varint(5, u64::from(group.runs));
                message.varint(6, u64::from(group.has_links));
                message.varint(7, group.longest.map_or(0, |longest| longest.saturating_add(1)));
            });
        }
        self.sets.iter().for_each(|groups| out.varint(6, u64::from(*groups)));
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut facts = Self::default();
        let mut tenants: Vec<Tenant> = Vec::new();
        each(raw, |number, field| {
            match (number, field) {
                (1, Field::Bytes(raw)) => {
                    let key = Parsed::of(raw)?;
                    let (level, kind) = (level_of(key.number(1)?)?, kind_of(key.number(3)?)?);
                    facts.promoted.push(Promoted { level, key: key.text(2)?.into(), kind });
                }
                (2, Field::Varint(count)) => facts.leaves = usize::try_from(count).ok()?,
                (3, Field::Varint(bytes)) => facts.data.0 = bytes,
                (4, Field::Varint(crc)) => facts.data.1 = u32::try_from(crc).ok()?,
                (6, Field::Varint(groups)) => facts.sets.push(u32::try_from(groups).ok()?),
                (5, Field::Bytes(raw)) => facts.groups.push(group(&Parsed::of(raw)?, &mut tenants)?),
                _ => {}
            }
            Some(())
        })?;
        Some(facts)
    }

    fn bytes(&self) -> usize {
        self.promoted.len() * size_of::<Promoted>() + self.groups.len() * size_of::<GroupFacts>()
    }
}

/// The tenant of a row group, as version 1 has it.
pub(crate) struct FirstGroup(pub(crate) Tenant);

impl Section for FirstGroup {
    const KIND: u32 = kind::FIRST_GROUP;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        out.text(1, self.0.as_str());
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        Tenant::parse(Parsed::of(raw)?.text(1)?).map(Self)
    }

    fn bytes(&self) -> usize {
        self.0.as_str().len()
    }
}

/// A group; equal tenants of a block share their name.
fn group(parsed: &Parsed<'_>, tenants: &mut Vec<Tenant>) -> Option<GroupFacts> {
    let name = parsed.text(1)?;
    let known = tenants.iter().find(|tenant| tenant.as_str() == name).cloned();
    let tenant = match known {
        Some(tenant) => tenant,
        None => {
            tenants.push(Tenant::parse(name)?);
            tenants.last()?.clone()
        }
    };
    let rows = u32::try_from(parsed.number(2)?).ok()?;
    let first = parsed.number(3).unwrap_or(0);
    let last = first.checked_add(parsed.number(4).unwrap_or(0))?;
    let runs = u32::try_from(parsed.number(5).unwrap_or(0)).ok()?;
    let has_links = parsed.number(6) == Some(1);
    let longest = parsed.number(7).and_then(|above| above.checked_sub(1));
    Some(GroupFacts { tenant, rows, runs, extent: (first, last), has_links, longest })
}

fn kind_number(kind: Kind) -> u64 {
    match kind {
        Kind::Int => 1,
        Kind::Double => 2,
        Kind::Bool => 3,
        _ => 0,
    }
}

fn kind_of(number: u64) -> Option<Kind> {
    let kinds = [Kind::Text, Kind::Int, Kind::Double, Kind::Bool];
    kinds.get(usize::try_from(number).ok()?).copied()
}

pub(crate) fn level_of(number: u64) -> Option<Level> {
    let levels = [Level::Resource, Level::Scope, Level::Span, Level::Event, Level::Link];
    levels.into_iter().find(|level| level_number(*level) == number)
}
