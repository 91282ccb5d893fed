//! One colour per service, the same in every trace as far as colours go round.

use std::collections::{BTreeMap, BTreeSet};

use super::Span;
use crate::term::Ink;

/// Readable on dark and on light ground; no reds, since red means failure.
const COLOURS: [u8; 20] =
    [33, 71, 172, 99, 37, 136, 133, 68, 107, 178, 30, 140, 64, 208, 74, 96, 79, 143, 62, 180];

/// Which service has which colour.
pub struct Palette(BTreeMap<String, u8>);

impl Palette {
    /// Gives each service the colour of its name; one that is taken moves to the next that is free.
    pub fn of(spans: &[Span]) -> Self {
        let names: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        let mut is_taken = [false; COLOURS.len()];
        let mut colours = BTreeMap::new();
        for name in names {
            let wanted = (fnv1a(name) % COLOURS.len() as u64) as usize;
            let places = (0..COLOURS.len()).map(|step| (wanted + step) % COLOURS.len());
            let place = places.clone().find(|place| !is_taken[*place]).unwrap_or(wanted);
            is_taken[place] = true;
            colours.insert(name.to_owned(), COLOURS[place]);
        }
        Self(colours)
    }

    /// The ink of a service.
    pub fn ink(&self, service: &str) -> Ink {
        self.0.get(service).map_or(Ink::Plain, |colour| Ink::Colour(*colour))
    }
}

fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
