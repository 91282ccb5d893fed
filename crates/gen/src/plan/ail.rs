//! Applies faults and plain bad luck to a planned trace, from the leaves up.
//!
//! Causes stand before what they cause in the plan, so one pass backwards sees every child before its parent.

use super::{Plan, Step, World};
use crate::chance::Chance;

/// Of each failing child, how often its parent fails as well instead of coping.
const SPREADS: f64 = 0.35;

/// Share of spans that fail by themselves, for a wanted share of all; the rest of the failures spreads from them.
const BY_ITSELF: f64 = 0.75;

impl Plan {
    /// Stretches spans of slow services, and their callers with them.
    pub(super) fn slow_down(&mut self, world: &World<'_>) {
        if world.ailments.iter().all(|ailment| ailment.later_ns == 0 && ailment.factor <= 1.0) {
            return;
        }
        self.extra_ns.clear();
        self.extra_ns.resize(self.drafts.len(), 0);
        self.children_ns.clear();
        self.children_ns.resize(self.drafts.len(), 0);
        for place in (0..self.drafts.len()).rev() {
            let draft = &mut self.drafts[place];
            let ailment = &world.ailments[draft.service];
            let own_ns = draft.duration.saturating_sub(self.children_ns[place]);
            let slower = (own_ns as f64 * (ailment.factor - 1.0)) as u64;
            let later = if draft.is_served() { ailment.later_ns } else { 0 };
            let extra_ns = self.extra_ns[place] + slower + later;
            if let Some(parent) = draft.cause.filter(|_| draft.is_inside()) {
                self.extra_ns[parent] += extra_ns;
                self.children_ns[parent] += draft.duration;
            }
            draft.duration += extra_ns;
        }
    }

    /// Decides what fails, and what answer callers see.
    pub(super) fn fail(&mut self, chance: &mut Chance, world: &World<'_>) {
        let by_itself = (world.error_share * BY_ITSELF).min(1.0);
        for place in (0..self.drafts.len()).rev() {
            let draft = &mut self.drafts[place];
            if !matches!(draft.step, Step::Call { .. }) {
                draft.failed |= chance.happens(by_itself);
            }
            let error = world.ailments[draft.service].error;
            if error > 0.0 && draft.is_served() {
                draft.failed |= chance.happens(error);
            }
            if draft.step == Step::Entry {
                let method = world.topology.services[draft.service].operations[draft.operation].method;
                draft.code = code(chance, draft.failed, method);
            }
            let draft = *draft;
            if let Some(parent) = draft.cause.filter(|_| draft.is_inside()) {
                self.tell(chance, parent, (draft.step, draft.failed, draft.code));
            }
        }
    }

    fn tell(&mut self, chance: &mut Chance, parent: usize, (step, failed, code): (Step, bool, u16)) {
        let parent = &mut self.drafts[parent];
        if step == Step::Entry {
            parent.code = code;
            parent.failed = failed;
        } else if failed && !parent.failed {
            parent.failed = chance.happens(SPREADS);
        }
    }
}

impl super::Draft {
    /// True where the service answers someone here.
    fn is_served(&self) -> bool {
        matches!(self.step, Step::Entry | Step::Receive { .. })
    }
}

fn code(chance: &mut Chance, failed: bool, method: &str) -> u16 {
    match () {
        () if failed && chance.happens(0.6) => 500,
        () if failed => 503,
        () if chance.happens(0.04) => 404,
        () if method == "POST" => 201,
        () => 200,
    }
}
