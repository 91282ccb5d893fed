//! Traces that are kept for ever: listed in the manifest, so that the retention passes them over.
//!
//! Nothing is copied. A block that is due and holds an archived trace is written again with it, as for a rule.

use model::{Tenant, TraceId, time::UnixNanos};
use store::{Ask, Plan, Reader, Rows, plan::LIMIT_MAX};

use super::{Engine, Inner};
use crate::{
    error::{Error, Next, Result},
    manifest::Archiving,
};

/// So many traces can be kept for ever, of all tenants together; more are refused. All of them are in every checkpoint.
pub const ARCHIVED_MAX: u64 = 20_000;

impl Engine {
    /// Keeps these traces for ever; spans of theirs that arrive later, too. Returns those that are not here and were
    /// therefore left out.
    ///
    /// # Errors
    /// If there are too many, or the manifest cannot be written.
    pub async fn archive(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<Vec<TraceId>> {
        let inner = &self.inner;
        let archived = inner.manifest.lock().await.state().archived_traces();
        if archived + ids.len() as u64 > ARCHIVED_MAX || ids.len() > LIMIT_MAX {
            let what = format!(
                "{archived} traces are archived already, and at most {ARCHIVED_MAX} can be, {LIMIT_MAX} at once: \
                 take some out of the archive, or export them with `faden export`"
            );
            return Err(Error::new(Next::Refuse, what));
        }
        inner.put(tenant, ids).await?;
        // Asked after the entry: what is here now is here to stay.
        let missing = self.missing(tenant, ids).await;
        match &missing {
            Ok(missing) if missing.is_empty() => {}
            Ok(missing) => drop(inner.take(tenant, missing).await?),
            Err(_) => drop(inner.take(tenant, ids).await?),
        }
        missing
    }

    /// Keeps these traces no longer than others; returns how many were archived.
    ///
    /// # Errors
    /// If the manifest cannot be written.
    pub async fn unarchive(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<u64> {
        self.inner.take(tenant, ids).await
    }

    /// The archived traces of a tenant and since when they are, in Unix nanoseconds; the latest first.
    pub async fn archived(&self, tenant: &Tenant) -> Vec<(TraceId, UnixNanos)> {
        let manifest = self.inner.manifest.lock().await;
        let of_tenant = manifest.state().archived.get(tenant.as_str()).into_iter().flatten();
        let mut archived: Vec<_> =
            of_tenant.filter_map(|(id, since)| Some((TraceId::parse(id)?, *since))).collect();
        archived.sort_by_key(|(id, since)| (std::cmp::Reverse(*since), *id));
        archived
    }

    async fn missing(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<Vec<TraceId>> {
        let plan = Plan {
            ids: Some(ids.to_vec()),
            limit: ids.len().clamp(1, LIMIT_MAX),
            ..Plan::new(tenant.clone(), Ask::Summaries)
        };
        let answer = self.run(&plan).await.map_err(|error| Error::new(Next::Retry, error.to_string()))?;
        if let Some(partial) = answer.partial {
            return Err(Error::new(Next::Retry, partial));
        }
        let Rows::Summaries(found) = answer.rows else { return Ok(ids.to_vec()) };
        Ok(ids.iter().copied().filter(|id| found.iter().all(|summary| summary.id != *id)).collect())
    }
}

impl Inner {
    async fn put(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<()> {
        let mut entry = self.entry();
        entry.archive = ids.iter().map(|id| Archiving::new(tenant, *id)).collect();
        self.commit_surely(entry, |_| true).await
    }

    /// Takes traces out of the archive; returns how many were in it.
    pub(super) async fn take(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<u64> {
        let mut entry = self.entry();
        {
            let manifest = self.manifest.lock().await;
            let archived = manifest.state().archived.get(tenant.as_str());
            let asked = ids.iter().map(|id| Archiving::new(tenant, *id));
            entry.unarchive = asked
                .filter(|asked| archived.is_some_and(|archived| archived.contains_key(&asked.trace)))
                .collect();
        }
        let count = entry.unarchive.len() as u64;
        if count > 0 {
            self.commit_surely(entry, |_| true).await?;
        }
        Ok(count)
    }
}
