//! One port and the APIs that answer on it.
//!
//! A request is judged before any API sees it: on a loopback port its `Host` and `Origin` must be ours
//! ([`AllowList`]), and its query string is bounded by [`QUERY_BYTES_MAX`]. The tenant is settled here. So is how large an
//! answer may be ([`bounded`]).

mod bounded;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use model::Tenant;
use net::listen::BindError;
use net::origin::AllowList;
use net::{Handler, HttpLimits, Listener, Peer, Server, is_loopback};
use tower_service::Service as _;

pub(crate) use bounded::Flowing;

use crate::faden::Failed;

/// The longest query string, in bytes; a longer one is refused (414). It holds the longest filter, percent-encoded.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;

/// Who may ask on a port, and for whom.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whose pages and under which names a loopback port may be asked.
    pub allowed: AllowList,
    /// Whose spans are asked for.
    pub tenant: Tenant,
    /// Bytes of an answer, but for those of exports and live tails; a larger one is refused, or broken off where its
    /// size shows late.
    pub answer_bytes_max: u64,
}

impl Default for Rules {
    fn default() -> Self {
        let (allowed, tenant) = (AllowList::default(), Tenant::default());
        Self { allowed, tenant, answer_bytes_max: u64::MAX }
    }
}

/// A bound port with its APIs; nothing is answered before [`serve`](Self::serve).
pub struct Site {
    listener: Listener,
    handler: Handler,
}

impl Site {
    /// Takes the port.
    ///
    /// # Errors
    /// If the address cannot be listened on; the error says what to do.
    pub async fn bind(endpoint: &str, apis: Vec<Router>, rules: Rules) -> Result<Self, BindError> {
        let listener = Listener::bind(endpoint).await?;
        let router = apis.into_iter().fold(Router::new(), Router::merge);
        let door = Arc::new(Door { is_loopback: is_loopback(&listener.local_addr()), rules, router });
        let handler = net::handler(move |request: Request<hyper::body::Incoming>, peer: Peer| {
            let door = Arc::clone(&door);
            async move { door.answer(request.map(axum::body::Body::new), peer).await.map(net::Body::stream) }
        });
        Ok(Self { listener, handler })
    }

    /// The same for what answers by itself, such as gRPC.
    ///
    /// # Errors
    /// If the address cannot be listened on; the error says what to do.
    pub async fn of(endpoint: &str, handler: Handler) -> Result<Self, BindError> {
        Ok(Self { listener: Listener::bind(endpoint).await?, handler })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Answers until `stop` is done, then finishes what is at work.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { listener, handler } = self;
        Server { listener, tls: None, limits: HttpLimits::default() }.serve(handler, stop).await;
    }
}

struct Door {
    is_loopback: bool,
    rules: Rules,
    router: Router,
}

impl Door {
    async fn answer(&self, mut request: Request<axum::body::Body>, peer: Peer) -> Response {
        if self.is_loopback
            && let Err(foreign) = self.rules.allowed.check(request.uri(), request.headers())
        {
            let remedy = "add the origin to serve.allowed_origins, or ask under localhost";
            return Failed::new(StatusCode::FORBIDDEN, foreign.to_string()).remedy(remedy).into_response();
        }
        let length = request.uri().query().map_or(0, str::len);
        if length > QUERY_BYTES_MAX {
            let message =
                format!("the query string has {length} bytes, and at most {QUERY_BYTES_MAX} are read");
            return Failed::new(StatusCode::URI_TOO_LONG, message).into_response();
        }
        request.extensions_mut().insert(self.rules.tenant.clone());
        request.extensions_mut().insert(peer);
        let mut router = self.router.clone();
        match router.call(request).await {
            Ok(response) => bounded::bounded(response, self.rules.answer_bytes_max),
            Err(never) => match never {},
        }
    }
}
