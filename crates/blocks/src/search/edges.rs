//! Counts the calls between services.
//!
//! Most of it the digests of blocks know ([`super::called`]). What they don't is read: most traces stand in one run of rows,
//! each span with an id of its own and after its parent, and their calls are counted from the columns of services and
//! parents. The others are joined ([`super::joined`]).

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::FixedState;
use model::{StatusCode, TimeRange, TraceId, Value};
use store::metrics::Tally;
use store::{Edge, Plan};

use super::joined::Excess;
use super::mask::Evaluator;
use super::spread::Spread;
use super::values::{self, Source, each_flat};
use super::{Place, Run, called, joined, kept};
use crate::columns::schema::leaf;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;
use crate::index::TraceRun;

/// Calls, by the names of parent and child.
pub(super) type Sums = BTreeMap<(String, String), Tally>;

pub(super) fn edges(run: &mut Run<'_>) -> Result<Vec<Edge>> {
    let sums = match counted(run, true)? {
        Some(sums) => sums,
        None => counted(run, false)?.unwrap_or_default(),
    };
    let rows = sums.into_iter().filter(|(_, sum)| sum.spans() > 0).map(|(ends, sum)| Edge::of(ends, sum));
    Ok(run.cut(rows.collect()))
}

/// All calls; `None` where digests counted some too often that can't be taken out of their sums.
fn counted(run: &mut Run<'_>, by_digests: bool) -> Result<Option<Sums>> {
    let mut sums = Sums::new();
    let spread = Spread::of(run);
    let mut odd = Odd::default();
    joined::head(run, spread.as_ref(), (&mut sums, &mut odd));
    let places = run.groups.clone();
    let mut counted: Vec<Option<TimeRange>> = Vec::new();
    for block in places.chunk_by(|left, right| std::ptr::eq(left.view, right.view)) {
        if run.is_over_time() {
            break;
        }
        let view = block[0].view;
        let known = spread.as_ref().filter(|_| by_digests);
        let whole = known.and_then(|spread| called::count(run, view, spread, (&mut sums, &mut odd)));
        counted.push(whole);
        for time in left_over(run.plan.time, whole) {
            let plan = Plan { time, ..run.plan.clone() };
            for place in block {
                if run.is_over_time() {
                    break;
                }
                if let Err(error) = group(run, (&plan, *place), spread.as_ref(), (&mut sums, &mut odd)) {
                    run.go_on_without(&error);
                }
            }
        }
    }
    let mut excess = Excess::default();
    let known = spread.as_ref().filter(|_| by_digests);
    kept::correct(run, (known, &odd.ids), &counted, (&mut sums, &mut excess))?;
    Ok(excess.take_out(&mut sums).then_some(sums))
}

/// What digests did not count of a time.
fn left_over(time: TimeRange, counted: Option<TimeRange>) -> Vec<TimeRange> {
    let Some(counted) = counted else { return vec![time] };
    let ends = [(time.start, counted.start), (counted.end, time.end)];
    ends.into_iter().filter(|(start, end)| start < end).map(|(start, end)| TimeRange { start, end }).collect()
}

/// Traces that have to be joined, in the order in which they were met.
#[derive(Default)]
pub(super) struct Odd {
    ids: Vec<TraceId>,
    known: HashSet<TraceId, FixedState>,
}

impl Odd {
    pub(super) fn add(&mut self, id: TraceId) {
        if self.known.insert(id) {
            self.ids.push(id);
        }
    }
}

/// The service of a row that can't be read.
const LOST: u32 = u32::MAX;

/// What the calls of a row group are counted from.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    services: Vec<u32>,
    /// How far before it the parent of a row stands; 0 for none.
    distances: Vec<u32>,
    failed: Vec<bool>,
    durations: Vec<u64>,
    found: Vec<bool>,
}

fn group(
    run: &mut Run<'_>,
    (plan, place): (&Plan, Place<'_>),
    spread: Option<&Spread>,
    (sums, odd): (&mut Sums, &mut Odd),
) -> Result<()> {
    if !run.may_pass(plan, place) {
        return Ok(());
    }
    run.open(place.view);
    let mut evaluator = Evaluator::new(place)?;
    let pages = 0..place.group.pages();
    let mut may_hold = false;
    for number in pages.clone() {
        // What can't be read is found out, and said, when it is read.
        may_hold |= evaluator.may_hold(plan, number).unwrap_or(true);
    }
    if !may_hold {
        evaluator.reader.work.pages_pruned += pages.len() as u64;
        run.work += evaluator.reader.work;
        return Ok(());
    }
    let mut columns = Columns::default();
    for number in pages {
        if run.is_over_time() {
            run.work += evaluator.reader.work;
            return Ok(());
        }
        if let Err(error) = columns.read(plan, &mut evaluator, number) {
            columns.lose(&mut evaluator, number);
            run.go_on_without(&error);
        }
    }
    let mut calls: HashMap<(u32, u32), Tally, FixedState> = HashMap::default();
    for trace in evaluator.runs()?.iter() {
        let is_found = columns.found[rows(trace)].contains(&true);
        if !is_found {
            continue;
        }
        evaluator.reader.forget_before(trace.first as usize / PAGE_ROWS);
        match evaluator.reader.trace_id(trace.first) {
            Ok(id) if trace.plain && spread.is_some_and(|spread| !spread.holds(id)) => {
                columns.count(trace, &mut calls);
            }
            Ok(id) => odd.add(id),
            Err(error) => run.go_on_without(&error),
        }
    }
    run.work += evaluator.reader.work;
    for ((parent, child), sum) in calls {
        let names = (columns.names[parent as usize].clone(), columns.names[child as usize].clone());
        sums.entry(names).or_default().merge(&sum);
    }
    Ok(())
}

fn rows(trace: &TraceRun) -> std::ops::Range<usize> {
    trace.first as usize..(trace.first + trace.count) as usize
}

impl Columns {
    /// Makes the rows of a page that can't be read neither parents nor children.
    fn lose(&mut self, evaluator: &mut Evaluator<'_>, number: usize) {
        let base = number * PAGE_ROWS;
        let end = base + evaluator.reader.rows(number);
        self.found.truncate(base);
        self.services.truncate(base);
        self.found.resize(end, false);
        self.services.resize(end, LOST);
        self.distances.resize(end, 0);
        self.failed.resize(end, false);
        evaluator.reader.forget(number);
    }

    fn read(&mut self, plan: &Plan, evaluator: &mut Evaluator<'_>, number: usize) -> Result<()> {
        let base = number * PAGE_ROWS;
        let end = base + evaluator.reader.rows(number);
        self.found.extend(evaluator.page(plan, number)?);
        self.services.resize(end, 0);
        self.distances.resize(end, 0);
        self.failed.resize(end, false);
        let reader = &mut evaluator.reader;
        let (services, names) = (&mut self.services, &mut self.names);
        let mut numbers: HashMap<String, u32, FixedState> =
            names.iter().enumerate().map(|(at, name)| (name.clone(), at as u32)).collect();
        values::visit(reader, Source::Service, ("", number), &mut |row, value| {
            let Value::Text(name) = value else { return };
            services[base + row] = numbers.get(name).copied().unwrap_or_else(|| {
                names.push(name.into());
                numbers.insert(name.into(), names.len() as u32 - 1);
                names.len() as u32 - 1
            });
        })?;
        let page = reader.page(leaf::PARENT_DISTANCE, number)?;
        each_flat(reader, page.as_deref(), leaf::PARENT_DISTANCE, |row, (plain, at)| {
            self.distances[base + row] = u32::try_from(plain.int(at)).unwrap_or(0);
        });
        let page = reader.page(leaf::STATUS, number)?;
        each_flat(reader, page.as_deref(), leaf::STATUS, |row, (plain, at)| {
            self.failed[base + row] = StatusCode::from_number(plain.int(at) as u8) == StatusCode::Error;
        });
        self.durations.extend(values::durations(reader, number)?);
        self.durations.resize(end, 0);
        reader.forget(number);
        Ok(())
    }

    fn count(&self, trace: &TraceRun, calls: &mut HashMap<(u32, u32), Tally, FixedState>) {
        for row in rows(trace) {
            let distance = self.distances[row] as usize;
            let is_there = distance > 0 && distance <= row - trace.first as usize;
            if !self.found[row] || !is_there || self.services[row - distance] == self.services[row] {
                continue;
            }
            if self.services[row - distance] == LOST {
                continue;
            }
            let sum = calls.entry((self.services[row - distance], self.services[row])).or_default();
            sum.add(self.durations[row], self.failed[row]);
        }
    }
}
