//! Writes JSON in the order in which it is told.

/// An object that is being written.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Object(String::from("{"))
    }

    /// Adds a member whose value is JSON already.
    pub(super) fn json(&mut self, name: &str, json: impl AsRef<str>) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json.as_ref());
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.json(name, string(text));
    }

    pub(super) fn integer(&mut self, name: &str, number: i64) {
        self.json(name, number.to_string());
    }

    pub(super) fn flag(&mut self, name: &str, flag: bool) {
        self.json(name, if flag { "true" } else { "false" });
    }

    pub(super) fn list(&mut self, name: &str, elements: impl IntoIterator<Item = String>) {
        self.json(name, format!("[{}]", elements.into_iter().collect::<Vec<_>>().join(",")));
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A JSON string.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
