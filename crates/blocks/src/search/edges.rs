//! Counts the calls between services, and the uses of what sends no spans.
//!
//! Most of it the digests of blocks know ([`super::called`]). What they don't is read: most traces stand in one run of rows,
//! each span with an id of its own and after its parent, and their calls are counted from the columns of services and
//! parents; what they use, from those of some keys as well ([`super::told`]). The others are joined: where digests count, once
//! for as long as their places are the same ([`super::kept`]), else for each question ([`super::afresh`]).

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::FixedState;
use model::{StatusCode, TimeRange, TraceId, Value};
use store::metrics::Tally;
use store::uses::Target;
use store::{Ask, Edge, Plan, Use};

use super::mask::Evaluator;
use super::told::Told;
use super::values::{self, Source, each_flat};
use super::whereabouts::Whereabouts;
use super::{Place, Run, afresh, called, kept};
use crate::columns::schema::leaf;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;
use crate::index::TraceRun;

/// Whom a service calls, or what it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum To<S, T> {
    /// A service.
    Service(S),
    /// Something that sends no spans.
    Target(Target<T>),
}

/// What calls or uses add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) tally: Tally,
    /// How many uses were answered; what corrects another sum may be negative.
    pub(super) answered: i64,
}

impl Sum {
    pub(super) fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.answered += other.answered;
    }

    pub(super) fn add(&mut self, duration: u64, failed: bool, is_answered: bool) {
        self.tally.add(duration, failed);
        self.answered += i64::from(is_answered);
    }
}

/// Calls or uses, by the service that calls.
pub(super) type Sums = BTreeMap<(String, To<String, String>), Sum>;

pub(super) fn edges(run: &mut Run<'_>) -> Result<Vec<Edge>> {
    let edge = |((parent, to), sum): (_, Sum)| match to {
        To::Service(child) => Some(Edge::of((parent, child), sum.tally)),
        To::Target(_) => None,
    };
    let rows = sums(run)?.into_iter().filter_map(edge).collect();
    Ok(run.cut(rows))
}

pub(super) fn uses(run: &mut Run<'_>) -> Result<Vec<Use>> {
    let row = |((service, to), sum): (_, Sum)| match to {
        To::Target(target) => Some(Use::of((service, target), sum.tally, sum.answered.unsigned_abs())),
        To::Service(_) => None,
    };
    let rows = sums(run)?.into_iter().filter_map(row).collect();
    Ok(run.cut(rows))
}

fn sums(run: &mut Run<'_>) -> Result<Sums> {
    let mut sums = match counted(run, true)? {
        Some(sums) => sums,
        None => counted(run, false)?.unwrap_or_default(),
    };
    sums.retain(|_, sum| sum.tally.spans() > 0);
    Ok(sums)
}

/// True where the plan asks for uses, not for calls.
pub(super) fn asks_for_uses(plan: &Plan) -> bool {
    plan.ask == Ask::Uses
}

/// All calls; `None` where digests counted some too often that can't be taken out of their sums.
fn counted(run: &mut Run<'_>, by_digests: bool) -> Result<Option<Sums>> {
    let mut sums = Sums::new();
    let known = Whereabouts::of(run);
    let by_digests = by_digests && run.plan.ids.is_none() && called::is_known(run.plan);
    let kept = known.clone().filter(|_| by_digests);
    let mut odd = Odd::default();
    if kept.is_none() {
        afresh::head(run, known.as_deref(), (&mut sums, &mut odd));
    }
    let places = run.groups.clone();
    let mut counted: Vec<Option<TimeRange>> = Vec::new();
    for block in places.chunk_by(|left, right| std::ptr::eq(left.view, right.view)) {
        if run.is_over_time() {
            break;
        }
        let view = block[0].view;
        let whole = kept.as_ref().and_then(|_| called::count(run, view, (&mut sums, &mut odd)));
        counted.push(whole);
        for time in left_over(run.plan.time, whole) {
            let plan = Plan { time, ..run.plan.clone() };
            for place in block {
                if run.is_over_time() {
                    break;
                }
                if let Err(error) = group(run, (&plan, *place), known.as_deref(), (&mut sums, &mut odd)) {
                    run.go_on_without(&error);
                }
            }
        }
    }
    let is_right = match kept {
        Some(known) => kept::correct(run, (&known, &odd), &counted, &mut sums)?,
        None => {
            afresh::join(run, &odd, &mut sums)?;
            true
        }
    };
    Ok(is_right.then_some(sums))
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
    pub(super) ids: Vec<TraceId>,
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
    /// What rows use, where that is asked for.
    told: Told,
}

/// The same as [`To`], by numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Number {
    Service(u32),
    Target(u32),
}

fn group(
    run: &mut Run<'_>,
    (plan, place): (&Plan, Place<'_>),
    known: Option<&Whereabouts>,
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
    let mut calls: HashMap<(u32, Number), Sum, FixedState> = HashMap::default();
    for trace in evaluator.runs()?.iter() {
        let is_found = columns.found[rows(trace)].contains(&true);
        if !is_found {
            continue;
        }
        evaluator.reader.forget_before(trace.first as usize / PAGE_ROWS);
        match evaluator.reader.trace_id(trace.first) {
            Ok(id) if trace.plain && known.is_some_and(|known| !known.is_spread(id)) => {
                match asks_for_uses(plan) {
                    true => columns.count_uses(trace, &mut calls),
                    false => columns.count(trace, &mut calls),
                }
            }
            Ok(id) => odd.add(id),
            Err(error) => run.go_on_without(&error),
        }
    }
    run.work += evaluator.reader.work;
    for ((service, number), sum) in calls {
        let to = match number {
            Number::Service(child) => To::Service(columns.names[child as usize].clone()),
            Number::Target(target) => To::Target(columns.told.target(target)),
        };
        sums.entry((columns.names[service as usize].clone(), to)).or_default().merge(&sum);
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
        self.durations.truncate(base);
        self.durations.resize(end, 0);
        self.told.lose(base, end);
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
        if asks_for_uses(plan) {
            self.told.read(evaluator, number)?;
        }
        evaluator.reader.forget(number);
        Ok(())
    }

    /// The row of the parent, where that is a span of another service.
    fn caller(&self, trace: &TraceRun, row: usize) -> Option<usize> {
        let distance = self.distances[row] as usize;
        let is_there = distance > 0 && distance <= row - trace.first as usize;
        let parent = row.checked_sub(distance).filter(|_| is_there)?;
        let (caller, called) = (self.services[parent], self.services[row]);
        (caller != called && caller != LOST && called != LOST).then_some(parent)
    }

    fn count(&self, trace: &TraceRun, calls: &mut HashMap<(u32, Number), Sum, FixedState>) {
        for row in rows(trace).filter(|row| self.found[*row]) {
            let Some(parent) = self.caller(trace, row) else { continue };
            let sum = calls.entry((self.services[parent], Number::Service(self.services[row]))).or_default();
            sum.add(self.durations[row], self.failed[row], false);
        }
    }

    fn count_uses(&self, trace: &TraceRun, uses: &mut HashMap<(u32, Number), Sum, FixedState>) {
        let answered: HashSet<usize, FixedState> =
            rows(trace).filter_map(|row| self.caller(trace, row)).collect();
        for row in rows(trace).filter(|row| self.found[*row] && self.services[*row] != LOST) {
            let Some((number, is_peer)) = self.told.of_row(row) else { continue };
            let sum = uses.entry((self.services[row], Number::Target(number))).or_default();
            sum.add(self.durations[row], self.failed[row], is_peer && answered.contains(&row));
        }
    }
}
