//! Asks a running server over HTTP.
//!
//! What comes back is one of [`query::answer`]'s types. A server that does not answer is said to be away, with the way
//! to start one; what it says instead of an answer is passed on.

use std::time::Duration;

use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use net::Body;
use net::client::{ClientLimits, HttpClient};
use net::tls::ClientTls;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use query::answer;
use serde::de::DeserializeOwned;

use crate::exit::{Exit, Failure};

/// Where Faden's own API begins.
const ROOT: &str = "/api/faden/v1";
/// A longer answer is not read: it would not fit on any screen.
const ANSWER_BYTES_MAX: usize = 1 << 30;
/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(90);

/// What may stand in a part of a path or a query.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A server that can be asked.
pub struct Api {
    client: HttpClient,
    url: String,
}

impl Api {
    /// Nothing is asked yet.
    pub fn new(url: &str) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').to_owned();
        let parsed: Option<Uri> = url.parse().ok();
        if !parsed
            .is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
        {
            return Err(Failure::usage(format!("--url {url}: write it as http://127.0.0.1:16686")));
        }
        let client =
            HttpClient::new(ClientTls::default(), &ClientLimits::default()).map_err(Failure::problem)?;
        Ok(Self { client, url })
    }

    /// Asks Faden's API for JSON; `path` begins after the API's own, parts of it are to be [`part`]s.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Failure> {
        let body = self.bytes(path, query).await?;
        serde_json::from_slice(&body).map_err(|cause| {
            Failure::problem(format!(
                "{} answers in another language ({cause}); is it another version of faden?",
                self.url
            ))
        })
    }

    /// Sends a request of this method, with JSON if there is any, and reads the JSON that comes back.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<T, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{ROOT}{path}", self.url))
            .header("content-type", "application/json")
            .body(json.map_or_else(Body::empty, Body::full))
            .map_err(Failure::usage)?;
        let answer = self.client.send(request).await.map_err(|cause| self.away(&cause))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let broken = |cause| Failure::problem(format!("the answer of {} ended early: {cause}", self.url));
        let body = body.map_err(broken)?.to_bytes();
        if !status.is_success() {
            return Err(self.refused(status, &body));
        }
        serde_json::from_slice(&body)
            .map_err(|cause| Failure::problem(format!("{} answers in another language ({cause})", self.url)))
    }

    /// The same as bytes.
    pub async fn bytes(&self, path: &str, query: &[(&str, String)]) -> Result<Bytes, Failure> {
        let answer = self.open(path, query).await?;
        let body =
            tokio::time::timeout(ANSWER_TIME_MAX, Limited::new(answer, ANSWER_BYTES_MAX).collect()).await;
        let late = |_| {
            Failure::problem(format!("{} did not finish its answer within {ANSWER_TIME_MAX:?}", self.url))
        };
        let broken = |cause| Failure::problem(format!("the answer of {} ended early: {cause}", self.url));
        Ok(body.map_err(late)?.map_err(broken)?.to_bytes())
    }

    /// The same as a stream; errors have been sorted out.
    pub async fn open(&self, path: &str, query: &[(&str, String)]) -> Result<Incoming, Failure> {
        let url = format!("{}{ROOT}{path}{}", self.url, query_string(query));
        let request = Request::get(&url).body(Body::empty()).map_err(Failure::usage)?;
        let sent = tokio::time::timeout(ANSWER_TIME_MAX, self.client.send(request)).await;
        let late = |_| Failure::problem(format!("{} did not answer within {ANSWER_TIME_MAX:?}", self.url));
        let answer = sent.map_err(late)?.map_err(|cause| self.away(&cause))?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(self.refused(status, &body))
    }

    fn away(&self, cause: &dyn std::fmt::Display) -> Failure {
        let message = format!(
            "no server answers at {}: {cause}\n       start one with `faden`, or say where it is with --url",
            self.url
        );
        Failure { exit: Exit::Unreachable, message }
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        if let Ok(answer::Failure { error }) = serde_json::from_slice(body) {
            let remedy = error.remedy.map_or(String::new(), |remedy| format!("\n       {remedy}"));
            let exit = if status == StatusCode::BAD_REQUEST { Exit::Usage } else { Exit::Problem };
            return Failure {
                exit,
                message: crate::text::harmless_lines(&format!("{}{remedy}", error.message)),
            };
        }
        Failure::problem(format!("{} answers with HTTP {status}; is it a faden server?", self.url))
    }
}

/// A part of a path, escaped.
pub fn part(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

fn query_string(query: &[(&str, String)]) -> String {
    let pairs: Vec<String> = query.iter().map(|(key, value)| format!("{key}={}", part(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_away_ends_with_its_own_code_and_advice() {
        let free = net::Listener::bind("127.0.0.1:0").await.expect("loopback has ports").local_addr();
        let api = Api::new(&format!("http://{free}/")).expect("it is a URL");
        let failure = api.ask::<answer::Found>("/search", &[]).await.expect_err("nobody listens");
        assert_eq!(failure.exit, Exit::Unreachable);
        assert!(failure.message.contains("start one with `faden`"), "{}", failure.message);
    }

    #[test]
    fn what_is_no_url_is_an_error_of_usage() {
        for url in ["localhost:16686", "ftp://x", ""] {
            assert_eq!(Api::new(url).err().map(|failure| failure.exit), Some(Exit::Usage));
        }
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(query_string(&[("q", "a=b && c>\"ü\"".into())]), "?q=a%3Db%20%26%26%20c%3E%22%C3%BC%22");
    }
}
