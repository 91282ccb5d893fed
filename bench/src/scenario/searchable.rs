//! Waits until a server that has just started finds everything that it keeps.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::web::Web;

/// How long it may take.
const SEARCHABLE_MAX: Duration = Duration::from_secs(300);

/// How often it is asked.
const LOOK: Duration = Duration::from_millis(10);

/// How many spans are found in the end.
pub(super) async fn searchable(web: &Web) -> anyhow::Result<u64> {
    let start = Instant::now();
    loop {
        if let Some(found) = count(web).await? {
            return Ok(found);
        }
        ensure!(start.elapsed() < SEARCHABLE_MAX, "not everything was searchable after {SEARCHABLE_MAX:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// How many spans are found, counted by service; nothing while the store can't search everything yet.
async fn count(web: &Web) -> anyhow::Result<Option<u64>> {
    let answer: serde_json::Value = serde_json::from_slice(&web.get("/api/faden/v1/services").await?)?;
    if answer.get("partial").is_some() {
        return Ok(None);
    }
    let names =
        answer.get("names").and_then(serde_json::Value::as_array).context("the answer names services")?;
    Ok(Some(names.iter().filter_map(|name| name.get("spans")?.as_u64()).sum()))
}
