//! One process per data directory: a lock that ends with the process, and says who holds it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::error::{Doing, Error, Next, Result};

const NAME: &str = "LOCK";

/// Bytes read of what the holder wrote about itself.
const HOLDER_BYTES_MAX: u64 = 1024;

/// Holds a data directory until it is dropped, or the process ends.
#[derive(Debug)]
pub struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Takes the directory; `address` tells others where this process listens.
    ///
    /// # Errors
    /// If another process holds it: who that is, and what to do.
    pub fn take(directory: &Path, address: &str) -> Result<Self> {
        let path = directory.join(NAME);
        let doing = || format!("lock the data directory {}", directory.display());
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.doing(Next::Refuse, doing())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(directory, &file)),
            Err(TryLockError::Error(cause)) => return Err(cause).doing(Next::Refuse, doing()),
        }
        let holder = format!("process {}{}", std::process::id(), suffix(address));
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        if let Err(cause) = written {
            tracing::warn!(%cause, path = %path.display(), "cannot note in the lock who holds it");
        }
        Ok(Self { file })
    }

    /// Does a process hold the directory now? Says which.
    pub fn holder(directory: &Path) -> Option<String> {
        let file = File::open(directory.join(NAME)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read_holder(&file)),
            Ok(()) => {
                release(&file);
                None
            }
            Err(TryLockError::Error(_)) => None,
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        release(&self.file);
    }
}

/// Closing the file is not enough: a child process that starts just now has a copy of it until its `exec`.
fn release(file: &File) {
    if let Err(cause) = file.unlock() {
        tracing::warn!(%cause, "cannot release the lock of a data directory before its file is closed");
    }
}

fn held(directory: &Path, file: &File) -> Error {
    let what = format!(
        "the data directory {} is in use by {}: stop it, or give this one another store.path",
        directory.display(),
        read_holder(file),
    );
    Error::new(Next::Refuse, what)
}

fn read_holder(file: &File) -> String {
    let mut holder = String::new();
    match file.take(HOLDER_BYTES_MAX).read_to_string(&mut holder) {
        Ok(1..) => holder,
        _ => "another process".to_owned(),
    }
}

fn suffix(address: &str) -> String {
    if address.is_empty() { String::new() } else { format!(" ({address})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_hears_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(DirectoryLock::holder(dir.path()), None);
        let first = DirectoryLock::take(dir.path(), "http://127.0.0.1:16686").unwrap();
        let message = DirectoryLock::take(dir.path(), "").unwrap_err().to_string();
        let pid = std::process::id();
        assert!(message.contains(&format!("process {pid} (http://127.0.0.1:16686)")), "{message}");
        assert!(message.contains("another store.path"), "{message}");
        assert!(DirectoryLock::holder(dir.path()).is_some());
        drop(first);
        assert_eq!(DirectoryLock::holder(dir.path()), None);
        DirectoryLock::take(dir.path(), "").unwrap();
    }

    #[test]
    fn a_copy_of_the_file_in_a_child_process_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::take(dir.path(), "").unwrap();
        let copy = lock.file.try_clone().unwrap();
        drop(lock);
        DirectoryLock::take(dir.path(), "").unwrap();
        drop(copy);
    }
}
