//! Every byte of a small store is damaged in turn: the store answers right, or says what is damaged. One that does not open
//! because of its manifest is repaired, and answers everything right then.
//!
//! `FADEN_CORRUPTION=all` damages each byte in three ways, `FADEN_CORRUPTION=spans.idx` those of files whose names end so;
//! else a sample is enough for every day. A store has blocks, a checkpoint and entries of the manifest, and a journal that
//! was not yet brought into a block.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail where the test should")]

mod asked;
mod golden;
mod made;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use asked::Answers;
use made::{Content, Image};

/// Bytes between two that are damaged, in the sample; a prime, so that no field is left out for ever.
const STEP: usize = 211;

/// No file of the store is larger: a small store, whose every byte can be tried.
const FILE_BYTES_MAX: usize = 64 << 10;

/// What is done to a byte.
const FLIPS: [u8; 3] = [0x01, 0x80, 0xff];

/// Panics anywhere in the process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// What became of the answers of one damaged store.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Stores that answered everything right.
    right: u64,
    /// Stores of which some answer was partial, and said what is damaged.
    partial: u64,
    /// Stores that did not open, and said what is damaged.
    refused: u64,
    /// Of them, those that a repair made answer everything right.
    repaired: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_damaged_byte_makes_a_wrong_answer() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Relaxed);
        eprintln!("{panic}");
    }));
    let ending = ending();
    let began = Instant::now();
    let image = made::store(Content::TracesAndUses).await;
    let expected = asked::whole(&image, Content::TracesAndUses).await;
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (file, bytes) in image.files() {
        assert!(bytes.len() <= FILE_BYTES_MAX, "{file} has {} bytes: no small store", bytes.len());
        let is_wanted = ending.as_ref().is_some_and(|ending| ending == "all" || file.ends_with(ending));
        let (step, flips) = if is_wanted { (1, &FLIPS[..]) } else { (STEP, &FLIPS[1..2]) };
        let tally = tallies.entry(kind(file).into()).or_default();
        for at in (0..bytes.len()).step_by(step) {
            for flip in flips {
                match outcome(&image, &expected, file, (at, *flip)).await {
                    Ok(Became::Right) => tally.right += 1,
                    Ok(Became::Partial) => tally.partial += 1,
                    Ok(Became::Refused) => tally.refused += 1,
                    Ok(Became::Repaired) => {
                        tally.refused += 1;
                        tally.repaired += 1;
                    }
                    Err(what) => wrong.push(format!("{file}, byte {at} ^ {flip:#04x}: {what}")),
                }
            }
        }
    }
    for (kind, Tally { right, partial, refused, repaired }) in &tallies {
        println!(
            "{kind:<22} {:>7} damaged: {right:>7} right, {partial:>7} partial, {refused:>6} refused, {repaired:>6} of \
             them repaired",
            right + partial + refused
        );
    }
    println!("{} wrong answers, {} panics, {:.0?}", wrong.len(), PANICS.load(Relaxed), began.elapsed());
    assert!(
        wrong.is_empty(),
        "{} damaged stores went wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert_eq!(PANICS.load(Relaxed), 0);
    assert!(tallies["entry"].repaired > 0, "no manifest was ever repaired: {tallies:?}");
    let noticed = |kind: &str| tallies[kind].partial + tallies[kind].refused;
    for kind in ["entry", "journal", "spans.idx", "spans.parquet"] {
        assert!(noticed(kind) > 0, "no damage of {kind} was ever noticed: {tallies:?}");
    }
}

/// What is damaged in vain tells nothing: some question reads what indexes know of traces, calls and uses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_to_what_an_index_sums_up_is_met() {
    let image = made::store(Content::TracesAndUses).await;
    let expected = asked::whole(&image, Content::TracesAndUses).await;
    let (file, index) = image.files().find(|(file, _)| file.ends_with("spans.idx")).unwrap();
    for kind in SUMS {
        let at = section(index, kind).unwrap_or_else(|| panic!("{file} has no section of kind {kind}"));
        let answers = asked::ask(image.write(Some((file, (at, 0x01)))).path()).await.unwrap();
        answers.compare(&expected).unwrap();
        assert!(answers.damaged_parts > 0, "nothing reads sections of kind {kind}");
    }
}

/// Calls, their cube, summaries of traces, uses, their cube (`docs/format/index.md`).
const SUMS: [u32; 5] = [13, 14, 15, 16, 17];

/// Where the first section of a kind begins.
fn section(index: &[u8], kind: u32) -> Option<usize> {
    let word = |at: usize| u32::from_le_bytes(index[at..at + 4].try_into().expect("four bytes"));
    let end = index.len() - 20;
    let mut directory = (end - word(end) as usize..end).step_by(32);
    directory.find(|at| word(*at) == kind).map(|at| word(at + 8) as usize)
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the test says how long it may take")]
fn ending() -> Option<String> {
    std::env::var("FADEN_CORRUPTION").ok()
}

/// What a damaged store did, where it did nothing wrong.
enum Became {
    Right,
    Partial,
    Refused,
    /// It did not open either, until it was repaired.
    Repaired,
}

async fn outcome(
    image: &Image,
    expected: &Answers,
    file: &str,
    damage: (usize, u8),
) -> Result<Became, String> {
    let dir = image.write(Some((file, damage)));
    match asked::ask(dir.path()).await {
        Err(error) if asked::names_damage(&error) && file.starts_with("manifest/") => {
            made::repair(dir.path()).await?;
            let answers = asked::ask(dir.path()).await?;
            answers.compare(expected)?;
            answers.is_whole().then_some(Became::Repaired).ok_or_else(|| "not whole after a repair".into())
        }
        Err(error) if asked::names_damage(&error) => Ok(Became::Refused),
        Err(error) => Err(format!("the store does not open, and does not say why: {error}")),
        Ok(answers) => {
            answers.compare(expected)?;
            Ok(if answers.is_whole() { Became::Right } else { Became::Partial })
        }
    }
}

/// What kind of file it is.
fn kind(file: &str) -> &str {
    match file.rsplit('/').next().unwrap_or(file) {
        _ if file.starts_with("journal/") => "journal",
        name if name.ends_with(".checkpoint.json") => "checkpoint",
        _ if file.starts_with("manifest/") => "entry",
        name => name,
    }
}
