//! What a list is cut to: the fields of its search form, and the same as a query of the interface.

use super::pairs::Pairs;

/// What somebody looks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// A work order's id or number, or a MessageId.
    pub(super) find: String,
    pub(super) endpoint: String,
    pub(super) action: String,
    pub(super) state: String,
    pub(super) error: String,
    pub(super) status: String,
    pub(super) direction: String,
    pub(super) from: String,
    pub(super) to: String,
    /// What is wrong with it.
    pub(super) wrong: String,
}

impl Search {
    /// What a form sent.
    pub(super) fn read(query: &Pairs) -> Self {
        let text = |name: &str| query.text(name).to_owned();
        Search {
            find: text("Find"),
            endpoint: text("EndpointId"),
            action: text("Action"),
            state: text("State"),
            error: text("Error"),
            status: text("Status"),
            direction: text("Direction"),
            from: field(query.text("From")),
            to: field(query.text("To")),
            wrong: String::new(),
        }
    }

    /// The work order that is looked for; empty for none.
    pub(super) fn work_order(&self) -> &str {
        if self.find.parse::<i64>().is_ok() { &self.find } else { "" }
    }

    /// The notification that is looked for; empty for none.
    pub(super) fn message(&self) -> &str {
        if self.find.parse::<workbell_wire::MessageId>().is_ok() { &self.find } else { "" }
    }

    /// The number by which people know a work order, when that is looked for; else empty.
    pub(super) fn number(&self) -> &str {
        if self.work_order().is_empty() && self.message().is_empty() { &self.find } else { "" }
    }

    /// Whether anything is looked for.
    pub(super) fn is_any(&self) -> bool {
        [&self.find, &self.endpoint, &self.action, &self.state, &self.error, &self.status]
            .into_iter()
            .chain([&self.direction, &self.from, &self.to])
            .any(|text| !text.is_empty())
    }

    /// The same as parameters of a page.
    pub(super) fn query(&self) -> String {
        let given = [
            ("Find", &self.find),
            ("EndpointId", &self.endpoint),
            ("Action", &self.action),
            ("State", &self.state),
            ("Error", &self.error),
            ("Status", &self.status),
            ("Direction", &self.direction),
            ("From", &self.from),
            ("To", &self.to),
        ];
        let given = given.into_iter().filter(|(_, value)| !value.is_empty());
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
    }
}

/// A moment as a date field has it: to the second at most, without its zone, which is UTC.
fn field(text: &str) -> String {
    let text = text.trim_end_matches('Z');
    text.split_once('.').map_or(text, |(seconds, _)| seconds).to_owned()
}

/// A moment as a date field sends it, in UTC, as the interface takes it.
pub(super) fn moment(text: &str) -> String {
    match text.len() {
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_finds_work_orders_and_notifications() {
        let read = |text: &str| Search::read(&Pairs::read(text.as_bytes()));
        assert_eq!(read("Find=42").work_order(), "42");
        let guid = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(read(&format!("Find={guid}")).message(), guid);
        assert_eq!((read("Find=WO-7").number(), read("Find=42").number()), ("WO-7", ""));
        assert_eq!(read("Find=42&State=Dead&Other=1").query(), "Find=42&State=Dead");
        assert!(read("To=2026-01-01T10:00").is_any() && !read("After=x").is_any());
        assert_eq!(moment("2026-01-01T10:00"), "2026-01-01T10:00:00Z");
        assert_eq!(read("From=2026-01-01T10:00:30.5Z").from, "2026-01-01T10:00:30");
    }
}
