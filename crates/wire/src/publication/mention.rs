//! What a text names that only the configuration knows.
//!
//! Read leniently, from texts with faults too, so that whoever knows the configuration can tell all that is wrong at
//! once. A member that is missing, null or of another type is not there.

use crate::action_name::ActionName;
use crate::document::{Document, Kind, Value};

/// Names of things that must exist, as far as they can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// `Header.Action`, when it is well-formed.
    pub action: Option<ActionName>,
    /// `Header.BranchId`.
    pub branch_id: Option<i64>,
    /// `InitiatedBy.ClientId`.
    pub initiated_by: Option<String>,
    /// `CompanyId`.
    pub company_id: Option<String>,
}

impl Mentions {
    /// Reads the text of one notification; nothing of a text that is no JSON object.
    pub fn of(json: &str) -> Self {
        Document::scan(json).map(|document| Mentions::within(document.root())).unwrap_or_default()
    }

    pub(super) fn within(root: Value<'_, '_>) -> Self {
        if root.kind() != Kind::Object {
            return Mentions::default();
        }
        let text =
            |value: Option<Value<'_, '_>>| value.and_then(Value::text).map(std::borrow::Cow::into_owned);
        let header = member(root, "Header").filter(|header| header.kind() == Kind::Object);
        let client = member(root, "InitiatedBy").filter(|by| by.kind() == Kind::Object);
        Mentions {
            action: text(header.and_then(|header| member(header, "Action")))
                .and_then(|name| name.parse().ok()),
            branch_id: header.and_then(|header| member(header, "BranchId")).and_then(Value::integer),
            initiated_by: text(client.and_then(|client| member(client, "ClientId"))),
            company_id: text(member(root, "CompanyId")),
        }
    }
}

fn member<'d, 'a>(object: Value<'d, 'a>, name: &str) -> Option<Value<'d, 'a>> {
    object.members().find(|(given, _)| given == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_is_read_whatever_else_is_wrong() {
        let text = r#"{ "Header": { "BranchId": 7, "Action": "Sung", "Sender": 5 }, "CompanyId": "acme",
            "InitiatedBy": { "ClientId": "x" }, "Header": 5 }"#;
        let expected = Mentions {
            action: Some("Sung".parse().unwrap()),
            branch_id: Some(7),
            initiated_by: Some("x".to_owned()),
            company_id: Some("acme".to_owned()),
        };
        assert_eq!(Mentions::of(text), expected);
        for nothing in ["", "[]", "{", r#"{"Header": [], "InitiatedBy": 1, "CompanyId": null}"#] {
            assert_eq!(Mentions::of(nothing), Mentions::default(), "{nothing}");
        }
        let other = r#"{"Header": {"BranchId": "7", "Action": "1st"}, "InitiatedBy": {"ClientId": 5}}"#;
        assert_eq!(Mentions::of(other), Mentions::default());
    }
}
