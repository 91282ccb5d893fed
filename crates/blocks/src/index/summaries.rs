//! What a list of traces shows of each run of rows: its root, its services with their spans, and what failed.
//!
//! A run is what a row group has of a trace, summed up as if nothing of the trace lay elsewhere; whoever reads this knows
//! which traces that is true of. A run in which spans may have been sent twice, or whose parents form a cycle, has no
//! record. Records stay packed in memory, since most questions look at few of them.

use model::proto::{Field, Message};

use super::packed::{Packed, Parsed, Unpacked, each};
use super::section::{About, Section, kind};

/// The records of a row group, one for each run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summaries {
    services: Vec<Box<str>>,
    /// The operations of roots: the place of the service, and the name.
    roots: Vec<(u32, Box<str>)>,
    records: Vec<u8>,
    /// Where the record of each run begins.
    begins: Vec<u32>,
}

/// What is known of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The place of its root's operation.
    pub(crate) root: u32,
    /// How many spans name a parent that is missing.
    pub(crate) orphans: u64,
    /// By their places, ascending.
    pub(crate) services: Vec<OfService>,
}

/// What one service has of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OfService {
    /// Its place among the services of the row group.
    pub(crate) service: u32,
    pub(crate) spans: u64,
    /// Those of them that failed.
    pub(crate) errors: u64,
}

impl Summaries {
    /// Begins the records of a row group with these services.
    pub(crate) fn new(services: Vec<Box<str>>) -> Self {
        Self { services, ..Self::default() }
    }

    /// Adds the operation of a root; answers its place.
    pub(crate) fn add_root(&mut self, service: u32, name: &str) -> u32 {
        self.roots.push((service, name.into()));
        self.roots.len() as u32 - 1
    }

    /// Appends the next run.
    pub(crate) fn push(&mut self, record: Option<&Record>) {
        self.begins.push(self.records.len() as u32);
        let mut out = Packed(std::mem::take(&mut self.records));
        if let Some(Record { root, orphans, services }) = record {
            out.put(u64::from(*root) + 1);
            out.put(*orphans);
            out.put(services.len() as u64);
            let mut least = 0;
            for of in services {
                out.put(u64::from(of.service - least));
                out.put(of.spans << 1 | u64::from(of.errors > 0));
                if of.errors > 0 {
                    out.put(of.errors);
                }
                least = of.service + 1;
            }
        } else {
            out.put(0);
        }
        self.records = out.0;
    }

    /// The services of the row group.
    pub(crate) fn services(&self) -> &[Box<str>] {
        &self.services
    }

    /// Service and name of an operation of roots.
    pub(crate) fn root(&self, place: u32) -> (&str, &str) {
        let (service, name) = &self.roots[place as usize];
        (&self.services[*service as usize], name)
    }

    /// Service and name of each operation of roots.
    pub(crate) fn roots(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.roots.len() as u32).map(|place| self.root(place))
    }

    /// The record of a run, if it has one.
    pub(crate) fn of(&self, run: usize) -> Option<Record> {
        let mut services = Vec::new();
        let (root, orphans) = self.visit(run, |of| services.push(of))?;
        Some(Record { root, orphans, services })
    }

    /// Visits the services of a run; answers the place of its root's operation and how many spans miss their parents.
    pub(crate) fn visit(&self, run: usize, visit: impl FnMut(OfService)) -> Option<(u32, u64)> {
        let begin = *self.begins.get(run)? as usize;
        self.next(&mut Unpacked(self.records.get(begin..)?), visit)?
    }

    /// Reads a record: `None` where it is none, `Some(None)` where the run has none.
    fn next(
        &self,
        numbers: &mut Unpacked<'_>,
        mut visit: impl FnMut(OfService),
    ) -> Option<Option<(u32, u64)>> {
        let Some(root) = numbers.u32()?.checked_sub(1) else { return Some(None) };
        let (orphans, count) = (numbers.next()?, numbers.next()?);
        let mut least = 0_u32;
        for _ in 0..count {
            let service = least.checked_add(numbers.u32()?)?;
            let spans = numbers.next()?;
            let errors = if spans & 1 == 1 { numbers.next()? } else { 0 };
            let of = OfService { service, spans: spans >> 1, errors };
            (errors <= of.spans && (service as usize) < self.services.len()).then_some(())?;
            visit(of);
            least = service + 1;
        }
        ((root as usize) < self.roots.len()).then_some(Some((root, orphans)))
    }
}

impl Section for Summaries {
    const KIND: u32 = kind::SUMMARIES;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        self.services.iter().for_each(|service| out.bytes(1, service.as_bytes()));
        for (service, name) in &self.roots {
            out.message(2, |root| {
                root.varint(1, (*service).into());
                root.bytes(2, name.as_bytes());
            });
        }
        out.bytes(3, &self.records);
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let mut read = Self::default();
        each(raw, |number, field| {
            match (number, field) {
                (1, Field::Bytes(raw)) => read.services.push(std::str::from_utf8(raw).ok()?.into()),
                (2, Field::Bytes(raw)) => {
                    let root = Parsed::of(raw)?;
                    let service = u32::try_from(root.number(1).unwrap_or(0)).ok()?;
                    let name = root.text(2).unwrap_or_default();
                    ((service as usize) < read.services.len()).then_some(())?;
                    read.roots.push((service, name.into()));
                }
                (3, Field::Bytes(raw)) => read.records = raw.to_vec(),
                _ => {}
            }
            Some(())
        })?;
        u32::try_from(read.records.len()).ok()?;
        let mut numbers = Unpacked(&read.records);
        let mut begins = Vec::new();
        while !numbers.is_done() {
            begins.push((read.records.len() - numbers.0.len()) as u32);
            read.next(&mut numbers, |_| {})?;
        }
        read.begins = begins;
        Some(read)
    }

    fn bytes(&self) -> usize {
        let services = self.services.iter().map(|service| service.len() + size_of::<Box<str>>());
        let roots = self.roots.iter().map(|(_, name)| name.len() + size_of::<(u32, Box<str>)>());
        services.chain(roots).sum::<usize>() + self.records.len() + self.begins.len() * size_of::<u32>()
    }
}
