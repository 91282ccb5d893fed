//! Makes the digest of a row group from its columns, before they are encoded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Kind, StatusCode};

use super::cubes::{Cells, Cube, Role, STATUSES};
use super::listing::{Listing, OPERATIONS_MAX, Operation};
use super::relations::Relations;
use super::summaries::Named;
use super::{Digest, callers, summaries, tallied, users};
use crate::columns::conventions;
use crate::columns::schema::{Layout, leaf};
use crate::columns::shred::Shredded;
use crate::columns::values::{self, Column, Levels, Place, Values};
use crate::index::{Summaries, duration};

/// The digest of a row group, and its runs summed up. Its cube has operations in the shortest steps; the others are made
/// when digests are merged.
pub(crate) fn digest(layout: &Layout, shredded: &Shredded, detail: Detail) -> (Digest, Option<Summaries>) {
    let keys = shredded.keys.iter().map(|facts| (facts.level, (&*facts.key).into(), facts.spans));
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    let Some(rows) = Rows::of(&shredded.columns) else {
        let listing = Arc::new(Listing { keys, ..Listing::default() });
        return (Digest { listing, ..Digest::default() }, None);
    };
    let numbered = rows.numbered(shredded.rows as usize);
    let (listing, places) = numbered.listing(keys);
    let mut of_operation: Vec<Vec<u32>> = vec![Vec::new(); listing.operations.len()];
    for (row, operation) in (0..).zip(&numbered.of_row) {
        of_operation[places[*operation as usize] as usize].push(row);
    }
    let mut listing = listing;
    let mut cube = Cube::new(Role::Operations.step());
    for (operation, found) in listing.operations.iter_mut().zip(of_operation) {
        let mut cells = Cells::default();
        for row in found {
            let (status, start, duration) = rows.cell(row as usize);
            cells[status].entry(Cube::begin(cube.step, start)).or_default().add(duration);
            operation.spans += 1;
            operation.errors += u64::from(STATUSES[status] == StatusCode::Error);
        }
        cube.push(&cells);
    }
    let service = |operation: &u32| listing.operations[places[*operation as usize] as usize].service;
    let services: Vec<u32> = numbered.of_row.iter().map(service).collect();
    let kin = Relations::of(shredded);
    let called = kin.as_ref().and_then(|kin| callers::called(shredded, (&rows, kin), &services));
    let (called, answers) = called.unzip();
    let used = answers.and_then(|answers| users::used((layout, shredded), &rows, (&services, &answers)));
    let named = Named { services: &services, names: &|row| numbered.name(row) };
    let summaries =
        kin.map(|kin| summaries::summaries(shredded, (&rows, &kin), (listing.services.clone(), &named)));
    let cubes = [Some(Arc::new(cube)), None, None];
    let values = (detail == Detail::Values).then(|| Arc::new(tallied::values(layout, shredded)));
    (Digest { listing: Arc::new(listing), cubes, called, used, values }, summaries)
}

/// How much a digest tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What is worth it for a block that is merged soon.
    Brief,
    /// The values of attributes, too.
    Values,
}

/// The columns that count.
pub(super) struct Rows<'a> {
    with_service: &'a [u32],
    services: &'a values::Texts,
    names: &'a values::Texts,
    kinds: &'a [i32],
    statuses: &'a [i32],
    starts: &'a [i64],
    differences: &'a [i64],
}

/// An operation by the numbers of its texts.
type Numbers = (u32, u32, u8);

/// The rows of a group with the numbers of their operations.
struct Numbered<'a> {
    services: Interned<'a>,
    names: Interned<'a>,
    operations: Vec<Numbers>,
    of_row: Vec<u32>,
}

const NO_SERVICE: u32 = u32::MAX;

impl<'a> Rows<'a> {
    fn of(columns: &'a [Column]) -> Option<Self> {
        let service = &columns[leaf::FIXED + conventions::SERVICE];
        let (Levels::Present(with_service), Values::Text(services), Values::Text(names)) =
            (&service.levels, &service.values, &columns[leaf::NAME].values)
        else {
            return None;
        };
        let (Values::Int32(kinds), Values::Int32(statuses)) =
            (&columns[leaf::KIND].values, &columns[leaf::STATUS].values)
        else {
            return None;
        };
        let (Values::Int(starts), Values::Int(differences)) =
            (&columns[leaf::START].values, &columns[leaf::DURATION].values)
        else {
            return None;
        };
        Some(Self { with_service, services, names, kinds, statuses, starts, differences })
    }

    /// The place of the status, the start and the duration of a row.
    pub(super) fn cell(&self, row: usize) -> (usize, u64, u64) {
        let status = StatusCode::from_number(self.statuses[row] as u8);
        let status = STATUSES.iter().position(|known| *known == status).unwrap_or(0);
        let (start, difference) = (self.starts[row], self.differences[row]);
        (status, start as u64, duration(start, difference))
    }

    /// The role of the span in a row.
    pub(super) fn kind(&self, row: usize) -> Kind {
        Kind::from_number(self.kinds[row] as u8)
    }

    fn numbered(&self, rows: usize) -> Numbered<'a> {
        let (mut services, mut names) = (Interned::new(self.services), Interned::new(self.names));
        let mut numbers: HashMap<Numbers, u32, FixedState> = HashMap::default();
        let (mut operations, mut of_row) = (Vec::new(), Vec::with_capacity(rows));
        let mut next = 0;
        for row in 0..rows {
            let mut service = NO_SERVICE;
            if self.with_service.get(next).is_some_and(|there| *there as usize == row) {
                service = services.number(next);
                next += 1;
            }
            let operation = (service, names.number(row), self.kind(row) as u8);
            let number = *numbers.entry(operation).or_insert(operations.len() as u32);
            if number as usize == operations.len() {
                operations.push(operation);
            }
            of_row.push(number);
        }
        Numbered { services, names, operations, of_row }
    }
}

impl<'a> Numbered<'a> {
    /// The number and the text of the name of a row.
    fn name(&self, row: usize) -> (u32, &'a str) {
        let (_, name, _) = self.operations[self.of_row[row] as usize];
        (name, self.names.texts[name as usize])
    }

    /// The listing without counts, and the place in it of each operation.
    fn listing(&self, keys: Vec<(store::Level, Box<str>, u64)>) -> (Listing, Vec<u32>) {
        let mut of_service: HashMap<&str, usize, FixedState> = HashMap::default();
        for (service, ..) in &self.operations {
            *of_service.entry(self.services.service(*service)).or_default() += 1;
        }
        let text = |(service, name, kind): &Numbers| {
            let service = self.services.service(*service);
            let is_told_apart = of_service[service] <= OPERATIONS_MAX;
            (service, is_told_apart.then(|| self.names.texts[*name as usize]), *kind)
        };
        let texts: Vec<_> = self.operations.iter().map(text).collect();
        let builder = Builder::of(texts.iter().copied());
        let places = texts.iter().map(|of| builder.place(*of)).collect();
        (builder.listing(keys), places)
    }
}

/// An operation by its texts.
pub(super) type OfTexts<'a> = (&'a str, Option<&'a str>, u8);

/// Orders operations and their texts.
pub(super) struct Builder<'a> {
    places: BTreeMap<OfTexts<'a>, u32>,
}

impl<'a> Builder<'a> {
    pub(super) fn of(operations: impl Iterator<Item = OfTexts<'a>>) -> Self {
        let mut places: BTreeMap<OfTexts<'a>, u32> = operations.map(|of| (of, 0)).collect();
        (0..).zip(places.values_mut()).for_each(|(at, place)| *place = at);
        Self { places }
    }

    /// The place of an operation in the listing.
    pub(super) fn place(&self, operation: OfTexts<'_>) -> u32 {
        self.places[&operation]
    }

    /// The listing; its operations have no counts yet.
    pub(super) fn listing(&self, keys: Vec<(store::Level, Box<str>, u64)>) -> Listing {
        let mut services: Vec<&str> = self.places.keys().map(|(service, ..)| *service).collect();
        let mut names: Vec<&str> = self.places.keys().filter_map(|(_, name, _)| *name).collect();
        services.dedup();
        names.sort_unstable();
        names.dedup();
        let place = |texts: &[&str], text: &str| texts.binary_search(&text).map_or(0, |at| at as u32);
        let operation = |(service, name, kind): &OfTexts<'_>| Operation {
            service: place(&services, service),
            name: name.map(|name| place(&names, name)),
            kind: Kind::from_number(*kind),
            spans: 0,
            errors: 0,
        };
        let operations = self.places.keys().map(operation).collect();
        let owned = |texts: Vec<&str>| texts.into_iter().map(Into::into).collect();
        Listing { services: owned(services), names: owned(names), operations, keys }
    }
}

/// Numbers for the distinct texts of a column.
struct Interned<'a> {
    column: &'a values::Texts,
    texts: Vec<&'a str>,
    numbers: HashMap<&'a [u8], u32, FixedState>,
    last: Option<(Place, u32)>,
}

impl<'a> Interned<'a> {
    fn new(column: &'a values::Texts) -> Self {
        Self { column, texts: Vec::new(), numbers: HashMap::default(), last: None }
    }

    fn number(&mut self, value: usize) -> u32 {
        let place = self.column.places[value];
        if let Some((last, number)) = self.last
            && last == place
        {
            return number;
        }
        let text = self.column.slice(place);
        let next = self.texts.len() as u32;
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(std::str::from_utf8(text).unwrap_or(""));
        }
        self.last = Some((place, number));
        number
    }

    fn service(&self, number: u32) -> &'a str {
        match self.texts.get(number as usize) {
            Some(text) if !text.is_empty() => text,
            _ => model::view::UNKNOWN_SERVICE,
        }
    }
}
