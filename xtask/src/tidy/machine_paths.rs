//! No path of the machine that somebody worked on: such a file works there and nowhere else.

use crate::finding::Finding;

/// Spelled in parts, for this file is checked too.
const PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/home/", "user/")];

/// The lines of a text file that name such a path.
pub(super) fn of_file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for named in PATHS.iter().filter(|named| names(line, named)) {
            findings.push(Finding::at(path, number, format!("`{named}` is a path of one machine")));
        }
    }
    findings
}

/// Whether the line has the path as an absolute one, not as the middle of a longer path or URL.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && !"._-}~*".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_is_found_and_the_middle_of_a_url_is_not() {
        let home = PATHS[1];
        assert_eq!(of_file("a", &format!("fine\nsee {home}x")).len(), 1);
        assert_eq!(of_file("a", &format!("\"{home}x\"")).len(), 1);
        assert_eq!(of_file("a", &format!("https://example.com{home}x")).len(), 0);
    }
}
