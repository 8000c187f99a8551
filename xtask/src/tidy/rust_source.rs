//! A Rust file as far as the checks need it: code without comments and literals, the literals, the tests.
//!
//! A small scanner, not a parser: it knows comments, strings, raw strings and characters, and finds the
//! end of a test module by counting braces. That is enough for rules about words.

/// One file, scanned.
pub(crate) struct RustSource<'a> {
    path: &'a str,
    text: &'a str,
    /// The text with the insides of comments and literals blanked, line for line the same.
    code: String,
    /// String literals with the line that they begin in, from 1.
    literals: Vec<(usize, String)>,
    /// First and last line of what is compiled for tests only.
    tests: Vec<(usize, usize)>,
}

impl<'a> RustSource<'a> {
    /// Scans a file.
    pub(crate) fn read(path: &'a str, text: &'a str) -> Self {
        let (code, literals) = Scanner::new(text).scan();
        let tests = test_regions(&code);
        Self { path, text, code, literals, tests }
    }

    /// The path that it was read from.
    pub(crate) fn path(&self) -> &'a str {
        self.path
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The `//!` lines that it opens with.
    pub(crate) fn module_doc(&self) -> &'a str {
        let end: usize =
            self.text.split_inclusive('\n').take_while(|line| line.starts_with("//!")).map(str::len).sum();
        &self.text[..end]
    }

    /// The lines of code, without comments and what stands in literals, counted from 1.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    /// The string literals and the lines that they begin in.
    pub(crate) fn literals(&self) -> impl Iterator<Item = (usize, &str)> {
        self.literals.iter().map(|(number, literal)| (*number, literal.as_str()))
    }

    /// Whether all of it is for tests or to be tried out: in a folder `tests`, `benches` or `examples`, or a
    /// module `tests.rs`.
    pub(crate) fn is_test_file(&self) -> bool {
        let in_folder = |name: &str| self.path.starts_with(&name[1..]) || self.path.contains(name);
        ["/tests/", "/benches/", "/examples/", "/fuzz/", "/testkit/"].iter().any(|name| in_folder(name))
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
    }

    /// Whether a line belongs to an item behind `#[cfg(test)]`.
    pub(crate) fn is_test_line(&self, number: usize) -> bool {
        self.tests.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }
}

/// Walks over the characters once.
struct Scanner<'a> {
    rest: std::iter::Peekable<std::str::CharIndices<'a>>,
    text: &'a str,
    line: usize,
    code: String,
    literals: Vec<(usize, String)>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        let code = String::with_capacity(text.len());
        Self { rest: text.char_indices().peekable(), text, line: 1, code, literals: Vec::new() }
    }

    fn scan(mut self) -> (String, Vec<(usize, String)>) {
        while let Some(&(at, letter)) = self.rest.peek() {
            let ahead = &self.text[at..];
            if ahead.starts_with("//") {
                self.blank_until(|text| text.starts_with('\n'));
            } else if ahead.starts_with("/*") {
                self.block_comment();
            } else if let Some(hashes) = raw_string(ahead).filter(|_| !self.behind_a_name()) {
                self.raw_literal(hashes);
            } else if letter == '"' {
                self.literal();
            } else if letter == '\'' && is_character(ahead) {
                self.character();
            } else {
                self.keep();
            }
        }
        (self.code, self.literals)
    }

    /// Whether the last kept letter belongs to a name, so that an `r` or `b` here does not open a literal.
    fn behind_a_name(&self) -> bool {
        self.code.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
    }

    fn keep(&mut self) {
        if let Some((_, letter)) = self.rest.next() {
            self.line += usize::from(letter == '\n');
            self.code.push(letter);
        }
    }

    fn blank(&mut self) -> Option<char> {
        let (_, letter) = self.rest.next()?;
        self.line += usize::from(letter == '\n');
        self.code.push(if letter == '\n' { '\n' } else { ' ' });
        Some(letter)
    }

    fn blank_until(&mut self, ends: impl Fn(&str) -> bool) {
        while let Some(&(at, _)) = self.rest.peek() {
            if ends(&self.text[at..]) {
                return;
            }
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while let Some(&(at, _)) = self.rest.peek() {
            let ahead = &self.text[at..];
            if ahead.starts_with("/*") {
                depth += 1;
                self.blank();
            } else if ahead.starts_with("*/") {
                depth -= 1;
                self.blank();
            }
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn raw_literal(&mut self, hashes: usize) {
        let line = self.line;
        while self.rest.peek().is_some_and(|(_, letter)| *letter != '"') {
            self.blank();
        }
        self.blank();
        let end = format!("\"{}", "#".repeat(hashes));
        let from = self.rest.peek().map_or(self.text.len(), |(at, _)| *at);
        self.blank_until(|text| text.starts_with(&end));
        let to = self.rest.peek().map_or(self.text.len(), |(at, _)| *at);
        for _ in 0..end.len() {
            self.blank();
        }
        self.literals.push((line, self.text[from..to].to_owned()));
    }

    fn literal(&mut self) {
        let line = self.line;
        let mut content = String::new();
        self.blank();
        while let Some(letter) = self.blank() {
            match letter {
                '"' => break,
                '\\' => {
                    let escaped = self.blank();
                    content.push(if escaped == Some('"') { '"' } else { ' ' });
                }
                other => content.push(other),
            }
        }
        self.literals.push((line, content));
    }

    fn character(&mut self) {
        self.blank();
        if self.blank() == Some('\\') {
            self.blank();
        }
        self.blank_until(|text| text.starts_with('\''));
        self.blank();
    }
}

/// The number of hashes when a raw string begins here.
fn raw_string(text: &str) -> Option<usize> {
    let behind =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let quote = behind.find(|letter| letter != '#')?;
    behind[quote..].starts_with('"').then_some(quote)
}

/// Whether a `'` opens a character and not a lifetime.
fn is_character(text: &str) -> bool {
    let mut letters = text.chars().skip(1);
    match letters.next() {
        Some('\\') => true,
        Some(_) => letters.next() == Some('\''),
        None => false,
    }
}

/// First and last line of each item behind an attribute `#[cfg(… test …)]`.
fn test_regions(code: &str) -> Vec<(usize, usize)> {
    let mut regions = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        let Some(end) = code[at..].find(']').map(|length| at + length) else { continue };
        let attribute = &code[at..end];
        let words: Vec<&str> =
            attribute.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        if words.contains(&"test") && !words.contains(&"not") {
            let last = end_of_item(code, end + 1);
            regions.push((line_of(code, at), line_of(code, last)));
        }
    }
    regions
}

/// Where the item that begins here ends: at its `;`, or at the brace that closes its first one.
fn end_of_item(code: &str, from: usize) -> usize {
    let mut depth = 0usize;
    for (at, letter) in code[from..].char_indices() {
        match letter {
            ';' if depth == 0 => return from + at,
            '{' => depth += 1,
            '}' if depth == 1 => return from + at,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at.min(code.len())].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let source = RustSource::read(
            "a.rs",
            "let a = \"x{\\\"y\"; // {\n/* /* { */ */ let b = r#\"\"z\"#;\n'{' 'a: b",
        );
        let lines: Vec<(usize, &str)> = source.code_lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|(_, line)| !line.contains('{')), "{lines:?}");
        assert!(lines[2].1.contains("'a: b"));
        assert_eq!(source.literals().collect::<Vec<_>>(), [(1, "x{\"y"), (2, "\"z")]);
    }

    #[test]
    fn a_test_module_is_found_to_its_last_brace() {
        let text = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { \"}\"; }\n}\nfn h() {}\n";
        let source = RustSource::read("a.rs", text);
        let inside: Vec<usize> = (1..=6).filter(|line| source.is_test_line(*line)).collect();
        assert_eq!(inside, [2, 3, 4, 5]);
    }

    #[test]
    fn an_item_for_everything_but_tests_is_no_test() {
        let source = RustSource::read("a.rs", "#[cfg(not(test))]\nfn f() {}\n");
        assert!(!source.is_test_line(2));
    }

    #[test]
    fn test_files_are_known_by_their_folder() {
        let is_test = |path| RustSource::read(path, "").is_test_file();
        assert!(
            is_test("tests/src/lib.rs")
                && is_test("crates/a/tests/b.rs")
                && is_test("crates/testkit/src/lib.rs")
        );
        assert!(is_test("crates/a/src/b/tests.rs"));
        assert!(!is_test("crates/a/src/contests.rs"));
    }
}
