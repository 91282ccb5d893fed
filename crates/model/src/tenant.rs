//! Whose spans these are. Settled once at the rim; inside, nothing runs without one.

use std::fmt;
use std::sync::Arc;

/// The longest tenant name, in bytes; a longer one is refused.
pub const TENANT_BYTES_MAX: usize = 150;

/// The name of a tenant: letters, digits and `-_.`, neither `.` nor `..`, so that it is safe in a path and in a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// Checks the name; `None` where it breaks the grammar.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let grammar = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let fits = (1..=TENANT_BYTES_MAX).contains(&name.len()) && name.bytes().all(grammar);
        (fits && name != "." && name != "..").then(|| Self(name.into()))
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    /// The tenant of whoever names none.
    fn default() -> Self {
        Self("default".into())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, out)
    }
}
