//! Why there is no answer, as all APIs say it: a status of HTTP and words; each API writes them in its own form.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use net::Status;
use net::status::Code;

/// Says why an answer is not whole, where its form has no place for that.
const PARTIAL: HeaderName = HeaderName::from_static("x-faden-partial");

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, message: message.into() }
    }

    /// The same for gRPC.
    pub(crate) fn status(self) -> Status {
        let code = match self.status {
            StatusCode::BAD_REQUEST => Code::InvalidArgument,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::TOO_MANY_REQUESTS => Code::Unavailable,
            StatusCode::GATEWAY_TIMEOUT => Code::DeadlineExceeded,
            _ => Code::Internal,
        };
        Status::new(code, self.message)
    }
}

impl From<query::Error> for Refusal {
    fn from(error: query::Error) -> Self {
        let message = error.to_string();
        let status = match error {
            query::Error::Invalid(_) => StatusCode::BAD_REQUEST,
            query::Error::Busy => StatusCode::TOO_MANY_REQUESTS,
            query::Error::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            query::Error::Failed(_) => {
                tracing::error!(message, "could not answer a query");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self { status, message }
    }
}

impl From<query::Mistake> for Refusal {
    fn from(mistake: query::Mistake) -> Self {
        Self::bad_request(format!("invalid TraceQL query: {mistake}"))
    }
}

/// In plain text.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, self.message).into_response()
    }
}

/// The same answer; where it is partial, a header says why.
pub(crate) fn said<B>(partial: Option<&str>, mut response: http::Response<B>) -> http::Response<B> {
    if let Some(reason) = partial.and_then(|reason| HeaderValue::from_str(reason).ok()) {
        response.headers_mut().insert(PARTIAL, reason);
    }
    response
}
