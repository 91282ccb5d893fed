//! A skeleton of fewer rows: what matters most of a trace, with counts for what is folded away.
//!
//! In: a whole skeleton, the span to begin at, how many rows there may be, and rows that are wanted. Out: a skeleton whose
//! rows are some of the whole one's ([`Folded::row`]), each with its parents. First come those that are wanted, then spans
//! of the critical path, then those in which errors begin, then the longest. Facts about the trace (services, findings,
//! groups) stay those of all its spans.

use model::SpanId;
use serde::{Deserialize, Serialize};

use super::{Columns, Finding, Group, Missing, Shift, Skeleton, flag, read};

/// The part of the rows that the critical path may take; it is cut to its longest spans.
const CRITICAL_SHARE: usize = 2;
/// The part of the rows that spans may take in which errors begin.
const ERRORS_SHARE: usize = 4;

/// What is known of the rows of a skeleton that has been folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// For each row its row in the whole skeleton, ascending: by these numbers attributes and subtrees are asked for.
    pub row: Vec<u32>,
    /// For each row the spans below it that are not shown, without those below a row that is shown.
    pub hidden: Vec<u32>,
    /// For each row how many of those failed.
    pub hidden_errors: Vec<u32>,
    /// Tops of the trace, with all below them, that are not shown.
    pub hidden_tops: u32,
}

impl Skeleton {
    /// The rows that matter most, at most so many: of the whole, or of a span and what is below it.
    ///
    /// Rows that are `wanted` are among them with all that is above them, even where these alone are more.
    #[must_use]
    pub fn folded(&self, under: Option<usize>, rows_max: usize, wanted: &[usize]) -> Self {
        let range = match under {
            Some(top) => top..top + 1 + self.columns.descendants[top] as usize,
            None => 0..self.columns.len(),
        };
        let shown = self.chosen(range.clone(), rows_max.max(1), wanted);
        self.only(range, &shown)
    }

    /// The rows of the spans with this id, ascending; more than one where ids are shared.
    pub fn rows_of(&self, id: SpanId) -> impl Iterator<Item = usize> {
        let text = id.to_string();
        let ids = self.ids.as_bytes().chunks_exact(16).enumerate();
        ids.filter(move |(_, id)| *id == text.as_bytes()).map(|(row, _)| row)
    }

    /// Which spans are shown; parents of shown ones are.
    fn chosen(&self, range: std::ops::Range<usize>, rows_max: usize, wanted: &[usize]) -> Vec<bool> {
        let mut choice = Choice { columns: &self.columns, begin: range.start, shown: Vec::new(), count: 0 };
        choice.shown = vec![range.len() <= rows_max; range.len()];
        if range.len() <= rows_max {
            return choice.shown;
        }
        let flags = |bit: u16| {
            let is_set = move |at: &usize| self.columns.flags[*at] & bit != 0;
            range.clone().filter(is_set).collect::<Vec<usize>>()
        };
        choice.take(wanted.iter().copied().filter(|row| range.contains(row)).collect(), usize::MAX);
        let until = |count: usize, share: usize| (count + rows_max / share).min(rows_max);
        choice.take(flags(flag::CRITICAL), until(choice.count, CRITICAL_SHARE));
        choice.take(flags(flag::ERROR_ORIGIN), until(choice.count, ERRORS_SHARE));
        choice.take(range.collect(), rows_max);
        choice.shown
    }

    /// The skeleton of the shown spans.
    fn only(&self, range: std::ops::Range<usize>, shown: &[bool]) -> Self {
        let placed = Placed::of(&self.columns, range, shown);
        let rows = |rows: &[u32]| rows.iter().filter_map(|at| placed.row(*at)).collect::<Vec<u32>>();
        let mut critical = self.critical.clone();
        critical.critical = joined(
            self.critical
                .segments()
                .filter_map(|[at, from, to]| Some([u64::from(placed.place(at as usize)?), from, to])),
        );
        let group = |group: &Group| shown_group(group, rows(&group.members), &placed);
        let missing = |missing: &Missing| shown_missing(missing, rows(&missing.children));
        let shift = |shift: &Shift| Some(Shift { span: placed.row(shift.span)?, ..shift.clone() });
        let finding = |finding: &Finding| Finding { spans: rows(&finding.spans), ..finding.clone() };
        Self {
            base: self.base.clone(),
            duration_ns: self.duration_ns,
            spans: self.spans,
            ids: placed.folded.row.iter().map(|at| self.id(*at as usize)).collect(),
            columns: placed.columns(&self.columns),
            services: self.services.clone(),
            names: self.names.clone(),
            critical,
            groups: self.groups.iter().filter_map(group).collect(),
            missing: self.missing.iter().filter_map(missing).collect(),
            skew: self.skew.iter().filter_map(shift).collect(),
            findings: self.findings.iter().map(finding).collect(),
            folded: Some(placed.folded),
        }
    }

    /// The id of a row: 16 hexadecimal letters.
    #[must_use]
    pub fn id(&self, at: usize) -> &str {
        self.ids.get(16 * at..16 * (at + 1)).unwrap_or_default()
    }

    /// What it takes in memory, about.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let members: usize = self.groups.iter().map(|group| 4 * group.members.len() + 64).sum();
        let names: usize = self.names.iter().map(|name| name.len() + 24).sum();
        (self.ids.len() + 50 * self.columns.len() + 8 * self.critical.critical.len() + members + names) as u64
    }
}

/// Where the spans of a range are in a folded skeleton.
struct Placed {
    begin: usize,
    /// For each span of the range the row of itself, else of the nearest span above it that is shown.
    places: Vec<Option<u32>>,
    folded: Folded,
}

impl Placed {
    fn of(whole: &Columns, range: std::ops::Range<usize>, shown: &[bool]) -> Self {
        let mut placed =
            Self { begin: range.start, places: Vec::with_capacity(range.len()), folded: Folded::default() };
        for at in range {
            let above = usize::try_from(whole.parent[at]).ok().and_then(|parent| placed.place(parent));
            let folded = &mut placed.folded;
            if shown[at - placed.begin] {
                placed.places.push(Some(folded.row.len() as u32));
                folded.row.push(at as u32);
                folded.hidden.push(0);
                folded.hidden_errors.push(0);
                continue;
            }
            placed.places.push(above);
            match above {
                Some(above) => {
                    folded.hidden[above as usize] += 1;
                    folded.hidden_errors[above as usize] += u32::from(is_failed(whole, at));
                }
                None => folded.hidden_tops += u32::from(whole.parent[at] < 0),
            }
        }
        placed
    }

    /// The row of a span or of the nearest above it that is shown.
    fn place(&self, at: usize) -> Option<u32> {
        self.places.get(at.checked_sub(self.begin)?).copied().flatten()
    }

    /// The row of a span that is shown.
    fn row(&self, at: u32) -> Option<u32> {
        self.place(at as usize).filter(|place| self.folded.row[*place as usize] == at)
    }

    fn columns(&self, whole: &Columns) -> Columns {
        let above = |at: &u32| usize::try_from(whole.parent[*at as usize]).ok().and_then(|at| self.place(at));
        let parent: Vec<i32> =
            self.folded.row.iter().map(|at| above(at).map_or(-1, |row| row as i32)).collect();
        Columns { descendants: read::descendants(&parent), parent, ..whole.picked(&self.folded.row) }
    }
}

struct Choice<'a> {
    columns: &'a Columns,
    begin: usize,
    shown: Vec<bool>,
    count: usize,
}

impl Choice<'_> {
    /// Shows the longest of these, with what is above them, until so many are shown in all.
    fn take(&mut self, mut candidates: Vec<usize>, until: usize) {
        let duration = |at: &usize| std::cmp::Reverse((self.columns.duration_ns[*at], usize::MAX - *at));
        if candidates.len() > until {
            candidates.select_nth_unstable_by_key(until, duration);
            candidates.truncate(until);
        }
        candidates.sort_unstable_by_key(duration);
        for candidate in candidates {
            let mut way = Vec::new();
            let mut next = Some(candidate);
            while let Some(at) = next.filter(|at| !self.shown[*at - self.begin]) {
                way.push(at);
                next = usize::try_from(self.columns.parent[at]).ok().filter(|parent| *parent >= self.begin);
            }
            if way.len() > until.saturating_sub(self.count) {
                continue;
            }
            self.count += way.len();
            way.into_iter().for_each(|at| self.shown[at - self.begin] = true);
        }
    }
}

impl Columns {
    /// These rows, ascending; parents and descendants are left empty.
    fn picked(&self, rows: &[u32]) -> Self {
        fn of<T: Copy>(column: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|at| column[*at as usize]).collect()
        }
        Self {
            start_ns: of(&self.start_ns, rows),
            duration_ns: of(&self.duration_ns, rows),
            self_ns: of(&self.self_ns, rows),
            parent: Vec::new(),
            depth: of(&self.depth, rows),
            descendants: Vec::new(),
            service: of(&self.service, rows),
            name: of(&self.name, rows),
            kind: of(&self.kind, rows),
            status: of(&self.status, rows),
            flags: of(&self.flags, rows),
        }
    }
}

fn is_failed(columns: &Columns, at: usize) -> bool {
    columns.status[at] == model::StatusCode::Error as u8
}

/// Pieces of the path that follow each other on one row are one.
fn joined(segments: impl Iterator<Item = [u64; 3]>) -> Vec<u64> {
    let mut all: Vec<[u64; 3]> = Vec::new();
    for [row, from, to] in segments {
        match all.last_mut() {
            Some(last) if last[0] == row && last[2] == from => last[2] = to,
            _ => all.push([row, from, to]),
        }
    }
    all.into_flattened()
}

fn shown_group(group: &Group, members: Vec<u32>, placed: &Placed) -> Option<Group> {
    let parent = match usize::try_from(group.parent) {
        Ok(parent) => i64::from(placed.place(parent)?),
        Err(_) => -1,
    };
    (!members.is_empty()).then(|| Group { parent, members, ..group.clone() })
}

fn shown_missing(missing: &Missing, children: Vec<u32>) -> Option<Missing> {
    (!children.is_empty()).then(|| Missing { id: missing.id.clone(), children })
}
