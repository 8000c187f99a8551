//! What can be wrong with a notification, to see whether a receiver copes.

use bytes::Bytes;
use workbell_wire::{Action, MessageId};

use crate::Note;

/// Bytes of the body of [`Fault::HugeBody`].
///
/// 1 MiB: four times the largest notification that the service takes by default.
pub const HUGE: usize = 1024 * 1024;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "`Fault::what` says what each one is")]
pub enum Fault {
    Duplicate,
    Reordered,
    ExpiredToken,
    WrongAudience,
    ForeignEndpoint,
    AccessToken,
    BadSignature,
    TamperedBody,
    TruncatedBody,
    UnknownAction,
    UnknownMember,
    NullMembers,
    HugeBody,
    SlowBody,
    NoExpect,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 15] = [
        Fault::Duplicate,
        Fault::Reordered,
        Fault::ExpiredToken,
        Fault::WrongAudience,
        Fault::ForeignEndpoint,
        Fault::AccessToken,
        Fault::BadSignature,
        Fault::TamperedBody,
        Fault::TruncatedBody,
        Fault::UnknownAction,
        Fault::UnknownMember,
        Fault::NullMembers,
        Fault::HugeBody,
        Fault::SlowBody,
        Fault::NoExpect,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// What it does, in one line.
    pub const fn what(self) -> &'static str {
        self.facts().1
    }

    /// The fault with this name.
    pub fn from_name(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name)
    }

    const fn facts(self) -> (&'static str, &'static str) {
        match self {
            Fault::Duplicate => ("duplicate", "the same notification twice"),
            Fault::Reordered => ("reordered", "what happened later comes first"),
            Fault::ExpiredToken => ("expired-token", "the token expired 40 minutes ago"),
            Fault::WrongAudience => ("wrong-audience", "the token is for another audience"),
            Fault::ForeignEndpoint => {
                ("foreign-endpoint", "the token was made for another endpoint elsewhere")
            }
            Fault::AccessToken => {
                ("access-token", "an access token of the Direct API, signed with another key")
            }
            Fault::BadSignature => ("bad-signature", "the signature of the token does not fit"),
            Fault::TamperedBody => {
                ("tampered-body", "the body was changed after it was signed; the token is good")
            }
            Fault::TruncatedBody => ("truncated-body", "half of the body, then the connection closes"),
            Fault::UnknownAction => ("unknown-action", "an action that is not documented"),
            Fault::UnknownMember => ("unknown-member", "members that are not documented"),
            Fault::NullMembers => ("null-members", "null for each optional member that is missing"),
            Fault::HugeBody => ("huge-body", "a body of 1 MiB"),
            Fault::SlowBody => ("slow-body", "the body comes in 20 pieces over three seconds"),
            Fault::NoExpect => ("no-expect", "no Expect: 100-continue; the body comes at once"),
        }
    }

    /// The note with this fault, as far as that lies in what is signed.
    pub(crate) fn lay_on(self, note: &Note) -> Note {
        let text = String::from_utf8_lossy(&note.body).into_owned();
        let (action, text) = match self {
            Fault::UnknownAction => {
                let name = "SomethingNew";
                let was = format!("\"Action\":\"{}\"", note.action);
                (name.to_owned(), text.replacen(&was, &format!("\"Action\":\"{name}\""), 1))
            }
            Fault::UnknownMember => (
                note.action.clone(),
                with_member(&text, "AddedLater", r#"{"By":"a later version"}"#).replacen(
                    "{\"Header\":{",
                    "{\"Header\":{\"AddedLater\":true,",
                    1,
                ),
            ),
            Fault::NullMembers => (note.action.clone(), with_nulls(&text, &note.action)),
            Fault::HugeBody => return padded(note, HUGE),
            Fault::Duplicate
            | Fault::Reordered
            | Fault::ExpiredToken
            | Fault::WrongAudience
            | Fault::ForeignEndpoint
            | Fault::AccessToken
            | Fault::BadSignature
            | Fault::TamperedBody
            | Fault::TruncatedBody
            | Fault::SlowBody
            | Fault::NoExpect => return note.clone(),
        };
        Note { action, body: Bytes::from(text), ..note.clone() }
    }
}

/// The note with a body of this many bytes.
fn padded(note: &Note, size: usize) -> Note {
    let text = String::from_utf8_lossy(&note.body);
    let filler = "x".repeat(size.saturating_sub(text.len() + ",\"Filler\":\"\"".len()));
    Note { body: with_member(&text, "Filler", &format!("\"{filler}\"")).into(), ..note.clone() }
}

/// The object with one more member at its end.
fn with_member(object: &str, name: &str, value: &str) -> String {
    let open = object.strip_suffix('}').unwrap_or(object);
    format!("{open},\"{name}\":{value}}}")
}

fn with_nulls(object: &str, action: &str) -> String {
    let known = Action::from_name(action).map_or(&[][..], Action::members);
    let there: serde_json::Value = serde_json::from_str(object).unwrap_or_default();
    let missing = known.iter().filter(|member| !member.demanded && there.get(member.name).is_none());
    missing.fold(object.to_owned(), |text, member| with_member(&text, member.name, "null"))
}

/// The body with one letter changed: still JSON, of the same length, saying something else.
pub(crate) fn tampered(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    let name = b"\"Name\":\"";
    let at = bytes.windows(name.len()).position(|window| window == name).map(|at| at + name.len());
    if let Some(letter) = at.and_then(|at| bytes.get_mut(at)) {
        *letter = if *letter == b'X' { b'Y' } else { b'X' };
    } else {
        bytes.push(b' ');
    }
    bytes.into()
}

/// What happened before a note: the same order's arrival, an hour earlier.
pub(crate) fn earlier(note: &Note, id: MessageId) -> Option<Note> {
    let value: serde_json::Value = serde_json::from_slice(&note.body).ok()?;
    let header = &value["Header"];
    let at = note.at.minus(std::time::Duration::from_secs(3600));
    let context = workbell_wire::SampleContext {
        company_id: Some("emulator"),
        ..workbell_wire::SampleContext::new(
            header["WorkOrderId"].as_i64()?,
            header["BranchId"].as_i64()?,
            id,
            at,
        )
    };
    let text = workbell_wire::sample(Action::NewWorkOrder, workbell_wire::Variant::Typical, &context);
    Note::publish(&text, id, at).ok()
}
