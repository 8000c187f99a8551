//! One Markdown file: its links and its headings.

use std::collections::BTreeMap;

/// What the link check needs of a page.
pub(super) struct Page {
    /// Line (from 1) and target of each link and picture.
    links: Vec<(usize, String)>,
    /// The ids that mdBook gives to the headings.
    anchors: Vec<String>,
    /// Line and path of each file that mdBook puts in, in code too.
    includes: Vec<(usize, String)>,
}

impl Page {
    /// Reads the text of a page.
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self { links: Vec::new(), anchors: Vec::new(), includes: Vec::new() };
        let mut seen = BTreeMap::new();
        let mut fence: Option<String> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let trimmed = line.trim_start();
            if let Some(path) = included(trimmed) {
                page.includes.push((number, path.to_owned()));
            }
            if let Some(open) = &fence {
                if trimmed.starts_with(open.as_str()) {
                    fence = None;
                }
                continue;
            }
            fence = opening_fence(trimmed);
            if fence.is_some() {
                continue;
            }
            if let Some(title) = heading(line) {
                page.anchors.push(unique(slug(title), &mut seen));
            }
            page.links.extend(targets(&without_code(line)).into_iter().map(|target| (number, target)));
        }
        page
    }

    /// Line and target of each link.
    pub(super) fn links(&self) -> &[(usize, String)] {
        &self.links
    }

    /// Line and path of each included file.
    pub(super) fn includes(&self) -> &[(usize, String)] {
        &self.includes
    }

    /// Whether a heading has this id.
    pub(super) fn has_anchor(&self, anchor: &str) -> bool {
        self.anchors.iter().any(|known| known == anchor)
    }
}

/// The file that a line includes as a whole.
fn included(line: &str) -> Option<&str> {
    Some(line.strip_prefix("{{#include ")?.strip_suffix("}}")?.trim())
}

/// The backticks or tildes that a fenced block begins with.
fn opening_fence(line: &str) -> Option<String> {
    ['`', '~'].into_iter().find_map(|mark| {
        let length = line.chars().take_while(|letter| *letter == mark).count();
        (length >= 3).then(|| mark.to_string().repeat(length))
    })
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    ((1..=6).contains(&level) && title.starts_with(' ')).then(|| title.trim())
}

/// The id of a heading as mdBook makes it.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for letter in without_targets(title).to_lowercase().chars() {
        if letter.is_alphanumeric() || letter == '_' || letter == '-' {
            slug.push(letter);
        } else if letter.is_whitespace() {
            slug.push('-');
        }
    }
    slug
}

/// A title with its links replaced by their text.
fn without_targets(title: &str) -> String {
    let mut text = title.to_owned();
    while let (Some(from), true) = (text.find("]("), text.contains('[')) {
        let Some(to) = text[from..].find(')') else { break };
        text.replace_range(from..=from + to, "");
        if let Some(open) = text.find('[') {
            text.remove(open);
        }
    }
    text
}

fn unique(slug: String, seen: &mut BTreeMap<String, usize>) -> String {
    let count = seen.entry(slug.clone()).or_default();
    *count += 1;
    if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
}

/// The line with its code spans removed.
fn without_code(line: &str) -> String {
    let mut text = String::new();
    for (index, part) in line.split('`').enumerate() {
        if index % 2 == 0 {
            text.push_str(part);
        }
    }
    text
}

/// Targets of inline links, pictures, reference definitions and HTML attributes in a line.
fn targets(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, opening) in line.match_indices("](") {
        let behind = &line[at + opening.len()..];
        if let Some(end) = behind.find(')') {
            found.push(behind[..end].to_owned());
        }
    }
    for attribute in ["src=\"", "href=\"", "srcset=\""] {
        for (at, opening) in line.match_indices(attribute) {
            let behind = &line[at + opening.len()..];
            if let Some(end) = behind.find('"') {
                found.push(behind[..end].to_owned());
            }
        }
    }
    if line.starts_with('[')
        && let Some((_, target)) = line.split_once("]: ")
    {
        found.push(target.to_owned());
    }
    // A title may follow the target, and a draft chapter has none.
    let cut = |target: String| target.split(' ').next().unwrap_or_default().to_owned();
    found.into_iter().map(cut).filter(|target| !target.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let page = Page::read(
            "see [a](b.md \"c\") and ![d](e.svg)\n```\n[x](y)\n```\n`[x](y)`\n[f]: g.md\n<img src=\"h.png\">",
        );
        let targets: Vec<&str> = page.links().iter().map(|(_, target)| target.as_str()).collect();
        assert_eq!(targets, ["b.md", "e.svg", "g.md", "h.png"]);
    }

    #[test]
    fn headings_get_the_ids_of_the_book() {
        let page =
            Page::read("# The `Expect` header, again\n## A\n## A\n### [Link](x.md) here\n```\n# no\n```\n");
        for anchor in ["the-expect-header-again", "a", "a-1", "link-here"] {
            assert!(page.has_anchor(anchor), "{anchor}");
        }
        assert!(!page.has_anchor("no"));
    }
}
