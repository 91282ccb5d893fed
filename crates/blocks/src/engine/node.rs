//! Who writes to the manifest: a name for the data directory, and how often it was opened.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Next, Result};

const FILE: &str = "node.json";

/// A data directory that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Sixteen hexadecimal digits that no other data directory has.
    pub(crate) node: String,
    /// Counts up with every opening.
    pub(crate) epoch: u64,
}

/// The file; before there was a checksum it had none.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    identity: Identity,
    crc32c: Option<String>,
}

impl Identity {
    /// The name of the directory, or a new one; the epoch is one that was never used.
    pub(crate) fn next(path: &Path) -> Result<Self> {
        let doing = || format!("read {}", path.join(FILE).display());
        let identity = match fs::read(path.join(FILE)) {
            Ok(bytes) => {
                let last = Self::decode(&bytes).doing(Next::Repair, doing())?;
                Self { epoch: last.epoch.saturating_add(1), ..last }
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Self { node: draw()?, epoch: 1 },
            Err(cause) => return Err(cause).doing(Next::Refuse, doing()),
        };
        identity.keep(path)?;
        Ok(identity)
    }

    /// Is a block of this name one that this process began?
    pub(crate) fn names(&self, block: &str) -> bool {
        block.starts_with(&format!("{}-{:06}-", self.node, self.epoch))
    }

    /// The epoch is at least this one.
    pub(crate) fn raise(&mut self, path: &Path, epoch: u64) -> Result<()> {
        if self.epoch < epoch {
            self.epoch = epoch;
            self.keep(path)?;
        }
        Ok(())
    }

    /// Writes the file. On a disk that takes nothing a directory that has its name already goes on without: the
    /// manifest knows every epoch under which something was committed.
    fn keep(&self, path: &Path) -> Result<()> {
        let written = self.write(path);
        match &written {
            Err(error) if self.epoch > 1 => {
                tracing::warn!(%error, "cannot note in {FILE} that the store was opened");
                Ok(())
            }
            _ => written.doing(Next::Refuse, format!("write {}", path.join(FILE).display())),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let Written { identity, crc32c } = serde_json::from_slice(bytes)
            .doing(Next::Repair, "read it as JSON: it is damaged; put it back from a copy")?;
        match crc32c {
            Some(crc32c) if crc32c != identity.sum() => {
                Err(Error::new(Next::Repair, "its checksum does not hold; put it back from a copy"))
            }
            _ => Ok(identity),
        }
    }

    fn sum(&self) -> String {
        format!("{:08x}", crc32c::crc32c(format!("{} {}", self.node, self.epoch).as_bytes()))
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let new = path.join("node.json.new");
        let mut file = fs::File::create(&new)?;
        file.write_all(&serde_json::to_vec(&Written { identity: self.clone(), crc32c: Some(self.sum()) })?)?;
        file.sync_all()?;
        fs::rename(&new, path.join(FILE))?;
        fs::File::open(path)?.sync_all()
    }
}

fn draw() -> Result<String> {
    let mut bytes = [0; 8];
    let drawn = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    drawn.doing(Next::Refuse, "draw a name for the data directory")?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stays_and_the_epoch_counts_up() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::next(dir.path()).unwrap();
        let mut second = Identity::next(dir.path()).unwrap();
        assert_eq!((&second.node, second.epoch), (&first.node, first.epoch + 1));
        second.raise(dir.path(), 9).unwrap();
        assert_eq!(Identity::next(dir.path()).unwrap().epoch, 10);
        fs::write(dir.path().join(FILE), br#"{"node":"00112233445566aa","epoch":20}"#).unwrap();
        assert_eq!(Identity::next(dir.path()).unwrap().epoch, 21);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Identity::next(other.path()).unwrap().node, first.node);
    }
}
