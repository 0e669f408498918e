//! "Did you mean": the nearest of a few names.

/// The candidate that is fewest edits away from `name`, if it is near enough to be a slip of the fingers: something of
/// the name must be left.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let allowed = (length / 3).max(1).min(length.saturating_sub(1));
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words: insert, remove, replace, swap two neighbours.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    // Three rows of the table are enough: a swap looks back two.
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, &ours) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &theirs) in to.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&above, column) + usize::from(ours != theirs);
            let removed = at(&above, column + 1) + 1;
            let inserted = at(&current, column) + 1;
            let mut best = replaced.min(removed).min(inserted);
            let swapped = row > 0
                && column > 0
                && from.get(row - 1) == Some(&theirs)
                && to.get(column - 1) == Some(&ours);
            if swapped {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("weight", "weight"), 0);
        assert_eq!(distance("wieght", "weight"), 1);
        assert_eq!(distance("buket", "bucket"), 1);
        assert_eq!(distance("max_dealy", "max_delay"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn proposes_only_what_is_near() {
        let names = ["bucket", "key", "weight", "rate"];
        assert_eq!(nearest("wieght", names), Some("weight"));
        assert_eq!(nearest("kye", names), Some("key"));
        assert_eq!(nearest("rates", names), Some("rate"));
        assert_eq!(nearest("frobnicate", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest("x", ["y", "a"]), None);
        assert_eq!(nearest("xy", ["yx", "a"]), Some("yx"));
        assert_eq!(nearest("xy", ["a", "b"]), None);
    }
}
