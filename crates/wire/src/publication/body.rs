//! The exact bytes that are sent, and the hash by which a repeat is recognised.
//!
//! Source: notifications.md section 2, "The bytes sent"; service.md section 4 on the hash.

use std::borrow::Cow;

use aws_lc_rs::digest;

use super::header::{ACTION_DATE, API_VERSION, MESSAGE_ID};
use super::{DEFAULT_API_VERSION, Publication};
use crate::contract::models::HEADER;
use crate::message_id::MessageId;
use crate::timestamp::Timestamp;

/// More bytes than the members that are filled in can add.
const FILLED_IN: usize = 192;

impl Publication<'_> {
    /// The exact bytes that are sent, the same at every attempt.
    ///
    /// `{"Header":{`, the seven members in the order of the contract, unknown Header members in theirs, `}`, every
    /// other top-level member in its order, `}`. Values are copied byte for byte, names are encoded anew, and
    /// no white space stands around them. `InitiatedBy` and `CompanyId` are left out. `MessageId` is written in
    /// lower case.
    ///
    /// A `MessageId`, `ActionDate` or `ApiVersion` that is missing or null becomes `message_id`, `now` or `1.1`;
    /// where the publisher gave one, the argument is not used.
    pub fn body(&self, message_id: MessageId, now: Timestamp) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.document.root().raw().len() + FILLED_IN);
        let mut object = Object::open(&mut out);
        object.name("Header");
        let mut header = Object::open(object.out);
        for (index, member) in HEADER.members.iter().enumerate() {
            header.name(member.name);
            match index {
                MESSAGE_ID => {
                    header.quoted(&self.header.message_id.unwrap_or(message_id).to_ascii());
                }
                ACTION_DATE if self.header.action_date.is_none() => {
                    header.quoted(now.to_string().as_bytes());
                }
                API_VERSION if self.header.api_version.is_none() => {
                    header.quoted(DEFAULT_API_VERSION.as_bytes());
                }
                _ => header.value(self.header_value(index).unwrap_or("null")),
            }
        }
        self.unknown_header_members(&mut header);
        header.close();
        for (name, value) in self.members() {
            object.name(&name);
            object.value(value);
        }
        object.close();
        out
    }

    /// SHA-256 of the members as received, `MessageId` left out and nothing filled in.
    ///
    /// What is hashed has the form of [`Publication::body`] with three differences: Header members that are
    /// missing are left out and null ones stay null, `Header.MessageId` is left out whether given or null, and
    /// `InitiatedBy` and `CompanyId` keep their places. So the order of the seven Header members and white
    /// space around names make no difference; bytes inside values and the order of other members do.
    pub fn content_hash(&self) -> [u8; 32] {
        let mut out = Vec::with_capacity(self.document.root().raw().len());
        let mut object = Object::open(&mut out);
        object.name("Header");
        let mut header = Object::open(object.out);
        for (index, member) in HEADER.members.iter().enumerate() {
            if let Some(value) = self.header_value(index)
                && index != MESSAGE_ID
            {
                header.name(member.name);
                header.value(value);
            }
        }
        self.unknown_header_members(&mut header);
        header.close();
        for (name, value) in self.document.root().members() {
            if name != "Header" {
                object.name(&name);
                object.value(value.raw());
            }
        }
        object.close();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &out).as_ref());
        hash
    }

    fn header_value(&self, index: usize) -> Option<&str> {
        self.header.values[index].map(|node| self.document.at(node).raw())
    }

    fn unknown_header_members(&self, header: &mut Object<'_>) {
        for (name, value) in self.document.at(self.header.node).members() {
            if !HEADER.members.iter().any(|member| member.name == name) {
                header.name(&name);
                header.value(value.raw());
            }
        }
    }
}

/// Writes a JSON object without white space.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Writes a name as JSON, with no more escapes than RFC 8259 demands.
    fn name(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        let plain = !name.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        if plain {
            self.quoted(name.as_bytes());
        } else {
            let encoded = serde_json::to_string(&Cow::Borrowed(name)).expect("every string can be encoded");
            self.out.extend_from_slice(encoded.as_bytes());
        }
        self.out.push(b':');
    }

    fn quoted(&mut self, text: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }

    fn value(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    fn close(self) {
        self.out.push(b'}');
    }
}

const _: () = assert!(HEADER.members.len() == 7 && MESSAGE_ID == 6 && ACTION_DATE == 4 && API_VERSION == 5);
