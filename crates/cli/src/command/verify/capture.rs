//! What stands on standard input: a token, or a request as it was captured.
//!
//! A captured request is its head and body as they went over the wire, or as `curl -v`, `nc -l` or a log wrote
//! them: lines may end with or without a carriage return and begin with `> `. Lines that are no headers are
//! left out, so what a tool wrote around them does no harm.

use workbell_wire::token;

/// A token and, from a request, what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capture {
    /// The token, without `Bearer`.
    pub(crate) token: String,
    /// The request around it; `None` when only the token was there.
    pub(crate) request: Option<Request>,
}

/// A captured request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    headers: Vec<(String, String)>,
    /// The bytes behind the head.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Finds the token in `input`.
///
/// # Errors
/// A text that says what is missing.
pub(crate) fn read(input: &[u8]) -> Result<Capture, String> {
    let request = head_and_body(input);
    if let Some(authorization) = request.header("authorization") {
        let Some(token) = token::bearer(authorization) else {
            return Err("the Authorization header is not of the scheme Bearer".to_owned());
        };
        return Ok(Capture { token: token.to_owned(), request: Some(request) });
    }
    let text = String::from_utf8_lossy(input);
    let text = text.trim();
    if text.is_empty() {
        return Err("there is nothing on standard input; pipe a token or a captured request in".to_owned());
    }
    if request.header("host").is_some() || request.header("event-type").is_some() {
        return Err("the captured request has no Authorization header".to_owned());
    }
    Ok(Capture { token: token::bearer(text).unwrap_or(text).to_owned(), request: None })
}

fn head_and_body(input: &[u8]) -> Request {
    let mut headers = Vec::new();
    let mut rest = input;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.strip_prefix(b"> ").or(line.strip_prefix(b">")).unwrap_or(line);
        if line.is_empty() && !headers.is_empty() {
            return Request { body: cut(rest, &headers), headers };
        }
        headers.extend(header(line));
    }
    headers.extend(header(rest));
    Request { headers, body: Vec::new() }
}

fn header(line: &[u8]) -> Option<(String, String)> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| (name.to_owned(), value.trim().to_owned()))
}

/// The body without what an editor put behind its end, as `Content-Length` tells.
fn cut(body: &[u8], headers: &[(String, String)]) -> Vec<u8> {
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.parse::<usize>().ok());
    match length.and_then(|length| body.split_at_checked(length)) {
        Some((body, rest)) if rest.iter().all(u8::is_ascii_whitespace) => body.to_vec(),
        Some(_) | None => body.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_alone_or_behind_bearer() {
        for text in ["abc<---->def\n", "  Bearer abc<---->def", "bearer  abc<---->def\r\n"] {
            let capture = read(text.as_bytes()).unwrap();
            assert_eq!(capture, Capture { token: "abc<---->def".to_owned(), request: None }, "{text:?}");
        }
    }

    #[test]
    fn a_request_is_read_with_either_line_end_and_the_body_keeps_its_bytes() {
        let wire = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nAuthorization: Bearer a<---->b\r\nWebhook-Id: m\r\n\r\n{\"a\":\n\n}\n\n";
        let capture = read(wire).unwrap();
        assert_eq!(capture.token, "a<---->b");
        let request = capture.request.unwrap();
        assert_eq!(request.header("webhook-id"), Some("m"));
        assert_eq!(request.body, b"{\"a\":\n\n}");
        let curl = b"> POST / HTTP/1.1\n> Host: x\n> Authorization: Bearer a<---->b\n>\n{}";
        let capture = read(curl).unwrap();
        assert_eq!(
            (capture.token.as_str(), capture.request.unwrap().body.as_slice()),
            ("a<---->b", &b"{}"[..])
        );
    }

    #[test]
    fn what_holds_no_token_is_said() {
        assert_eq!(
            read(b" \n").unwrap_err(),
            "there is nothing on standard input; pipe a token or a captured request in"
        );
        assert_eq!(
            read(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n{}").unwrap_err(),
            "the captured request has no Authorization header"
        );
        assert_eq!(
            read(b"Authorization: Basic eDp5\r\n").unwrap_err(),
            "the Authorization header is not of the scheme Bearer"
        );
    }
}
