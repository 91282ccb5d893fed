//! Where the traces of a question lie: known of all that lie in several places, or looked up, each once.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::TraceId;
use store::Work;

use super::Run;
use super::places::Places;
use super::repeats::sets::{self, GroupId};
use crate::block::{Beside, BlockView};
use crate::columns::shred::TraceRows;

impl<'a> Run<'a> {
    /// The places of row groups among those of the question.
    pub(super) fn group_places(&self) -> HashMap<GroupId, usize, FixedState> {
        let mut places = HashMap::default();
        for (block, view) in sets::numbers(self).into_iter().zip(self.views()) {
            let numbered = (0..).zip(&view.groups).filter(|(_, group)| group.tenant == self.plan.tenant);
            for (number, _) in numbered {
                places.insert((block, number), places.len());
            }
        }
        places
    }

    /// Where a trace lies, if that was found out already.
    pub(super) fn places(&self, id: TraceId) -> Option<&Arc<Places>> {
        let known = self.known.as_ref().and_then(|known| known.traces.get(&id));
        known.map(|known| &known.places).or_else(|| self.located.get(&id))
    }

    /// Where a trace lies in blocks; looked up there at most once.
    pub(super) fn locate(&mut self, id: TraceId) -> Arc<Places> {
        if let Some(places) = self.places(id) {
            return places.clone();
        }
        let mut places = Places::default();
        for (block, view) in sets::numbers(self).into_iter().zip(self.views()) {
            if self.is_abandoned() {
                return Arc::new(places);
            }
            let found = self.find(view, id).into_iter();
            places.runs.extend(found.map(|(group, rows)| ((block, group as u32), rows)));
            // Where traces lie that are in several places is known.
            if self.known.is_some() && !places.runs.is_empty() {
                break;
            }
        }
        let places = Arc::new(places);
        self.located.insert(id, places.clone());
        places
    }

    /// Where the rows of a trace are in a block, with the places of their row groups.
    pub(super) fn find(&mut self, view: &'a BlockView, id: TraceId) -> Vec<(usize, TraceRows)> {
        let (mut work, mut lost) = (Work::default(), Vec::new());
        let tenant = &self.plan.tenant;
        let mut beside = Beside { work: &mut work, lost: &mut |error| lost.push(error) };
        let found = view.find(tenant, id, &mut beside);
        lost.iter().for_each(|error| self.go_on_without(error));
        self.work += work;
        found
    }
}
