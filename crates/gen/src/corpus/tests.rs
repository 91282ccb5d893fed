use super::*;

#[test]
fn corpus_1_is_frozen() {
    let mut corpus = corpus_1();
    let crc = (0..CHECKED_REQUESTS)
        .fold(0, |crc, _| crc32c::crc32c_append(crc, &corpus.next_request(REQUEST_SPANS)));
    assert_eq!(format!("{crc:08x}"), format!("{CHECKSUM:08x}"), "read the first lines of corpus.rs");
}
