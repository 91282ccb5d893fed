//! Counts what the spans of a row group use, from its columns before they are encoded.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::Kind;
use store::Level;
use store::uses::{KEYS, Means, Target};

use super::Digest;
use super::build::Rows;
use super::cubes::{Cells, Cube, Role, use_bytes_max};
use super::listing::Listing;
use super::merge::{Part, cube, with_step};
use super::uses::{Used, Uses, Using};
use crate::columns::conventions::older_name;
use crate::columns::schema::{Layout, leaf};
use crate::columns::shred::Shredded;
use crate::columns::tail;
use crate::columns::values::{Column, Levels, Place, Texts, Values};

/// What the runs of a row group tell of its rows.
pub(super) struct Answers {
    /// True where a span of another service is the row's child.
    pub(super) is_answered: Vec<bool>,
    /// False where the run is not counted.
    pub(super) is_counted: Vec<bool>,
}

/// The uses of a row group, of which the service of each row is known; `None` where they are too many, or the columns do not
/// suffice to count them.
pub(super) fn used(
    (layout, shredded): (&Layout, &Shredded),
    rows: &Rows<'_>,
    (services, answers): (&[u32], &Answers),
) -> Option<Used> {
    let told = Told::of(layout, shredded)?;
    let mut of_use: HashMap<OfTexts<'_>, Vec<u32>, FixedState> = HashMap::default();
    let mut known: HashMap<(Kind, Numbers), Option<Target<&str>>, FixedState> = HashMap::default();
    for (row, numbers) in told.of_row.iter().enumerate() {
        if *numbers == [NONE; KEYS.len()] || !answers.is_counted[row] {
            continue;
        }
        let kind = rows.kind(row);
        let target = known.entry((kind, *numbers)).or_insert_with(|| told.target(kind, numbers));
        let Some(target) = *target else { continue };
        let is_answered = target.means == Means::Peer && answers.is_answered[row];
        of_use.entry((services[row], target, kind, is_answered)).or_default().push(row as u32);
    }
    let mut targets: Vec<Target<&str>> = of_use.keys().map(|(_, target, ..)| *target).collect();
    targets.sort_unstable();
    targets.dedup();
    let using = |(service, target, kind, is_answered): OfTexts<'_>| {
        let target = targets.binary_search(&target).unwrap_or(0) as u32;
        Using { service, target, kind, is_answered }
    };
    let mut of_use: Vec<(Using, Vec<u32>)> = of_use.into_iter().map(|(of, rows)| (using(of), rows)).collect();
    of_use.sort_unstable_by_key(|(using, _)| *using);
    let mut uses = Uses { targets: targets.into_iter().map(boxed).collect(), uses: Vec::new() };
    let mut cube = Cube::new(Role::Services.step());
    for (using, here) in of_use {
        let mut cells = Cells::default();
        for row in here {
            let (status, start, duration) = rows.cell(row as usize);
            cells[status].entry(Cube::begin(cube.step, start)).or_default().add(duration);
        }
        cube.push(&cells);
        uses.uses.push(using);
    }
    uses.fit().then(|| Used { uses: Arc::new(uses), steps: Arc::new(cube), whole: None })
}

/// As [`Using`], before targets have places.
type OfTexts<'a> = (u32, Target<&'a str>, Kind, bool);

fn boxed(target: Target<&str>) -> Target<Box<str>> {
    Target { means: target.means, system: target.system.into(), name: target.name.into() }
}

/// The uses of all; `None` where those of one are not known, or they are too many.
pub(super) fn merged(
    digests: &[Arc<Digest>],
    listing: &Listing,
    (spans, is_finished): (u64, bool),
) -> Option<Used> {
    let all: Vec<&Used> = digests.iter().map(|digest| digest.used.as_ref()).collect::<Option<_>>()?;
    let mut merged = Uses::default();
    merged.targets.extend(all.iter().flat_map(|used| used.uses.targets.iter().cloned()));
    merged.targets.sort_unstable();
    merged.targets.dedup();
    let mut of_each = Vec::new();
    for (digest, used) in digests.iter().zip(all) {
        let moved = |using: &Using| {
            let service = digest.listing.services.get(using.service as usize)?;
            let target = used.uses.targets.get(using.target as usize)?;
            let service = listing.services.binary_search(service).ok()? as u32;
            Some(Using { service, target: merged.targets.binary_search(target).ok()? as u32, ..*using })
        };
        let moved: Vec<Using> = used.uses.uses.iter().map(moved).collect::<Option<_>>()?;
        merged.uses.extend_from_slice(&moved);
        of_each.push((used, moved));
    }
    merged.uses.sort_unstable();
    merged.uses.dedup();
    if !merged.fit() {
        return None;
    }
    let place = |using: &Using| merged.uses.binary_search(using).unwrap_or(0) as u32;
    let parts: Vec<Part<'_>> =
        of_each.iter().map(|(used, moved)| (&*used.steps, moved.iter().map(place).collect())).collect();
    let steps = Arc::new(cube(&parts, merged.uses.len(), (Role::Services.step(), use_bytes_max(spans))));
    let whole = is_finished.then(|| Arc::new(with_step(&parts, merged.uses.len(), 0)));
    Some(Used { uses: Arc::new(merged), steps, whole })
}

/// By key, the number of the text that a row has under it.
type Numbers = [u32; KEYS.len()];

/// A row that has no value of a key.
const NONE: u32 = 0;
/// A row whose first value of a key is no text.
const NO_TEXT: u32 = 1;

/// What the rows of a group have under the keys of uses.
struct Told<'a> {
    of_row: Vec<Numbers>,
    /// The texts, from number 2 on.
    texts: Vec<&'a str>,
    numbers: HashMap<&'a [u8], u32, FixedState>,
}

impl<'a> Told<'a> {
    /// `None` where the columns are not as they should be.
    fn of(layout: &Layout, shredded: &'a Shredded) -> Option<Self> {
        let mut told = Self {
            of_row: vec![[NONE; KEYS.len()]; shredded.rows as usize],
            texts: Vec::new(),
            numbers: HashMap::default(),
        };
        let mut in_tail = [false; KEYS.len()];
        let mut bits: Option<Vec<i64>> = None;
        for (at, key) in KEYS.into_iter().enumerate() {
            let mut facts = shredded.keys.iter();
            let Some(facts) = facts.find(|facts| facts.level == Level::Span && facts.key == key) else {
                continue;
            };
            in_tail[at] = facts.in_tail > 0;
            if let Some((leaf, older)) = layout.find(Level::Span, key) {
                let bits = bits.get_or_insert_with(|| old_names(shredded));
                let is_so = |row: usize| match older {
                    Some(bit) => bits[row] >> bit & 1 == 1,
                    None => older_name(bits[row], leaf - leaf::FIXED).is_none(),
                };
                told.column(&shredded.columns[leaf], at, is_so)?;
            }
        }
        if in_tail.contains(&true) {
            told.tail(&shredded.columns, &in_tail)?;
        }
        Some(told)
    }

    fn target(&self, kind: Kind, numbers: &Numbers) -> Option<Target<&'a str>> {
        let text = |number: u32| self.texts.get((number as usize).checked_sub(2)?).copied();
        Target::of(kind, &numbers.map(text))
    }

    fn number(&mut self, text: &'a [u8]) -> u32 {
        let next = self.texts.len() as u32 + 2;
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(std::str::from_utf8(text).unwrap_or_default());
        }
        number
    }

    fn column(&mut self, column: &'a Column, key: usize, is_so: impl Fn(usize) -> bool) -> Option<()> {
        let Levels::Present(rows) = &column.levels else { return None };
        let texts = if let Values::Text(texts) = &column.values { Some(texts) } else { None };
        let mut last: Option<(Place, u32)> = None;
        for (value, row) in rows.iter().enumerate().filter(|(_, row)| is_so(**row as usize)) {
            let number = match texts {
                Some(texts) => self.placed(texts, texts.places[value], &mut last),
                None => NO_TEXT,
            };
            self.of_row[*row as usize][key] = number;
        }
        Some(())
    }

    /// The number of a text; that of the last place is remembered.
    fn placed(&mut self, texts: &'a Texts, place: Place, last: &mut Option<(Place, u32)>) -> u32 {
        match *last {
            Some((known, number)) if known == place => number,
            _ => {
                let number = self.number(texts.slice(place));
                *last = Some((place, number));
                number
            }
        }
    }

    /// Adds what stands in the tails: the first entry of a key that has no value in its column.
    fn tail(&mut self, columns: &'a [Column], in_tail: &[bool; KEYS.len()]) -> Option<()> {
        let [keys, values, types] = [0, leaf::VALUES, leaf::TYPES].map(|leaf| &columns[leaf::ATTRS + leaf]);
        let Levels::Nested { def, rep, .. } = &keys.levels else { return None };
        let (Values::Text(keys_of), Values::Text(values_of)) = (&keys.values, &values.values) else {
            return None;
        };
        let (Levels::Present(with_types), Values::Text(letters)) = (&types.levels, &types.values) else {
            return None;
        };
        let letters_of = |row: usize| {
            let at = with_types.binary_search(&(row as u32)).ok()?;
            Some(letters.slice(letters.places[at]))
        };
        let wanted = |text: &[u8]| (0..KEYS.len()).find(|at| in_tail[*at] && KEYS[*at].as_bytes() == text);
        let mut known: HashMap<Place, Option<usize>, FixedState> = HashMap::default();
        let (mut row, mut entry, mut value) = (0, 0, 0);
        let mut last = None;
        for (at, (def, rep)) in def.iter().zip(rep).enumerate() {
            row += usize::from(*rep == 0 && at > 0);
            entry = if *rep == 0 { 0 } else { entry + 1 };
            if *def < keys.def_max() {
                continue;
            }
            let place = keys_of.places[value];
            let key = *known.entry(place).or_insert_with(|| wanted(keys_of.slice(place)));
            if let Some(key) = key.filter(|key| self.of_row[row][*key] == NONE) {
                let letter = letters_of(row).and_then(|letters| letters.get(entry)).copied();
                let is_text = letter.unwrap_or(tail::TEXT) == tail::TEXT;
                let text = values_of.places.get(value)?;
                let number = if is_text { self.placed(values_of, *text, &mut last) } else { NO_TEXT };
                self.of_row[row][key] = number;
            }
            value += 1;
        }
        Some(())
    }
}

/// The bits of older names of each row.
pub(super) fn old_names(shredded: &Shredded) -> Vec<i64> {
    let mut bits = vec![0; shredded.rows as usize];
    let column = &shredded.columns[leaf::OLD_NAMES];
    if let (Levels::Present(rows), Values::Int(values)) = (&column.levels, &column.values) {
        rows.iter().zip(values).for_each(|(row, value)| bits[*row as usize] = *value);
    }
    bits
}
