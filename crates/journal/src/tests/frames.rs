//! What survives in a damaged segment.

use proptest::prelude::*;

use crate::{
    Compression,
    frame::{Frame, Packed},
    segment::{Intact, Label, START, intact},
};

const LABEL: Label = Label { version: 2, segment: 7, epoch: 3, sequence: 100, previous: (6, 4000) };

/// A segment of frames with these bodies, and where each frame begins.
fn segment(bodies: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = LABEL.encode();
    let mut starts = Vec::new();
    for (sequence, body) in (LABEL.sequence..).zip(bodies) {
        starts.push(bytes.len());
        let frame = Frame::new(1, "m", body.to_vec());
        Packed::new(&frame, Compression::None).unwrap().put(sequence, LABEL.salt(), &mut bytes);
    }
    (bytes, starts)
}

#[track_caller]
fn check(segment: &[u8], frames: usize, damaged: u64, torn: bool) {
    let found = intact(segment).unwrap();
    assert_eq!((found.frames.len(), found.damaged, found.torn > 0), (frames, damaged, torn), "{found:?}");
}

#[test]
fn a_whole_segment_is_whole() {
    check(&segment(&[b"a", b"bb", b""]).0, 3, 0, false);
}

#[test]
fn a_torn_frame_ends_the_segment() {
    let (bytes, starts) = segment(&[b"aaaa", b"bbbb", b"cccc"]);
    for end in starts[2] + 1..bytes.len() {
        check(&bytes[..end], 2, 0, true);
    }
    check(&bytes[..starts[2]], 2, 0, false);
}

#[test]
fn a_damaged_frame_is_lost_alone() {
    let (bytes, starts) = segment(&[b"aaaa", b"bbbb", b"cccc"]);
    for at in starts[1]..starts[2] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        check(&bytes, 2, 1, false);
    }
}

#[test]
fn one_damaged_copy_of_the_label_does_no_harm() {
    let (bytes, _) = segment(&[b"aaaa"]);
    for at in 0..START as usize {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        check(&bytes, 1, 0, false);
    }
}

#[test]
fn without_a_label_nothing_is_trusted() {
    let (mut bytes, _) = segment(&[b"aaaa"]);
    bytes[20] ^= 1;
    bytes[64 + 20] ^= 1;
    check(&bytes, 0, 0, true);
    check(&[0; 500], 0, 0, true);
    assert_eq!(intact(b"").unwrap(), Intact::default());
}

#[test]
fn frames_of_another_segment_and_repeated_frames_are_not_believed() {
    let (bytes, starts) = segment(&[b"aaaa", b"bbbb"]);
    let repeated = [&bytes, &bytes[starts[0]..]].concat();
    check(&repeated, 2, 0, true);
    let mut other = Label { segment: 8, ..LABEL }.encode();
    other.extend_from_slice(&bytes[START as usize..]);
    check(&other, 0, 0, true);
}

#[test]
fn a_body_that_looks_like_a_frame_is_not_one() {
    let (inner, starts) = segment(&[b"inner"]);
    let (mut bytes, starts) = segment(&[&inner[starts[0]..], b"after"]);
    bytes[starts[0]] ^= 1;
    let found = intact(&bytes).unwrap();
    assert!(found.frames.iter().any(|frame| frame.start == starts[1]), "{found:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), labelled: bool) {
        let start = if labelled { LABEL.encode() } else { Vec::new() };
        let segment = [start, bytes].concat();
        if let Ok(found) = intact(&segment) {
            prop_assert!(found.frames.iter().all(|frame| frame.end <= segment.len()));
        }
    }

    #[test]
    fn damage_costs_only_what_it_touches(
        sizes in prop::collection::vec(0usize..300, 1..20),
        hits in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..5),
    ) {
        let bodies: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
        let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        let (whole, starts) = segment(&bodies);
        let mut bytes = whole.clone();
        let mut touched = std::collections::BTreeSet::new();
        for (index, flip) in hits {
            let at = START as usize + index.index(whole.len() - START as usize);
            bytes[at] ^= flip;
            touched.insert(starts.partition_point(|start| *start <= at) - 1);
        }
        let found = intact(&bytes).unwrap();
        for (number, start) in starts.iter().enumerate() {
            let kept = found.frames.iter().any(|frame| frame.start == *start);
            prop_assert_eq!(kept, bytes[*start..][..36 + 1 + sizes[number]] == whole[*start..][..36 + 1 + sizes[number]]);
            prop_assert!(kept || touched.contains(&number));
        }
    }
}
