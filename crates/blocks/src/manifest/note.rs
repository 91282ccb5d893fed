//! How far the manifest was when this directory saw it last, so that entries that vanish from its end are missed.
//!
//! Inside the manifest nothing tells that there was one more entry; the blocks that it listed would be taken for files
//! that nobody needs, and deleted. The number is written after an entry is committed, so it is never ahead of what was.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::settings::Settings;

const FILE: &str = "seen.json";

/// What is noted.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    path: PathBuf,
    seen: Seen,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// Whose manifest: a URL, or nothing where it lies in the data directory.
    store: String,
    /// The last entry.
    number: u64,
}

#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    seen: Seen,
    crc32c: String,
}

impl Note {
    /// Reads what is noted of the store at these settings; nothing where the file is damaged, or of another store.
    pub(crate) fn read(settings: &Settings) -> Self {
        let path = settings.path.join(FILE);
        let none = Seen { store: settings.url.clone().unwrap_or_default(), number: 0 };
        let seen = match read(&path) {
            Ok(Some(seen)) if seen.store == none.store => seen,
            Ok(_) => none,
            Err(cause) => {
                tracing::warn!(%cause, path = %path.display(), "it is not known how far the manifest was");
                none
            }
        };
        Self { path, seen }
    }

    /// Where the manifest of a data directory lies, if it is elsewhere, and that is noted: a URL.
    pub(crate) fn url(path: &Path) -> Option<String> {
        let seen = read(&path.join(FILE)).ok().flatten()?;
        Some(seen.store).filter(|url| !url.is_empty())
    }

    /// The last entry that there was.
    pub(crate) fn number(&self) -> u64 {
        self.seen.number
    }

    /// Notes that the manifest is so far. A disk that takes nothing is no reason to fail.
    pub(crate) async fn reached(&mut self, number: u64) {
        if number <= self.seen.number {
            return;
        }
        self.seen.number = number;
        let (path, seen) = (self.path.clone(), self.seen.clone());
        let written = tokio::task::spawn_blocking(move || write(&path, seen)).await;
        if let Ok(Err(cause)) = written {
            tracing::debug!(%cause, "cannot note how far the manifest is");
        }
    }
}

fn sum(seen: &Seen) -> String {
    format!("{:08x}", crc32c::crc32c(format!("{} {}", seen.store, seen.number).as_bytes()))
}

fn read(path: &Path) -> io::Result<Option<Seen>> {
    let bytes = match fs::read(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let Written { seen, crc32c } = serde_json::from_slice(&bytes)?;
    match crc32c == sum(&seen) {
        true => Ok(Some(seen)),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum does not hold")),
    }
}

fn write(path: &Path, seen: Seen) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut file = fs::File::create(&new)?;
    file.write_all(&serde_json::to_vec(&Written { crc32c: sum(&seen), seen })?)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_greatest_number_of_this_store_is_known_again() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::new(dir.path());
        let mut note = Note::read(&settings);
        assert_eq!(note.number(), 0);
        for number in [3, 7, 5] {
            note.reached(number).await;
        }
        assert_eq!(Note::read(&settings).number(), 7);
        let elsewhere = Settings { url: Some("s3://spans/prod".into()), ..settings.clone() };
        assert_eq!(Note::read(&elsewhere).number(), 0, "another store counts anew");
        let path = dir.path().join(FILE);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.replace('7', "8")).unwrap();
        assert_eq!(Note::read(&settings).number(), 0, "what is damaged says nothing");
    }
}
