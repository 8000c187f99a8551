//! "Did you mean …?"

use super::sections::{KEYS, Key};

/// The key that `word` most likely stands for, or `None` when nothing is near.
///
/// The same name in another section comes first; else the fewest edits, at most a third of the word and no more
/// than four.
pub(super) fn nearest(word: &str) -> Option<&'static Key> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let last = word.rsplit('.').next().unwrap_or(&word);
    if let Some(key) = KEYS.iter().find(|key| key.name == last && key.path != word) {
        return Some(key);
    }
    let limit = (word.chars().count() / 3).min(4);
    KEYS.iter()
        .map(|key| (edits(&word, key.path), key))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|it| it.0)
        .map(|it| it.1)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_and_names_in_other_sections_are_found_and_far_ones_are_not() {
        let found = |word: &str| nearest(word).map(Key::full_name);
        assert_eq!(found("delivery.max_atempts").as_deref(), Some("delivery.max_attempts"));
        assert_eq!(found("max_attempts").as_deref(), Some("delivery.max_attempts"));
        assert_eq!(found("delivery.gzip").as_deref(), Some("token.gzip"));
        assert_eq!(found("delivery_max_attempts").as_deref(), Some("delivery.max_attempts"));
        assert_eq!(found("lisen").as_deref(), Some("listen"));
        assert_eq!(found("data-dir").as_deref(), Some("data_dir"));
        assert_eq!(found("delivery.colour"), None);
        assert_eq!(found("x"), None);
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("same", "same")), (3, 3, 0));
    }
}
