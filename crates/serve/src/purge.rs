//! Empties a store that tests write to, as `POST` without a body.
//!
//! Everything of the tenant is erased for good, archived traces too, so the configuration must allow it. Pages of other
//! sites cannot ask for it: a request that a browser sends for one is refused.

use std::sync::Arc;

use http::header::ORIGIN;
use http::{HeaderMap, StatusCode};
use model::{Tenant, TimeRange};
use store::Filter;

use crate::keep::{Erase, Keeper};

/// What is said where the configuration does not allow it.
const REFUSED: &str = "purging is not allowed here: it erases every span of the store. Set `serve: { purge: true }` in the \
    configuration of a server that holds nothing but test data, and start it again";

/// Whether a store may be emptied, and by whom.
#[derive(Clone)]
pub enum Purge {
    /// The configuration does not say so.
    Refused,
    /// This one does it.
    By(Arc<dyn Keeper>),
}

impl Purge {
    /// Erases everything of the tenant: the status of the answer and its text.
    pub async fn answer(&self, headers: &HeaderMap, tenant: Tenant) -> (StatusCode, String) {
        let Self::By(keeper) = self else { return (StatusCode::FORBIDDEN, REFUSED.to_owned()) };
        if headers.contains_key(ORIGIN) {
            return (StatusCode::FORBIDDEN, "purging is not for web pages: ask from a program".to_owned());
        }
        let everything =
            Erase { tenant, ids: None, spans: Filter::All, time: TimeRange::ALL, dry_run: false };
        let keeper = Arc::clone(keeper);
        // A task of its own: whoever stops waiting does not leave it half done.
        match tokio::spawn(async move { keeper.erase(everything).await }).await {
            Ok(Ok(done)) if done.is_proven => (StatusCode::OK, format!("purged {} spans\n", done.spans)),
            Ok(Ok(done)) => {
                let message = format!("{} spans were purged, and some blocks could not be read", done.spans);
                (StatusCode::INTERNAL_SERVER_ERROR, message)
            }
            Ok(Err(reason)) => (StatusCode::INTERNAL_SERVER_ERROR, reason),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}
