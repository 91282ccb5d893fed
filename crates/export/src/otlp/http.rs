//! One attempt over HTTP.

use std::sync::Arc;

use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use ::http::{HeaderMap, HeaderValue, Request, Response, Uri};
use async_trait::async_trait;
use bytes::Bytes;
use config::Block;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use model::Batch;
use net::Body;
use net::client::HttpClient;
use net::compress::compress;
use net::retry::parse_retry_after;
use net::settings::{self, HttpClientSettings};
use pipeline::{BuildExporter, Outcome, StartError};

use super::answer::{self, PartialSuccess};
use crate::remote::Attempt;

/// Of a longer answer the rest is not read.
const ANSWER_BYTES_MAX: usize = 4 << 20;

pub(super) struct Settings {
    client: HttpClientSettings,
    uri: Uri,
    is_json: bool,
}

struct Http {
    client: HttpClient,
    settings: Settings,
    exporter: String,
}

pub(super) fn parse(block: &mut Block<'_>) -> BuildExporter {
    let settings = Settings::read(block);
    super::build(block, move |exporter| settings.open(exporter))
}

impl Settings {
    pub(super) fn read(block: &mut Block<'_>) -> Self {
        let traces = block
            .optional_text("traces_endpoint", "the whole URL for traces; otherwise endpoint and /v1/traces");
        for key in ["metrics_endpoint", "logs_endpoint", "profiles_endpoint"] {
            block.ignored(key, "Faden moves traces only");
        }
        let encoding = block.choice("encoding", &["proto", "json"], "proto", "how requests are written");
        let client = settings::http_client(block, "30s", "gzip");
        let uri = target(block, traces.as_deref(), &client.endpoint);
        Self { client, uri, is_json: encoding == "json" }
    }

    pub(super) fn open(self, exporter: &str) -> Result<Arc<dyn Attempt>, StartError> {
        let client = self.client.client().map_err(|cause| StartError::new(cause.to_string()))?;
        Ok(Arc::new(Http { client, settings: self, exporter: exporter.to_owned() }))
    }
}

fn target(block: &Block<'_>, traces: Option<&str>, endpoint: &str) -> Uri {
    let (key, url) = match traces {
        Some(url) => ("traces_endpoint", url.to_owned()),
        None => ("endpoint", format!("{}/v1/traces", endpoint.trim_end_matches('/'))),
    };
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    uri.unwrap_or_else(|| {
        let remedy = "write a URL such as http://localhost:4318";
        block.problem(key, "this must be the URL of an OTLP/HTTP server", Some(remedy.to_owned()));
        Uri::from_static("http://localhost:4318/v1/traces")
    })
}

impl Http {
    async fn request(&self, batch: &Batch) -> Result<Request<Body>, String> {
        let (bytes, content_type) = match self.settings.is_json {
            true => (json(batch.clone()).await?, "application/json"),
            false => (batch.bytes().clone(), "application/x-protobuf"),
        };
        let mut request = Request::post(self.settings.uri.clone())
            .body(Body::empty())
            .map_err(|cause| cause.to_string())?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("faden/", env!("CARGO_PKG_VERSION"))));
        headers.extend(self.settings.client.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let Some((encoding, level)) = self.settings.client.compression else {
            *request.body_mut() = Body::full(bytes);
            return Ok(request);
        };
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.header_name()));
        let packed = tokio::task::spawn_blocking(move || compress(encoding, level, &bytes)).await;
        let packed = packed.map_err(|cause| cause.to_string())?.map_err(|cause| cause.to_string())?;
        *request.body_mut() = Body::full(packed);
        Ok(request)
    }

    async fn send(&self, request: Request<Body>, spans: u64) -> Outcome {
        let response = match self.client.send(request).await {
            Ok(response) => response,
            Err(cause) => return Outcome::retry(None, "remote", cause.to_string()),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = body(response).await;
        if !status.is_success() {
            return answer::of_http(status.as_u16(), retry_after(&headers), spans, &body);
        }
        let is_json =
            headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        let partial = if is_json { from_json(&body) } else { answer::from_proto(&body) };
        answer::of_success(&partial, spans, &self.exporter)
    }
}

#[async_trait]
impl Attempt for Http {
    async fn attempt(&self, batch: &Batch) -> Outcome {
        let spans = batch.len() as u64;
        let request = match self.request(batch).await {
            Ok(request) => request,
            Err(cause) => return Outcome::rejected(spans, "remote", cause),
        };
        let timeout = self.settings.client.timeout;
        tokio::time::timeout(timeout, self.send(request, spans))
            .await
            .unwrap_or_else(|_| Outcome::retry(None, "remote", format!("no answer within {timeout:?}")))
    }
}

async fn json(batch: Batch) -> Result<Bytes, String> {
    let written = tokio::task::spawn_blocking(move || {
        let mut out = wire::json::Writer::compact();
        wire::otlp_json::batch(&batch, &mut out);
        out.into_bytes()
    });
    Ok(written.await.map_err(|cause| cause.to_string())?.into())
}

async fn body(response: Response<Incoming>) -> Bytes {
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    body.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}

fn retry_after(headers: &HeaderMap) -> Option<std::time::Duration> {
    headers.get(RETRY_AFTER).and_then(|value| parse_retry_after(value.to_str().ok()?))
}

fn from_json(body: &[u8]) -> PartialSuccess {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let rejected = &partial["rejectedSpans"];
    let rejected = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok());
    PartialSuccess {
        rejected_spans: rejected.unwrap_or(0),
        error_message: partial["errorMessage"].as_str().unwrap_or_default().to_owned(),
    }
}
