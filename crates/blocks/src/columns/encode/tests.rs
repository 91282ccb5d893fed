use std::sync::Arc;

use bytes::Bytes;
use parquet::column::reader::ColumnReader;
use parquet::data_type::AsBytes;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use proptest::prelude::*;
use store::Level;

use super::{Encoder, hybrid};
use crate::columns::decode::{self, Begun, Page, Plain};
use crate::columns::schema::{Kind, Layout, Leaf, Promoted};
use crate::columns::sink::{Chunk, ColumnSink, PAGE_ROWS};
use crate::columns::values::{Column, Levels, Place, Values};

/// Numbers that only the seed decides.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Every shape of leaf that a block can have.
fn layout() -> Layout {
    let key = |key: &str, kind| Promoted { level: Level::Span, key: key.into(), kind };
    Layout::new(vec![key("d", Kind::Double), key("b", Kind::Bool), key("i", Kind::Int), key("t", Kind::Text)])
}

/// A column of `rows` rows: how often it has values, and how many are distinct, differs from column to column.
fn column(leaf: &Leaf, rows: u32, dice: &mut Dice) -> Column {
    let mut column = Column::new(leaf);
    let rarity = [1, 2, 40, u64::MAX][dice.below(4) as usize];
    let mut count = rows as usize;
    match &mut column.levels {
        Levels::Required => {}
        Levels::Present(present) => {
            present.extend((0..rows).filter(|_| dice.once_in(rarity)));
            count = present.len();
        }
        Levels::Nested { def, rep, rows: covered } => {
            count = 0;
            for _ in 0..rows {
                let entries = if dice.once_in(rarity) { 1 + dice.below(4) } else { 1 };
                for entry in 0..entries {
                    let highest = u64::from(leaf.def_max) + 1;
                    let level = if entries > 1 { 1 + dice.below(highest - 1) } else { 0 };
                    count += usize::from(level as u8 == leaf.def_max);
                    def.push(level as u8);
                    rep.push(if entry == 0 { 0 } else { 1 + dice.below(leaf.rep_max.into()) as u8 });
                }
            }
            *covered = rows;
        }
    }
    let distinct = [1, 2, 5, 20, 300, 5000, u64::MAX][dice.below(7) as usize];
    for _ in 0..count {
        value(&mut column.values, dice.below(distinct), dice);
    }
    column
}

fn value(values: &mut Values, number: u64, dice: &mut Dice) {
    match values {
        Values::Text(texts) => {
            let text = if number == 0 { String::new() } else { format!("{number:x} of them") };
            let known =
                texts.places.iter().rev().take(8).find(|place| texts.slice(**place) == text.as_bytes());
            let known: Option<Place> = known.filter(|_| dice.once_in(2)).copied();
            let place = known.unwrap_or_else(|| texts.store(text.as_bytes()));
            texts.places.push(place);
        }
        Values::Int32(values) => values.push(number.wrapping_mul(0x9e37_79b9) as i32),
        Values::Int(values) => values.push(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64),
        Values::Double(values) => values.push(f64::from_bits(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        Values::Bool(values) => values.push(number % 2 == 1),
        Values::Id { width, bytes } => bytes.extend_from_slice(&number.to_be_bytes().repeat(2)[..*width]),
    }
}

/// Each value of a column as bytes, in Parquet's plain form.
fn bytes_of(values: &Values) -> Vec<Vec<u8>> {
    match values {
        Values::Text(texts) => texts.iter().map(<[u8]>::to_vec).collect(),
        Values::Int32(values) => values.iter().map(|value| value.to_le_bytes().to_vec()).collect(),
        Values::Int(values) => values.iter().map(|value| value.to_le_bytes().to_vec()).collect(),
        Values::Double(values) => values.iter().map(|value| value.to_le_bytes().to_vec()).collect(),
        Values::Bool(values) => values.iter().map(|value| vec![u8::from(*value)]).collect(),
        Values::Id { width, bytes } => bytes.chunks(*width).map(<[u8]>::to_vec).collect(),
    }
}

/// Definition levels, repetition levels and values.
type Read = (Vec<u8>, Vec<u8>, Vec<Vec<u8>>);

/// What a reader should find in a column.
fn expected(leaf: &Leaf, column: &Column, rows: u32) -> Read {
    let (def, rep) = match &column.levels {
        Levels::Required => (Vec::new(), Vec::new()),
        Levels::Present(present) => {
            let mut def = vec![0; rows as usize];
            present.iter().for_each(|row| def[*row as usize] = leaf.def_max);
            (def, Vec::new())
        }
        Levels::Nested { def, rep, .. } => (def.clone(), rep.clone()),
    };
    (def, rep, bytes_of(&column.values))
}

fn by_the_crate(reader: ColumnReader) -> Read {
    macro_rules! all {
        ($reader:expr, $bytes:expr) => {{
            let mut reader = $reader;
            let (mut def, mut rep, mut values) = (Vec::new(), Vec::new(), Vec::new());
            while reader.read_records(1 << 20, Some(&mut def), Some(&mut rep), &mut values).unwrap().1 > 0 {}
            let narrow = |levels: Vec<i16>| levels.into_iter().map(|level| level as u8).collect();
            (narrow(def), narrow(rep), values.iter().map($bytes).collect())
        }};
    }
    match reader {
        ColumnReader::BoolColumnReader(reader) => all!(reader, |value: &bool| vec![u8::from(*value)]),
        ColumnReader::Int32ColumnReader(reader) => all!(reader, |value: &i32| value.to_le_bytes().to_vec()),
        ColumnReader::Int64ColumnReader(reader) => all!(reader, |value: &i64| value.to_le_bytes().to_vec()),
        ColumnReader::DoubleColumnReader(reader) => all!(reader, |value: &f64| value.to_le_bytes().to_vec()),
        ColumnReader::ByteArrayColumnReader(reader) => all!(reader, |value| value.as_bytes().to_vec()),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            all!(reader, |value| value.as_bytes().to_vec())
        }
        _ => panic!("no column of ours has this type"),
    }
}

fn by_ourselves(leaf: &Leaf, chunk: &Chunk, file: &Bytes, rows: usize) -> Read {
    let raw = |part: &crate::columns::sink::Part| {
        let raw = file.slice(part.at as usize..part.at as usize + part.length as usize);
        assert_eq!(crc32c::crc32c(&raw), part.crc);
        raw
    };
    let dictionary = chunk.dictionary.map(|part| Arc::new(decode::dictionary(leaf, &raw(&part)).unwrap()));
    let (mut def, mut rep, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (number, part) in chunk.pages.iter().enumerate() {
        let here = (rows - number * PAGE_ROWS).min(PAGE_ROWS);
        let page = decode::page(leaf, &raw(part), here, dictionary.as_ref()).unwrap();
        let page = content(leaf, &page);
        let (mut of_parts, cuts) = (Read::default(), [0, here / 3, (here / 3 + 1).min(here), here]);
        for rows in cuts.windows(2).map(|ends| ends[0]..ends[1]) {
            let raw = raw(part);
            let begun = Begun::new(leaf, &raw, here).unwrap();
            let cut = begun.cut(rows);
            let part = content(leaf, &begun.finish(cut, dictionary.as_ref()).unwrap());
            of_parts.0.extend(part.0);
            of_parts.1.extend(part.1);
            of_parts.2.extend(part.2);
        }
        assert!(of_parts == page, "some rows are read as they are in the whole page");
        def.extend(page.0);
        rep.extend(page.1);
        values.extend(page.2);
    }
    (def, rep, values)
}

/// Levels and values of a page.
fn content(leaf: &Leaf, page: &Page) -> Read {
    let values = (0..page.values.len()).map(|at| match page.values.at(at) {
        (Plain::Int(ints), at) if leaf.kind == Kind::Int32 => (ints[at] as i32).to_le_bytes().to_vec(),
        (Plain::Int(ints), at) => ints[at].to_le_bytes().to_vec(),
        (Plain::Double(doubles), at) => doubles[at].to_le_bytes().to_vec(),
        (Plain::Bool(bools), at) => vec![u8::from(bools[at])],
        (plain, at) => plain.bytes(at).to_vec(),
    });
    (page.def.clone(), page.rep.clone(), values.collect())
}

/// Writes a row group of such columns, and reads it with the parquet crate and with our decoders.
#[track_caller]
fn check(rows: u32, seed: u64, level: i32) {
    let layout = layout();
    let dice = &mut Dice(seed);
    let columns: Vec<Column> = layout.leaves.iter().map(|leaf| column(leaf, rows, dice)).collect();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), layout.schema.clone(), properties).unwrap();
    let mut chunks = Vec::new();
    let mut at = writer.bytes_written() as u64;
    let mut group = writer.next_row_group().unwrap();
    let mut encoder = Encoder::new(level);
    for (leaf, column) in layout.leaves.iter().zip(&columns) {
        let plan = encoder.plan(leaf, column);
        let encoded = encoder.encode(leaf, rows, column, &plan).unwrap();
        chunks.push(encoded.chunk.moved(at));
        at += encoded.bytes.len() as u64;
        group.append_column(&encoded.bytes, encoded.close).unwrap();
    }
    group.close().unwrap();
    let file = Bytes::from(writer.into_inner().unwrap());
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    let group = reader.get_row_group(0).unwrap();
    for (number, (leaf, column)) in layout.leaves.iter().zip(&columns).enumerate() {
        let name = leaf.descriptor.path().string();
        let expected = expected(leaf, column, rows);
        let read = by_the_crate(group.get_column_reader(number).unwrap());
        assert!(read == expected, "{name} is read by the crate as it was written: {rows} rows, seed {seed}");
        if column.is_empty() {
            assert_eq!(chunks[number], Chunk::default());
            continue;
        }
        let read = by_ourselves(leaf, &chunks[number], &file, rows as usize);
        assert!(read == expected, "{name} is read as it was written: {rows} rows, seed {seed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn few_rows_of_every_shape_come_back(rows in 1..200_u32, seed in proptest::num::u64::ANY) {
        check(rows, seed, 1);
    }
}

#[test]
fn many_pages_of_every_shape_come_back() {
    for (rows, seed) in [(8191, 1), (8192, 2), (8193, 3), (20_000, 4)] {
        check(rows, seed, 3);
    }
}

proptest! {
    #[test]
    fn levels_come_back(runs in proptest::collection::vec((0..4_u8, 1..200_usize), 0..20)) {
        let levels: Vec<u8> = runs.iter().flat_map(|(level, times)| vec![*level; *times]).collect();
        let mut encoded = Vec::new();
        hybrid::levels(&levels, 3, &mut encoded);
        let read: Vec<u8> = decode::hybrid::read(&encoded, 2, levels.len()).unwrap();
        prop_assert_eq!(read, levels);
    }
}
