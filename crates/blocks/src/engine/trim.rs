//! Carries out what the retention decides: drops whole blocks, and writes others again with what rules and archive keep.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use foldhash::fast::FixedState;
use model::{Batch, Tenant, TraceId};

use super::{Inner, head::Visible, rewrite::Choice};
use crate::{
    block::{BlockView, pieces},
    error::{Doing, Error, Next, Result},
    manifest::{Block, BlockMeta, Judged, Mark, Removal, State},
    retain::{ARCHIVE, Due, Lives, Plan, Pressure, Retention, due, usage},
};

/// So many times fewer traces are looked up one by one rather than all of a group's.
const FEW: usize = 8;

/// Some of a tenant's traces.
pub(super) type Traces = HashSet<TraceId, FixedState>;

/// What stays of a block.
struct Stays {
    /// For each tenant that loses something: the traces that stay.
    only: BTreeMap<Tenant, Traces>,
    judged: Judged,
}

impl Choice for Stays {
    fn trace(&self, tenant: &Tenant, id: TraceId) -> bool {
        self.only.get(tenant).is_none_or(|only| only.contains(&id))
    }
}

impl Inner {
    /// Lets the retention act once; the answer says what is left for later.
    pub(super) async fn retain(self: &Arc<Self>) -> Result<Plan> {
        let _turn = self.tending.lock().await;
        let state = self.manifest.lock().await.state().clone();
        let now = self.look_at_clock();
        let retention = &self.settings.retention;
        let usage = usage(&state, retention, self.bytes_max(), now);
        let pressure = Pressure {
            bytes_max: usage.bytes_max,
            headroom: usage.headroom(self.files_go_after()),
            is_full: self.disk_full.load(Relaxed),
        };
        let plan = due(&state, retention, pressure, now);
        if plan.held_back > 0 {
            tracing::warn!(
                due = plan.due.len(),
                held_back = plan.held_back,
                "many blocks are past the retention at once; is the clock right? the rest waits"
            );
        }
        let (mut whole, mut rest): (Vec<&Due>, Vec<&Due>) = Default::default();
        for due in &plan.due {
            let is_whole = self.is_dropped_whole(&state, due, retention).await?;
            if is_whole { whole.push(due) } else { rest.push(due) }
        }
        self.drop_whole(&state, &whole).await?;
        for due in rest {
            match self.trim(&state, due).await {
                Err(error) if error.next == Next::Refuse => {
                    tracing::info!(%error, block = due.block, "not trimmed")
                }
                Err(error) => tracing::warn!(%error, block = due.block, "cannot trim a block; trying again"),
                Ok(()) => {}
            }
        }
        Ok(plan)
    }

    async fn is_dropped_whole(&self, state: &State, due: &Due, retention: &Retention) -> Result<bool> {
        let Some(block) = state.blocks.get(&due.block) else { return Ok(false) };
        Ok(due.is_whole(block, retention) && !self.may_hold_archived(state, block).await?)
    }

    /// Does the block hold an archived trace, as far as one can tell?
    async fn may_hold_archived(&self, state: &State, block: &Block) -> Result<bool> {
        let of_block = |tenant: &String| (tenant.clone(), archived(state, tenant));
        let ids: BTreeMap<String, Traces> = block.meta.tenants.iter().map(of_block).collect();
        if ids.values().all(HashSet::is_empty) {
            return Ok(false);
        }
        let Some(view) = self.head.view(&block.meta.id) else { return Ok(true) };
        let looking = tokio::task::spawn_blocking(move || {
            for group in &view.groups {
                let Some(ids) = ids.get(group.tenant.as_str()) else { continue };
                for id in ids {
                    let may_hold = group.own_runs(&group.with_id(*id)?);
                    if !may_hold.is_empty() {
                        return Ok(true);
                    }
                }
            }
            Ok(false)
        });
        looking.await.doing(Next::Repair, "look for archived traces")?
    }

    async fn drop_whole(self: &Arc<Self>, state: &State, whole: &[&Due]) -> Result<()> {
        let blocks = whole.iter().filter_map(|due| Some((due.why, state.blocks.get(&due.block)?)));
        let removals: Vec<Removal> = blocks
            .map(|(why, block)| Removal {
                id: block.meta.id.clone(),
                why: why.as_str().into(),
                spans: block.meta.spans,
            })
            .collect();
        if removals.is_empty() {
            return Ok(());
        }
        let mut entry = self.entry();
        entry.remove.clone_from(&removals);
        match self.commit_surely(entry, |now| now.archived == state.archived).await {
            Err(error) if error.next == Next::Refuse => {
                tracing::info!(%error, "blocks were not dropped");
                return Ok(());
            }
            outcome => outcome?,
        }
        self.see(&self.known.now()).await?;
        for removal in removals {
            self.metrics.dropped(&removal.why, 1, removal.spans);
        }
        Ok(())
    }

    /// Writes a block again with what stays, or notes that all of it does.
    async fn trim(self: &Arc<Self>, state: &State, due: &Due) -> Result<()> {
        let Some(block) = state.blocks.get(&due.block) else { return Ok(()) };
        let view = self.view(&block.meta.id)?;
        let judging = Judging {
            view,
            visible: view_tenants(self, block),
            archived: block
                .meta
                .tenants
                .iter()
                .map(|tenant| (tenant.clone(), archived(state, tenant)))
                .collect(),
            ended: self.ended.clone(),
        };
        let (retention, asked) = (self.settings.retention.clone(), due.clone());
        let policy = retention.fingerprint(state.unarchived);
        let before = block.meta.judged.clone().filter(|judged| judged.policy == policy).unwrap_or_default();
        let judged = tokio::task::spawn_blocking(move || judging.run(&retention, &asked));
        let (mut stays, is_all) = judged.await.doing(Next::Repair, "judge a block")??;
        stays.judged.policy = policy;
        stays.judged.ages = before.ages.into_iter().chain(due.beyond.clone()).collect();
        let still = |now: &State| now.archived == state.archived;
        if is_all {
            let mut entry = self.entry();
            entry.mark = vec![Mark { id: block.meta.id.clone(), judged: stays.judged }];
            return self.commit_surely(entry, still).await;
        }
        let judged = stays.judged.clone();
        let describe = |meta| BlockMeta { judged: Some(judged), ..meta };
        self.replace(block, Arc::new(stays), (due.why.as_str(), describe), still).await?;
        Ok(())
    }
}

/// The archived traces of a tenant.
pub(super) fn archived(state: &State, tenant: &str) -> Traces {
    let traces = state.archived.get(tenant).into_iter().flatten();
    traces.filter_map(|(id, _)| TraceId::parse(id)).collect()
}

/// Everything that is searchable of each tenant of the block.
fn view_tenants(inner: &Inner, block: &Block) -> Vec<(Tenant, Visible)> {
    let tenants = block.meta.tenants.iter().filter_map(|tenant| Tenant::parse(tenant));
    tenants.map(|tenant| (tenant.clone(), inner.head.visible(&tenant))).collect()
}

/// Reads what is needed to decide which traces of a block stay.
struct Judging {
    view: Arc<BlockView>,
    visible: Vec<(Tenant, Visible)>,
    archived: BTreeMap<String, Traces>,
    ended: tokio_util::sync::CancellationToken,
}

impl Judging {
    /// What stays, and whether that is all.
    fn run(&self, retention: &Retention, due: &Due) -> Result<(Stays, bool)> {
        let mut stays = Stays { only: BTreeMap::new(), judged: Judged::default() };
        let mut is_all = true;
        for (tenant, visible) in &self.visible {
            let Some(beyond) = due.beyond.get(tenant.as_str()).copied() else { continue };
            let policy = retention.of(tenant.as_str());
            if policy.shortest() > beyond {
                continue;
            }
            let mut ids = Traces::default();
            for group in self.groups(tenant) {
                ids.extend(self.view.traces(group)?.all().iter().map(|rows| rows.id));
            }
            let mut lives = Lives::new(policy, ids.iter().copied());
            if policy.longest() > beyond {
                self.look(tenant, visible, &mut lives)?;
            }
            let mut only = Traces::default();
            for id in &ids {
                let (lifetime, rule) = lives.lifetime(*id);
                let by = if self.archived.get(tenant.as_str()).is_some_and(|archived| archived.contains(id)) {
                    ARCHIVE
                } else if lifetime > beyond {
                    rule.unwrap_or("time")
                } else {
                    continue;
                };
                only.insert(*id);
                *stays.judged.kept.entry(by.to_owned()).or_default() += 1;
            }
            if only.len() < ids.len() {
                is_all = false;
                stays.only.insert(tenant.clone(), only);
            }
        }
        Ok((stays, is_all))
    }

    fn groups(&self, tenant: &Tenant) -> impl Iterator<Item = &crate::index::Group> {
        self.view.groups.iter().filter(move |group| group.tenant == *tenant).map(|group| &**group)
    }

    /// Looks at the traces of the block, and then at what of them lies elsewhere.
    fn look(&self, tenant: &Tenant, visible: &Visible, lives: &mut Lives<'_>) -> Result<()> {
        look_at_block(&self.view, tenant, lives, &self.ended)?;
        for view in visible.blocks.iter().filter(|view| !Arc::ptr_eq(view, &self.view)) {
            look_at_block(view, tenant, lives, &self.ended)?;
        }
        for batch in &visible.head {
            look_at_batch(batch, lives);
        }
        Ok(())
    }
}

fn look_at_block(
    view: &BlockView,
    tenant: &Tenant,
    lives: &mut Lives<'_>,
    ended: &tokio_util::sync::CancellationToken,
) -> Result<()> {
    for group in view.groups.iter().filter(|group| group.tenant == *tenant) {
        if !cover(view, group, lives)? {
            continue;
        }
        let lives = std::cell::RefCell::new(&mut *lives);
        pieces(view, group, &mut |id| lives.borrow().is_open(id), &mut |piece| {
            if ended.is_cancelled() {
                return Err(Error::new(Next::Retry, "the store is shutting down"));
            }
            piece.spans().for_each(|span| lives.borrow_mut().see(span));
            Ok(())
        })?;
    }
    Ok(())
}

/// Notes when the traces begin and end in the group; false where it holds none of them.
fn cover(view: &BlockView, group: &crate::index::Group, lives: &mut Lives<'_>) -> Result<bool> {
    let traces = view.traces(group)?;
    let found: Vec<_> = match lives.ids().len() < traces.all().len() / FEW {
        true => lives.ids().flat_map(|id| traces.of(id)).copied().collect(),
        false => traces.all().iter().filter(|rows| lives.judges(rows.id)).copied().collect(),
    };
    for rows in &found {
        lives.cover(rows.id, rows.start, rows.end);
    }
    Ok(!found.is_empty())
}

fn look_at_batch(batch: &Batch, lives: &mut Lives<'_>) {
    for (place, row) in batch.rows().iter().enumerate() {
        if lives.judges(row.trace_id) {
            lives.cover(row.trace_id, row.start, row.end.max(row.start));
            lives.see(batch.span(place));
        }
    }
}
