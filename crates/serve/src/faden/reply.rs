//! Answers of the API: JSON, and failures that say what to do.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{Method, StatusCode, Uri};
use query::answer::{Failure, FailureText};
use query::{Error, Unclear};

/// Why there is no answer.
#[derive(Clone, Debug)]
pub struct Failed {
    status: StatusCode,
    message: String,
    remedy: Option<String>,
}

impl Failed {
    /// A failure without advice.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), remedy: None }
    }

    /// A question that is wrong.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The same with advice.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// The same, of this part of the question.
    pub(super) fn of(self, part: &str) -> Self {
        Self { message: format!("{part}: {}", self.message), ..self }
    }

    /// All that is wrong with the parameters; one advice where there is one problem, else inside the message.
    pub(super) fn unclear(unclear: Vec<Unclear>) -> Self {
        match <[Unclear; 1]>::try_from(unclear) {
            Ok([Unclear { parameter, message, remedy }]) => {
                Self { remedy, ..Self::invalid(format!("{parameter}: {message}")) }
            }
            Err(several) => {
                let lines: Vec<_> = several.iter().map(ToString::to_string).collect();
                Self::invalid(lines.join("\n"))
            }
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Invalid(_) => Self::invalid(message),
            Error::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
                .remedy("wait a moment; narrow questions by time and filter, so that each takes less"),
            Error::TimedOut(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, message),
            Error::Failed(reason) => {
                tracing::error!(reason, "could not answer a query");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
                    .remedy("see the server's log, and `faden doctor`")
            }
        }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let error = FailureText { message: self.message, remedy: self.remedy };
        let mut response = (self.status, Json(Failure { error })).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static("1"));
        }
        response
    }
}

pub(super) async fn unknown_path(uri: Uri) -> Failed {
    Failed::new(StatusCode::NOT_FOUND, format!("there is no {}", uri.path()))
        .remedy("see /api/faden/v1/openapi.json for what there is")
}

pub(super) async fn wrong_method(method: Method) -> Failed {
    Failed::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} has no meaning here"))
        .remedy("see /api/faden/v1/openapi.json for the methods of each path")
}
