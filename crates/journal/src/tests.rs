//! Stories of a journal, on real files and on a disk that crashes and fails on demand.

mod faults;
mod frames;
mod simulation;
mod stories;

use std::sync::Arc;

use crate::{Disk, Frame, Journal, Limits, Recovered, Replay, Settings};

fn settings() -> Settings {
    let limits =
        Limits { segment_bytes_max: 4096, probe_every: std::time::Duration::ZERO, ..Limits::default() };
    Settings { limits, ..Settings::default() }
}

fn open(disk: &Arc<impl Disk>) -> (Journal, Replay) {
    crate::open(disk.clone(), settings()).expect("the journal opens")
}

fn frame(text: &str) -> Frame {
    Frame::new(1, "meta", text.to_owned())
}

fn texts(replay: &mut Replay) -> Vec<String> {
    let frames: Result<Vec<Recovered>, _> = replay.collect();
    let text = |frame: Recovered| String::from_utf8(frame.body.to_vec()).expect("tests write text");
    frames.expect("every frame can be read").into_iter().map(text).collect()
}
