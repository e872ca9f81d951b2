//! "Did you mean": the nearest known word.

/// Help for a word that is not known: the nearest one, or all of them.
pub(crate) fn help<'a>(word: &str, known: impl Iterator<Item = &'a str>, place: &str) -> String {
    let known: Vec<&str> = known.collect();
    let near = known.iter().map(|k| (distance(word, k), *k)).min().filter(|(d, k)| *d <= 1 + k.len() / 4);
    match near {
        Some((_, nearest)) => format!("did you mean `{nearest}`?"),
        None => format!("{place} knows: {}", known.join(", ")),
    }
}

/// Levenshtein distance, over the first 64 bytes of each.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut row: Vec<usize> = (0..=b.len().min(64)).collect();
    for (i, x) in a.iter().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let best = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered() {
        assert_eq!(
            help("trusted_origin", ["mode", "trusted_origins"].into_iter(), "`[csrf]`"),
            "did you mean `trusted_origins`?"
        );
        assert_eq!(help("zzz", ["mode"].into_iter(), "`[csrf]`"), "`[csrf]` knows: mode");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
