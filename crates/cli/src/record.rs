//! One object shown whole: a line for each member, names on the left.

use std::fmt::Write as _;

use serde_json::Value;

use crate::screen::{Screen, Style, columns, fit, harmless};

/// Blanks between name and value.
const GAP: usize = 2;

/// An object, member by member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    lines: Vec<(String, String, Option<Style>)>,
}

impl Record {
    /// The members of `object`: first those named in `order`, then the others; those in `leave_out` not at all.
    pub(crate) fn of(object: &Value, order: &[&str], leave_out: &[&str]) -> Self {
        let mut record = Record::default();
        let Value::Object(members) = object else { return record };
        let others = members.keys().map(String::as_str).filter(|name| !order.contains(name));
        for name in order.iter().copied().chain(others) {
            if leave_out.contains(&name) {
                continue;
            }
            if let Some(value) = members.get(name) {
                record.line(name, shown(value));
            }
        }
        record
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, name: &str, value: impl Into<String>) {
        self.lines.push((name.to_owned(), value.into(), None));
    }

    /// Adds a coloured line.
    pub(crate) fn styled(&mut self, name: &str, value: impl Into<String>, style: Style) {
        self.lines.push((name.to_owned(), value.into(), Some(style)));
    }

    /// The record as text.
    pub(crate) fn render(&self, screen: &Screen) -> String {
        let width = self.lines.iter().map(|(name, _, _)| columns(name)).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value, style) in &self.lines {
            let value = harmless(value);
            let value = match style {
                Some(style) => screen.paint(*style, &value),
                None => value,
            };
            let name = screen.paint(Style::Faint, &fit(&harmless(name), width));
            let _ = writeln!(text, "{name}{:GAP$}{value}", "");
        }
        text
    }
}

/// A JSON value in words: texts without quotes, lists with commas, `-` for null.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        Value::Object(members) if members.is_empty() => "none".to_owned(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// The member `name` of `object` in words; `-` when it is missing.
pub(crate) fn member(object: &Value, name: &str) -> String {
    object.get(name).map_or_else(|| "-".to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_the_order_asked_for_and_none_is_lost() {
        let object = serde_json::json!({
            "Name": "Acme", "CompanyId": "acme", "Extra": [1, 2], "Enabled": true, "Url": null, "Secret": "x"
        });
        let record = Record::of(&object, &["CompanyId", "Name"], &["Secret"]);
        assert_eq!(
            record.render(&Screen::pipe()),
            "CompanyId  acme\nName       Acme\nEnabled    yes\nExtra      1, 2\nUrl        -\n"
        );
    }
}
