//! TLS for listeners and clients: certificates from files or text, mutual TLS, reload under load.
//!
//! Files are looked at again when a connection begins, at most every `reload_after`. New files that
//! cannot be used leave the old ones in force and are logged; they are tried again later. No
//! connection is dropped by a reload.

mod client;
mod pem;
mod reload;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

pub use client::{ClientTls, TlsClient};
pub use server::{ServerTls, TlsServer};

/// How often files are looked at when the configuration does not say: rotated within five seconds.
pub const RELOAD_AFTER: Duration = Duration::from_secs(3);
/// How long a handshake may take; a longer one is cut off.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// PEM text, or the file that holds it.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// Read again when it changes.
    File(PathBuf),
    /// Given in the configuration.
    Text(String),
}

/// Text may be a private key, so it is never shown.
impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pem::File(path) => write!(f, "{}", path.display()),
            Pem::Text(_) => f.write_str("(given as text)"),
        }
    }
}

/// The oldest or newest TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Why TLS cannot be set up: which file or key, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError(pub String);

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

fn versions(
    min: TlsVersion,
    max: Option<TlsVersion>,
) -> Result<Vec<&'static rustls::SupportedProtocolVersion>, TlsError> {
    let max = max.unwrap_or(TlsVersion::V1_3);
    if min > max {
        return Err(TlsError("`min_version` is newer than `max_version`".into()));
    }
    let known = [(TlsVersion::V1_2, &rustls::version::TLS12), (TlsVersion::V1_3, &rustls::version::TLS13)];
    Ok(known.iter().filter(|(version, _)| min <= *version && *version <= max).map(|(_, it)| *it).collect())
}
