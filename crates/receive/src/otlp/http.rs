//! OTLP over HTTP: `POST /v1/traces` with protobuf or JSON, answered in the same form.

mod cors;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use net::collect::{Announced, CollectError, CollectLimits, collect, unpacked};
use net::inflate::{Encoding, InflateError, encodings};
use net::origin::AllowList;
use net::{Body, Handler, Situation};
use tokio::time::Instant;

use super::config::HttpSettings;
use super::intake::{Decode, Intake, Refused, WAIT_MAX};
use super::response;

pub(super) fn handler(intake: Arc<Intake>, settings: HttpSettings, open_to_pages: bool) -> Handler {
    let limits = CollectLimits { bytes_max: settings.server.body_bytes_max, ..CollectLimits::default() };
    let site = Arc::new(Site { intake, settings, limits, open_to_pages });
    net::handler(move |request, _| Arc::clone(&site).answer(request))
}

struct Site {
    intake: Arc<Intake>,
    settings: HttpSettings,
    limits: CollectLimits,
    /// True on a loopback port without client certificates: a browser on this machine is the way in for strangers.
    open_to_pages: bool,
}

/// In which form a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Protobuf,
    Json,
    /// Anything else; it is answered in words.
    Unknown,
}

impl Site {
    async fn answer(self: Arc<Site>, request: Request<Incoming>) -> Response<Body> {
        let form = Form::of(request.headers());
        let origin = request.headers().get(ORIGIN).cloned();
        let mut response = match self.route(form, request).await {
            Ok(response) => response,
            Err(refused) => refusal(form, &refused),
        };
        if let (Some(cors), Some(origin)) = (&self.settings.server.cors, origin) {
            cors::allow(cors, &origin, response.headers_mut());
        }
        for (name, value) in &self.settings.server.response_headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    async fn route(&self, form: Form, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        self.keep_foreign_pages_out(&request)?;
        let path = request.uri().path();
        if path != self.settings.traces_path {
            return Err(self.unknown(path));
        }
        if request.method() == Method::OPTIONS
            && let Some(cors) = &self.settings.server.cors
        {
            return Ok(cors::preflight(cors));
        }
        if request.method() != Method::POST {
            return Err(Refused::new(Situation::WrongHttpMethod, "method", "spans are sent with POST"));
        }
        if form == Form::Unknown {
            let message = "the content type must be application/x-protobuf or application/json";
            return Err(Refused::new(Situation::UnsupportedMedia, "unsupported", message));
        }
        self.export(form, request).await
    }

    async fn export(&self, form: Form, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        let deadline = Instant::now() + WAIT_MAX;
        let body = self.body(request).await.inspect_err(|refused| self.intake.count_refused(refused))?;
        let decode: Decode = match form {
            Form::Json => {
                |json| wire::otlp_json::decode(&json).map(Bytes::from).map_err(|cause| cause.to_string())
            }
            _ => Ok,
        };
        let partial = self.intake.take(body, decode, deadline).await?;
        let body = if form == Form::Json { response::json(&partial) } else { response::protobuf(&partial) };
        let mut response = Response::new(Body::full(body));
        response.headers_mut().insert(CONTENT_TYPE, form.content_type());
        Ok(response)
    }

    async fn body(&self, request: Request<Incoming>) -> Result<net::collect::Collected, Refused> {
        let (head, body) = request.into_parts();
        let layers = layers(&head.headers)?;
        let intake = &self.intake;
        let collected = collect(&head.headers, body, Announced::Header, &intake.budget, &self.limits).await;
        let collected = collected.map_err(|cause| {
            let (situation, label) = match cause {
                CollectError::TooLarge { .. } => (Situation::TooLarge, "too_large"),
                CollectError::Busy => (Situation::Unavailable, "budget"),
                CollectError::TooSlow => (Situation::TooSlow, "too_slow"),
                CollectError::Broken(_) => (Situation::Undecodable, "broken_off"),
            };
            Refused::new(situation, label, cause.to_string())
        })?;
        unpacked(collected, &layers, self.limits.bytes_max).await.map_err(|cause| {
            let (situation, label) = match cause {
                InflateError::TooLarge { .. } => (Situation::TooLarge, "inflated_too_large"),
                InflateError::Busy => (Situation::Unavailable, "budget"),
                InflateError::Broken(_) | InflateError::Unknown(_) => (Situation::Undecodable, "malformed"),
            };
            Refused::new(situation, label, format!("the body {cause}"))
        })
    }

    /// On a loopback port, `Host` and `Origin` tell programs of this machine from pages in its browser.
    fn keep_foreign_pages_out(&self, request: &Request<Incoming>) -> Result<(), Refused> {
        if !self.open_to_pages {
            return Ok(());
        }
        let none = AllowList::default();
        let allowed = self.settings.server.cors.as_ref().map_or(&none, |cors| &cors.allowed);
        allowed.check(request.uri(), request.headers()).map_err(|foreign| {
            let refused = Refused::new(Situation::Forbidden, "foreign", foreign.to_string());
            self.intake.count_refused(&refused);
            refused
        })
    }

    fn unknown(&self, path: &str) -> Refused {
        let traces = &self.settings.traces_path;
        let message = if self.settings.other_paths.iter().any(|other| other == path) {
            format!("faden takes traces only: send them to {traces}, and other signals elsewhere")
        } else {
            format!("nothing is here; send spans to {traces}")
        };
        Refused::new(Situation::UnknownMethod, "unknown_path", message)
    }
}

impl Form {
    fn of(headers: &HeaderMap) -> Form {
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = value.split(';').next().unwrap_or_default().trim();
        let is = |known: &str| media_type.eq_ignore_ascii_case(known);
        if is("application/x-protobuf") || is("application/protobuf") {
            Form::Protobuf
        } else if is("application/json") {
            Form::Json
        } else {
            Form::Unknown
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Form::Protobuf => "application/x-protobuf",
            Form::Json => "application/json",
            Form::Unknown => "text/plain; charset=utf-8",
        })
    }
}

fn layers(headers: &HeaderMap) -> Result<Vec<Encoding>, Refused> {
    let mut layers = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let named = encodings(&String::from_utf8_lossy(value.as_bytes()));
        let unsupported =
            |cause: InflateError| Refused::new(Situation::UnsupportedMedia, "unsupported", cause.to_string());
        layers.extend(named.map_err(unsupported)?);
    }
    if layers.len() > net::inflate::LAYERS_MAX {
        return Err(Refused::new(Situation::UnsupportedMedia, "unsupported", "too many content encodings"));
    }
    Ok(layers)
}

fn refusal(form: Form, refused: &Refused) -> Response<Body> {
    let Refused { situation, status, .. } = refused;
    let body = match form {
        Form::Protobuf => status.to_proto(),
        Form::Json => status.to_json().into_bytes(),
        Form::Unknown => format!("{}\n", status.message).into_bytes(),
    };
    let mut response = Response::new(Body::full(body));
    let code = StatusCode::from_u16(situation.answer().http);
    *response.status_mut() = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, form.content_type());
    if let Some(Ok(after)) = status.retry_after_header().map(HeaderValue::try_from) {
        headers.insert(RETRY_AFTER, after);
    }
    if *situation == Situation::WrongHttpMethod {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
