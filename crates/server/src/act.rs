//! Creations of and acts on work orders: from what a caller sends to what the store is asked to do.
//!
//! Both interfaces come through here. A caller names the members of an action; from these the whole notification is
//! put together, checked like a published one, and turned into the bytes that are sent. Values keep their bytes.

use std::fmt;

use aws_lc_rs::digest;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use workbell_model::work_order::{Act, Interface, Object, Status, allowed_acts};
use workbell_model::{ClientId, WorkOrder};
use workbell_store::work_order::{Acting, Notice, Performer, Told};
use workbell_wire::contract::Form;
use workbell_wire::{Action, Fault, MessageId, Publication, Timestamp, fault, publication};

/// Who checks out by telephone. Source: notifications.md section 3.
const TELEPHONE: &str = "IVR";

/// The top-level members of a body, in their order.
#[derive(Debug)]
pub(crate) struct Given<'a>(Vec<(String, &'a RawValue)>);

/// Why a body is not an object.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// No JSON at all.
    #[error("the body is no JSON: {0}")]
    Json(serde_json::Error),
    /// Something else than an object, or names stand twice.
    #[error("the body is not as it should be")]
    Faults(Vec<Fault>),
}

impl<'a> Given<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// It is no JSON object, or a name stands in it more than once.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let (given, doubled) = Given::with_doubled(body)?;
        if doubled.is_empty() { Ok(given) } else { Err(Unreadable::Faults(doubled)) }
    }

    /// Reads a body, and tells which names stand in it more than once; the first of them counts.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(crate) fn with_doubled(body: &'a [u8]) -> Result<(Self, Vec<Fault>), Unreadable> {
        let text = std::str::from_utf8(body)
            .map_err(|error| Unreadable::Json(serde::de::Error::custom(format_args!("{error}"))))?;
        let given: Given<'a> = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Unreadable::Faults(vec![fault_at("", fault::WRONG_TYPE, "must be an object")])
            }
            _ => Unreadable::Json(error),
        })?;
        let is_doubled =
            |place: usize, name: &str| given.0[..place].iter().any(|(earlier, _)| earlier == name);
        let doubled: Vec<_> = (given.0.iter().enumerate())
            .filter(|(place, (name, _))| is_doubled(*place, name))
            .map(|(_, (name, _))| fault_at(&format!("/{name}"), fault::DOUBLED, "stands here more than once"))
            .take(fault::MAX_FAULTS)
            .collect();
        Ok((given, doubled))
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(given, _)| given == name)?;
        (value.get() != "null").then_some(value.get())
    }

    /// A member as what it means; `None` when it is missing, null or something else.
    pub(crate) fn value<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// All members, in their order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.get()))
    }

    /// SHA-256 of the members as received, `MessageId` left out, and of what the path says.
    pub(crate) fn hash(&self, path: &str) -> [u8; 32] {
        let mut text = path.to_owned();
        for (name, value) in self.members().filter(|(name, _)| *name != "MessageId") {
            text += &format!("\n{name:?}:{value}");
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        hash
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Given<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Reader).map(Given)
    }
}

/// A fault of this form.
pub(crate) fn fault_at(pointer: &str, code: &'static str, message: &str) -> Fault {
    Fault { pointer: pointer.to_owned(), code, message: message.to_owned() }
}

/// A notification to be put together. Texts are JSON.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) action: Action,
    pub(crate) work_order_id: i64,
    pub(crate) branch_id: i64,
    pub(crate) sender: &'a str,
    pub(crate) action_date: Option<&'a str>,
    pub(crate) message_id: Option<&'a str>,
    /// Members beside Header as the caller gave them.
    pub(crate) members: Vec<(&'a str, &'a str)>,
}

/// A notification that was put together and keeps the contract.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) notice: Notice,
    pub(crate) message_id: MessageId,
    pub(crate) performer: Performer,
    pub(crate) performed: Timestamp,
    /// As given; what is no id of a client belongs to nobody.
    pub(crate) initiated_by: Option<String>,
    pub(crate) company_id: Option<String>,
}

impl Plan<'_> {
    /// Puts the notification together. `fresh` is its id when the caller gave none.
    ///
    /// # Errors
    /// It breaks the contract; pointers are those of a notification.
    pub(crate) fn draw(&self, fresh: MessageId, now: Timestamp) -> Result<Drawn, publication::Error> {
        let text = self.text(now);
        let publication = Publication::parse_text(&text)?;
        let message_id = publication.message_id().unwrap_or(fresh);
        let members: Vec<_> = publication.members().map(|(name, value)| (name.into_owned(), value)).collect();
        let members = Object::of(members.iter().map(|(name, value)| (name.as_str(), *value)));
        Ok(Drawn {
            notice: Notice {
                body: publication.body(message_id, now).into(),
                members: members.expect("it was just read"),
            },
            message_id,
            performer: Performer {
                name: publication.sender_name().to_owned(),
                phone: publication.sender_phone().map(str::to_owned),
                kind: publication.sender_type().to_owned(),
            },
            performed: publication.action_date().unwrap_or(now),
            initiated_by: publication.initiated_by().map(str::to_owned),
            company_id: publication.company_id().map(str::to_owned),
        })
    }

    fn text(&self, now: Timestamp) -> String {
        let Plan { action, work_order_id, branch_id, sender, .. } = self;
        let mut text = format!(
            r#"{{"Header":{{"WorkOrderId":{work_order_id},"BranchId":{branch_id},"Sender":{sender},"Action":"{action}""#
        );
        for (name, value) in [("ActionDate", self.action_date), ("MessageId", self.message_id)] {
            if let Some(value) = value {
                text += &format!(",\"{name}\":{value}");
            }
        }
        text.push('}');
        let is_given =
            |wanted: &str| self.members.iter().any(|(name, value)| *name == wanted && *value != "null");
        if let Some(status) = told_status(*action)
            && !is_given("Status")
        {
            text += &format!(",\"Status\":\"{status}\"");
        }
        for (name, value) in &self.members {
            if *value != "null" || !is_filled_in(*action, name) {
                let name = serde_json::to_string(name).expect("every text can be written");
                text += &format!(",{name}:{value}");
            }
        }
        if *action == Action::InternalNoteChanged {
            // It stands in Header and beside it.
            let now = format!("\"{now}\"");
            text += &format!(",\"ActionDate\":{}", self.action_date.unwrap_or(&now));
        }
        text.push('}');
        text
    }
}

/// What `null` does not keep from being filled in.
fn is_filled_in(action: Action, name: &str) -> bool {
    name == "Status" && told_status(action).is_some()
}

/// The only value that `Status` can have in a notification of this action.
fn told_status(action: Action) -> Option<&'static str> {
    let status = action.members().iter().find(|member| member.name == "Status")?;
    match status.form {
        Form::Constant(value) => Some(value),
        _ => None,
    }
}

/// An act that a caller asks for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) act: Act,
    pub(crate) interface: Interface,
    pub(crate) order: &'a WorkOrder,
    pub(crate) plan: Plan<'a>,
    pub(crate) content_hash: [u8; 32],
    /// The client of the Direct API; for the platform, `InitiatedBy` tells.
    pub(crate) client: Option<ClientId>,
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// What the store is asked to do.
    ///
    /// # Errors
    /// What was given breaks the contract; pointers are those of a notification.
    pub(crate) fn acting(self) -> Result<Acting, publication::Error> {
        let fresh = MessageId::from(crate::id::new());
        let drawn = self.plan.draw(fresh, self.now)?;
        let by_telephone = self.plan.action == Action::NeedsCompletionDetails
            || (self.act == Act::CheckOut && drawn.performer.name == TELEPHONE);
        let lacking = match self.plan.action {
            Action::CheckedOut => {
                let action = Action::NeedsCompletionDetails;
                let reserved = self.plan.members.into_iter().filter(|(name, _)| *name == "CompanyId");
                let plan = Plan { action, members: reserved.collect(), ..self.plan };
                Some(plan.draw(fresh, self.now)?.notice)
            }
            _ => None,
        };
        let initiated_by = match (self.client, &drawn.initiated_by) {
            (Some(client), _) => Some(client),
            (None, None) => None,
            (None, Some(text)) => Some(text.parse().map_err(|_| unknown_client())?),
        };
        Ok(Acting {
            work_order_id: self.order.work_order_id,
            company_id: Some(self.order.company_id.clone()),
            doing: workbell_model::work_order::Doing {
                act: self.act,
                interface: self.interface,
                ivr: by_telephone,
                members: drawn.notice.members.clone(),
                performed: drawn.performed,
            },
            notice: drawn.notice,
            lacking,
            told: Told {
                message_id: drawn.message_id,
                content_hash: self.content_hash,
                initiated_by,
                performer: drawn.performer,
                now: self.now,
            },
        })
    }
}

/// `InitiatedBy` that names no client.
pub(crate) fn unknown_client() -> publication::Error {
    publication::Error::Schema(vec![fault_at(
        "/InitiatedBy/ClientId",
        crate::problem::Code::UnknownClient.name(),
        "is not the id of a client",
    )])
}

/// Says where faults are in what the caller sent: each pointer that begins with the first of a pair begins with the
/// second instead.
pub(crate) fn moved(error: publication::Error, places: &[(&str, &str)]) -> publication::Error {
    let publication::Error::Schema(mut faults) = error else { return error };
    for fault in &mut faults {
        let found = places.iter().find_map(|(from, to)| Some((fault.pointer.strip_prefix(from)?, to)));
        if let Some((rest, to)) = found {
            fault.pointer = format!("{to}{rest}");
        }
    }
    publication::Error::Schema(faults)
}

/// The actions that the platform interface takes for an order in this state.
pub(crate) fn allowed_actions(status: Status) -> Vec<&'static str> {
    let allowed: Vec<Act> = allowed_acts(status).collect();
    let is_allowed = |action: &Action| Act::of_action(*action).is_some_and(|act| allowed.contains(&act));
    Action::ALL.into_iter().filter(is_allowed).map(Action::name).collect()
}
