//! Small file systems of their own for a test: a full disk, a disk that is cloned.
//!
//! Mounting needs root and loop devices; where there are none, a test says so and ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system that is mounted until it is dropped.
pub struct Mounted {
    pub at: PathBuf,
}

impl Mounted {
    /// A file system of so many bytes, made by `mkfs` in the file `image`, mounted beside it.
    ///
    /// # Errors
    /// Why that is impossible here.
    pub fn make(image: &Path, bytes: u64, mkfs: &[&str]) -> Result<Self, String> {
        File::create(image).and_then(|file| file.set_len(bytes)).map_err(|error| error.to_string())?;
        run(Command::new(mkfs[0]).args(&mkfs[1..]).arg(image))?;
        Self::open(image)
    }

    /// Mounts the file system in the file `image` beside it.
    ///
    /// # Errors
    /// Why that is impossible here.
    pub fn open(image: &Path) -> Result<Self, String> {
        let at = image.with_extension("mounted");
        std::fs::create_dir_all(&at).map_err(|error| error.to_string())?;
        run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&at))?;
        Ok(Self { at })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Where a test failed, someone may still hold a file in it.
        let unmounted = run(Command::new("umount").arg(&self.at));
        if unmounted.is_err() && run(Command::new("umount").arg("--lazy").arg(&self.at)).is_err() {
            eprintln!("{} stays mounted", self.at.display());
        }
    }
}

/// Runs a command to its end.
///
/// # Errors
/// What it said, where it failed.
pub fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {said}")) }
}
