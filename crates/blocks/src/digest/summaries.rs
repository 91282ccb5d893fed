//! Sums up the runs of a row group, from its columns before they are encoded.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::StatusCode;

use super::build::Rows;
use super::cubes::STATUSES;
use super::relations::Relations;
use crate::columns::shred::{Shredded, TraceRows};
use crate::index::{OfService, Record, Summaries};

/// What each row has: the place of its service, and the number of its name.
pub(super) struct Named<'a> {
    pub(super) services: &'a [u32],
    pub(super) names: &'a dyn Fn(usize) -> (u32, &'a str),
}

/// The records of the runs of a row group with these services.
pub(super) fn summaries(
    shredded: &Shredded,
    (rows, kin): (&Rows<'_>, &Relations<'_>),
    (services, named): (Vec<Box<str>>, &Named<'_>),
) -> Summaries {
    let mut summaries = Summaries::new(services);
    let mut roots: HashMap<(u32, u32), u32, FixedState> = HashMap::default();
    let (mut found, mut record) = (Vec::new(), Record::default());
    for run in &shredded.traces {
        let Some((root, orphans)) = root(run, (rows, kin), &mut found) else {
            summaries.push(None);
            continue;
        };
        let service = named.services[root];
        let (name, text) = (named.names)(root);
        record.root = *roots.entry((service, name)).or_insert_with(|| summaries.add_root(service, text));
        record.orphans = orphans;
        sum_up(run, rows, named.services, &mut record.services);
        summaries.push(Some(&record));
    }
    summaries
}

/// The row of a run's root, and how many of its spans miss their parents; `None` where spans may have been sent twice, or
/// are their own ancestors.
fn root(
    run: &TraceRows,
    (rows, kin): (&Rows<'_>, &Relations<'_>),
    found: &mut Vec<(u32, u32)>,
) -> Option<(usize, u64)> {
    if !kin.parents_of(run, rows, found) {
        return None;
    }
    let (first, end) = (run.first, run.first + run.count);
    let mut is_top = vec![true; run.count as usize];
    found.iter().for_each(|(child, _)| is_top[(child - first) as usize] = false);
    let mut is_orphan = vec![false; run.count as usize];
    for (row, parent) in kin.absent_of(first, end) {
        is_orphan[(row - first) as usize] = is_top[(row - first) as usize] && parent != kin.span_id(row);
    }
    let tops = (first..end).filter(|row| is_top[(row - first) as usize]);
    let rank = |row: &u32| (is_orphan[(row - first) as usize], rows.cell(*row as usize).1, kin.span_id(*row));
    let root = tops.min_by_key(rank)?;
    let orphans = is_orphan.iter().filter(|is_orphan| **is_orphan).count() as u64;
    Some((root as usize, orphans))
}

fn sum_up(run: &TraceRows, rows: &Rows<'_>, services: &[u32], into: &mut Vec<OfService>) {
    into.clear();
    for row in run.first as usize..(run.first + run.count) as usize {
        let failed = STATUSES[rows.cell(row).0] == StatusCode::Error;
        let service = services[row];
        let at = match into.binary_search_by_key(&service, |of| of.service) {
            Ok(at) => at,
            Err(at) => {
                into.insert(at, OfService { service, ..OfService::default() });
                at
            }
        };
        into[at].spans += 1;
        into[at].errors += u64::from(failed);
    }
}
