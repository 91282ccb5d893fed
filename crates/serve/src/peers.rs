//! What other nodes ask: `POST /api/faden/v1/peer/offer` and `/read`, on a port of its own.
//!
//! The bodies are the store's own language (`docs/format/peers.md`), for other nodes and nobody else: whoever reaches
//! the port can read the youngest spans of every tenant. So nothing listens unless `serve.peers` says where.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::faden::Failed;

/// What another node asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// What this node has that is in no committed block.
    Offer,
    /// Parts of a block that it offered.
    Read,
}

impl Call {
    /// Where it is asked.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Offer => "/api/faden/v1/peer/offer",
            Self::Read => "/api/faden/v1/peer/read",
        }
    }
}

/// Answers other nodes.
#[async_trait]
pub trait Heads: Send + Sync {
    /// The answer.
    ///
    /// # Errors
    /// Why there is none.
    async fn answer(&self, call: Call, request: Bytes) -> Result<Bytes, String>;
}

/// Both paths.
pub fn routes(heads: Arc<dyn Heads>) -> Router {
    Router::new()
        .route(Call::Offer.path(), post(offer))
        .route(Call::Read.path(), post(read))
        .with_state(heads)
}

/// Bytes, or a failure in the form of the other paths.
type Answered = Result<([(http::HeaderName, &'static str); 1], Bytes), Failed>;

async fn offer(State(heads): State<Arc<dyn Heads>>, request: Bytes) -> Answered {
    answered(&*heads, Call::Offer, request).await
}

async fn read(State(heads): State<Arc<dyn Heads>>, request: Bytes) -> Answered {
    answered(&*heads, Call::Read, request).await
}

async fn answered(heads: &dyn Heads, call: Call, request: Bytes) -> Answered {
    let answer = heads.answer(call, request).await;
    let answer = answer.map_err(|why| Failed::new(StatusCode::SERVICE_UNAVAILABLE, why))?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], answer))
}
