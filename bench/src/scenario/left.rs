//! How soon a search ends when whoever asked closes the connection.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::figure::{Times, figure};
use crate::record::Record;
use crate::server::Server;

/// How often somebody goes away in the middle of a search.
const ROUNDS: usize = 20;

/// So often, at most, a search may be over before it is left.
const TRIES_MAX: usize = 200;

/// A search that goes on longer than this did not hear that it was left.
const LEFT_MAX: Duration = Duration::from_secs(30);

/// Reads the names of all spans, and none is such.
const PATH: &str =
    "/api/faden/v1/search?limit=20&q=name%20%3D~%20%22.%2Anobody.%2A%22%20%26%26%20user.id%20%21%3D%20x";

/// Measures the time from the end of a connection until no search is under way; no figures where every search was over
/// before.
pub(crate) async fn left_alone(record: &mut Record, server: &Server, at: &str) -> anyhow::Result<()> {
    let mut times = Times::default();
    let mut left = 0;
    for _ in 0..TRIES_MAX {
        if left == ROUNDS {
            break;
        }
        let before = server.counted("faden_query_abandoned").await?;
        let web = server.web.clone();
        let asking = tokio::spawn(async move { web.get(PATH).await });
        while server.counted("faden_query_running").await? == 0.0 && !asking.is_finished() {}
        let start = Instant::now();
        asking.abort();
        while server.counted("faden_query_running").await? > 0.0 {
            ensure!(start.elapsed() < LEFT_MAX, "a search went on for {LEFT_MAX:?} that nobody waits for");
        }
        let ended = start.elapsed();
        if server.counted("faden_query_abandoned").await? > before {
            times.add(ended);
            left += 1;
        }
    }
    if left == 0 {
        return Ok(());
    }
    record.figures.push(figure(
        format!("left alone{at}, a search ends after, p50"),
        times.quantile_ms(0.5),
        "ms",
    ));
    record.figures.push(figure(
        format!("left alone{at}, a search ends after, p99"),
        times.quantile_ms(0.99),
        "ms",
    ));
    Ok(())
}
