//! "Did you mean": the nearest known word.

/// Help for a word that is not known: the nearest one, or all of them.
pub(crate) fn help<'a>(word: &str, known: impl Iterator<Item = &'a str>, place: &str) -> String {
    let known: Vec<&str> = known.collect();
    match nearest(word, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("{place} knows: {}", known.join(", ")),
    }
}

/// The known word that was probably meant.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|k| (distance(word, k), k)).min().filter(|(d, k)| *d <= 1 + k.len() / 4);
    near.map(|(_, nearest)| nearest)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour (optimal string alignment), over
/// the first 64 bytes of each.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<u8>, Vec<u8>) = (a.bytes().take(64).collect(), b.bytes().take(64).collect());
    let mut rows: [Vec<usize>; 2] = [Vec::new(), (0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let [before, last] = &rows;
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(last, j) + usize::from(x != y)).min(at(last, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                best = best.min(at(before, j - 1) + 1);
            }
            row.push(best);
        }
        let [_, last] = rows;
        rows = [last, row];
    }
    let [_, last] = rows;
    last.last().copied().unwrap_or(0)
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
        assert_eq!(help("crsf", ["cors", "csrf"].into_iter(), "a policy"), "did you mean `csrf`?");
        for (a, b, apart) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("abcd", "acbd", 1), ("a", "a", 0)] {
            assert_eq!(distance(a, b), apart, "{a} {b}");
        }
    }
}
