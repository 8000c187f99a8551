//! A notification as it is published: read, checked, and turned into the bytes that are sent.
//!
//! [`Publication::parse`] scans the text once, decodes nothing but a few members of the Header, and keeps
//! borrowing the text. [`Publication::body`] then copies the bytes of each value, so unknown members, decimal
//! money, seven-digit times and published nulls survive byte for byte. Ids and time that are filled in are
//! arguments.
//!
//! Everything that needs no configuration is checked here, known actions against their tables included, and all
//! faults are told at once. Whether an action of the platform's own is registered, a branch exists or a client
//! belongs to the company is the caller's to check.
//!
//! Source: notifications.md section 2, service.md section 4.

mod body;
mod doubled;
mod header;
mod mention;

use std::borrow::Cow;

use crate::action::Action;
use crate::action_name::ActionName;
use crate::contract::models::RESERVED;
use crate::contract::{Form, Member, Rigour};
use crate::document::{self, Document, Malformed, Value};
use crate::fault::{self, Fault, Faults, Path};
use crate::message_id::MessageId;
use crate::timestamp::Timestamp;
use crate::validator;

use header::Header;
pub use mention::Mentions;

/// The `ApiVersion` of a notification that was published without one.
pub const DEFAULT_API_VERSION: &str = "1.1";

/// Lowest WorkOrderId that is taken: −2^62, or −4,611,686,018,427,387,904.
///
/// The contract says int64 and no more; systems count up from 1. The numbers below are the store's own, for what is sent
/// again: with them no replay can ever stand in a work order's lane.
pub const LOWEST_WORK_ORDER: i64 = -(1 << 62);

/// Why a text cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is no JSON (RFC 8259, in UTF-8, nested at most 127 deep, surrogates in pairs).
    #[error("the body is no JSON: {message} (line {line}, column {column})")]
    InvalidJson {
        /// What the reader expected or met.
        message: String,
        /// Line of the first bad byte, from 1.
        line: usize,
        /// Character within the line, from 1.
        column: usize,
    },
    /// The text is JSON and breaks the contract. Never empty; at most [`fault::MAX_FAULTS`].
    #[error("the notification breaks the contract: {}", list(.0))]
    Schema(Vec<Fault>),
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
}

/// A notification that may be published, as far as it can be judged without configuration.
///
/// ```
/// use workbell_wire::{MessageId, Publication, Timestamp};
///
/// let text = br#"{ "Header": { "WorkOrderId": 42, "BranchId": 492042, "Action": "NteChanged",
///     "Sender": { "Name": "Dana", "Type": "Customer" } }, "Amount": 1.10 }"#;
/// let publication = Publication::parse(text)?;
/// let body = publication.body(MessageId::from_bytes([7; 16]), Timestamp::EPOCH);
/// assert!(body.ends_with(br#""MessageId":"07070707-0707-0707-0707-070707070707"},"Amount":1.10}"#));
/// # Ok::<(), workbell_wire::publication::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Publication<'a> {
    document: Document<'a>,
    header: Header<'a>,
    initiated_by: Option<Cow<'a, str>>,
    company_id: Option<Cow<'a, str>>,
}

impl<'a> Publication<'a> {
    /// Reads and checks the text of one notification.
    ///
    /// # Errors
    /// [`Error::InvalidJson`] when it is no JSON, [`Error::Schema`] with all faults when it breaks the
    /// contract. A known action is checked against its table, another one only for its Header.
    pub fn parse(json: &'a [u8]) -> Result<Self, Error> {
        Publication::parse_text(utf8(json)?)
    }

    /// [`Publication::parse`] for a text that is known to be UTF-8, such as an item of [`split_array`].
    ///
    /// # Errors
    /// As [`Publication::parse`].
    pub fn parse_text(json: &'a str) -> Result<Self, Error> {
        let document = Document::scan(json).map_err(|malformed| invalid(json, malformed))?;
        let root = document.root();
        let mut faults = Faults::default();
        if root.kind() != document::Kind::Object {
            faults.add(&Path::Root, fault::WRONG_TYPE, "must be an object");
            return Err(Error::Schema(faults.into_vec()));
        }
        doubled::check(root, &Path::Root, &mut faults);

        let header = Header::read(root, &mut faults);
        if let Some(action) = header.as_ref().and_then(Header::known_action) {
            validator::check_members(root, action.members(), Rigour::Full, &Path::Root, &mut faults);
        }
        let [initiated_by, company_id] = reserved(root, &mut faults);
        let branch_id = match &header {
            Some(header) => header.branch_id,
            None => Mentions::within(root).branch_id,
        };
        if branch_id == Some(0) && company_id.is_none() {
            let path = Path::Root.member("CompanyId");
            faults.add(&path, fault::MISSING, "must be given when Header.BranchId is 0");
        }

        if header.as_ref().and_then(|header| header.work_order_id).is_some_and(|id| id < LOWEST_WORK_ORDER) {
            let (header, message) =
                (Path::Root.member("Header"), format!("must be {LOWEST_WORK_ORDER} or more"));
            faults.add(&header.member("WorkOrderId"), fault::OUT_OF_RANGE, message);
        }

        match header {
            Some(header) if faults.is_empty() => {
                Ok(Publication { header, initiated_by, company_id, document })
            }
            _ => Err(Error::Schema(faults.into_vec())),
        }
    }

    /// The work order; 0 when the action is not about one.
    pub fn work_order_id(&self) -> i64 {
        self.header.work_order_id.unwrap_or_default()
    }

    /// The recipient branch; 0 for company-wide configuration.
    pub fn branch_id(&self) -> i64 {
        self.header.branch_id.unwrap_or_default()
    }

    /// The action's name, well-formed.
    pub fn action(&self) -> &ActionName {
        &self.header.action
    }

    /// Which of the 28 actions it is; `None` for one of the platform's own.
    pub fn known(&self) -> Option<Action> {
        self.header.action.known()
    }

    /// The published id; `None` when it was missing or null.
    pub fn message_id(&self) -> Option<MessageId> {
        self.header.message_id
    }

    /// When it happened; `None` when that was missing or null.
    pub fn action_date(&self) -> Option<Timestamp> {
        self.header.action_date
    }

    /// The published version; `None` when it was missing or null.
    pub fn api_version(&self) -> Option<&str> {
        self.header.api_version.as_deref()
    }

    /// Who did it.
    pub fn sender_name(&self) -> &str {
        &self.header.sender_name
    }

    /// Kind of the actor: `CorrigoPro`, `Customer` or any other text.
    pub fn sender_type(&self) -> &str {
        &self.header.sender_type
    }

    /// The actor's telephone number; `None` when it was missing or null.
    pub fn sender_phone(&self) -> Option<&str> {
        self.header.sender_phone.as_deref()
    }

    /// The Direct client that caused it; `None` when it did not come from one.
    pub fn initiated_by(&self) -> Option<&str> {
        self.initiated_by.as_deref()
    }

    /// The company, where the publisher named it. Always there when the branch is 0.
    pub fn company_id(&self) -> Option<&str> {
        self.company_id.as_deref()
    }

    /// The exact JSON text of a top-level member, by its decoded name.
    pub fn member(&self, name: &str) -> Option<&'a str> {
        self.document.root().members().find(|(given, _)| given == name).map(|(_, value)| value.raw())
    }

    /// The top-level members that are sent beside `Header`, in their order: decoded name and exact JSON text.
    pub fn members(&self) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> + '_ {
        self.document
            .root()
            .members()
            .filter(|(name, _)| name != "Header" && !is_reserved(name))
            .map(|(name, value)| (name, value.raw()))
    }
}

/// Whether a text is meant as an array of notifications.
pub fn is_array(json: &[u8]) -> bool {
    json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

/// Cuts an array of notifications into the exact texts of its items, for [`Publication::parse_text`].
///
/// How many there may be and how long is the caller's business.
///
/// # Errors
/// [`Error::InvalidJson`] when the text is no JSON anywhere, [`Error::Schema`] when it is no array.
pub fn split_array(json: &[u8]) -> Result<Vec<&str>, Error> {
    let text = utf8(json)?;
    document::split(text).map_err(|malformed| invalid(text, malformed))?.ok_or_else(|| {
        let mut faults = Faults::default();
        faults.add(&Path::Root, fault::WRONG_TYPE, "must be an array");
        Error::Schema(faults.into_vec())
    })
}

fn utf8(json: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(json).map_err(|error| {
        let good = String::from_utf8_lossy(&json[..error.valid_up_to()]);
        invalid(&good, Malformed { at: good.len(), what: "the text is not UTF-8" })
    })
}

fn invalid(text: &str, malformed: Malformed) -> Error {
    let before = text.get(..malformed.at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Error::InvalidJson {
        message: malformed.what.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|member| member.name == name)
}

/// Reads `InitiatedBy.ClientId` and `CompanyId`. Null counts as missing.
fn reserved<'a>(root: Value<'_, 'a>, faults: &mut Faults) -> [Option<Cow<'a, str>>; 2] {
    let mut found = [None, None];
    for (name, value) in root.members() {
        let Some(index) = RESERVED.iter().position(|member| member.name == name) else { continue };
        let member: &'static Member = &RESERVED[index];
        validator::check_member(value, member, Rigour::Full, &Path::Root, faults);
        let text = if let Form::Model(_) = member.form {
            // Two clients would leave open whom the echo rule protects.
            doubled::check_deep(value, &Path::Root.member(member.name), faults);
            value.members().find(|(name, _)| name == "ClientId").and_then(|(_, client)| client.text())
        } else {
            value.text()
        };
        found[index] = text;
    }
    found
}

#[cfg(test)]
mod tests;
