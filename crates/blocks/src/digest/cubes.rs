//! The sections of durations: a sketch for each subject, status and step of time in which spans start.
//!
//! A subject is an operation, or a service with a kind, as the listing orders them. Steps are as short as the bytes allow.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::StatusCode;
use store::sketch::Sketch;

use crate::index::packed::{Packed, Unpacked};
use crate::index::section::{About, Section, kind};

/// The statuses, in the order of cells.
pub(crate) const STATUSES: [StatusCode; 3] = [StatusCode::Unset, StatusCode::Ok, StatusCode::Error];

/// Lengths of steps in nanoseconds, the shortest first; 0 for all time in one.
pub(super) const STEPS: [u64; 7] =
    [MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 240 * MINUTE, 1_440 * MINUTE, 0];
const MINUTE: u64 = 60_000_000_000;

/// Which subjects a cube has, and in which steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Operations, in short steps.
    Operations,
    /// Services with kinds, in short steps.
    Services,
    /// Services with kinds, all time in one step.
    Whole,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Operations, Self::Services, Self::Whole];

    /// The number of its section, for a tenant.
    pub(crate) fn section(self, tenant: u32) -> u32 {
        tenant * Self::ALL.len() as u32 + self as u32
    }

    /// The shortest step that it may have.
    pub(super) fn step(self) -> u64 {
        if self == Self::Whole { 0 } else { STEPS[0] }
    }

    /// So many bytes its cube may have for so many spans; with more, its steps become longer.
    pub(super) fn bytes_max(self, spans: u64) -> u64 {
        match self {
            Self::Operations => FREE + spans / 10 * 7,
            Self::Services => FREE + spans / 10 * 6,
            Self::Whole => u64::MAX,
        }
    }
}

/// So many bytes every cube may have, however few spans there are.
const FREE: u64 = 16 * 1024;

/// So many bytes a cube of calls may have for so many spans; with more, its steps become longer.
pub(super) fn call_bytes_max(spans: u64) -> u64 {
    FREE + spans / 10 * 4
}

/// The same for a cube of uses.
pub(super) fn use_bytes_max(spans: u64) -> u64 {
    FREE + spans / 10 * 2
}

/// The cells of a subject: for each of [`STATUSES`], by where the step begins.
pub(super) type Cells = [BTreeMap<u64, Sketch>; STATUSES.len()];

/// Durations by subject, status and step of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cube {
    /// The length of its steps; 0 for one step that holds all time.
    pub(crate) step: u64,
    /// Where the cells of each subject end.
    ends: Vec<u32>,
    cells: Vec<u8>,
}

impl Cube {
    pub(super) fn new(step: u64) -> Self {
        Self { step, ..Self::default() }
    }

    /// Adds the cells of the next subject.
    pub(super) fn push(&mut self, cells: &Cells) {
        let mut out = Packed(std::mem::take(&mut self.cells));
        for status in cells {
            out.put(status.len() as u64);
            let mut last = 0;
            for (begin, sketch) in status {
                let number = begin.checked_div(self.step).unwrap_or(0);
                out.put(number - last);
                sketch.write(&mut out.0);
                last = number;
            }
        }
        self.cells = out.0;
        self.ends.push(u32::try_from(self.cells.len()).unwrap_or(u32::MAX));
    }

    /// Where the step begins that a time lies in.
    pub(crate) fn begin(step: u64, time: u64) -> u64 {
        time - time.checked_rem(step).unwrap_or(time)
    }

    /// How many bytes its cells take.
    pub(super) fn len(&self) -> u64 {
        self.cells.len() as u64
    }

    /// How many subjects it has.
    pub(crate) fn subjects(&self) -> usize {
        self.ends.len()
    }

    /// Visits the cells of a subject: the place of its status in [`STATUSES`], where its step begins, and the bytes of
    /// its sketch, which the visitor takes off. `None` where the cells are broken.
    pub(crate) fn visit(
        &self,
        subject: usize,
        mut visit: impl FnMut(usize, u64, &mut &[u8]) -> Option<()>,
    ) -> Option<()> {
        let from = subject.checked_sub(1).map_or(0, |before| self.ends[before]);
        let mut cells = Unpacked(self.cells.get(from as usize..*self.ends.get(subject)? as usize)?);
        for status in 0..STATUSES.len() {
            let mut number = 0_u64;
            for _ in 0..cells.next()? {
                number = number.checked_add(cells.next()?)?;
                visit(status, number.checked_mul(self.step)?, &mut cells.0)?;
            }
        }
        cells.is_done().then_some(())
    }
}

impl Section for Cube {
    const KIND: u32 = kind::CUBE;

    fn write(&self) -> Vec<u8> {
        let mut out = Packed::default();
        out.put(self.step);
        out.put(self.ends.len() as u64);
        let mut last = 0;
        for end in &self.ends {
            out.put(u64::from(end - last));
            last = *end;
        }
        out.0.extend_from_slice(&self.cells);
        out.0
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut numbers = Unpacked(raw);
        let (step, subjects) = (numbers.next()?, numbers.next()?);
        let (mut ends, mut last) = (Vec::new(), 0_u32);
        for _ in 0..subjects {
            last = last.checked_add(numbers.u32()?)?;
            ends.push(last);
        }
        (numbers.0.len() == last as usize).then(|| Self { step, ends, cells: numbers.0.to_vec() })
    }

    fn bytes(&self) -> usize {
        self.ends.len() * size_of::<u32>() + self.cells.len()
    }
}

/// A cube of calls, as a section.
pub(crate) type CallCube = Kept<{ kind::CALL_CUBE }>;

/// A cube of uses, as a section.
pub(crate) type UseCube = Kept<{ kind::USE_CUBE }>;

/// A cube as a section of another kind.
#[derive(Clone, Debug)]
pub(crate) struct Kept<const KIND: u32>(pub(crate) Arc<Cube>);

impl<const KIND: u32> From<Arc<Cube>> for Kept<KIND> {
    fn from(cube: Arc<Cube>) -> Self {
        Self(cube)
    }
}

impl<const KIND: u32> Section for Kept<KIND> {
    const KIND: u32 = KIND;

    fn write(&self) -> Vec<u8> {
        self.0.write()
    }

    fn read(raw: &[u8], about: About) -> Option<Self> {
        Cube::read(raw, about).map(Arc::new).map(Self)
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}
