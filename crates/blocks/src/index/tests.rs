use proptest::collection::vec;
use proptest::prelude::*;
use store::Level;

use super::lookup::{Head, Sorted};
use super::section::{About, Section};
use super::tokens::KeyToken;
use super::traces::Runs;
use super::{OfService, Record, Summaries};

const KIND: u32 = 77;

const ABOUT: About = About { rows: 0, leaves: 0 };

#[test]
fn a_token_is_part_of_the_format() {
    let token = KeyToken::new(Level::Span, "request.id").with(b"0123456789");
    assert_eq!(token, KeyToken::new(Level::Span, "request.id").with(b"0123456789"));
    assert_ne!(token, KeyToken::new(Level::Resource, "request.id").with(b"0123456789"));
    assert_ne!(token, KeyToken::new(Level::Span, "request.id").with(b"012345678"));
}

/// Numbers that look like chance.
fn hash(number: u32) -> u32 {
    (KeyToken::new(Level::Span, "user.id").with(number.to_string().as_bytes()) >> 32) as u32
}

/// A lookup, and the places of a hash in it, as they are read from its file.
struct Written {
    head: Head<KIND>,
    body: Vec<u8>,
}

impl Written {
    fn new(pairs: &[(u32, u32)], spare_bits: u32) -> Self {
        let (head, body) = Head::<KIND>::lay_out(&Sorted::new(pairs.iter().copied()), spare_bits, 100);
        let read = Head::<KIND>::read(&head.write(), ABOUT).unwrap();
        assert_eq!(read, head);
        Self { head: read, body }
    }

    fn places(&self, hash: u32) -> Vec<u32> {
        let spot = self.head.spot(hash).unwrap();
        let raw = &self.body[spot.range.start as usize - 100..spot.range.end as usize - 100];
        assert_eq!(crc32c::crc32c(raw), spot.crc);
        self.head.places(hash, &self.head.piece(raw).unwrap())
    }
}

#[test]
fn a_lookup_seldom_errs_and_takes_few_bits() {
    let pairs: Vec<(u32, u32)> = (0..100_000).map(|number| (hash(number), number % 128)).collect();
    let written = Written::new(&pairs, 4);
    let wrong: usize = (100_000..200_000).map(|number| written.places(hash(number)).len()).sum();
    assert!(wrong < 8000, "100,000 absent hashes lead to {wrong} places");
    let bits = written.body.len() * 8 / pairs.len();
    assert!(bits <= 13, "{bits} bits for an entry");
    assert!(written.head.write().len() < pairs.len() / 50);
}

fn records() -> impl Strategy<Value = Vec<Option<Record>>> {
    let services = proptest::collection::btree_map(0..4_u32, (1..300_u64, 0..9_u64), 1..4);
    let of = |(service, (spans, errors)): (u32, (u64, u64))| OfService {
        service,
        spans,
        errors: errors.min(spans),
    };
    let record = (0..3_u32, 0..200_u64, services).prop_map(move |(root, orphans, services)| Record {
        root,
        orphans,
        services: services.into_iter().map(of).collect(),
    });
    vec(proptest::option::of(record), 0..40)
}

proptest! {
    #[test]
    fn records_of_runs_come_back(all in records(), cut in 0..1000_usize) {
        let mut written = Summaries::new(["a", "b", "", "d"].map(Into::into).into());
        ["GET", "", "x"].iter().for_each(|name| _ = written.add_root(3, name));
        all.iter().for_each(|record| written.push(record.as_ref()));
        let raw = written.write();
        let read = Summaries::read(&raw, ABOUT).unwrap();
        prop_assert_eq!(&read, &written);
        prop_assert_eq!((0..all.len()).map(|run| read.of(run)).collect::<Vec<_>>(), all.clone());
        prop_assert_eq!((read.of(all.len()), read.root(0)), (None, ("d", "GET")));
        _ = Summaries::read(&raw[..cut.min(raw.len())], ABOUT);
    }

    #[test]
    fn a_lookup_leads_to_every_place(pairs in vec((proptest::num::u32::ANY, 0..1000_u32), 0..3000), spare in 1..33_u32) {
        let written = Written::new(&pairs, spare);
        for (hash, place) in &pairs {
            prop_assert!(written.places(*hash).contains(place));
        }
        let hashes = written.head.piece_hashes().flat_map(|first| {
            let spot = written.head.spot(first).unwrap();
            let raw = &written.body[spot.range.start as usize - 100..spot.range.end as usize - 100];
            written.head.hashes(first, &written.head.piece(raw).unwrap())
        });
        let sorted = Sorted::new(pairs.iter().copied());
        let kept = |hash: u32| if spare == 32 { hash } else { 0 };
        prop_assert_eq!(hashes.map(kept).collect::<Vec<_>>(), sorted.hashes().map(kept).collect::<Vec<_>>());
        if spare == 32 {
            let sorted = Sorted::new(pairs.iter().copied());
            for (hash, _) in &pairs {
                prop_assert_eq!(written.places(*hash), sorted.places(*hash).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn many_places_of_a_hash_become_one(hashes in vec(0..20_u32, 1..300)) {
        let pairs = (0..).zip(&hashes).map(|(place, hash)| (*hash, place));
        let folded = Sorted::new(pairs).folded(10, 999);
        for hash in 0..20 {
            let places: Vec<u32> = folded.places(hash).collect();
            let times = hashes.iter().filter(|other| **other == hash).count();
            let expected = if times > 10 { places == [999] } else { places.len() == times };
            prop_assert!(expected);
        }
    }

    #[test]
    fn no_bytes_make_a_section_panic(bytes in vec(proptest::num::u8::ANY, 0..200)) {
        if let Some(head) = Head::<KIND>::read(&bytes, ABOUT) {
            _ = head.spot(7).and_then(|_| head.piece(&bytes)).map(|piece| head.places(7, &piece));
        }
        let sound = Written::new(&[(1, 2), (3, 4)], 8);
        _ = sound.head.piece(&bytes).map(|piece| sound.head.hashes(0, &piece));
        _ = sound.head.piece(&bytes).map(|piece| sound.head.places(7, &piece));
        _ = Runs::read(&bytes, About { rows: 10, leaves: 3 });
        _ = super::BlockFacts::read(&bytes, ABOUT);
        _ = super::Parts::read(&bytes, About { rows: 10, leaves: 3 });
        _ = super::Keys::read(&bytes, ABOUT);
        _ = super::Zones::read(&bytes, About { rows: 10, leaves: 3 });
        _ = Summaries::read(&bytes, ABOUT);
    }
}
