//! What goes wrong between a client and the objects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::Service;
use s3s::service::S3Service;

use crate::{Shared, lock};

type Cause = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Cause>;

/// How often something goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub enum Often {
    /// It does not.
    #[default]
    Never,
    /// So many times from now on.
    Next(u32),
    /// Of a hundred requests so many, evenly spread.
    Percent(u32),
}

/// What goes wrong now.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Connections are cut.
    pub down: bool,
    /// Requests are taken and never answered.
    pub hangs: bool,
    /// Every answer comes so much later.
    pub slow: Duration,
    /// Requests are answered with 500 and have no effect.
    pub errors: Often,
    /// Writes take effect, then the connection is cut before the answer.
    pub lost_answers: Often,
    /// Reads end in the middle.
    pub cut_reads: Often,
    /// Listings show what was there when this began.
    pub listing_lags: bool,
    /// Every request is answered with this status and code of S3, such as 403 and `AccessDenied`.
    pub refusal: Option<(u16, &'static str)>,
    turns: u32,
}

impl Faults {
    fn strikes(&mut self, of: fn(&mut Self) -> &mut Often) -> bool {
        self.turns = self.turns.wrapping_add(61);
        let turn = self.turns % 100;
        match of(self) {
            Often::Never => false,
            Often::Percent(share) => turn < *share,
            often @ Often::Next(0) => {
                *often = Often::Never;
                false
            }
            Often::Next(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// The service with its faults.
#[derive(Clone)]
pub(crate) struct Faulty {
    inner: S3Service,
    shared: Arc<Shared>,
}

/// What happens to one request.
struct Fate {
    down: bool,
    hangs: bool,
    slow: Duration,
    error: bool,
    lost: bool,
    cut: bool,
    refusal: Option<(u16, &'static str)>,
}

/// How often a hanging request looks whether it goes on.
const HANG_TICK: Duration = Duration::from_millis(20);

impl Faulty {
    pub(crate) fn new(inner: S3Service, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    pub(crate) fn is_down(&self) -> bool {
        lock(&self.shared.faults).down
    }

    fn fate(&self, kind: &str) -> Fate {
        let mut faults = lock(&self.shared.faults);
        let writes = kind.starts_with("PUT") || kind.starts_with("POST") || kind == "DELETE";
        Fate {
            down: faults.down,
            hangs: faults.hangs,
            slow: faults.slow,
            error: faults.strikes(|faults| &mut faults.errors),
            lost: writes && faults.strikes(|faults| &mut faults.lost_answers),
            cut: kind.starts_with("GET") && faults.strikes(|faults| &mut faults.cut_reads),
            refusal: faults.refusal,
        }
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Cause> {
        let kind = kind(&request);
        *lock(&self.shared.calls).entry(kind.to_owned()).or_default() += 1;
        let fate = self.fate(kind);
        if fate.down {
            return Err("the store is down".into());
        }
        while fate.hangs && lock(&self.shared.faults).hangs {
            tokio::time::sleep(HANG_TICK).await;
        }
        tokio::time::sleep(fate.slow).await;
        if let Some((status, code)) = fate.refusal {
            return refusal(status, code);
        }
        if fate.error {
            return refusal(500, "InternalError");
        }
        let (parts, body) = self
            .inner
            .call(request.map(s3s::Body::from))
            .await
            .map_err(|_| "the service failed")?
            .into_parts();
        if fate.lost {
            return Err("the answer is lost".into());
        }
        let body = if fate.cut { cut(body.collect().await?.to_bytes()) } else { body.boxed_unsync() };
        Ok(Response::from_parts(parts, body))
    }
}

impl Service<Request<Incoming>> for Faulty {
    type Response = Response<Body>;
    type Error = Cause;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

fn kind(request: &Request<Incoming>) -> &'static str {
    let query = request.uri().query().unwrap_or_default();
    match *request.method() {
        Method::GET if query.contains("list-type") => "LIST",
        Method::GET if request.headers().contains_key("range") => "GET range",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::DELETE => "DELETE",
        Method::POST => "POST",
        _ if query.contains("partNumber") => "PUT part",
        _ if request.headers().contains_key("if-none-match") => "PUT if none",
        _ => "PUT",
    }
}

fn refusal(status: u16, code: &str) -> Result<Response<Body>, Cause> {
    let text = format!("<Error><Code>{code}</Code><Message>the test wants it so</Message></Error>");
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    Ok(Response::builder().status(status).header("content-type", "application/xml").body(body)?)
}

/// Half of the bytes, then the end of the connection.
fn cut(whole: Bytes) -> Body {
    let half = Frame::data(whole.slice(..whole.len() / 2));
    let frames = [Ok(half), Err(Cause::from("the connection is cut"))];
    BodyExt::boxed_unsync(StreamBody::new(stream::iter(frames)))
}
