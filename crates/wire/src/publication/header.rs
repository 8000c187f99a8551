//! The Header of a publication: what is read from it, and where its values stand.

use std::borrow::Cow;

use super::doubled;
use crate::action::Action;
use crate::action_name::ActionName;
use crate::contract::Rigour;
use crate::contract::models::HEADER;
use crate::document::{Kind, Value};
use crate::fault::{self, Faults, Path};
use crate::message_id::MessageId;
use crate::timestamp::Timestamp;
use crate::validator;

/// Places in [`HEADER`], which are places in what is sent.
pub(super) const WORK_ORDER_ID: usize = 0;
pub(super) const BRANCH_ID: usize = 1;
pub(super) const SENDER: usize = 2;
pub(super) const ACTION: usize = 3;
pub(super) const ACTION_DATE: usize = 4;
pub(super) const API_VERSION: usize = 5;
pub(super) const MESSAGE_ID: usize = 6;

/// What is read from the Header.
#[derive(Clone, Debug)]
pub(super) struct Header<'a> {
    /// The `Header` object itself.
    pub(super) node: u32,
    /// The value of each of the seven members, in the order of [`HEADER`]; `None` when it is missing.
    pub(super) values: [Option<u32>; 7],
    /// `None` only while there are faults; so is the next.
    pub(super) work_order_id: Option<i64>,
    pub(super) branch_id: Option<i64>,
    pub(super) action: ActionName,
    pub(super) sender_name: Cow<'a, str>,
    pub(super) sender_type: Cow<'a, str>,
    pub(super) sender_phone: Option<Cow<'a, str>>,
    pub(super) action_date: Option<Timestamp>,
    pub(super) api_version: Option<Cow<'a, str>>,
    pub(super) message_id: Option<MessageId>,
}

impl<'a> Header<'a> {
    /// Reads and checks `Header`. `None` when there is none, or it names no action: then there are faults.
    pub(super) fn read(root: Value<'_, 'a>, faults: &mut Faults) -> Option<Self> {
        let path = Path::Root.member("Header");
        let Some((_, object)) = root.members().find(|(name, _)| name == "Header") else {
            faults.add(&path, fault::MISSING, "must be given");
            return None;
        };
        if object.kind() != Kind::Object {
            faults.add(&path, fault::WRONG_TYPE, "must be an object");
            return None;
        }
        validator::check_members(object, HEADER.members, Rigour::Full, &path, faults);
        doubled::check_deep(object, &path, faults);

        let mut found: [Option<Value<'_, 'a>>; 7] = [None; 7];
        let mut expected = 0;
        for (name, value) in object.members() {
            if let Some(index) = validator::position(HEADER.members, &name, expected) {
                expected = index + 1;
                found[index] = Some(value);
            }
        }
        let text = |index: usize| found[index].and_then(Value::text);
        let of_sender = |name: &str| {
            let (_, value) = found[SENDER]?.members().find(|(given, _)| given == name)?;
            value.text()
        };
        Some(Header {
            node: object.index(),
            values: found.map(|value| value.map(Value::index)),
            work_order_id: found[WORK_ORDER_ID].and_then(Value::integer),
            branch_id: found[BRANCH_ID].and_then(Value::integer),
            action: text(ACTION)?.parse().ok()?,
            sender_name: of_sender("Name").unwrap_or_default(),
            sender_type: of_sender("Type").unwrap_or_default(),
            sender_phone: of_sender("Phone"),
            action_date: text(ACTION_DATE).and_then(|text| text.parse().ok()),
            api_version: text(API_VERSION),
            message_id: text(MESSAGE_ID).and_then(|text| text.parse().ok()),
        })
    }

    pub(super) fn known_action(&self) -> Option<Action> {
        self.action.known()
    }
}
