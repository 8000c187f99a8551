//! A whole notification, read from the bytes of its body.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::event::{Event, SlaChanged};
use super::header::MessageHeader;
use super::{OwnEvent, OwnMember};
use crate::action::Action;
use crate::document::Document;

/// The name of [`Action::AdditionalFieldDescriptorUpdated`] on its page of the public documentation.
const OLDER_FIELDS_NAME: &str = "AdditionalFieldsDescriptorsUpdated";

/// What happened, and the Header that came with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// Who did what to which work order, and when.
    #[serde(rename = "Header")]
    pub header: MessageHeader,
    /// The members of the action.
    #[serde(flatten)]
    pub event: Event,
}

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `Header` is missing or broken, or the body is no JSON.
    #[error("cannot read the notification's Header")]
    Header(#[source] serde_json::Error),
    /// The members of the action are missing or broken.
    #[error("cannot read the members of action {action}")]
    Members {
        /// The action that the Header names.
        action: String,
        /// What is missing or broken.
        #[source]
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Header")]
    header: MessageHeader,
}

impl Notification {
    /// Reads the bytes of a body.
    ///
    /// An action that is none of the 28 becomes [`Event::Own`].
    ///
    /// # Errors
    /// When the body is no JSON, or what the action demands is missing or of the wrong type.
    pub fn from_slice(body: &[u8]) -> Result<Self, Error> {
        let header = serde_json::from_slice::<Envelope>(body).map_err(Error::Header)?.header;
        let event = match header.action.known() {
            Some(action) => read_members(action, body),
            None if header.action.as_str() == OLDER_FIELDS_NAME => {
                read_members(Action::AdditionalFieldDescriptorUpdated, body)
            }
            None => own_members(body),
        };
        match event {
            Ok(event) => Ok(Notification { header, event }),
            Err(source) => Err(Error::Members { action: header.action.to_string(), source }),
        }
    }
}

impl FromStr for Notification {
    type Err = Error;

    fn from_str(body: &str) -> Result<Self, Error> {
        Notification::from_slice(body.as_bytes())
    }
}

fn read<'de, T: Deserialize<'de>>(body: &'de [u8], event: fn(T) -> Event) -> serde_json::Result<Event> {
    serde_json::from_slice(body).map(event)
}

fn read_members(action: Action, body: &[u8]) -> serde_json::Result<Event> {
    match action {
        Action::NewWorkOrder => read(body, |members| Event::NewWorkOrder(Box::new(members))),
        Action::Accepted => read(body, Event::Accepted),
        Action::Rejected => read(body, Event::Rejected),
        Action::Recalled => read(body, Event::Recalled),
        Action::Reopened => read(body, Event::Reopened),
        Action::PutOnHold => read(body, Event::PutOnHold),
        Action::CheckedIn => read(body, Event::CheckedIn),
        Action::Paused => read(body, Event::Paused),
        Action::CheckedOut => read(body, |members| Event::CheckedOut(Box::new(members))),
        Action::NeedsCompletionDetails => read(body, Event::NeedsCompletionDetails),
        Action::CompletionInfoChanged => read(body, Event::CompletionInfoChanged),
        Action::WorkVerified => read(body, Event::WorkVerified),
        Action::MessageSent => read(body, Event::MessageSent),
        Action::AttachmentAdded => read(body, Event::AttachmentAdded),
        Action::AttachmentRemoved => read(body, Event::AttachmentRemoved),
        Action::NteChanged => read(body, Event::NteChanged),
        Action::QuoteChanged => read(body, Event::QuoteChanged),
        Action::SlaChanged => SlaChanged::read(body).map(Event::SlaChanged),
        Action::AppointmentInfoChanged => read(body, Event::AppointmentInfoChanged),
        Action::InvoiceStatusChanged => read(body, Event::InvoiceStatusChanged),
        Action::InternalNoteChanged => read(body, Event::InternalNoteChanged),
        Action::AdditionalFieldDescriptorUpdated => read(body, Event::AdditionalFieldDescriptorUpdated),
        Action::IsmStatusChanged => read(body, Event::IsmStatusChanged),
        Action::CheckListUpdated => read(body, Event::CheckListUpdated),
        Action::CheckListMigratedToProcedure => read(body, Event::CheckListMigratedToProcedure),
        Action::ProcedureUpdated => read(body, Event::ProcedureUpdated),
        Action::ProcedureStepUpdated => read(body, Event::ProcedureStepUpdated),
        Action::ProcedureMarked => read(body, Event::ProcedureMarked),
    }
}

fn own_members(body: &[u8]) -> serde_json::Result<Event> {
    use serde::de::Error;
    let text = std::str::from_utf8(body).map_err(serde_json::Error::custom)?;
    let document = Document::scan(text).map_err(|malformed| serde_json::Error::custom(malformed.what))?;
    let members = document
        .root()
        .members()
        .filter(|(name, _)| name != "Header")
        .map(|(name, value)| OwnMember { name: name.into_owned(), json: value.raw().to_owned() })
        .collect();
    Ok(Event::Own(OwnEvent { members }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumerations::{ActorType, Status};

    const ID: &str = "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47";

    fn read(action: &str, header: &str, members: &str) -> Result<Notification, Error> {
        format!(
            r#"{{"Header":{{"WorkOrderId":42,"BranchId":7,{header},"Action":"{action}","MessageId":"{ID}"}},{members}}}"#
        )
        .parse()
    }

    const SENDER: &str =
        r#""Sender":{"Name":"Jon Snow","Type":"CorrigoPro"},"ActionDate":"2018-09-04T10:12:08Z""#;

    #[test]
    fn older_headers_are_read() {
        let older = r#""PerformedBy":{"Name":"Jon Snow"}"#;
        let header = read("Accepted", older, r#""Status":"Accepted""#).unwrap().header;
        assert_eq!(header.sender.name, "Jon Snow");
        assert_eq!((header.sender.kind, header.action_date, header.api_version), (None, None, None));
        assert_eq!(header.message_id.to_string(), ID);
    }

    #[test]
    fn beside_sender_performed_by_is_an_unknown_member() {
        let both = format!(r#"{SENDER},"PerformedBy":7"#);
        let header = read("Accepted", &both, r#""Status":"Accepted""#).unwrap().header;
        assert_eq!(header.sender.kind, Some(ActorType::CorrigoPro));
        assert!(read("Accepted", r#""PerformedBy":7"#, r#""Status":"Accepted""#).is_err());
        assert!(read("Accepted", r#""X":7"#, r#""Status":"Accepted""#).is_err());
    }

    #[test]
    fn older_names_are_read() {
        let fields = r#""AdditionalFieldDescriptors":[]"#;
        let notification = read("AdditionalFieldsDescriptorsUpdated", SENDER, fields).unwrap();
        assert_eq!(notification.header.action.as_str(), "AdditionalFieldsDescriptorsUpdated");
        assert!(matches!(notification.event, Event::AdditionalFieldDescriptorUpdated(_)));

        let sla = r#"{"PriorityName":"P2","IsEmergency":true,"PriorityId":null}"#;
        for members in
            [format!("\"SLA\":{sla}"), format!("\"Sla\":{sla}"), format!("\"SLA\":0,\"Sla\":{sla}")]
        {
            let Event::SlaChanged(changed) = read("SlaChanged", SENDER, &members).unwrap().event else {
                panic!("another event")
            };
            assert_eq!(changed.sla.is_emergency, Some(true));
        }
        assert!(matches!(read("SlaChanged", SENDER, "\"X\":0"), Err(Error::Members { .. })));
    }

    #[test]
    fn values_that_come_later_and_members_that_are_unknown_are_read() {
        let members = r#""Status":"Teleported","Comment":null,"Weather":["rain"]"#;
        let Event::Accepted(event) = read("Accepted", SENDER, members).unwrap().event else {
            panic!("another event")
        };
        assert_eq!((event.status, event.comment), (Status::Other("Teleported".into()), None));
    }

    #[test]
    fn money_keeps_its_digits() {
        let Event::NteChanged(event) = read("NteChanged", SENDER, r#""Amount":1.10"#).unwrap().event else {
            panic!("another event")
        };
        assert_eq!(event.amount.as_str(), "1.10");
    }

    #[test]
    fn an_own_action_keeps_its_members_as_they_are() {
        let notification = read("DroneLanded", SENDER, r#""Pad" : { "Id": 1.10 },"N\u0061me":"x""#).unwrap();
        let Event::Own(event) = &notification.event else { panic!("another event") };
        let members: Vec<_> =
            event.members.iter().map(|member| (member.name.as_str(), member.json.as_str())).collect();
        assert_eq!(members, [("Pad", r#"{ "Id": 1.10 }"#), ("Name", r#""x""#)]);
        assert!(
            serde_json::to_string(&notification).unwrap().ends_with(r#""Pad":{ "Id": 1.10 },"Name":"x"}"#)
        );
    }

    #[test]
    fn what_is_broken_is_named() {
        let error = read("Accepted", SENDER, "\"X\":0").unwrap_err();
        assert_eq!(error.to_string(), "cannot read the members of action Accepted");
        assert!(matches!("{}".parse::<Notification>(), Err(Error::Header(_))));
    }
}
