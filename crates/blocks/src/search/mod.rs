//! Answers plans over the head and any number of blocks.
//!
//! Index and columns only say which spans may pass; what passes is decided as `store::eval` decides it. Everything
//! here computes or reads files, so it runs on a blocking thread. Memory is bounded by the pages of one page number and
//! the rows of the answer; time by the plan's limit, after which the answer says that it is partial.

mod afresh;
mod called;
mod counted;
mod edges;
mod foretold;
mod groups;
mod head;
mod joined;
mod kept;
mod listed;
mod literal;
mod located;
mod marks;
mod mask;
mod metrics;
mod names;
mod opened;
mod ordered;
mod places;
mod prune;
mod remembered;
mod repeats;
mod scan;
mod scattered;
mod skeleton;
mod sought;
#[cfg(test)]
mod tests;
mod texts;
mod told;
mod traces;
mod valued;
mod values;
mod views;
mod whereabouts;
mod words;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::FixedState;
use model::{Batch, TraceId};
use store::plan::{Ask, OUT_OF_BYTES, out_of_time};
use store::{Answer, Plan, ReadError, Rows, Work};

use crate::block::BlockView;
use crate::error::Error;
use crate::index::Group;
use crate::memory::Memory;
use literal::Literals;
use places::Places;
use repeats::Repeats;
pub use scan::Scan;
use sought::Sought;
use whereabouts::Whereabouts;

/// Damaged pages that are told apart in one answer; further ones are left out without being counted.
const DAMAGES_MAX: usize = 1024;

/// Everything that is searchable at one instant.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Batches that are in no block yet, of any tenant.
    pub head: Vec<Batch>,
    /// Open and closed blocks, in any order.
    pub blocks: Vec<Arc<BlockView>>,
    /// What keeps what was found out about them; without it, that of the blocks does.
    pub memory: Option<Arc<Memory>>,
}

/// Answers a plan.
///
/// # Errors
/// Where the plan is none, or a file can't be read; an answer that the time limit cut short is partial instead.
pub fn run(plan: &Plan, sources: &Sources) -> Result<Answer, ReadError> {
    run_until(plan, sources, &|| false)
}

/// The same for an asker who may go away: `is_over` is asked between pages, and what was joined until then is answered.
///
/// # Errors
/// As [`run`].
pub fn run_until(plan: &Plan, sources: &Sources, is_over: &dyn Fn() -> bool) -> Result<Answer, ReadError> {
    plan.check()?;
    let mut run = Run::new(plan, sources, is_over);
    let answered = match &plan.ask {
        Ask::Traces | Ask::Outlines(_) | Ask::Spans(_) | Ask::Summaries => traces::traces(&mut run),
        Ask::Marks => Ok((Rows::Marks(marks::marks(&mut run)), None)),
        Ask::Edges => edges::edges(&mut run).map(|edges| (Rows::Edges(edges), None)),
        Ask::Uses => edges::uses(&mut run).map(|uses| (Rows::Uses(uses), None)),
        Ask::Services | Ask::Operations | Ask::Keys | Ask::Values { .. } => {
            Ok((Rows::Names(names::names(&mut run)), None))
        }
        Ask::Metrics { by, step } => Ok((Rows::Metrics(metrics::metrics(&mut run, by, *step)), None)),
    };
    let (rows, next) = answered.map_err(|error| ReadError::Failed { reason: error.to_string() })?;
    let partial = run.shortfall();
    run.count_blocks();
    Ok(Answer { rows, next, partial, work: run.work })
}

/// A row group of the tenant, and the block that it is in.
#[derive(Clone, Copy)]
struct Place<'a> {
    view: &'a BlockView,
    group: &'a Group,
}

/// A plan on its way to its answer.
struct Run<'a> {
    plan: &'a Plan,
    head: Vec<&'a Batch>,
    groups: Vec<Place<'a>>,
    memory: Option<&'a Arc<Memory>>,
    begun: Instant,
    is_over: &'a dyn Fn() -> bool,
    work: Work,
    partial: Option<String>,
    /// The blocks of which something was looked at, by address.
    opened: HashSet<usize, FixedState>,
    sought: Sought,
    /// Where traces lie; nothing as long as it need not be known.
    known: Option<Arc<Whereabouts>>,
    /// Where those lie that were looked up.
    located: HashMap<TraceId, Arc<Places>, FixedState>,
    /// What counts leave out; nothing as long as nothing is counted.
    repeats: Rc<Repeats>,
    /// What is wrong with each page that could not be read; at most [`DAMAGES_MAX`].
    damages: BTreeSet<String>,
    /// How often something could not be read.
    faults: u64,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, sources: &'a Sources, is_over: &'a dyn Fn() -> bool) -> Self {
        let mut groups = Vec::new();
        for view in &sources.blocks {
            let of_tenant = view.groups.iter().filter(|group| group.tenant == plan.tenant);
            groups.extend(of_tenant.map(|group| Place { view, group }));
        }
        let head = sources.head.iter().filter(|batch| *batch.tenant() == plan.tenant).collect();
        Self {
            plan,
            head,
            groups,
            memory: sources.memory.as_ref(),
            begun: Instant::now(),
            is_over,
            work: Work::default(),
            partial: None,
            opened: HashSet::default(),
            sought: Sought::default(),
            known: None,
            located: HashMap::default(),
            repeats: Rc::default(),
            damages: BTreeSet::new(),
            faults: 0,
        }
    }

    /// True where nobody waits for the answer: then nothing more is worth reading, not even what was found.
    fn is_abandoned(&mut self) -> bool {
        let gone = (self.is_over)();
        if gone {
            self.partial = Some("whoever asked went away".into());
        }
        gone
    }

    /// True where the time is over, as much was read as may be, or nobody waits for the answer; it is partial then.
    fn is_over_time(&mut self) -> bool {
        if self.is_abandoned() {
            return true;
        }
        let over = self.begun.elapsed() > self.plan.time_limit;
        if over {
            self.partial = Some(out_of_time(self.plan.time_limit));
        } else if self.work.bytes_read > self.plan.bytes_max {
            self.partial = Some(OUT_OF_BYTES.into());
            return true;
        }
        over
    }

    /// The blocks with row groups of the tenant.
    fn views(&self) -> Vec<&'a BlockView> {
        let blocks = self.groups.chunk_by(|left, right| std::ptr::eq(left.view, right.view));
        blocks.map(|groups| groups[0].view).collect()
    }

    /// Notes that something of a block is looked at.
    fn open(&mut self, view: &BlockView) {
        self.opened.insert(std::ptr::from_ref(view).addr());
    }

    /// Notes how many blocks were looked at, and how many need not be.
    fn count_blocks(&mut self) {
        let blocks = self.groups.chunk_by(|left, right| std::ptr::eq(left.view, right.view)).count() as u64;
        self.work.blocks_seen = self.opened.len() as u64;
        self.work.blocks_pruned = blocks - self.work.blocks_seen;
    }

    /// Goes on without a page that can't be read: its rows alone are missing, and the answer says so.
    fn go_on_without(&mut self, error: &Error) {
        self.faults += 1;
        if self.damages.len() < DAMAGES_MAX && self.damages.insert(error.to_string()) {
            tracing::error!(%error, "a page is left out of an answer");
        }
    }

    /// Why rows may be missing.
    fn shortfall(&mut self) -> Option<String> {
        let count = self.damages.len();
        self.work.pages_damaged = count as u64;
        let damage = self.damages.first().map(|first| {
            format!("what cannot be read is left out, in {count} places ({first}): run `faden store check`")
        });
        match (damage, self.partial.take()) {
            (Some(damage), Some(partial)) => Some(format!("{damage}; {partial}")),
            (damage, partial) => damage.or(partial),
        }
    }

    /// The batches of the head that may hold a span that the plan looks for.
    fn head_candidates(&self) -> Vec<&'a Batch> {
        self.candidates(&self.head)
    }

    /// Those of some batches that may hold one.
    fn candidates(&self, batches: &[&'a Batch]) -> Vec<&'a Batch> {
        let literals = Literals::of(&self.plan.spans);
        batches.iter().copied().filter(|batch| literals.may_be_in(batch)).collect()
    }

    /// True where the plan asks for this trace, or for any.
    fn asks_for(&self, id: TraceId) -> bool {
        self.plan.ids.as_ref().is_none_or(|ids| ids.contains(&id))
    }

    /// True where the span of the head is one that the plan looks for.
    fn finds(&mut self, span: model::Span<'_>) -> bool {
        self.work.spans_seen += 1;
        let in_time = self.plan.ids.is_some() || self.plan.time.contains(span.start());
        in_time && self.asks_for(span.trace_id()) && store::eval::passes(&self.plan.spans, span)
    }

    /// Cuts an answer of names to the limit, and says so.
    fn cut<T>(&mut self, mut rows: Vec<T>) -> Vec<T> {
        if rows.len() > self.plan.limit {
            rows.truncate(self.plan.limit);
            self.partial = Some(store::plan::more_rows(self.plan.limit));
        }
        rows
    }
}
