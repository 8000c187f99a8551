//! Names, sizes and openings of files, and words that must not land.

use crate::finding::Finding;

use super::rust_source::RustSource;

/// A file of more lines needs a sentence why.
const LONGEST_FILE: usize = 600;

/// The words in a module doc that allow a longer file; the reason follows them.
const LONG_BECAUSE: &str = "long because";

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"];

/// What must not stand in code, and what to do instead.
const FORBIDDEN_CODE: [(&str, &str); 7] = [
    ("#[ignore", "an ignored test proves nothing: mend it or remove it"),
    ("todo!", "finish it or leave it out"),
    ("unimplemented!", "finish it or leave it out"),
    ("dbg!", "a leftover of debugging"),
    ("#[allow(", "use #[expect(lint, reason = \"…\")]"),
    ("#![allow(", "use #![expect(lint, reason = \"…\")]"),
    (".unwrap_unchecked(", "never"),
];

/// What the path of a file gets wrong.
pub(super) fn of_name(path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let in_rust = path.ends_with(".rs");
    if path.ends_with("/mod.rs") {
        findings.push(Finding::about(path, "name the file after its folder, beside it, instead of mod.rs"));
    }
    if in_rust && path.split('/').any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs"))) {
        findings.push(Finding::about(path, "name the file after the noun that it is about"));
    }
    if path.ends_with(".sql") && !path.starts_with("crates/store/") && !path.starts_with("crates/receiver/") {
        findings.push(Finding::about(path, "SQL belongs into crates/store"));
    }
    findings
}

/// What the text of a Rust file gets wrong.
pub(super) fn of_source(source: &RustSource<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let path = source.path();
    if !source.text().starts_with("//!") {
        findings.push(Finding::at(path, 1, "open the file with `//!`: what it is for, how it works"));
    }
    let lines = source.text().lines().count();
    if lines > LONGEST_FILE && !source.module_doc().contains(LONG_BECAUSE) {
        let message =
            format!("{lines} lines: split it, or say in the module doc \"{LONG_BECAUSE} …\" and the reason");
        findings.push(Finding::about(path, message));
    }
    for (number, line) in source.code_lines() {
        for (word, instead) in FORBIDDEN_CODE {
            let macro_of_ours = line.find(word).is_some_and(|at| is_inside_a_name(line, at, word));
            if line.contains(word) && !macro_of_ours {
                findings.push(Finding::at(path, number, format!("`{word}`: {instead}")));
            }
        }
    }
    findings
}

/// Whether the word is only the end of a longer name, as in `my_todo!`.
fn is_inside_a_name(line: &str, at: usize, word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic())
        && line[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> usize {
        of_source(&RustSource::read(path, text)).len()
    }

    #[test]
    fn a_file_without_a_module_doc_is_found() {
        assert_eq!(messages("a.rs", "fn f() {}\n"), 1);
        assert_eq!(messages("a.rs", "//! What it is.\nfn f() {}\n"), 0);
    }

    #[test]
    fn a_long_file_needs_its_reason() {
        let long = "fn f() {}\n".repeat(LONGEST_FILE);
        assert_eq!(messages("a.rs", &format!("//! What it is.\n{long}")), 1);
        assert_eq!(messages("a.rs", &format!("//! What it is; long because it is a table.\n{long}")), 0);
    }

    #[test]
    fn leftovers_are_found_in_code_but_not_in_comments_and_strings() {
        assert_eq!(messages("a.rs", "//! A.\nfn f() { todo!() }\n"), 1);
        assert_eq!(messages("a.rs", "//! A.\n#[ignore = \"slow\"]\nfn f() {}\n"), 1);
        assert_eq!(messages("a.rs", "//! A.\n// todo!\nfn f() { g(\"dbg!\"); my_todo!(); }\n"), 0);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        for path in
            ["crates/a/src/mod.rs", "crates/a/src/utils.rs", "tests/common/server.rs", "crates/cli/a.sql"]
        {
            assert_eq!(of_name(path).len(), 1, "{path}");
        }
        assert!(of_name("crates/store/src/lane.rs").is_empty());
    }
}
