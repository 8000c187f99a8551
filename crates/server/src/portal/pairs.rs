//! Names and values: what a form or a query sent.

/// Fields of a form, or parameters of a query, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads the form encoding.
    pub(super) fn read(text: &[u8]) -> Self {
        Pairs(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of this name without blanks around it; empty when there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.as_sent(name).trim()
    }

    /// All values of this name.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone()).collect()
    }

    /// The first value of this name as it was sent; empty when there is none.
    pub(super) fn as_sent(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }
}
