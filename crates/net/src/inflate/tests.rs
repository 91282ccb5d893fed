use proptest::prelude::*;

use super::*;
use crate::budget::Budget;
use crate::compress::compress;

const ALL: [Encoding; 6] = [
    Encoding::Gzip,
    Encoding::Deflate,
    Encoding::Zstd,
    Encoding::Snappy,
    Encoding::SnappyFramed,
    Encoding::Lz4,
];

fn inflated(encoding: Encoding, input: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    inflate(encoding, input, &mut Cap { bytes_max, permit: None })
}

fn text(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * i / 7 % 251) as u8).collect()
}

#[test]
fn every_encoding_comes_back_whole() {
    for encoding in ALL {
        for size in [0, 1, 100, CHUNK, 300_000] {
            let content = text(size);
            let packed = compress(encoding, None, &content).unwrap();
            assert_eq!(inflated(encoding, &packed, size).unwrap(), content, "{encoding:?} of {size}");
        }
    }
}

#[test]
fn content_beyond_the_cap_is_refused() {
    for encoding in ALL {
        let packed = compress(encoding, None, &text(300_000)).unwrap();
        let answer = inflated(encoding, &packed, 299_999);
        assert!(matches!(answer, Err(InflateError::TooLarge { bytes_max: 299_999 })), "{encoding:?}");
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_cap() {
    for encoding in ALL {
        let bomb = compress(encoding, None, &vec![0; 40 << 20]).unwrap();
        let budget = Budget::new(1 << 30);
        let mut permit = budget.reserve(0).unwrap();
        let mut cap = Cap { bytes_max: 1 << 20, permit: Some(&mut permit) };
        let answer = inflate(encoding, &bomb, &mut cap);
        assert!(matches!(answer, Err(InflateError::TooLarge { .. })), "{encoding:?}");
        assert!(budget.peak() <= (1 << 20) + 1, "{encoding:?} took {}", budget.peak());
    }
}

#[test]
fn an_empty_budget_says_busy() {
    for encoding in ALL {
        let packed = compress(encoding, None, &text(300_000)).unwrap();
        let budget = Budget::new(1000);
        let mut permit = budget.reserve(0).unwrap();
        let mut cap = Cap { bytes_max: 1 << 20, permit: Some(&mut permit) };
        assert!(matches!(inflate(encoding, &packed, &mut cap), Err(InflateError::Busy)), "{encoding:?}");
    }
}

#[test]
fn a_cut_body_is_broken_not_shorter() {
    for encoding in ALL {
        let packed = compress(encoding, None, &text(300_000)).unwrap();
        for cut in [1, packed.len() / 3, packed.len() - 1] {
            let answer = inflated(encoding, &packed[..cut], 1 << 20);
            assert!(matches!(answer, Err(InflateError::Broken(_))), "{encoding:?} cut at {cut}");
        }
    }
}

#[test]
fn bytes_after_the_end_are_broken() {
    for encoding in ALL {
        let mut packed = compress(encoding, None, &text(5000)).unwrap();
        packed.extend_from_slice(b"tail");
        assert!(matches!(inflated(encoding, &packed, 1 << 20), Err(InflateError::Broken(_))), "{encoding:?}");
    }
}

#[test]
fn all_members_are_read() {
    for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Lz4] {
        let mut packed = compress(encoding, None, b"first ").unwrap();
        packed.extend(compress(encoding, None, b"second").unwrap());
        assert_eq!(inflated(encoding, &packed, 1 << 20).unwrap(), b"first second", "{encoding:?}");
    }
}

#[test]
fn deflate_without_its_zlib_coat_is_understood() {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    io::Write::write_all(&mut encoder, b"bare").unwrap();
    assert_eq!(inflated(Encoding::Deflate, &encoder.finish().unwrap(), 100).unwrap(), b"bare");
}

#[test]
fn snappy_accepts_frames_where_a_block_was_named() {
    let framed = compress(Encoding::SnappyFramed, None, b"either way").unwrap();
    assert_eq!(inflated(Encoding::Snappy, &framed, 100).unwrap(), b"either way");
}

#[test]
fn a_snappy_block_that_announces_the_world_reserves_nothing() {
    let announces_60_mib = [0x80, 0x80, 0x80, 0x1e, 0, 0];
    assert!(matches!(inflated(Encoding::Snappy, &announces_60_mib, 64 << 20), Err(InflateError::Broken(_))));
}

#[test]
fn a_zstd_window_beyond_eight_mib_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    io::Write::write_all(&mut encoder, &text(1000)).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(matches!(inflated(Encoding::Zstd, &packed, 64 << 20), Err(InflateError::Broken(_))));
}

#[test]
fn headers_name_at_most_two_known_encodings() {
    assert_eq!(encodings("identity, GZIP").unwrap(), [Encoding::Gzip]);
    assert_eq!(encodings("").unwrap(), []);
    assert_eq!(encodings("gzip,zstd").unwrap(), [Encoding::Gzip, Encoding::Zstd]);
    assert!(encodings("gzip,gzip,gzip").is_err());
    assert!(encodings("br").is_err());
}

#[test]
fn skippable_lz4_frames_are_skipped() {
    let mut packed = vec![0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    packed.extend(compress(Encoding::Lz4, None, b"content").unwrap());
    assert_eq!(inflated(Encoding::Lz4, &packed, 100).unwrap(), b"content");
}

#[test]
fn content_that_looks_like_a_chunk_to_skip_is_refused() {
    let mut packed = compress(Encoding::SnappyFramed, None, &text(5000)).unwrap();
    let first_chunk = SNAPPY_MAGIC.len();
    packed[first_chunk] ^= 0x80;
    assert!(inflated(Encoding::SnappyFramed, &packed, 1 << 20).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic_or_exceed_the_cap(input in proptest::collection::vec(any::<u8>(), 0..600), cut in 0_usize..64) {
        for encoding in ALL {
            for body in [input.clone(), [&compress(encoding, None, &input).unwrap()[..], &input[..cut.min(input.len())]].concat()] {
                if let Ok(output) = inflated(encoding, &body, 10_000) {
                    prop_assert!(output.len() <= 10_000);
                }
            }
        }
    }

    #[test]
    fn a_flipped_bit_never_shortens_in_silence(at in 0_usize..500, bit in 0_u8..8) {
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::SnappyFramed] {
            let content = text(5000);
            let mut packed = compress(encoding, None, &content).unwrap();
            let at = at % packed.len();
            packed[at] ^= 1 << bit;
            if let Ok(output) = inflated(encoding, &packed, 1 << 20) {
                prop_assert!(output == content, "{:?} changed at {}", encoding, at);
            }
        }
    }
}
