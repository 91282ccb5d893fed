//! The walls of ARCHITECTURE.md, held: which crate may use which, and how long a file may grow.

use std::fs;
use std::path::{Path, PathBuf};

/// Each crate and the crates of ours that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &[]),
    ("journal", &[]),
    ("wire", &["model"]),
    ("net", &["config"]),
    ("pipeline", &["model", "config"]),
    ("receive", &["model", "wire", "net", "pipeline", "config"]),
    ("process", &["model", "pipeline", "config"]),
    ("export", &["model", "wire", "net", "pipeline", "store", "config"]),
    ("store", &["model"]),
    ("blocks", &["model", "store", "journal"]),
    ("query", &["model", "store"]),
    ("analyze", &["model"]),
    ("serve", &["model", "wire", "net", "store", "query", "analyze", "pipeline"]),
    ("gen", &["model"]),
    ("bucket", &[]),
];

/// A longer file holds more than one idea.
const LINES_MAX: usize = 600;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn a_crate_uses_only_what_its_place_allows() {
    for (name, allowed) in MAY_USE {
        let manifest = fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
        let dependencies =
            manifest.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap();
        for line in dependencies.lines() {
            let used = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let is_ours = MAY_USE.iter().any(|(ours, _)| *ours == used);
            assert!(!is_ours || allowed.contains(&used), "{name} uses {used}, see ARCHITECTURE.md");
        }
    }
}

#[test]
fn every_crate_has_a_place() {
    for entry in fs::read_dir(crates()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "faden" || MAY_USE.iter().any(|(known, _)| *known == name), "{name} has no place");
    }
}

#[test]
fn a_file_holds_one_idea() {
    let mut folders = vec![crates()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let lines = fs::read_to_string(&path).unwrap().lines().count();
                assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
            }
        }
    }
}
