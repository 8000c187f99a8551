//! Custom headers of an endpoint: which are allowed, and their values sealed before anything keeps them.

use workbell_model::{EndpointKey, SealedText};
use workbell_signing::MasterKey;
use workbell_wire::fault::DOUBLED;

use crate::check::{Faults, OUT_OF_RANGE, escape};
use crate::json::Json;
use crate::problem::{Code, Problem};

/// What listings show of a value. Given back in a `PATCH`, it keeps the value that is there.
pub(super) const MASK: &str = "***";

/// Most custom headers of an endpoint.
///
/// 32, of at most 8 KiB together: receivers usually refuse heads of more than 8 to 16 KiB. The value is our choice.
pub(super) const MOST: usize = 32;
const LONGEST_NAME: usize = 128;
const LONGEST_SUM: usize = 8 << 10;

/// Names that Workbell sends itself or that rule how a message is framed. Source: service.md section 4; the last line
/// are those of RFC 9110 section 7.6.1 and our own `User-Agent`.
const RESERVED: [&str; 12] = [
    "host",
    "transfer-encoding",
    "connection",
    "expect",
    "authorization",
    "event-type",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "user-agent",
];
const RESERVED_BEGINNINGS: [&str; 3] = ["content-", "webhook-", "workbell-"];

/// A header as it was asked for.
#[derive(Debug)]
pub(super) enum Wanted {
    /// With this value.
    Value(String, String),
    /// With the value that it has.
    Kept(String, SealedText),
}

/// Checks what was asked for; `now` are the headers that the endpoint has.
pub(super) fn check(
    members: &[(String, Json)],
    now: &[(String, SealedText)],
    faults: &mut Faults,
) -> Vec<Wanted> {
    let mut wanted = Vec::with_capacity(members.len());
    let mut sum = 0;
    for (place, (name, value)) in members.iter().enumerate() {
        let pointer = format!("/Headers/{}", escape(name));
        let value = value.as_text().unwrap_or_default();
        sum += name.len() + value.len() + 4;
        if let Some((earlier, _)) =
            members[..place].iter().find(|(earlier, _)| earlier.eq_ignore_ascii_case(name))
        {
            // The same in the same case is no fault of a header alone: it was told with the form.
            if earlier != name {
                faults.add(&pointer, DOUBLED, "stands here more than once; case makes no difference");
            }
            continue;
        }
        if let Err(message) = name_allowed(name).and_then(|()| value_allowed(value)) {
            faults.add(&pointer, Code::InvalidHeader.name(), message);
            continue;
        }
        if value == MASK {
            match now.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, sealed)) => wanted.push(Wanted::Kept(name.clone(), sealed.clone())),
                None => faults.add(
                    &pointer,
                    Code::InvalidHeader.name(),
                    "*** stands for a value that is kept, and there is none",
                ),
            }
        } else {
            wanted.push(Wanted::Value(name.clone(), value.to_owned()));
        }
    }
    if sum > LONGEST_SUM {
        faults.add("/Headers", OUT_OF_RANGE, format!("have at most {LONGEST_SUM} bytes together"));
    }
    wanted
}

fn name_allowed(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > LONGEST_NAME || http::HeaderName::from_bytes(name.as_bytes()).is_err()
    {
        return Err("is no header name: 1 to 128 letters, digits and !#$%&'*+-.^_`|~");
    }
    let lower = name.to_ascii_lowercase();
    let reserved = RESERVED.contains(&lower.as_str())
        || RESERVED_BEGINNINGS.iter().any(|beginning| lower.starts_with(beginning));
    if reserved {
        Err("is sent by Workbell itself or rules the connection, so it cannot be set")
    } else {
        Ok(())
    }
}

fn value_allowed(value: &str) -> Result<(), &'static str> {
    if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err("must have printable ASCII characters only; control characters are not allowed");
    }
    if value.starts_with(' ') || value.ends_with(' ') {
        return Err("must not begin or end with a blank, which would be lost on the way");
    }
    Ok(())
}

/// Seals the values.
///
/// # Errors
/// The system gives no randomness.
pub(super) fn seal(
    wanted: Vec<Wanted>,
    endpoint: &EndpointKey,
    master_key: &MasterKey,
) -> Result<Vec<(String, SealedText)>, Problem> {
    wanted
        .into_iter()
        .map(|header| match header {
            Wanted::Kept(name, sealed) => Ok((name, sealed)),
            Wanted::Value(name, value) => {
                let sealed = master_key.seal(&endpoint.header_record(&name), value.as_bytes());
                sealed.map(|sealed| (name, SealedText(sealed))).map_err(super::endpoints::cannot_seal)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_the_contract_is_not_allowed_in_any_case() {
        for name in [
            "Host",
            "hOST",
            "Content-Type",
            "content-length",
            "Content-X",
            "Transfer-Encoding",
            "Connection",
            "Expect",
            "Authorization",
            "Event-Type",
            "webhook-id",
            "Webhook-Signature",
            "Workbell-Attempt",
            "workbell-x",
            "",
            "A B",
            "A:",
            "Ä",
            "A\r\nB",
        ] {
            assert!(name_allowed(name).is_err(), "{name}");
        }
        for name in ["X-Api-Key", "Webhook", "Hosts", "Cookie", "Accept", "Date"] {
            assert!(name_allowed(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn values_are_printable_ascii() {
        for value in ["a\r\nX: y", "a\0", "a\tb", "é", " a", "a ", "\u{7f}"] {
            assert!(value_allowed(value).is_err(), "{value:?}");
        }
        for value in ["", "a b", "Bearer x==", "~!@#$%^&*()"] {
            assert!(value_allowed(value).is_ok(), "{value:?}");
        }
    }
}
