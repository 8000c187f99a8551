//! Reads JSON text byte by byte and tells a [`Sink`] what it finds.
//!
//! Source: RFC 8259.

/// How deep arrays and objects may nest.
///
/// 127, as `serde_json` reads by default, so what is accepted here can be read by receivers written in Rust.
pub(crate) const MAX_DEPTH: usize = 127;

/// Why a text is no JSON, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Flag,
    /// A number without fraction and exponent.
    Integer,
    /// Any other number.
    Decimal,
    /// A string without a backslash.
    Text,
    /// A string with at least one escape.
    EscapedText,
    List,
    Object,
}

/// What becomes of the values that the scanner finds.
pub(super) trait Sink {
    fn open(&mut self, start: usize, kind: Kind) -> usize;
    fn close(&mut self, index: usize, end: usize);
    fn leaf(&mut self, start: usize, end: usize, kind: Kind);
}

/// Keeps nothing: only the grammar is checked.
pub(super) struct Nothing;

impl Sink for Nothing {
    fn open(&mut self, _: usize, _: Kind) -> usize {
        0
    }

    fn close(&mut self, _: usize, _: usize) {}

    fn leaf(&mut self, _: usize, _: usize, _: Kind) {}
}

pub(super) struct Scanner<'a, S> {
    bytes: &'a [u8],
    pub(super) at: usize,
    depth: usize,
    pub(super) sink: S,
}

impl<'a, S: Sink> Scanner<'a, S> {
    pub(super) fn new(text: &'a str, sink: S) -> Self {
        Scanner { bytes: text.as_bytes(), at: 0, depth: 0, sink }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, Malformed> {
        let what = if self.at >= self.bytes.len() { "the text ends too early" } else { what };
        Err(Malformed { at: self.at, what })
    }

    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        self.space();
        if self.at < self.bytes.len() { self.fail("something follows the value") } else { Ok(()) }
    }

    /// Scans the value that begins right here.
    pub(super) fn value(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                let kind = self.string()?;
                self.sink.leaf(start + 1, self.at - 1, kind);
                Ok(())
            }
            Some(b'{') => self.object(),
            Some(b'[') => self.list(|scanner| scanner.value()),
            Some(b'-' | b'0'..=b'9') => {
                let kind = self.number()?;
                self.sink.leaf(start, self.at, kind);
                Ok(())
            }
            Some(b't') => self.word(b"true", Kind::Flag),
            Some(b'f') => self.word(b"false", Kind::Flag),
            Some(b'n') => self.word(b"null", Kind::Null),
            _ => self.fail("a value is expected here"),
        }
    }

    fn word(&mut self, word: &'static [u8], kind: Kind) -> Result<(), Malformed> {
        if !self.bytes[self.at..].starts_with(word) {
            return self.fail("a value is expected here");
        }
        let start = self.at;
        self.at += word.len();
        self.sink.leaf(start, self.at, kind);
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.fail("values nest deeper than 127") } else { Ok(()) }
    }

    fn object(&mut self) -> Result<(), Malformed> {
        self.deeper()?;
        let index = self.sink.open(self.at, Kind::Object);
        self.at += 1;
        self.space();
        if self.peek() != Some(b'}') {
            loop {
                self.member()?;
                self.space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return self.fail("a comma or } is expected here"),
                }
                self.space();
            }
        }
        self.at += 1;
        self.depth -= 1;
        self.sink.close(index, self.at);
        Ok(())
    }

    fn member(&mut self) -> Result<(), Malformed> {
        if self.peek() != Some(b'"') {
            return self.fail("a member name in double quotes is expected here");
        }
        let start = self.at;
        let kind = self.string()?;
        self.sink.leaf(start + 1, self.at - 1, kind);
        self.space();
        if self.peek() != Some(b':') {
            return self.fail("a colon is expected here");
        }
        self.at += 1;
        self.space();
        self.value()
    }

    pub(super) fn list(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.deeper()?;
        let index = self.sink.open(self.at, Kind::List);
        self.at += 1;
        self.space();
        if self.peek() != Some(b']') {
            loop {
                element(self)?;
                self.space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return self.fail("a comma or ] is expected here"),
                }
                self.space();
            }
        }
        self.at += 1;
        self.depth -= 1;
        self.sink.close(index, self.at);
        Ok(())
    }

    fn string(&mut self) -> Result<Kind, Malformed> {
        let mut kind = Kind::Text;
        self.at += 1;
        loop {
            self.at = plain_until(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(kind);
                }
                Some(b'\\') => {
                    kind = Kind::EscapedText;
                    self.escape()?;
                }
                _ => return self.fail("a control character in a string must be escaped"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.unit()? {
                0xD800..0xDC00 => {
                    if self.bytes.get(self.at..self.at + 2) == Some(b"\\u") {
                        self.at += 1;
                        if (0xDC00..0xE000).contains(&self.unit()?) {
                            return Ok(());
                        }
                    }
                    self.fail("a surrogate lacks its partner")
                }
                0xDC00..0xE000 => self.fail("a surrogate lacks its partner"),
                _ => Ok(()),
            },
            _ => self.fail("there is no such escape"),
        }
    }

    /// Reads `uXXXX`.
    fn unit(&mut self) -> Result<u32, Malformed> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.fail("four hexadecimal digits are expected after \\u");
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<Kind, Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut kind = Kind::Integer;
        if self.peek() == Some(b'.') {
            kind = Kind::Decimal;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            kind = Kind::Decimal;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        match self.peek() {
            Some(b'0'..=b'9') => self.fail("a number does not begin with 0"),
            _ => Ok(kind),
        }
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.fail("a digit is expected here");
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }
}

/// First position from `at` on whose byte ends plain text: a quote, a backslash, a control character, the end.
///
/// Looks at eight bytes at a time. In each word the lowest byte that is flagged is a true one (a borrow only
/// runs towards higher bytes), and the lowest is all that is asked for.
pub(super) fn plain_until(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES * 0x80;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quotes = word ^ (ONES * b'"' as u64);
        let slashes = word ^ (ONES * b'\\' as u64);
        let found = ((quotes.wrapping_sub(ONES) & !quotes)
            | (slashes.wrapping_sub(ONES) & !slashes)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            break;
        }
        at += 1;
    }
    at
}
