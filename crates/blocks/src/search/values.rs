//! The values that a field has in the rows of one page.

use model::{Kind, StatusCode, Value};
use store::{Field, Level};

use super::Place;
use crate::block::GroupReader;
use crate::columns::conventions::{self, older_name};
use crate::columns::cursor::value;
use crate::columns::decode::{Held, Page, Plain};
use crate::columns::schema::{EXCEPTION_KEYS, leaf};
use crate::columns::tail;
use crate::error::Result;
use crate::index::{Keys, TAILS};

/// Where values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The leaf of service names; a row without one has the name of unknown services.
    Service,
    /// A leaf with at most one value per row; `some` where an empty text means that there is none.
    Text { leaf: usize, some: bool },
    /// The roles.
    Kind,
    /// The status codes.
    Status,
    /// Nanoseconds from start to end.
    Duration,
    /// A leaf of one key; the bit marks the older name that is asked for.
    Column { leaf: usize, level: Level, older: Option<u8> },
    /// The entries of a tail that have the key.
    Tail { level: Level, base: usize },
    /// A leaf with any number of values per row.
    Many { leaf: usize },
}

/// Where the values of a field are in a row group; nowhere, where no span of it has any.
pub(super) fn sources(field: &Field, place: Place<'_>, keys: &Keys) -> Vec<Source> {
    let (level, key) = match field {
        Field::Service => return vec![Source::Service],
        Field::Name => return vec![Source::Text { leaf: leaf::NAME, some: false }],
        Field::Kind => return vec![Source::Kind],
        Field::Status => return vec![Source::Status],
        Field::StatusMessage => return vec![Source::Text { leaf: leaf::STATUS_MESSAGE, some: true }],
        Field::Duration => return vec![Source::Duration],
        Field::ScopeName => return vec![Source::Text { leaf: leaf::SCOPE_NAME, some: true }],
        Field::ScopeVersion => return vec![Source::Text { leaf: leaf::SCOPE_VERSION, some: true }],
        Field::EventName => return vec![Source::Many { leaf: leaf::EVENT_NAME }],
        Field::LinkTraceId => return vec![Source::Many { leaf: leaf::LINK_TRACE_ID }],
        Field::LinkSpanId => return vec![Source::Many { leaf: leaf::LINK_SPAN_ID }],
        Field::Attribute { level, key } => (*level, key.as_str()),
    };
    let mut found = Vec::new();
    for facts in keys.iter().filter(|facts| facts.key == key) {
        if level != Level::Any && level != facts.level {
            continue;
        }
        if let Some((leaf, older)) = place.view.layout.find(facts.level, key)
            && matches!(facts.level, Level::Span | Level::Resource)
        {
            found.push(Source::Column { leaf, level: facts.level, older });
        }
        if facts.level == Level::Event
            && let Some(at) = EXCEPTION_KEYS.iter().position(|other| *other == key)
        {
            found.push(Source::Many { leaf: leaf::EXCEPTION + at });
        }
        if facts.in_tail > 0 {
            let base = TAILS.iter().find(|(level, _)| *level == facts.level).map(|(_, base)| *base);
            found.extend(base.map(|base| Source::Tail { level: facts.level, base }));
        }
    }
    found
}

/// Hands over every value that a source has in a page, with its row; `key` is that of the field, if it has one.
pub(super) fn visit(
    reader: &mut GroupReader<'_>,
    source: Source,
    (key, number): (&str, usize),
    visit: &mut dyn FnMut(usize, Value<'_>),
) -> Result<()> {
    let rows = reader.rows(number);
    match source {
        Source::Service => {
            let page = reader.page(leaf::FIXED + conventions::SERVICE, number)?;
            let mut named = vec![false; rows];
            each_flat(reader, page.as_deref(), leaf::FIXED + conventions::SERVICE, |row, cell| {
                if let Value::Text(name) = value(cell)
                    && !name.is_empty()
                {
                    named[row] = true;
                    visit(row, Value::Text(name));
                }
            });
            let unknown = named.iter().enumerate().filter(|(_, named)| !**named);
            unknown.for_each(|(row, _)| visit(row, Value::Text(model::view::UNKNOWN_SERVICE)));
        }
        Source::Text { leaf, some } => {
            let page = reader.page(leaf, number)?;
            each_flat(reader, page.as_deref(), leaf, |row, cell| {
                if !some || !cell.0.bytes(cell.1).is_empty() {
                    visit(row, value(cell));
                }
            });
        }
        Source::Kind => codes(reader, source, number, |row, code| {
            visit(row, Value::Text(Kind::from_number(code).as_str()));
        })?,
        Source::Status => codes(reader, source, number, |row, code| {
            visit(row, Value::Text(StatusCode::from_number(code).as_str()));
        })?,
        Source::Duration => {
            for (row, duration) in durations(reader, number)?.into_iter().enumerate() {
                visit(row, Value::Int(i64::try_from(duration).unwrap_or(i64::MAX)));
            }
        }
        Source::Column { leaf, older, .. } => {
            let applies = named_so(reader, leaf, older, number)?;
            let page = reader.page(leaf, number)?;
            each_flat(reader, page.as_deref(), leaf, |row, cell| {
                if applies.as_ref().is_none_or(|applies| applies[row]) {
                    visit(row, value(cell));
                }
            });
        }
        Source::Tail { base, .. } => visit_tail(reader, base, (key, number), visit)?,
        Source::Many { leaf } => {
            let page = reader.page(leaf, number)?;
            each_nested(reader, page.as_deref(), leaf, |entry, cell| match value(cell) {
                Value::Bytes(id) => visit(entry.row, Value::Text(&Value::Bytes(id).to_text())),
                value => visit(entry.row, value),
            });
        }
    }
    Ok(())
}

/// The durations of the rows of a page, as `Span::duration` has them.
pub(super) fn durations(reader: &mut GroupReader<'_>, number: usize) -> Result<Vec<u64>> {
    let (starts, differences) = (reader.page(leaf::START, number)?, reader.page(leaf::DURATION, number)?);
    let (Some(starts), Some(differences)) = (starts, differences) else { return Ok(Vec::new()) };
    let at = |held: &Held, row: usize| {
        let (plain, place) = held.at(row);
        plain.int(place)
    };
    let rows = reader.rows(number);
    let duration = |row| crate::index::duration(at(&starts.values, row), at(&differences.values, row));
    Ok((0..rows).map(duration).collect())
}

/// The rows whose value of a column came under the name that is asked for; `None` where all did.
pub(super) fn named_so(
    reader: &mut GroupReader<'_>,
    leaf: usize,
    older: Option<u8>,
    number: usize,
) -> Result<Option<Vec<bool>>> {
    let column = leaf - leaf::FIXED;
    let has_older = column < conventions::FIXED.len()
        && conventions::OLD_NAMES.iter().any(|old| old.now == conventions::FIXED[column].key);
    if !has_older {
        return Ok(None);
    }
    let Some(page) = reader.page(leaf::OLD_NAMES, number)? else {
        return Ok(older.map(|_| vec![false; reader.rows(number)]));
    };
    let mut applies = vec![older.is_none(); reader.rows(number)];
    each_flat(reader, Some(&page), leaf::OLD_NAMES, |row, (plain, at)| {
        let bits = plain.int(at);
        applies[row] = match older {
            Some(bit) => bits >> bit & 1 == 1,
            None => older_name(bits, column).is_none(),
        };
    });
    Ok(Some(applies))
}

/// Visits the codes of roles or of statuses.
pub(super) fn codes(
    reader: &mut GroupReader<'_>,
    source: Source,
    number: usize,
    mut visit: impl FnMut(usize, u8),
) -> Result<()> {
    let leaf = if source == Source::Kind { leaf::KIND } else { leaf::STATUS };
    numbers(reader, leaf, number, |row, code| visit(row, code as u8))
}

/// Visits the numbers of a leaf that does not repeat.
pub(super) fn numbers(
    reader: &mut GroupReader<'_>,
    leaf: usize,
    number: usize,
    mut visit: impl FnMut(usize, i64),
) -> Result<()> {
    let page = reader.page(leaf, number)?;
    each_flat(reader, page.as_deref(), leaf, |row, (plain, at)| visit(row, plain.int(at)));
    Ok(())
}

/// Visits the values of a leaf that does not repeat.
pub(super) fn each_flat(
    reader: &GroupReader<'_>,
    page: Option<&Page>,
    leaf: usize,
    mut visit: impl FnMut(usize, (&Plain, usize)),
) {
    let Some(page) = page else { return };
    let max = reader.view.layout.leaves[leaf].def_max;
    if page.def.is_empty() {
        (0..page.values.len()).for_each(|row| visit(row, page.values.at(row)));
        return;
    }
    let there = page.def.iter().enumerate().filter(|(_, def)| **def == max);
    there.enumerate().for_each(|(place, (row, _))| visit(row, page.values.at(place)));
}

/// Where an entry of something that repeats stands.
pub(super) struct Nested {
    pub(super) row: usize,
    /// Which tail, or which element, of the page.
    element: usize,
    /// The place in the tail.
    place: usize,
}

/// Visits the values of a leaf that repeats.
pub(super) fn each_nested(
    reader: &GroupReader<'_>,
    page: Option<&Page>,
    leaf: usize,
    mut visit: impl FnMut(Nested, (&Plain, usize)),
) {
    let Some(page) = page else { return };
    let leaf = &reader.view.layout.leaves[leaf];
    let depth = leaf.rep_max;
    let (mut row, mut element, mut place, mut value) = (0, 0, 0, 0);
    for (at, (def, rep)) in page.def.iter().zip(&page.rep).enumerate() {
        row += usize::from(*rep == 0 && at > 0);
        element += usize::from(*rep < depth && at > 0);
        place = if *rep < depth { 0 } else { place + 1 };
        if *def == leaf.def_max {
            visit(Nested { row, element, place }, page.values.at(value));
            value += 1;
        }
    }
}

fn visit_tail(
    reader: &mut GroupReader<'_>,
    base: usize,
    (key, number): (&str, usize),
    visit: &mut dyn FnMut(usize, Value<'_>),
) -> Result<()> {
    let Some(keys) = reader.page(base, number)? else { return Ok(()) };
    let wanted = matching(&keys.values, key);
    if matches!(&wanted, Wanted::Ids(ids) if !ids.iter().any(|wanted| *wanted)) {
        return Ok(());
    }
    let (values, types) =
        (reader.page(base + leaf::VALUES, number)?, reader.page(base + leaf::TYPES, number)?);
    let Some(values) = values else { return Ok(()) };
    let types = TailTypes::new(reader, types.as_deref(), base + leaf::TYPES);
    let mut at = 0;
    each_nested(reader, Some(&keys), base, |entry, (plain, place)| {
        let is_wanted = match &wanted {
            Wanted::Ids(ids) => ids[place],
            Wanted::Text(key) => plain.bytes(place) == key.as_bytes(),
        };
        if is_wanted && at < values.values.len() {
            let (texts, text) = values.values.at(at);
            tail::read(types.letter(&entry), texts.text(text), |value| visit(entry.row, value));
        }
        at += 1;
    });
    Ok(())
}

/// How the entries of a key are recognised.
enum Wanted<'a> {
    /// By the place of the key in the dictionary.
    Ids(Vec<bool>),
    /// By comparing.
    Text(&'a str),
}

fn matching<'a>(keys: &Held, key: &'a str) -> Wanted<'a> {
    match keys {
        Held::Ids(_, dictionary) => {
            let same = |at| dictionary.bytes(at) == key.as_bytes();
            Wanted::Ids((0..dictionary.len()).map(same).collect())
        }
        Held::Plain(_) => Wanted::Text(key),
    }
}

/// The letters of the entries of the tails of a page.
struct TailTypes {
    by_element: std::collections::HashMap<usize, Vec<u8>, foldhash::fast::FixedState>,
}

impl TailTypes {
    fn new(reader: &GroupReader<'_>, page: Option<&Page>, leaf: usize) -> Self {
        let mut by_element = std::collections::HashMap::default();
        if reader.view.layout.leaves[leaf].rep_max == 0 {
            each_flat(reader, page, leaf, |row, (plain, at)| {
                by_element.insert(row, plain.bytes(at).to_vec());
            });
        } else if let Some(page) = page {
            let max = reader.view.layout.leaves[leaf].def_max;
            let there = page.def.iter().enumerate().filter(|(_, def)| **def == max);
            for (place, (element, _)) in there.enumerate() {
                let (plain, at) = page.values.at(place);
                by_element.insert(element, plain.bytes(at).to_vec());
            }
        }
        Self { by_element }
    }

    fn letter(&self, entry: &Nested) -> u8 {
        let letters = self.by_element.get(&entry.element);
        letters.and_then(|letters| letters.get(entry.place)).copied().unwrap_or(tail::TEXT)
    }
}
