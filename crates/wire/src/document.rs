//! One JSON text, scanned once: where each value begins and ends, and of what kind it is.
//!
//! Nothing is decoded or copied. The result is a flat list of nodes in the order of the text; an object's
//! children are name, value, name, value, …, and each node knows where its subtree ends. The scanner takes
//! exactly RFC 8259, with two limits that keep what we send readable by every receiver: values nest at most
//! [`scanner::MAX_DEPTH`] deep, and an escaped surrogate has its partner (RFC 7493 section 2.1).

mod scanner;

use std::borrow::Cow;

pub(crate) use scanner::{Kind, Malformed};
use scanner::{Nothing, Scanner, Sink};

#[derive(Clone, Copy, Debug)]
struct Node {
    /// First byte of the value; of a string, the one after the quote.
    start: u32,
    /// The byte after the value; of a string, the closing quote.
    end: u32,
    /// Index of the first node after this one's subtree.
    after: u32,
    kind: Kind,
}

/// A scanned JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Document<'a> {
    /// Scans a whole text, which holds one value and white space around it.
    pub(crate) fn scan(text: &'a str) -> Result<Self, Malformed> {
        if u32::try_from(text.len()).is_err() {
            return Err(Malformed { at: 0, what: "the text is longer than 4 GiB" });
        }
        // One node per 10 bytes is what dense notifications have; a denser text makes the list grow.
        let mut scanner = Scanner::new(text, Nodes(Vec::with_capacity(text.len() / 8 + 8)));
        scanner.space();
        scanner.value()?;
        scanner.end()?;
        Ok(Document { text, nodes: scanner.sink.0 })
    }

    /// The whole value.
    pub(crate) fn root(&self) -> Value<'_, 'a> {
        Value { document: self, index: 0 }
    }

    /// The value of a node that [`Value::index`] named.
    pub(crate) fn at(&self, index: u32) -> Value<'_, 'a> {
        Value { document: self, index }
    }
}

/// One value of a [`Document`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'d, 'a> {
    document: &'d Document<'a>,
    index: u32,
}

impl<'d, 'a> Value<'d, 'a> {
    fn node(self) -> Node {
        self.document.nodes[self.index as usize]
    }

    pub(crate) fn index(self) -> u32 {
        self.index
    }

    pub(crate) fn kind(self) -> Kind {
        self.node().kind
    }

    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The exact bytes of the value.
    pub(crate) fn raw(self) -> &'a str {
        let node = self.node();
        let quote = usize::from(matches!(node.kind, Kind::Text | Kind::EscapedText));
        &self.document.text[node.start as usize - quote..node.end as usize + quote]
    }

    /// The decoded text; `None` when the value is no string.
    #[inline]
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        let node = self.node();
        match node.kind {
            Kind::Text => Some(Cow::Borrowed(&self.document.text[node.start as usize..node.end as usize])),
            Kind::EscapedText => Some(self.decode()),
            _ => None,
        }
    }

    #[cold]
    fn decode(self) -> Cow<'a, str> {
        Cow::Owned(serde_json::from_str(self.raw()).expect("a scanned string can be decoded"))
    }

    /// The number as int64; `None` when the value is no integer or does not fit.
    pub(crate) fn integer(self) -> Option<i64> {
        if self.kind() == Kind::Integer { self.raw().parse().ok() } else { None }
    }

    /// Names and values of an object; nothing of any other value.
    pub(crate) fn members(self) -> Members<'d, 'a> {
        let end = if self.kind() == Kind::Object { self.node().after } else { 0 };
        Members { document: self.document, next: self.index + 1, end }
    }

    /// Elements of an array; nothing of any other value.
    pub(crate) fn elements(self) -> Elements<'d, 'a> {
        let end = if self.kind() == Kind::List { self.node().after } else { 0 };
        Elements { document: self.document, next: self.index + 1, end }
    }
}

/// Walks the members of an object in their order.
pub(crate) struct Members<'d, 'a> {
    document: &'d Document<'a>,
    next: u32,
    end: u32,
}

impl<'d, 'a> Iterator for Members<'d, 'a> {
    type Item = (Cow<'a, str>, Value<'d, 'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let name = self.document.at(self.next).text().expect("a member has a name");
        let value = self.document.at(self.next + 1);
        self.next = value.node().after;
        Some((name, value))
    }
}

/// Walks the elements of an array in their order.
pub(crate) struct Elements<'d, 'a> {
    document: &'d Document<'a>,
    next: u32,
    end: u32,
}

impl<'d, 'a> Iterator for Elements<'d, 'a> {
    type Item = Value<'d, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let value = self.document.at(self.next);
        self.next = value.node().after;
        Some(value)
    }
}

/// Cuts the text of an array into the texts of its elements; `None` when the value is no array.
pub(crate) fn split(text: &str) -> Result<Option<Vec<&str>>, Malformed> {
    let mut scanner = Scanner::new(text, Nothing);
    scanner.space();
    if scanner.peek() != Some(b'[') {
        scanner.value()?;
        scanner.end()?;
        return Ok(None);
    }
    let mut items = Vec::new();
    scanner.list(|scanner| {
        let start = scanner.at;
        scanner.value()?;
        items.push(&text[start..scanner.at]);
        Ok(())
    })?;
    scanner.end()?;
    Ok(Some(items))
}

/// Keeps every value. Offsets fit, because [`Document::scan`] refuses longer texts.
struct Nodes(Vec<Node>);

impl Sink for Nodes {
    fn open(&mut self, start: usize, kind: Kind) -> usize {
        self.0.push(Node { start: start as u32, end: 0, after: 0, kind });
        self.0.len() - 1
    }

    fn close(&mut self, index: usize, end: usize) {
        let after = self.0.len() as u32;
        let node = &mut self.0[index];
        node.end = end as u32;
        node.after = after;
    }

    fn leaf(&mut self, start: usize, end: usize, kind: Kind) {
        let after = self.0.len() as u32 + 1;
        self.0.push(Node { start: start as u32, end: end as u32, after, kind });
    }
}

#[cfg(test)]
mod tests;
