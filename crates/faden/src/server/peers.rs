//! Nodes that share an object store ask each other for what is not in it yet: both sides over HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use blocks::engine::Engine;
use blocks::engine::peers::{Call, Peer};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use net::Body;
use net::client::{ClientLimits, HttpClient};
use serve::peers::Heads;

use crate::exit::Failure;
use crate::settings::PeerSettings;

/// Bytes of an answer's frame, beside what it carries.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// A failure is told with so much of what the other node said.
const SAID_BYTES_MAX: usize = 500;

/// The peers that the configuration names.
pub fn clients(settings: &PeerSettings) -> Result<Vec<Arc<dyn Peer>>, Failure> {
    let client = HttpClient::new(settings.tls.clone(), &ClientLimits::default()).map_err(Failure::problem)?;
    let peer = |server: &Uri| {
        let name = server.authority().map_or_else(String::new, ToString::to_string);
        let (client, settings) = (client.clone(), settings.clone());
        Arc::new(Remote { name, server: server.clone(), client, settings }) as Arc<dyn Peer>
    };
    Ok(settings.nodes.iter().map(peer).collect())
}

/// A peer that is reached over HTTP.
#[derive(Debug)]
struct Remote {
    name: String,
    server: Uri,
    client: HttpClient,
    settings: PeerSettings,
}

#[async_trait]
impl Peer for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    async fn call(&self, call: Call, request: Bytes, bytes_max: usize) -> Result<Bytes, String> {
        let limit = self.settings.timeout;
        match tokio::time::timeout(limit, self.ask(call, request, bytes_max)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("there was no answer within {limit:?} (store.peers.timeout)")),
        }
    }
}

impl Remote {
    async fn ask(&self, call: Call, body: Bytes, bytes_max: usize) -> Result<Bytes, String> {
        let path = match call {
            Call::Offer => serve::peers::Call::Offer.path(),
            Call::Read => serve::peers::Call::Read.path(),
        };
        let mut parts = self.server.clone().into_parts();
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static(path));
        let uri = Uri::from_parts(parts).map_err(|cause| cause.to_string())?;
        let mut request = Request::post(uri).body(Body::full(body)).map_err(|cause| cause.to_string())?;
        request.headers_mut().extend(self.settings.headers.clone());
        request
            .headers_mut()
            .insert(CONTENT_TYPE, http::HeaderValue::from_static("application/octet-stream"));
        let answer = self.client.send(request).await.map_err(|cause| cause.to_string())?;
        let status = answer.status();
        let limited = Limited::new(answer.into_body(), bytes_max.saturating_add(FRAME_BYTES_MAX));
        let body =
            limited.collect().await.map_err(|cause| match cause.downcast_ref::<LengthLimitError>() {
                Some(_) => "it has more in its head than store.memory.peers leaves room for".to_owned(),
                None => cause.to_string(),
            })?;
        let body = body.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let said: String = String::from_utf8_lossy(&body).chars().take(SAID_BYTES_MAX).collect();
        Err(format!("HTTP {status}: {said}"))
    }
}

/// Answers other nodes out of the engine.
pub struct EngineHeads(pub Arc<Engine>);

#[async_trait]
impl Heads for EngineHeads {
    async fn answer(&self, call: serve::peers::Call, request: Bytes) -> Result<Bytes, String> {
        let call = match call {
            serve::peers::Call::Offer => Call::Offer,
            serve::peers::Call::Read => Call::Read,
        };
        self.0.answer_peer(call, request).await.map_err(|error| error.to_string())
    }
}
