//! The book and the other Markdown files: every page is in the summary, every relative link leads somewhere, and so
//! does what a page includes.
//!
//! It knows what we use of Markdown: headings with `#`, inline links and pictures, reference definitions, fenced
//! code and code spans (both without links). Links to other sites are not followed.

mod markdown;

use std::collections::BTreeMap;

use anyhow::Result;

use crate::finding::{Finding, report};
use crate::repository::Repository;

use markdown::Page;

/// The folder that mdBook renders; a link may not leave it.
const BOOK: &str = "docs/src/";

/// The list of chapters.
const SUMMARY: &str = "docs/src/SUMMARY.md";

/// Checks all Markdown files of the checkout.
///
/// # Errors
/// When a file cannot be read or a link leads nowhere.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    let files = repository.files()?;
    let mut pages = BTreeMap::new();
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        if let Some(text) = repository.text(path)? {
            pages.insert(path.as_str(), Page::read(&text));
        }
    }
    let mut findings = chapters(&pages);
    for (path, page) in &pages {
        for (line, target) in page.links() {
            if let Some(message) = judge(path, target, &pages, &files) {
                findings.push(Finding::at(path, *line, format!("link to {target}: {message}")));
            }
        }
    }
    for (path, page) in &pages {
        for (line, target) in page.includes() {
            if resolve(path, target).is_none_or(|target| !files.contains(&target)) {
                findings.push(Finding::at(path, *line, format!("includes {target}: no such file")));
            }
        }
    }
    report("docs-check", &format!("{} pages", pages.len()), findings)
}

/// Pages of the book that no chapter of the summary names.
fn chapters(pages: &BTreeMap<&str, Page>) -> Vec<Finding> {
    let Some(summary) = pages.get(SUMMARY) else {
        return vec![Finding::about(SUMMARY, "is missing")];
    };
    let listed: Vec<String> =
        summary.links().iter().filter_map(|(_, target)| resolve(SUMMARY, target)).collect();
    pages
        .keys()
        .filter(|path| {
            path.starts_with(BOOK) && **path != SUMMARY && !listed.iter().any(|page| page == *path)
        })
        .map(|path| Finding::about(path, format!("is not in {SUMMARY}")))
        .collect()
}

fn judge(from: &str, link: &str, pages: &BTreeMap<&str, Page>, files: &[String]) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { Some(from.to_owned()) } else { resolve(from, file) };
    let Some(target) = target else {
        return Some("leaves the checkout".to_owned());
    };
    if from.starts_with(BOOK) && !target.starts_with(BOOK) {
        return Some("leaves the book".to_owned());
    }
    let is_folder = || files.iter().any(|path| path.starts_with(&format!("{target}/")));
    if !files.contains(&target) && !is_folder() {
        return Some("no such file".to_owned());
    }
    match (pages.get(target.as_str()), anchor) {
        (Some(page), Some(anchor)) if !page.has_anchor(anchor) => Some("no such heading".to_owned()),
        _ => None,
    }
}

/// The path that a relative link means, `None` when it leaves the checkout.
fn resolve(from: &str, link: &str) -> Option<String> {
    let file = link.split('#').next().unwrap_or(link);
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(from: &str, link: &str) -> Option<String> {
        let files = [SUMMARY, "docs/src/a.md", "docs/src/errors/b.md", "README.md"].map(str::to_owned);
        let pages: BTreeMap<&str, Page> =
            files.iter().map(|path| (path.as_str(), Page::read("# One thing\n"))).collect();
        judge(from, link, &pages, &files)
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        for link in [
            "a.md",
            "./errors/b.md",
            "errors/b.md#one-thing",
            "#one-thing",
            "https://example.com/x",
            "errors",
        ] {
            assert_eq!(verdict("docs/src/a.md", link), None, "{link}");
        }
        assert_eq!(verdict("README.md", "docs/src/a.md"), None);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for link in ["c.md", "a.md#other", "#other", "../../README.md", "../../../x.md"] {
            assert!(verdict("docs/src/a.md", link).is_some(), "{link}");
        }
    }

    #[test]
    fn a_page_outside_of_the_summary_is_found() {
        let pages = BTreeMap::from([
            (SUMMARY, Page::read("[A](a.md)")),
            ("docs/src/a.md", Page::read("")),
            ("docs/src/b.md", Page::read("")),
            ("README.md", Page::read("")),
        ]);
        assert_eq!(chapters(&pages).len(), 1);
    }
}
