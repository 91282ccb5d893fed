//! Open files: each connection takes one, and each block two.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More are not asked for: some systems allow so many that tables of them take memory.
const OPEN_FILES_MAX: u64 = 1 << 20;

/// Raises the limit as far as this user may. Shells and services commonly start with 1,024.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(OPEN_FILES_MAX, |most| most.min(OPEN_FILES_MAX));
    if limit.current.is_none_or(|current| most <= current) {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit }) {
        tracing::warn!(%error, most, "cannot raise the limit of open files");
    }
}
