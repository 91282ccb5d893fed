//! What occurs in a row group: keys with their types, and what each service did.

use std::ops::Deref;

use model::Kind;
use model::proto::{Field, Message};

use super::block::level_of;
use super::packed::{Packed, Parsed, Unpacked, each};
use super::section::{About, Section, kind};
use super::tokens::level_number;
use crate::columns::keys::KeyFacts;

/// The attribute keys of a row group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keys(pub(crate) Vec<KeyFacts>);

/// What the services of a row group did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Operations(pub(crate) Vec<Operation>);

/// How often a service did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) service: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) spans: u32,
    pub(crate) errors: u32,
}

impl Deref for Keys {
    type Target = [KeyFacts];

    fn deref(&self) -> &[KeyFacts] {
        &self.0
    }
}

impl Deref for Operations {
    type Target = [Operation];

    fn deref(&self) -> &[Operation] {
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

impl Section for Operations {
    const KIND: u32 = kind::OPERATIONS;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        for operation in &self.0 {
            out.message(1, |message| {
                message.bytes(1, operation.service.as_bytes());
                message.bytes(2, operation.name.as_bytes());
                message.varint(3, operation.kind as u64);
                message.varint(4, operation.spans.into());
                message.varint(5, operation.errors.into());
            });
        }
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut operations = Vec::new();
        each(raw, |number, field| {
            if let (1, Field::Bytes(raw)) = (number, field) {
                let operation = Parsed::of(raw)?;
                operations.push(Operation {
                    service: operation.text(1)?.into(),
                    name: operation.text(2)?.into(),
                    kind: Kind::from_number(u8::try_from(operation.number(3)?).ok()?),
                    spans: u32::try_from(operation.number(4)?).ok()?,
                    errors: u32::try_from(operation.number(5)?).ok()?,
                });
            }
            Some(())
        })?;
        Some(Self(operations))
    }

    fn bytes(&self) -> usize {
        let names: usize = self.0.iter().map(|of| of.service.len() + of.name.len()).sum();
        self.0.len() * size_of::<Operation>() + names
    }
}
