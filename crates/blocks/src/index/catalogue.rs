//! Which keys occur in a row group, with their types.

use std::ops::Deref;

use model::proto::{Field, Message};

use super::block::level_of;
use super::packed::{Packed, Parsed, Unpacked, each};
use super::section::{About, Section, kind};
use super::tokens::level_number;
use crate::columns::keys::KeyFacts;

/// The attribute keys of a row group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keys(pub(crate) Vec<KeyFacts>);

impl Deref for Keys {
    type Target = [KeyFacts];

    fn deref(&self) -> &[KeyFacts] {
        &self.0
    }
}

impl Section for Keys {
    const KIND: u32 = kind::KEYS;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        for facts in &self.0 {
            out.message(1, |key| {
                key.varint(1, level_number(facts.level));
                key.bytes(2, facts.key.as_bytes());
                key.varint(3, facts.spans);
                key.varint(4, facts.in_tail);
                key.varint(5, facts.tail_bytes);
                let mut types = Packed::default();
                facts.tail_types.iter().for_each(|count| types.put(*count));
                key.bytes(6, &types.0);
            });
        }
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut keys = Vec::new();
        each(raw, |number, field| {
            if let (1, Field::Bytes(raw)) = (number, field) {
                keys.push(key(&Parsed::of(raw)?)?);
            }
            Some(())
        })?;
        Some(Self(keys))
    }

    fn bytes(&self) -> usize {
        let names: usize = self.0.iter().map(|facts| facts.key.len()).sum();
        self.0.len() * size_of::<KeyFacts>() + names
    }
}

fn key(key: &Parsed<'_>) -> Option<KeyFacts> {
    let mut types = Unpacked(key.bytes(6)?);
    let mut tail_types = [0; 5];
    for count in &mut tail_types {
        *count = types.next()?;
    }
    Some(KeyFacts {
        level: level_of(key.number(1)?)?,
        key: key.text(2)?.into(),
        spans: key.number(3)?,
        in_tail: key.number(4)?,
        tail_bytes: key.number(5)?,
        tail_types,
    })
}
