//! Compresses the built pages and lists them for `src/ui`: no Node, no network.
//!
//! The list names files beside itself only, so that a build folder which several checkouts share stays right.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const DIST: &str = "src/ui/dist";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={DIST}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where output goes"));
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"));
    let is_release = env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    let quality = if is_release { 11 } else { 5 };
    let mut paths = Vec::new();
    collect(&root.join(DIST), &mut paths)?;
    paths.sort();
    let mut table = String::from("&[\n");
    for (at, path) in paths.iter().enumerate() {
        let name = path.strip_prefix(root.join(DIST)).expect("it was found below");
        let name = name.to_str().expect("names of built files are ASCII").replace('\\', "/");
        if name == "SOURCES" {
            continue;
        }
        let bytes = fs::read(path)?;
        fs::write(out.join(format!("{at}.br")), brotli(&bytes, quality)?)?;
        fs::write(out.join(format!("{at}.gz")), gzip(&bytes)?)?;
        fs::write(out.join(format!("{at}.plain")), &bytes)?;
        let tag = crc32(&bytes);
        writeln!(
            table,
            "Part {{ name: {name:?}, tag: \"\\\"{tag:08x}\\\"\", plain: include_bytes!(\"{at}.plain\"), \
             brotli: include_bytes!(\"{at}.br\"), gzip: include_bytes!(\"{at}.gz\") }},"
        )
        .expect("a string takes whatever is written to it");
    }
    table.push(']');
    fs::write(out.join("ui.rs"), table)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

fn brotli(bytes: &[u8], quality: u32) -> io::Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 64 * 1024, quality, 22);
    writer.write_all(bytes)?;
    Ok(writer.into_inner())
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    writer.finish()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}
