//! What spans add up to for a question, kept for the next time that it is asked.
//!
//! A closed block never changes, nor does a row group of one that grows, nor a batch of the head: where the question asks
//! for all of their time, and no span of them stands elsewhere, they add up to the same every time. Of the head one sum is
//! kept, to which batches are added as they come. All of it is kept among the parts of indexes, under their budget; sums of
//! more than [`ROWS_MAX`] rows are not.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::Batch;
use model::batch::Identity;
use store::Plan;
use store::plan::{Filter, Operand};

use super::{Place, Run};
use crate::block::BlockView;
use crate::index::section::kind;
use crate::memory::{Key, Memory};

/// Sums of more rows are made again each time.
pub(super) const ROWS_MAX: usize = 8 * 1024;

/// What spans add up to.
pub(super) trait Sum: Send + Sync + 'static {
    /// What it takes in memory; `None` where it is not to be kept.
    fn bytes(&self) -> Option<usize>;
}

/// A question without its time, in words that no other question has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question(Arc<str>);

/// Row groups of a block that are summed up together.
#[derive(Clone, Copy)]
pub(super) struct Unit<'u, 'a> {
    pub(super) places: &'u [Place<'a>],
    /// True where they add up to the same every time.
    is_lasting: bool,
}

/// The sum of a unit, and what tells it from others.
pub(super) struct OfUnit<S> {
    question: Question,
    groups: Groups,
    pub(super) sum: S,
}

/// The number of the first row group, and how many there are of the tenant: more may follow, but none comes between.
type Groups = (u32, usize);

/// The sum of the first batches of a head.
struct OfHead<S> {
    question: Question,
    batches: Vec<Identity>,
    sum: S,
}

impl Question {
    /// `None` where two questions may have the same words: a pattern does not tell how it is read.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let words = || format!("{} {:?} {:?}", plan.tenant, plan.ask, plan.spans).into();
        (plan.ids.is_none() && !has_pattern(&plan.spans)).then(|| Self(words()))
    }

    fn key(&self, block: u64, kind: u32, groups: Groups) -> Key {
        Key { block, kind, number: FixedState::default().hash_one((&*self.0, groups)) }
    }
}

fn has_pattern(filter: &Filter) -> bool {
    match filter {
        Filter::All => false,
        Filter::Is(condition) => matches!(condition.operand, Operand::Pattern(_)),
        Filter::And(filters) | Filter::Or(filters) => filters.iter().any(has_pattern),
        Filter::Not(filter) => has_pattern(filter),
    }
}

/// The units of some row groups of one block: all of them, or each alone.
pub(super) fn units<'u, 'a>(run: &Run<'_>, plan: &Plan, block: &'u [Place<'a>]) -> Vec<Unit<'u, 'a>> {
    let is_lasting = |place: &Place<'_>| {
        let (first, last) = place.group.extent;
        plan.time.contains(first) && plan.time.contains(last) && run.repeats.rows(*place).is_empty()
    };
    let is_closed = block.first().is_some_and(|place| !place.view.grows() && is_all(run, place.view, block));
    if is_closed && block.iter().all(is_lasting) {
        return vec![Unit { places: block, is_lasting: true }];
    }
    block.chunks(1).map(|places| Unit { places, is_lasting: is_lasting(&places[0]) }).collect()
}

/// True where these are all row groups that the tenant has in the block.
fn is_all(run: &Run<'_>, view: &BlockView, block: &[Place<'_>]) -> bool {
    view.groups.iter().filter(|group| group.tenant == run.plan.tenant).count() == block.len()
}

impl Unit<'_, '_> {
    /// The question, where the unit's answer may be kept.
    pub(super) fn keeps<'q>(&self, question: Option<&'q Question>) -> Option<&'q Question> {
        question.filter(|_| self.is_lasting)
    }
}

/// The sum of a unit that [keeps](Unit::keeps) it: what is kept, else what `make` sums up.
pub(super) fn of_unit<'a, S: Sum>(
    run: &mut Run<'a>,
    (question, unit): (&Question, Unit<'_, 'a>),
    make: impl FnOnce(&mut Run<'a>) -> S,
) -> Arc<OfUnit<S>> {
    let first = unit.places[0];
    let groups = (first.group.number, unit.places.len());
    let index = first.group.index();
    let key = question.key(index.block(), kind::SUMS, groups);
    run.open(first.view);
    let known = index.memory().index.get::<OfUnit<S>>(key);
    if let Some(known) = known.filter(|known| (&known.question, known.groups) == (question, groups)) {
        return known;
    }
    let faults = run.faults;
    let made = Arc::new(OfUnit { question: question.clone(), groups, sum: make(run) });
    if let Some(bytes) = made.sum.bytes().filter(|_| is_whole(run, faults)) {
        index.memory().index.put_made(key, made.clone(), bytes + question.0.len());
    }
    made
}

/// Sums the head up, from what is kept of it: `make` sums some batches up, on top of what is known of those before.
pub(super) fn of_head<'a, S: Sum>(
    run: &mut Run<'a>,
    question: Option<&Question>,
    make: impl Fn(&mut Run<'a>, Option<&S>, &[&'a Batch]) -> S,
    mut take: impl FnMut(&S),
) {
    let of_blocks = || run.groups.first().map(|place| place.group.index().memory());
    let memory: Option<&'a Arc<Memory>> = run.memory.or_else(of_blocks);
    let (Some(question), Some(memory)) = (question, memory) else {
        let head = run.head.clone();
        return take(&make(run, None, &head));
    };
    let (lasting, others): (Vec<&'a Batch>, Vec<&'a Batch>) =
        run.head.iter().copied().partition(|batch| is_inside(run, batch));
    let key = question.key(u64::MAX, kind::SUMS_OF_HEAD, (0, 0));
    let known = memory.index.get::<OfHead<S>>(key).filter(|known| {
        let are_same = || known.batches.iter().zip(&lasting).all(|(known, batch)| batch.is(known));
        known.question == *question && known.batches.len() <= lasting.len() && are_same()
    });
    let (count, sum) = known.as_ref().map_or((0, None), |known| (known.batches.len(), Some(&known.sum)));
    match sum.filter(|_| count == lasting.len()) {
        Some(sum) => take(sum),
        None => {
            let faults = run.faults;
            let sum = make(run, sum, &lasting[count..]);
            take(&sum);
            if let Some(bytes) = sum.bytes().filter(|_| is_whole(run, faults)) {
                let batches: Vec<Identity> = lasting.iter().map(|batch| batch.identity()).collect();
                let bytes = bytes + question.0.len() + size_of_val(&*batches);
                memory.index.put_made(
                    key,
                    Arc::new(OfHead { question: question.clone(), batches, sum }),
                    bytes,
                );
            }
        }
    }
    if !others.is_empty() {
        take(&make(run, None, &others));
    }
}

/// True where the question asks for all of a batch, and none of its spans stands elsewhere.
fn is_inside(run: &Run<'_>, batch: &Batch) -> bool {
    run.repeats.places(batch).is_empty() && batch.rows().iter().all(|row| run.plan.time.contains(row.start))
}

/// True where nothing was left out since there were so many faults.
fn is_whole(run: &Run<'_>, faults: u64) -> bool {
    run.faults == faults && run.partial.is_none()
}
