//! Reads pages of our own files back: page header, levels, values.
//!
//! In: the bytes of one page, whose checksum was compared before. Out: values in memory, dictionary ids kept as ids.
//! Whatever the bytes are, the answer is a value or [`Damaged`], never a panic, and nothing is reserved for a length
//! that the page can't hold.

mod delta;
mod header;
pub(super) mod hybrid;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use super::marks::Marks;
use super::schema::{Kind, Leaf};
use header::{Encoding, Header};

/// The largest page that is unpacked; one of ours is bounded by [`crate::block::GROUP_BYTES_MAX`].
const PAGE_BYTES_MAX: usize = 1 << 30;

/// The bytes are no page of this column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged(pub(crate) &'static str);

/// Values without their levels.
#[derive(Clone, Debug)]
pub(crate) enum Plain {
    Text { bytes: Vec<u8>, ends: Vec<u32> },
    Int(Vec<i64>),
    Double(Vec<f64>),
    Bool(Vec<bool>),
    Id { width: usize, bytes: Vec<u8> },
}

/// The values of a page: as they are, or as places in the column's dictionary.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    Plain(Plain),
    Ids(Vec<u32>, Arc<Plain>),
}

/// One decoded page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Definition levels; empty where every row has a value.
    pub(crate) def: Vec<u8>,
    /// Repetition levels; empty where nothing repeats.
    pub(crate) rep: Vec<u8>,
    pub(crate) values: Held,
    /// Where rows begin, once something far into the page was sought.
    pub(super) marks: Marks,
}

impl Plain {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text { ends, .. } => ends.len(),
            Self::Int(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Id { width, bytes } => bytes.len() / width,
        }
    }

    #[inline]
    pub(crate) fn bytes(&self, at: usize) -> &[u8] {
        match self {
            Self::Text { bytes, ends } => {
                let start = if at == 0 { 0 } else { ends[at - 1] as usize };
                &bytes[start..ends[at] as usize]
            }
            Self::Id { width, bytes } => &bytes[at * width..(at + 1) * width],
            _ => &[],
        }
    }

    #[inline]
    pub(crate) fn text(&self, at: usize) -> &str {
        std::str::from_utf8(self.bytes(at)).unwrap_or("")
    }

    #[inline]
    pub(crate) fn int(&self, at: usize) -> i64 {
        if let Self::Int(values) = self { values[at] } else { 0 }
    }
}

impl Plain {
    /// What it takes in memory.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Text { bytes, ends } => bytes.capacity() + ends.capacity() * 4,
            Self::Int(values) => values.capacity() * 8,
            Self::Double(values) => values.capacity() * 8,
            Self::Bool(values) => values.capacity(),
            Self::Id { bytes, .. } => bytes.capacity(),
        }
    }
}

impl Page {
    /// What it takes in memory, without its dictionary.
    pub(crate) fn memory(&self) -> usize {
        let values = match &self.values {
            Held::Plain(plain) => plain.memory(),
            Held::Ids(ids, _) => ids.capacity() * 4,
        };
        size_of::<Self>() + self.def.capacity() + self.rep.capacity() + values + Marks::memory(self.def.len())
    }
}

impl Held {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Plain(plain) => plain.len(),
            Self::Ids(ids, _) => ids.len(),
        }
    }

    /// Where the values lie, and the place of one of them.
    #[inline]
    pub(crate) fn at(&self, place: usize) -> (&Plain, usize) {
        match self {
            Self::Plain(plain) => (plain, place),
            Self::Ids(ids, dictionary) => (dictionary, ids[place] as usize),
        }
    }
}

/// The page that begins here: whether it is the dictionary's, and its length with the header.
pub(crate) fn measure(raw: &[u8]) -> Result<(bool, usize), Damaged> {
    let (header, body) = header::read(raw)?;
    let before = body.as_ptr().addr() - raw.as_ptr().addr();
    Ok((header.is_dictionary, before + body.len()))
}

/// Unpacks the dictionary page of a column.
pub(crate) fn dictionary(leaf: &Leaf, raw: &[u8]) -> Result<Plain, Damaged> {
    let (header, body) = header::read(raw)?;
    if !header.is_dictionary {
        return Err(Damaged("a data page stands where the dictionary should be"));
    }
    let body = unpack(leaf, &header, body)?;
    plain(leaf.kind, &body, 0..header.values)
}

/// Unpacks a data page that holds `rows` rows.
pub(crate) fn page(
    leaf: &Leaf,
    raw: &[u8],
    rows: usize,
    dictionary: Option<&Arc<Plain>>,
) -> Result<Page, Damaged> {
    let begun = Begun::new(leaf, raw, rows)?;
    let all = begun.cut(0..rows);
    begun.finish(all, dictionary)
}

/// A data page of which the levels were read, but no values.
pub(crate) struct Begun<'a> {
    leaf: &'a Leaf,
    header: Header,
    body: Cow<'a, [u8]>,
    /// Where in the body the values begin.
    values_at: usize,
    rep: Vec<u8>,
    def: Vec<u8>,
}

/// What some neighbouring rows have of a page.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    levels: Range<usize>,
    values: Range<usize>,
}

impl Cut {
    /// True where none of the rows has a value.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<'a> Begun<'a> {
    /// Reads the levels of a page that holds `rows` rows.
    pub(crate) fn new(leaf: &'a Leaf, raw: &'a [u8], rows: usize) -> Result<Self, Damaged> {
        let (header, body) = header::read(raw)?;
        if header.is_dictionary {
            return Err(Damaged("a dictionary stands where a data page should be"));
        }
        let body = unpack(leaf, &header, body)?;
        let mut rest = &body[..];
        let rep = levels(&mut rest, leaf.rep_max, header.values)?;
        let def = levels(&mut rest, leaf.def_max, header.values)?;
        let begun =
            if leaf.rep_max == 0 { header.values } else { rep.iter().filter(|rep| **rep == 0).count() };
        if begun != rows || (leaf.rep_max > 0 && rep.first().is_some_and(|rep| *rep != 0)) {
            return Err(Damaged("the page has not as many rows as it should"));
        }
        let values_at = body.len() - rest.len();
        Ok(Self { leaf, header, body, values_at, rep, def })
    }

    /// What these rows have of the page.
    pub(crate) fn cut(&self, rows: Range<usize>) -> Cut {
        let levels =
            if self.rep.is_empty() { rows } else { self.level_of(rows.start)..self.level_of(rows.end) };
        if self.leaf.def_max == 0 {
            return Cut { values: levels.clone(), levels };
        }
        let count = |levels: &[u8]| levels.iter().filter(|level| **level == self.leaf.def_max).count();
        let first = count(&self.def[..levels.start]);
        let values = first..first + count(&self.def[levels.clone()]);
        Cut { levels, values }
    }

    /// The level with which a row begins.
    fn level_of(&self, row: usize) -> usize {
        let mut begins = self.rep.iter().enumerate().filter(|(_, rep)| **rep == 0);
        begins.nth(row).map_or(self.rep.len(), |(level, _)| level)
    }

    /// Reads the values of some rows, of which the page then consists. They need the column's dictionary, if it has one.
    pub(crate) fn finish(self, cut: Cut, dictionary: Option<&Arc<Plain>>) -> Result<Page, Damaged> {
        let Self { leaf, header, body, values_at, rep, def } = self;
        let rest = &body[values_at..];
        let count = match leaf.def_max {
            0 => header.values,
            max => def.iter().filter(|level| **level == max).count(),
        };
        let values = match header.encoding {
            Encoding::Dictionary => {
                let dictionary = dictionary.ok_or(Damaged("the dictionary is missing"))?;
                let ids = ids(rest, cut.values, dictionary.len())?;
                Held::Ids(ids, dictionary.clone())
            }
            Encoding::Plain => Held::Plain(plain(leaf.kind, rest, cut.values)?),
            Encoding::Delta => {
                let mut values = delta::integers(rest, count)?.0;
                values.truncate(cut.values.end);
                values.drain(..cut.values.start);
                if leaf.kind == Kind::Int32 {
                    values.iter_mut().for_each(|value| *value = i64::from(*value as i32));
                }
                Held::Plain(Plain::Int(values))
            }
            Encoding::DeltaLength => Held::Plain(delta::texts(rest, count, cut.values)?),
        };
        if !fits(leaf.kind, &values) {
            return Err(Damaged("the values are not of the column's type"));
        }
        let of_rows = |levels: Vec<u8>| match levels.len() == cut.levels.len() || levels.is_empty() {
            true => levels,
            false => levels[cut.levels.clone()].to_vec(),
        };
        Ok(Page { def: of_rows(def), rep: of_rows(rep), values, marks: Marks::default() })
    }
}

fn fits(kind: Kind, held: &Held) -> bool {
    let plain = match held {
        Held::Plain(plain) => plain,
        Held::Ids(_, dictionary) => &**dictionary,
    };
    match plain {
        Plain::Text { .. } => kind == Kind::Text,
        Plain::Int(_) => matches!(kind, Kind::Int | Kind::Int32),
        Plain::Double(_) => kind == Kind::Double,
        Plain::Bool(_) => kind == Kind::Bool,
        Plain::Id { width, .. } => kind == Kind::Id(*width as u8),
    }
}

fn unpack<'a>(leaf: &Leaf, header: &Header, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Damaged> {
    if leaf.is_uncompressed() {
        return Ok(Cow::Borrowed(body));
    }
    if header.bytes > PAGE_BYTES_MAX {
        return Err(Damaged("the page is larger than a page may be"));
    }
    let unpacked = UNPACKER.with_borrow_mut(|unpacker| match unpacker {
        Some(unpacker) => unpacker.decompress(body, header.bytes),
        None => zstd::bulk::decompress(body, header.bytes),
    });
    unpacked.map(Cow::Owned).map_err(|_| Damaged("the page can't be decompressed"))
}

thread_local! {
    /// Making one costs as much as unpacking a page.
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
        RefCell::new(zstd::bulk::Decompressor::new().ok());
}

/// The levels of a page, which stand before its values.
fn levels(rest: &mut &[u8], max: u8, count: usize) -> Result<Vec<u8>, Damaged> {
    if max == 0 {
        return Ok(Vec::new());
    }
    let short = Damaged("the levels run over the end of the page");
    let (length, after) = rest.split_first_chunk::<4>().ok_or(short)?;
    let (encoded, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(short)?;
    *rest = after;
    let width = 8 - max.leading_zeros();
    let levels: Vec<u8> = hybrid::read(encoded, width, count)?;
    if levels.iter().fold(0, |highest, level| highest.max(*level)) > max {
        return Err(Damaged("a level is higher than the column's levels"));
    }
    Ok(levels)
}

fn ids(rest: &[u8], wanted: Range<usize>, known: usize) -> Result<Vec<u32>, Damaged> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (width, encoded) = rest.split_first().ok_or(Damaged("the page ends before its values"))?;
    let mut ids: Vec<u32> = hybrid::read(encoded, u32::from(*width), wanted.end)?;
    ids.drain(..wanted.start);
    if ids.iter().fold(0, |highest, id| highest.max(*id)) as usize >= known {
        return Err(Damaged("a value is not in the dictionary"));
    }
    Ok(ids)
}

fn plain(kind: Kind, body: &[u8], wanted: Range<usize>) -> Result<Plain, Damaged> {
    let short = Damaged("the page ends before its values");
    let fixed = |width: usize| {
        let (start, end) = (wanted.start.checked_mul(width), wanted.end.checked_mul(width));
        start.zip(end).and_then(|(start, end)| body.get(start..end)).ok_or(short)
    };
    Ok(match kind {
        Kind::Text => texts(body, wanted)?,
        Kind::Int32 => {
            Plain::Int(fixed(4)?.as_chunks().0.iter().map(|raw| i32::from_le_bytes(*raw).into()).collect())
        }
        Kind::Int => Plain::Int(fixed(8)?.as_chunks().0.iter().map(|raw| i64::from_le_bytes(*raw)).collect()),
        Kind::Double => {
            Plain::Double(fixed(8)?.as_chunks().0.iter().map(|raw| f64::from_le_bytes(*raw)).collect())
        }
        Kind::Bool => {
            let bits = body.get(..wanted.end.div_ceil(8)).ok_or(short)?;
            Plain::Bool(wanted.map(|at| bits[at / 8] >> (at % 8) & 1 == 1).collect())
        }
        Kind::Id(width) => {
            let width = usize::from(width);
            Plain::Id { width, bytes: fixed(width)?.to_vec() }
        }
    })
}

fn texts(body: &[u8], wanted: Range<usize>) -> Result<Plain, Damaged> {
    let short = Damaged("the page ends before its values");
    let (mut bytes, mut ends) = (Vec::with_capacity(body.len()), Vec::new());
    let mut rest = body;
    for at in 0..wanted.end {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(short)?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(short)?;
        if wanted.start <= at {
            bytes.extend_from_slice(text);
            ends.push(bytes.len() as u32);
        }
        rest = after;
    }
    Ok(Plain::Text { bytes, ends })
}

/// What is reserved at once for values of unknown size.
const PAGE_VALUES_HINT: usize = 1 << 16;
