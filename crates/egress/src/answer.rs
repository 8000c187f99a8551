//! What is kept of an answer: text, bounded, escaped.

use std::time::Duration;

use http::header::{HeaderMap, RETRY_AFTER};

use crate::attempted::RetryAfter;

/// Bytes that are read for the head of an answer, informational answers before it included.
///
/// 32 KiB. Servers cap what they send at 8 to 16 KiB (nginx, Apache, IIS), so twice that is generous.
pub const MAX_HEAD: usize = 32 * 1024;

/// Bytes of header names and values that are kept for the log. Our choice; heads seen live have under 2 KiB.
pub const MAX_LOGGED_HEADERS: usize = 8 * 1024;

/// How long the body of an answer is read after its head. It is for the log only.
pub const BODY_WAIT: Duration = Duration::from_secs(1);

/// The headers as text, cut at [`MAX_LOGGED_HEADERS`].
pub(crate) fn headers_as_text(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut left = MAX_LOGGED_HEADERS;
    let mut text = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let (name, mut value) = (name.as_str().to_owned(), escaped(value.as_bytes()));
        let Some(room) = left.checked_sub(name.len()) else { break };
        if value.len() > room {
            let end = (0..=room).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
            value.truncate(end);
            text.push((name, value));
            break;
        }
        left = room - value.len();
        text.push((name, value));
    }
    text
}

/// Bytes as text that can be read back: UTF-8 stays, control characters and other bytes become `\xNN`,
/// a backslash becomes two.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    if bytes.iter().all(|b| (b' '..=b'~').contains(b) && *b != b'\\') {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                c if c.is_control() => {
                    let mut buffer = [0; 4];
                    c.encode_utf8(&mut buffer).bytes().for_each(|b| text.push_str(&format!("\\x{b:02x}")));
                }
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|b| text.push_str(&format!("\\x{b:02x}")));
    }
    text
}

/// A body as text: what is no UTF-8 becomes U+FFFD, a control character other than tab and line ends `\xNN`
/// (a terminal obeys some, a database may not hold NUL). A character that the cut went through is left out.
pub(crate) fn body_as_text(bytes: &[u8], cut: bool) -> String {
    let mut bytes = bytes;
    if cut
        && let Err(error) = std::str::from_utf8(bytes)
        && error.error_len().is_none()
    {
        bytes = &bytes[..error.valid_up_to()];
    }
    let text = String::from_utf8_lossy(bytes);
    let is_dangerous = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if !text.contains(is_dangerous) {
        return text.into_owned();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_dangerous(c) {
            safe.push_str(&format!("\\x{:02x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// The `Retry-After` of an answer, as it came.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(RetryAfter::Seconds(text.parse().unwrap_or(u64::MAX)));
    }
    Some(RetryAfter::Date(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn header_bytes_are_shown_as_text_that_can_be_read_back() {
        assert_eq!(escaped(b"plain"), "plain");
        assert_eq!(escaped("Grüße \u{1f6b2}".as_bytes()), "Grüße \u{1f6b2}");
        assert_eq!(escaped(b"a\tb\\c\xff\x1b[31m"), "a\\x09b\\\\c\\xff\\x1b[31m");
    }

    #[test]
    fn logged_headers_are_cut_at_their_limit() {
        let mut headers = HeaderMap::new();
        for i in 0..10 {
            let name = http::HeaderName::from_bytes(format!("x-{i}").as_bytes()).expect("a name");
            headers.insert(name, HeaderValue::from_str(&"v".repeat(2000)).expect("a value"));
        }
        let text = headers_as_text(&headers);
        let bytes: usize = text.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert_eq!(bytes, MAX_LOGGED_HEADERS);
    }

    #[test]
    fn a_body_cut_within_a_character_loses_that_character_only() {
        assert_eq!(body_as_text("aé".as_bytes(), true), "aé");
        assert_eq!(body_as_text(&"aé".as_bytes()[..2], true), "a");
        assert_eq!(body_as_text(b"a\xff\0b\x1b[2J\r\n", false), "a\u{fffd}\\x00b\\x1b[2J\r\n");
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let read = |value: &'static str| {
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]))
        };
        assert_eq!(read("120"), Some(RetryAfter::Seconds(120)));
        assert_eq!(read("99999999999999999999"), Some(RetryAfter::Seconds(u64::MAX)));
        let date = "Fri, 31 Dec 1999 23:59:59 GMT";
        assert_eq!(read(date), Some(RetryAfter::Date(date.to_owned())));
        assert_eq!(read(""), None);
    }
}
