//! What nodes say to each other about spans that are in no committed block, in bytes (`docs/format/peers.md`).

use bytes::Bytes;
use journal::Position;
use model::{
    Tenant,
    proto::{Field, Message},
};

use crate::{
    block::Loan,
    error::{Error, Next, Result},
    index::packed::{Parsed, each},
    manifest::JournalRange,
};

/// The version of what is said.
const VERSION: u64 = 1;

/// A chunk of the head of which the asker has so many batches already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) chunk: u64,
    pub(super) batches: u64,
}

/// "What of this tenant have you that is in no block of my manifest?"
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) tenant: Tenant,
    /// The asker's manifest.
    pub(super) number: u64,
    /// The node that the asker believes to ask, and its epoch; empty before the first answer.
    pub(super) node: String,
    pub(super) epoch: u64,
    /// What of this node's journal is in blocks of the asker's manifest.
    pub(super) committed: Vec<JournalRange>,
    /// What the asker has of the head.
    pub(super) known: Vec<Known>,
    /// The blocks that the asker has borrowed, and how many row groups of each.
    pub(super) borrowed: Vec<(String, u64)>,
}

/// Batches of a chunk, from the `from`th on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) chunk: u64,
    pub(super) from: u64,
    pub(super) batches: Vec<Bytes>,
}

/// The answer to a [`Question`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) node: String,
    pub(super) epoch: u64,
    /// The asker's manifest is too old: it has to see this one first. Nothing else is in the answer then.
    pub(super) behind: u64,
    /// Why this node itself may lack spans.
    pub(super) missing: String,
    pub(super) chunks: Vec<Chunk>,
    pub(super) loans: Vec<Loan>,
}

/// "Read these ranges of a file of a block that you lent."
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) block: String,
    /// The index, or else the spans.
    pub(super) is_index: bool,
    pub(super) ranges: Vec<std::ops::Range<u64>>,
}

impl Question {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = Message::new();
        out.varint(1, VERSION);
        out.text(2, self.tenant.as_str());
        out.varint(3, self.number);
        out.text(4, &self.node);
        out.varint(5, self.epoch);
        for range in &self.committed {
            out.message(6, |message| {
                for (number, value) in (1..).zip([range.from.0, range.from.1, range.to.0, range.to.1]) {
                    message.varint(number, value);
                }
            });
        }
        for known in &self.known {
            out.message(7, |message| {
                message.varint(1, known.chunk);
                message.varint(2, known.batches);
            });
        }
        for (block, groups) in &self.borrowed {
            out.message(8, |message| {
                message.text(1, block);
                message.varint(2, *groups);
            });
        }
        out.into_bytes().into()
    }

    pub(super) fn decode(raw: &[u8]) -> Result<Self> {
        let parsed = versioned(raw)?;
        let tenant = parsed.text(2).and_then(Tenant::parse).ok_or_else(wrong)?;
        let mut question = Self {
            tenant,
            number: parsed.number(3).unwrap_or(0),
            node: parsed.text(4).unwrap_or_default().to_owned(),
            epoch: parsed.number(5).unwrap_or(0),
            committed: Vec::new(),
            known: Vec::new(),
            borrowed: Vec::new(),
        };
        let read = each(raw, |number, field| {
            match (number, field) {
                (6, Field::Bytes(raw)) => {
                    let range = Parsed::of(raw)?;
                    let at = |number| range.number(number);
                    let position =
                        |segment, offset| Some(Position { segment: at(segment)?, offset: at(offset)? });
                    question.committed.push(JournalRange::new(position(1, 2)?, position(3, 4)?));
                }
                (7, Field::Bytes(raw)) => {
                    let known = Parsed::of(raw)?;
                    question.known.push(Known { chunk: known.number(1)?, batches: known.number(2)? });
                }
                (8, Field::Bytes(raw)) => {
                    let block = Parsed::of(raw)?;
                    question.borrowed.push((block.text(1)?.to_owned(), block.number(2)?));
                }
                _ => {}
            }
            Some(())
        });
        read.map(|()| question).ok_or_else(wrong)
    }
}

impl Offer {
    pub(super) fn encode(&self) -> Bytes {
        let batches = self.chunks.iter().flat_map(|chunk| &chunk.batches).map(Bytes::len).sum::<usize>();
        let mut out = Message::with_capacity(batches + batches / 64 + 1024);
        out.varint(1, VERSION);
        out.text(2, &self.node);
        out.varint(3, self.epoch);
        out.varint(4, self.behind);
        out.text(5, &self.missing);
        for chunk in &self.chunks {
            let mut head = Message::new();
            head.varint(1, chunk.chunk);
            head.varint(2, chunk.from);
            head.varint(3, chunk.batches.len() as u64);
            out.bytes(6, head.as_bytes());
            chunk.batches.iter().for_each(|batch| out.bytes(7, batch));
        }
        for loan in &self.loans {
            out.message(8, |message| {
                message.text(1, &loan.id);
                message.bytes(2, &loan.facts);
                message.bytes(3, &loan.directory);
                for (group, live) in &loan.lives {
                    message.message(4, |message| {
                        message.varint(1, u64::from(*group));
                        message.bytes(2, live);
                    });
                }
            });
        }
        out.into_bytes().into()
    }

    pub(super) fn decode(raw: &Bytes) -> Result<Self> {
        let parsed = versioned(raw)?;
        let mut offer = Self {
            node: parsed.text(2).ok_or_else(wrong)?.to_owned(),
            epoch: parsed.number(3).unwrap_or(0),
            behind: parsed.number(4).unwrap_or(0),
            missing: parsed.text(5).unwrap_or_default().to_owned(),
            ..Self::default()
        };
        let mut waiting = 0;
        let read = each(raw, |number, field| {
            match (number, field) {
                (6, Field::Bytes(head)) if waiting == 0 => {
                    let head = Parsed::of(head)?;
                    waiting = head.number(3)?;
                    let (chunk, from) = (head.number(1)?, head.number(2)?);
                    offer.chunks.push(Chunk { chunk, from, batches: Vec::new() });
                }
                (7, Field::Bytes(batch)) => {
                    waiting = waiting.checked_sub(1)?;
                    offer.chunks.last_mut()?.batches.push(raw.slice_ref(batch));
                }
                (8, Field::Bytes(loan)) => offer.loans.push(read_loan(raw, loan)?),
                _ => {}
            }
            Some(())
        });
        read.filter(|()| waiting == 0).map(|()| offer).ok_or_else(wrong)
    }
}

impl Reading {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = Message::new();
        out.varint(1, VERSION);
        out.text(2, &self.block);
        out.varint(3, u64::from(self.is_index));
        for range in &self.ranges {
            out.message(4, |message| {
                message.varint(1, range.start);
                message.varint(2, range.end);
            });
        }
        out.into_bytes().into()
    }

    pub(super) fn decode(raw: &[u8]) -> Result<Self> {
        let parsed = versioned(raw)?;
        let block = parsed.text(2).ok_or_else(wrong)?.to_owned();
        let mut reading = Self { block, is_index: parsed.number(3) == Some(1), ranges: Vec::new() };
        let read = each(raw, |number, field| {
            if let (4, Field::Bytes(raw)) = (number, field) {
                let range = Parsed::of(raw)?;
                let range = range.number(1)?..range.number(2)?;
                (range.start <= range.end).then(|| reading.ranges.push(range))?;
            }
            Some(())
        });
        read.map(|()| reading).ok_or_else(wrong)
    }
}

/// Reads one loan of an offer, whose bytes it shares.
fn read_loan(raw: &Bytes, loan: &[u8]) -> Option<Loan> {
    let parsed = Parsed::of(loan)?;
    let part = |number| parsed.bytes(number).map(|part| raw.slice_ref(part));
    let mut read =
        Loan { id: parsed.text(1)?.to_owned(), facts: part(2)?, directory: part(3)?, lives: Vec::new() };
    each(loan, |number, field| {
        if let (4, Field::Bytes(live)) = (number, field) {
            let live = Parsed::of(live)?;
            read.lives.push((u32::try_from(live.number(1)?).ok()?, raw.slice_ref(live.bytes(2)?)));
        }
        Some(())
    })?;
    Some(read)
}

fn versioned(raw: &[u8]) -> Result<Parsed<'_>> {
    let parsed = Parsed::of(raw).ok_or_else(wrong)?;
    match parsed.number(1) {
        Some(VERSION) => Ok(parsed),
        Some(version) => {
            let what =
                format!("it speaks version {version} of the language between nodes, this program {VERSION}");
            Err(Error::new(Next::Refuse, what))
        }
        None => Err(wrong()),
    }
}

fn wrong() -> Error {
    Error::new(Next::Refuse, "this is nothing that a node of Faden says")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let question = Question {
            tenant: Tenant::default(),
            number: 7,
            node: "00112233445566aa".into(),
            epoch: 3,
            committed: vec![JournalRange { from: (1, 0), to: (2, 99) }],
            known: vec![Known { chunk: 4, batches: 2 }, Known { chunk: 9, batches: 0 }],
            borrowed: vec![("a-1".into(), 3)],
        };
        assert_eq!(Question::decode(&question.encode()).unwrap(), question);
        let chunk = |chunk, batches: &[&'static [u8]]| Chunk {
            chunk,
            from: 1,
            batches: batches.iter().map(|batch| Bytes::from_static(batch)).collect(),
        };
        let lives = vec![(3, Bytes::from_static(b"live")), (4, Bytes::new())];
        let facts = Bytes::from_static(b"f");
        let loan = Loan { id: "a-1".into(), facts, directory: Bytes::new(), lives };
        let offer = Offer {
            node: "x".into(),
            epoch: 1,
            behind: 0,
            missing: "late".into(),
            chunks: vec![chunk(1, &[]), chunk(2, &[b"one", b""])],
            loans: vec![loan],
        };
        assert_eq!(Offer::decode(&offer.encode()).unwrap(), offer);
        let reading = Reading { block: "a-1".into(), is_index: true, ranges: vec![0..4, 9..9] };
        assert_eq!(Reading::decode(&reading.encode()).unwrap(), reading);
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let raw = Bytes::from([b"\x08\x01".to_vec(), raw].concat());
            let _ = (Question::decode(&raw), Offer::decode(&raw), Reading::decode(&raw));
        }
    }
}
