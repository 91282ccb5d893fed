//! Asks a server over HTTP.

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Limited};
use net::Body;
use net::client::{ClientLimits, HttpClient};
use net::tls::ClientTls;

/// Longer answers end the run: no scenario asks for so much.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A client for one address.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    client: HttpClient,
    base: String,
}

impl Web {
    pub(crate) fn new(base: &str) -> anyhow::Result<Self> {
        let client = HttpClient::new(ClientTls::default(), &ClientLimits::default())?;
        Ok(Self { client, base: base.to_owned() })
    }

    /// The body of a good answer.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Bytes> {
        self.sent(Method::GET, path, Body::empty()).await
    }

    /// The body of a good answer to JSON.
    pub(crate) async fn post(&self, path: &str, json: String) -> anyhow::Result<Bytes> {
        self.sent(Method::POST, path, Body::full(json)).await
    }

    async fn sent(&self, method: Method, path: &str, body: Body) -> anyhow::Result<Bytes> {
        let uri: Uri = format!("{}{path}", self.base).parse().with_context(|| format!("ask for {path}"))?;
        let request = Request::builder().method(method).uri(uri).header(CONTENT_TYPE, "application/json");
        let request = request.body(body)?;
        let answer = self.client.send(request).await.with_context(|| format!("ask for {path}"))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|cause| anyhow::anyhow!("{path}: {cause}"))?.to_bytes();
        ensure!(status.is_success(), "{path} was answered with {status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    }

    pub(crate) async fn answers(&self, path: &str) -> bool {
        self.get(path).await.is_ok()
    }
}

/// Text for a query string.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
