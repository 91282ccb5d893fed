//! Values as they stand in a query.

use model::{Kind, StatusCode};

/// A value in the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// In quotes or back-ticks.
    Text(String),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Nanoseconds, written with units.
    Duration(i64),
    /// `true` or `false`.
    Bool(bool),
    /// `error`, `ok` or `unset`.
    Status(StatusCode),
    /// `server`, `client` …
    Kind(Kind),
    /// `nil`: no value.
    Nil,
}

impl Literal {
    /// The value that a bare word stands for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            "nil" => Self::Nil,
            "minInt" => Self::Int(i64::MIN),
            "maxInt" => Self::Int(i64::MAX),
            "error" => Self::Status(StatusCode::Error),
            "ok" => Self::Status(StatusCode::Ok),
            "unset" => Self::Status(StatusCode::Unset),
            "unspecified" => Self::Kind(Kind::Unspecified),
            "internal" => Self::Kind(Kind::Internal),
            "server" => Self::Kind(Kind::Server),
            "client" => Self::Kind(Kind::Client),
            "producer" => Self::Kind(Kind::Producer),
            "consumer" => Self::Kind(Kind::Consumer),
            _ => return None,
        })
    }

    /// The value that a number with or without a unit stands for.
    #[must_use]
    pub fn of_number(text: &str) -> Option<Self> {
        if let Ok(int) = text.parse() {
            return Some(Self::Int(int));
        }
        if let Some(nanos) = crate::duration::parse(text) {
            return i64::try_from(nanos).ok().map(Self::Duration);
        }
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
        text.parse::<f64>().ok().filter(|number| is_plain && number.is_finite()).map(Self::Float)
    }

    /// The number it stands for; a duration in nanoseconds.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(int) | Self::Duration(int) => Some(*int as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }
}
