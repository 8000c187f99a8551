//! As much of HTTP/1.1 as both sides here need, read by hand so that no byte is lost on the way.

use std::io::{self, Read};
use std::net::TcpStream;

/// Longest head that is read. 64 KiB, beyond any that we send.
const LONGEST_HEAD: usize = 64 << 10;

/// An answer of the service.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The head as it came.
    pub head: String,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error}: status {}, {:?}", self.status, self.text()),
        }
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body, of an answer that must have this status.
    ///
    /// # Panics
    /// When it has another one.
    #[track_caller]
    pub fn with(self, status: u16) -> serde_json::Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() { serde_json::Value::Null } else { self.json() }
    }

    /// Checks that this is a problem document of this status and code.
    ///
    /// # Panics
    /// When it is something else.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("Content-Type"), Some("application/problem+json"), "{}", self.head);
        assert_eq!(self.json()["Code"], code, "{}", self.text());
    }
}

/// The first value of a header in a head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Reads what comes over a connection, message by message.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Reader { stream, buffer: Vec::new() }
    }

    /// Whether bytes are here that nobody asked for yet.
    pub(crate) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// A head with its empty line; `None` when the other side closed before its first byte.
    pub(crate) fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            if let Some(at) = find(&self.buffer[searched..], b"\r\n\r\n") {
                return Ok(Some(self.take(searched + at + 4)));
            }
            searched = self.buffer.len().saturating_sub(3);
            if self.buffer.len() > LONGEST_HEAD {
                return Err(invalid("a head without end"));
            }
            if !self.fill()? {
                let nothing = self.buffer.is_empty();
                return if nothing { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Waits for at least one byte more.
    pub(crate) fn first_byte(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() && !self.fill()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// This many bytes.
    pub(crate) fn body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.take(length))
    }

    /// A whole answer, with the length that it states.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        loop {
            let head = self.head()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let head = String::from_utf8(head).map_err(|_| invalid("a head that is no text"))?;
            let status = head.get(9..12).and_then(|status| status.parse().ok());
            let status: u16 = status.ok_or_else(|| invalid("a status line without status"))?;
            if status == 100 {
                continue;
            }
            let length = match header(&head, "Content-Length") {
                Some(length) => length.parse().map_err(|_| invalid("a length that is no number"))?,
                None if status == 204 => 0,
                None => return Err(invalid("an answer without length")),
            };
            let body = self.body(length)?;
            return Ok(Reply { status, head, body });
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// False at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 16 << 10];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(read) => {
                    self.buffer.extend_from_slice(&chunk[..read]);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
