//! The store of a server as the APIs see it: what is kept, the archive, erasing.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use blocks::engine::{self, Engine, Stat};
use blocks::manifest::{BlockMeta, Tier};
use blocks::retain::{Inventory, Part, Retention, Rule};
use model::{Clock, Tenant, TraceId};
use query::answer::Count64;
use serve::keep;

/// Looks after an open store.
pub struct StoreKeeper {
    engine: Arc<Engine>,
    location: String,
    retention: Retention,
    clock: Arc<dyn Clock>,
}

impl StoreKeeper {
    /// Looks after this one.
    pub fn new(engine: Arc<Engine>, location: String, retention: Retention, clock: Arc<dyn Clock>) -> Self {
        Self { engine, location, retention, clock }
    }
}

#[async_trait]
impl keep::Keeper for StoreKeeper {
    async fn stat(&self) -> keep::StoreStat {
        let (stat, inventory) = (self.engine.stat().await, self.engine.inventory().await);
        let figures = store_stat(&stat, &inventory, &self.retention);
        keep::StoreStat { location: self.location.clone(), now: Count64(self.clock.now()), ..figures }
    }

    async fn archive(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<Vec<TraceId>, String> {
        self.engine.archive(tenant, ids).await.map_err(|error| error.to_string())
    }

    async fn unarchive(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<u64, String> {
        self.engine.unarchive(tenant, ids).await.map_err(|error| error.to_string())
    }

    async fn archived(&self, tenant: &Tenant) -> Vec<keep::Archived> {
        archived(self.engine.archived(tenant).await)
    }

    async fn erase(&self, what: keep::Erase) -> Result<keep::Erasure, String> {
        self.engine.erase(erase(what, false)).await.map(erasure).map_err(|error| error.to_string())
    }
}

/// The archive as the API lists it.
pub fn archived(traces: Vec<(TraceId, u64)>) -> Vec<keep::Archived> {
    let archived =
        |(id, since): (TraceId, u64)| keep::Archived { trace_id: id.to_string(), since: Count64(since) };
    traces.into_iter().map(archived).collect()
}

/// What the engine is asked to erase; `at_once` where nobody else uses the store.
pub fn erase(what: keep::Erase, at_once: bool) -> engine::erase::Erase {
    let keep::Erase { tenant, ids, spans, time, dry_run } = what;
    engine::erase::Erase { tenant, ids, spans, time, dry_run, at_once }
}

/// What the engine has erased, as the API says it.
pub fn erasure(done: engine::erase::Erasure) -> keep::Erasure {
    let verified = keep::Verified {
        blocks: done.verified.blocks,
        spans: done.verified.spans,
        blocks_found: done.verified.blocks_found,
        journal_frames: done.verified.journal_frames,
        journal_found: done.verified.journal_found,
        files_waiting: done.verified.files_waiting,
    };
    let block = |block: &engine::erase::ErasedBlock| keep::ErasedBlock {
        before: sums(&block.before),
        after: block.after.as_ref().map(sums),
        spans: block.spans,
    };
    keep::Erasure {
        is_proven: done.is_proven(),
        dry_run: done.dry_run,
        began: Count64(done.began_ns),
        spans: done.spans,
        blocks: done.blocks.iter().map(block).collect(),
        unreadable: done.unreadable,
        verified,
        files_gone_at: done.files_gone_at.map(Count64),
        unarchived: done.unarchived,
    }
}

fn sums(meta: &BlockMeta) -> keep::BlockSums {
    keep::BlockSums {
        block: meta.id.clone(),
        spans: meta.spans,
        data_crc32c: format!("{:08x}", meta.data_crc),
        index_crc32c: format!("{:08x}", meta.index_crc),
    }
}

/// What a store keeps, as the API says it; location and time are the caller's.
pub fn store_stat(stat: &Stat, inventory: &Inventory, retention: &Retention) -> keep::StoreStat {
    let usage = &inventory.usage;
    let next = |next: &blocks::retain::Coming| keep::Next {
        block: next.block.clone(),
        at: Count64(next.at),
        by: next.by.clone(),
        tenant: next.tenant.clone(),
        spans: next.spans,
        bytes: next.bytes,
        is_whole: next.is_whole,
    };
    let dropped = inventory.dropped.iter().map(|(why, dropped)| keep::Dropped {
        why: why.clone(),
        blocks: dropped.blocks,
        spans: dropped.spans,
    });
    keep::StoreStat {
        blocks: stat.blocks,
        spans: stat.block_spans,
        bytes: stat.block_bytes,
        time: stat.time.map(|(start, end)| (Count64(start), Count64(end))),
        uncommitted_spans: stat.uncommitted_spans,
        journal_bytes: stat.journal_bytes,
        parts: inventory.parts.iter().map(|((level, tier), part)| of_part(*level, *tier, part)).collect(),
        cooling: keep::Cooling { blocks: inventory.cooling.blocks, bytes: inventory.cooling.bytes },
        tenants: tenants(inventory),
        ages: inventory.ages.clone(),
        room: keep::Room {
            bytes_max: usage.bytes_max,
            bytes_waiting: usage.bytes_waiting,
            bytes_per_s: usage.bytes_per_s,
            full_at: usage.full_at.map(Count64),
            bytes_steady: usage.bytes_steady,
        },
        rules: rules(retention, &inventory.kept),
        next: inventory.coming.iter().map(next).collect(),
        dropped: dropped.collect(),
        archived: inventory.archived.values().sum(),
        clock: stat.clock.map(|doubt| keep::ClockJump {
            ahead_s: doubt.ahead_ns / 1_000_000_000,
            left_s: doubt.left().as_secs(),
        }),
        refusing: stat.refusing.clone(),
        ..keep::StoreStat::default()
    }
}

fn of_part(level: u8, tier: Tier, part: &Part) -> keep::Part {
    let tier = match tier {
        Tier::Hot => "hot",
        Tier::Warm => "warm",
        Tier::Cold => "cold",
    };
    let bytes_before = (part.bytes_before > 0).then_some(part.bytes_before);
    let Part { blocks, spans, bytes, .. } = *part;
    keep::Part { level, tier: tier.to_owned(), blocks, spans, bytes, bytes_before }
}

fn tenants(inventory: &Inventory) -> Vec<keep::TenantPart> {
    let tenant = |(tenant, part): (&String, &Part)| keep::TenantPart {
        tenant: tenant.clone(),
        spans: part.spans,
        bytes: part.bytes,
        archived: inventory.archived.get(tenant).copied().unwrap_or(0),
    };
    inventory.tenants.iter().map(tenant).collect()
}

/// Every rule and the default, of everyone and of single tenants.
fn rules(retention: &Retention, kept: &BTreeMap<String, u64>) -> Vec<keep::RulePart> {
    let default = |tenant: &str, time: std::time::Duration| keep::RulePart {
        name: "time".to_owned(),
        tenant: tenant.to_owned(),
        time_s: time.as_secs(),
        ..keep::RulePart::default()
    };
    let rule = |tenant: &str, rule: &Rule| keep::RulePart {
        name: rule.name.clone(),
        filter: rule.text.clone(),
        tenant: tenant.to_owned(),
        time_s: rule.time.as_secs(),
        traces_kept: kept.get(&rule.name).copied().unwrap_or(0),
    };
    let mut rules = vec![default("", retention.time)];
    rules.extend(retention.rules.iter().map(|one| rule("", one)));
    for (tenant, own) in &retention.tenants {
        rules.extend(own.time.map(|time| default(tenant.as_str(), time)));
        rules.extend(own.rules.iter().flatten().map(|one| rule(tenant.as_str(), one)));
    }
    rules
}
