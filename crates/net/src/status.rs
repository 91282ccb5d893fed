//! One table that says how an outcome is answered, whatever protocol asks.
//!
//! In: a [`Situation`]. Out: the gRPC code, the HTTP code, and whether the client is to send again.
//! [`Status`] is what travels: `google.rpc.Status` as protobuf or JSON, with `RetryInfo` if there is a
//! retry hint.

mod proto;

use std::time::Duration;

/// Every way in which a request can end without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// Nothing in it could be decoded, or its parts contradict each other.
    Undecodable,
    /// Larger than the limit, as it travels or inflated.
    TooLarge,
    /// A content type or encoding that is not spoken here.
    UnsupportedMedia,
    /// No such path, method or service.
    UnknownMethod,
    /// The path is right, the HTTP method is not.
    WrongHttpMethod,
    /// No credentials, or wrong ones.
    Unauthenticated,
    /// The credentials are good, but not for this.
    Forbidden,
    /// More than this client may send; later it may send again.
    RateLimited,
    /// No memory, no disk, a full queue, a store that is down, or the end of this process.
    Unavailable,
    /// The client's time was over before the outcome was known.
    DeadlinePassed,
    /// The body came too slowly.
    TooSlow,
    /// A bug in Faden, met by this batch for the first time.
    Bug,
    /// A batch that has met a bug before; sending it again does not help.
    Poison,
}

/// How a situation is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The gRPC code.
    pub code: Code,
    /// The HTTP code.
    pub http: u16,
    /// True if the client is told to send the same again later.
    pub retry: bool,
}

impl Situation {
    /// The answer, by the one table.
    pub fn answer(self) -> Answer {
        let (code, http, retry) = match self {
            Situation::Undecodable | Situation::Poison => (Code::InvalidArgument, 400, false),
            Situation::TooLarge => (Code::ResourceExhausted, 413, false),
            Situation::UnsupportedMedia => (Code::Unimplemented, 415, false),
            Situation::UnknownMethod => (Code::Unimplemented, 404, false),
            Situation::WrongHttpMethod => (Code::Unimplemented, 405, false),
            Situation::Unauthenticated => (Code::Unauthenticated, 401, false),
            Situation::Forbidden => (Code::PermissionDenied, 403, false),
            Situation::RateLimited => (Code::ResourceExhausted, 429, true),
            Situation::Unavailable | Situation::Bug => (Code::Unavailable, 503, true),
            Situation::DeadlinePassed => (Code::DeadlineExceeded, 504, false),
            Situation::TooSlow => (Code::Cancelled, 408, false),
        };
        Answer { code, http, retry }
    }

    /// The status to send: the code of the table, this message, and the hint if sending again makes sense.
    pub fn status(self, message: impl Into<String>, retry_after: Option<Duration>) -> Status {
        let Answer { code, retry, .. } = self.answer();
        let retry_after = retry.then(|| retry_after.unwrap_or(RETRY_AFTER));
        Status { code, message: message.into(), retry_after }
    }
}

/// The retry hint of whoever has no better one.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What kind of outcome.
    pub code: Code,
    /// For people.
    pub message: String,
    /// Set if the client is to send again, after this time.
    pub retry_after: Option<Duration>,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for Status {}

impl Status {
    /// A status without a retry hint.
    pub fn new(code: Code, message: impl Into<String>) -> Status {
        Status { code, message: message.into(), retry_after: None }
    }

    /// `google.rpc.Status`, protobuf.
    pub fn to_proto(&self) -> Vec<u8> {
        proto::encode(self)
    }

    /// Reads `google.rpc.Status`; None if the bytes are not one.
    pub fn from_proto(bytes: &[u8]) -> Option<Status> {
        proto::decode(bytes)
    }

    /// `google.rpc.Status`, JSON.
    pub fn to_json(&self) -> String {
        let message = quoted(&self.message);
        let details = self.retry_after.map(|after| {
            format!(
                r#","details":[{{"@type":"{}","retryDelay":"{}s"}}]"#,
                proto::RETRY_INFO,
                after.as_secs_f64()
            )
        });
        format!(r#"{{"code":{},"message":{message}{}}}"#, self.code as u8, details.unwrap_or_default())
    }

    /// The `Retry-After` header: whole seconds, at least one.
    pub fn retry_after_header(&self) -> Option<String> {
        self.retry_after.map(|after| after.as_secs_f64().ceil().max(1.0).to_string())
    }
}

/// The codes of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are gRPC's and explained there")]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    const ALL: [(Code, &'static str); 17] = [
        (Code::Ok, "OK"),
        (Code::Cancelled, "CANCELLED"),
        (Code::Unknown, "UNKNOWN"),
        (Code::InvalidArgument, "INVALID_ARGUMENT"),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (Code::NotFound, "NOT_FOUND"),
        (Code::AlreadyExists, "ALREADY_EXISTS"),
        (Code::PermissionDenied, "PERMISSION_DENIED"),
        (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (Code::FailedPrecondition, "FAILED_PRECONDITION"),
        (Code::Aborted, "ABORTED"),
        (Code::OutOfRange, "OUT_OF_RANGE"),
        (Code::Unimplemented, "UNIMPLEMENTED"),
        (Code::Internal, "INTERNAL"),
        (Code::Unavailable, "UNAVAILABLE"),
        (Code::DataLoss, "DATA_LOSS"),
        (Code::Unauthenticated, "UNAUTHENTICATED"),
    ];

    /// The code with this number; an unknown one counts as `Unknown`.
    pub fn of(number: u64) -> Code {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        Code::ALL.get(at).map_or(Code::Unknown, |(code, _)| *code)
    }

    /// The name as gRPC writes it.
    pub fn name(self) -> &'static str {
        Code::ALL[self as usize].1
    }

    /// The HTTP code that an OTLP/HTTP client gets when a gRPC status has to be passed on.
    pub fn http(self) -> u16 {
        match self {
            Code::Ok => 200,
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => 503,
            Code::ResourceExhausted => 429,
            Code::InvalidArgument => 400,
            Code::Unauthenticated => 401,
            Code::PermissionDenied => 403,
            Code::Unimplemented => 404,
            Code::Unknown
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::Internal => 500,
        }
    }

    /// What an HTTP answer without a gRPC status means to a gRPC client.
    pub fn of_http(http: u16) -> Code {
        match http {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
