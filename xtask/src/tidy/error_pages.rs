//! Every problem code has a page in the book, and every such page is about a code.

use crate::finding::Finding;

/// Where the pages are.
const PAGES: &str = "docs/src/errors/";

/// The problem codes of the platform interface, in the order of their status.
pub(super) const PROBLEM_CODES: [&str; 22] = [
    "invalid_json",
    "unauthorized",
    "forbidden",
    "not_found",
    "method_not_allowed",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code_are_found() {
        let mut files: Vec<String> = PROBLEM_CODES.iter().map(|code| format!("{PAGES}{code}.md")).collect();
        assert!(check(&files).is_empty());
        files[0] = format!("{PAGES}no_such_code.md");
        assert_eq!(check(&files).len(), 2);
    }
}
