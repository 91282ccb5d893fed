//! The least and the greatest value of a column and of its pages, for other readers.

use std::ops::Range;

use parquet::basic::Type;
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::statistics::Statistics as Whole;

use crate::columns::sink::PAGE_ROWS;
use crate::columns::values::Values;

/// Statistics of a column where every row has a value.
pub(super) struct Statistics {
    pub(super) whole: Whole,
    pub(super) pages: ColumnIndexBuilder,
}

/// The statistics of integers; nothing for other values.
pub(super) fn of(values: &Values) -> Option<Statistics> {
    let (kind, whole) = match values {
        Values::Int(values) => {
            let (least, greatest) = bounds(values, 0..values.len())?;
            (Type::INT64, Whole::int64(Some(least), Some(greatest), None, Some(0), false))
        }
        Values::Int32(values) => {
            let (least, greatest) = bounds(values, 0..values.len())?;
            (Type::INT32, Whole::int32(Some(least), Some(greatest), None, Some(0), false))
        }
        _ => return None,
    };
    let mut pages = ColumnIndexBuilder::new(kind);
    for first in (0..values.len()).step_by(PAGE_ROWS) {
        let page = first..values.len().min(first + PAGE_ROWS);
        let (least, greatest) = match values {
            Values::Int(values) => {
                let (least, greatest) = bounds(values, page)?;
                (least.to_le_bytes().to_vec(), greatest.to_le_bytes().to_vec())
            }
            Values::Int32(values) => {
                let (least, greatest) = bounds(values, page)?;
                (least.to_le_bytes().to_vec(), greatest.to_le_bytes().to_vec())
            }
            _ => return None,
        };
        pages.append(false, least, greatest, 0, None);
    }
    Some(Statistics { whole, pages })
}

fn bounds<T: Copy + Ord>(values: &[T], range: Range<usize>) -> Option<(T, T)> {
    let values = &values[range];
    Some((values.iter().copied().min()?, values.iter().copied().max()?))
}
