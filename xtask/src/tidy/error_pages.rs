//! Every problem code has a page in the book, and every such page is about a code.

use crate::finding::Finding;

use super::rust_source::RustSource;

/// Where the code names the problems.
const PROBLEMS: &str = "crates/server/src/problem.rs";

/// Where the pages are.
const PAGES: &str = "docs/src/errors/";

/// The problem codes of the platform interface, in the order of their status.
pub(super) const PROBLEM_CODES: [&str; 24] = [
    "invalid_json",
    "unauthorized",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "request_timeout",
    "message_id_conflict",
    "state_conflict",
    "branch_taken",
    "undelivered_exist",
    "cursor_expired",
    "body_too_large",
    "unsupported_media_type",
    "schema_violation",
    "unknown_branch",
    "unknown_action",
    "unknown_client",
    "address_refused",
    "invalid_header",
    "rate_limited",
    "internal_error",
    "queue_full",
    "store_unavailable",
    "disk_full",
];

/// Compares the list with the pages.
pub(super) fn check(files: &[String]) -> Vec<Finding> {
    let page = |code: &str| format!("{PAGES}{code}.md");
    let missing = PROBLEM_CODES
        .iter()
        .filter(|code| !files.contains(&page(code)))
        .map(|code| Finding::about(&page(code), "this problem code has no page"));
    let foreign = files
        .iter()
        .filter(|path| path.starts_with(PAGES))
        .filter(|path| !PROBLEM_CODES.iter().any(|code| **path == page(code)))
        .map(|path| {
            Finding::about(path, "is not about a problem code of the list in xtask/src/tidy/error_pages.rs")
        });
    missing.chain(foreign).collect()
}

/// Codes in the source that the list does not have: `snake_case` in a string.
pub(super) fn of_source(source: &RustSource<'_>) -> Vec<Finding> {
    if source.path() != PROBLEMS {
        return Vec::new();
    }
    source
        .literals()
        .filter(|(number, literal)| !source.is_test_line(*number) && is_code(literal))
        .filter(|(_, literal)| !PROBLEM_CODES.contains(literal))
        .map(|(number, literal)| {
            let message = format!("{literal} is not in the list of xtask/src/tidy/error_pages.rs");
            Finding::at(source.path(), number, message)
        })
        .collect()
}

fn is_code(literal: &str) -> bool {
    literal.contains('_') && literal.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code_are_found() {
        let mut files: Vec<String> = PROBLEM_CODES.iter().map(|code| format!("{PAGES}{code}.md")).collect();
        assert!(check(&files).is_empty());
        let text = "//! A.\nconst A: &[&str] = &[\"not_found\", \"no_such_code\", \"no code\"];\n";
        assert_eq!(of_source(&RustSource::read(PROBLEMS, text)).len(), 1);
        files[0] = format!("{PAGES}no_such_code.md");
        assert_eq!(check(&files).len(), 2);
    }
}
