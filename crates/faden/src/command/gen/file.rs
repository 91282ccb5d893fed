//! Writes requests to a file, as the Collector's file exporter does.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use model::{Batch, Tenant};
use tokio::time::Instant;

use super::ledger::{Ledger, Report};
use super::make::Maker;
use crate::exit::Failure;

/// Lines of OTLP JSON where the name says so, else protobuf with a big-endian length before each request.
pub fn write(mut maker: Maker, path: &Path, ledger: &Ledger) -> Result<Report, Failure> {
    if !maker.has_end() {
        return Err(Failure::usage("--file needs --spans, so that it ends"));
    }
    let started = Instant::now();
    let failed =
        |cause: std::io::Error| Failure::problem(format!("cannot write {}: {cause}", path.display()));
    let is_json = path.extension().is_some_and(|end| end == "json" || end == "jsonl");
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    while let Some(bytes) = maker.next() {
        let written = if is_json {
            let batch = Batch::read(bytes, Tenant::default()).expect("the generator writes OTLP");
            let mut out = wire::json::Writer::compact();
            wire::otlp_json::batch(&batch, &mut out);
            file.write_all(&out.into_bytes()).and_then(|()| file.write_all(b"\n"))
        } else {
            let length = u32::try_from(bytes.len()).expect("a request is far below 4 GiB").to_be_bytes();
            file.write_all(&length).and_then(|()| file.write_all(&bytes))
        };
        written.map_err(failed)?;
    }
    file.into_inner().map_err(|cause| failed(cause.into_error()))?.sync_all().map_err(failed)?;
    Ok(ledger.written(maker.made(), started.elapsed()))
}
