//! Keeps web pages from talking to a listener that only this machine should reach.
//!
//! A page that a browser loads from anywhere can post to `localhost`, or make its own name resolve
//! to 127.0.0.1. Both show: the header `Host` names a stranger, or `Origin` does.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};

/// Who may be named in `Host` and `Origin`.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    /// Further origins (`https://app.example.com`, `http://*.example.com`, `*`), whose hosts are allowed too.
    pub origins: Vec<String>,
    /// Further host names, without port.
    pub hosts: Vec<String>,
}

/// What gives a foreign request away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It was addressed to this name, which is not ours.
    Host(String),
    /// A page of this origin sent it.
    Origin(String),
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Foreign::Host(host) => write!(f, "host {host:?} is not allowed on this loopback port"),
            Foreign::Origin(origin) => write!(f, "origin {origin:?} is not allowed on this port"),
        }
    }
}

impl AllowList {
    /// True if pages of this origin may speak to us.
    pub fn allows_origin(&self, origin: &str) -> bool {
        let is_local =
            origin.parse::<Uri>().ok().and_then(|uri| uri.host().map(is_local_name)).unwrap_or(false);
        is_local || self.origins.iter().any(|pattern| matches(pattern, origin))
    }

    /// Judges the `Host` (or, on HTTP/2, the authority) and the `Origin` of a request to a loopback port.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Foreign> {
        if let Some(origin) = headers.get(ORIGIN) {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            if !self.allows_origin(&origin) {
                return Err(Foreign::Origin(shortened(&origin)));
            }
        }
        let header = headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
        let Some(authority) = header.as_deref().or_else(|| uri.authority().map(|it| it.as_str())) else {
            return Ok(());
        };
        let host = without_port(authority);
        let named = self.hosts.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(host));
        if is_local_name(host) || named { Ok(()) } else { Err(Foreign::Host(shortened(authority))) }
    }
}

/// Only names that no stranger can make resolve to us: loopback addresses and `localhost`.
fn is_local_name(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    let address = bare.parse::<std::net::IpAddr>();
    let is_name = |suffix: &str| {
        bare.len() >= suffix.len() && bare[bare.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
    };
    match address {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) if !bare.is_ascii() => false,
        Err(_) => bare.eq_ignore_ascii_case("localhost") || is_name(".localhost"),
    }
}

fn without_port(authority: &str) -> &str {
    let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after_brackets..].find(':') {
        Some(colon) => &authority[..after_brackets + colon],
        None => authority,
    }
}

/// One `*` stands for anything.
fn matches(pattern: &str, origin: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(origin),
        Some((start, end)) => {
            origin.len() >= start.len() + end.len() && origin.starts_with(start) && origin.ends_with(end)
        }
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}

#[cfg(test)]
mod tests;
