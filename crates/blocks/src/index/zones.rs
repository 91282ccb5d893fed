//! What the spans of a page lie between.

use std::ops::Deref;

use super::packed::{Packed, Unpacked};
use super::section::{About, Section, kind};
use crate::columns::schema::leaf;
use crate::columns::shred::Shredded;
use crate::columns::sink::PAGE_ROWS;
use crate::columns::values::Values;

/// Bounds of the spans in one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) start_min: u64,
    pub(crate) start_max: u64,
    /// The latest start, in this row group, of a trace with rows in the page.
    pub(crate) trace_start_max: u64,
    pub(crate) duration_min: u64,
    pub(crate) duration_max: u64,
    /// A bit for each `Kind` that occurs.
    pub(crate) kinds: u8,
    /// A bit for each `StatusCode` that occurs.
    pub(crate) statuses: u8,
}

impl Zone {
    const NOTHING: Self = Self {
        start_min: u64::MAX,
        start_max: 0,
        trace_start_max: 0,
        duration_min: u64::MAX,
        duration_max: 0,
        kinds: 0,
        statuses: 0,
    };
}

/// The bounds of the pages of a row group, one for each page number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Zones(pub(crate) Vec<Zone>);

impl Zones {
    /// The first and the last span start.
    pub(crate) fn extent(&self) -> (u64, u64) {
        let first = self.0.iter().map(|zone| zone.start_min).min().unwrap_or(0);
        (first, self.0.iter().map(|zone| zone.start_max).max().unwrap_or(0))
    }
}

impl Deref for Zones {
    type Target = [Zone];

    fn deref(&self) -> &[Zone] {
        &self.0
    }
}

impl Section for Zones {
    const KIND: u32 = kind::ZONES;

    fn write(&self) -> Vec<u8> {
        let mut out = Packed::default();
        for zone in &self.0 {
            for number in [
                zone.start_min,
                zone.start_max.wrapping_sub(zone.start_min),
                zone.trace_start_max,
                zone.duration_min,
                zone.duration_max,
                u64::from(zone.kinds),
                u64::from(zone.statuses),
            ] {
                out.put(number);
            }
        }
        out.0
    }

    fn read(raw: &[u8], about: About) -> Option<Self> {
        let mut numbers = Unpacked(raw);
        let mut zones = Vec::new();
        while !numbers.is_done() {
            let start_min = numbers.next()?;
            zones.push(Zone {
                start_min,
                start_max: start_min.wrapping_add(numbers.next()?),
                trace_start_max: numbers.next()?,
                duration_min: numbers.next()?,
                duration_max: numbers.next()?,
                kinds: u8::try_from(numbers.next()?).ok()?,
                statuses: u8::try_from(numbers.next()?).ok()?,
            });
        }
        (zones.len() == about.pages()).then_some(Self(zones))
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<Zone>()
    }
}

/// How long a span took; 0 where its end lies before its start.
pub(crate) fn duration(start: i64, difference: i64) -> u64 {
    let end = start.wrapping_add(difference) as u64;
    end.saturating_sub(start as u64)
}

/// The zones of a row group, page by page.
pub(crate) fn zones(shredded: &Shredded) -> Zones {
    let columns = &shredded.columns;
    let (Values::Int(starts), Values::Int(differences), Values::Int32(kinds), Values::Int32(statuses)) = (
        &columns[leaf::START].values,
        &columns[leaf::DURATION].values,
        &columns[leaf::KIND].values,
        &columns[leaf::STATUS].values,
    ) else {
        return Zones::default();
    };
    let mut zones = vec![Zone::NOTHING; (shredded.rows as usize).div_ceil(PAGE_ROWS)];
    for row in 0..shredded.rows as usize {
        let zone = &mut zones[row / PAGE_ROWS];
        let duration = duration(starts[row], differences[row]);
        zone.start_min = zone.start_min.min(starts[row] as u64);
        zone.start_max = zone.start_max.max(starts[row] as u64);
        zone.duration_min = zone.duration_min.min(duration);
        zone.duration_max = zone.duration_max.max(duration);
        zone.kinds |= 1 << model::Kind::from_number(kinds[row] as u8) as u8;
        zone.statuses |= 1 << model::StatusCode::from_number(statuses[row] as u8) as u8;
    }
    for trace in &shredded.traces {
        let pages = trace.first as usize / PAGE_ROWS..=(trace.first + trace.count - 1) as usize / PAGE_ROWS;
        for zone in &mut zones[pages] {
            zone.trace_start_max = zone.trace_start_max.max(trace.start);
        }
    }
    Zones(zones)
}
