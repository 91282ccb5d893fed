//! Finds what a user probably meant.

/// The nearest of the known words, if one is near enough to be a slip of the fingers.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    let distance_max = (folded.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The advice for a word that is not known: the nearest one, or all there are.
pub(crate) fn advice(word: &str, known: &[&str]) -> Option<String> {
    match (nearest(word, known.iter().copied()), known) {
        (Some(candidate), _) => Some(format!("did you mean \"{candidate}\"?")),
        (None, []) => None,
        (None, _) => Some(format!("known here: {}", known.join(", "))),
    }
}

fn fold(word: &str) -> String {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}
