//! Moments and spans of time as pages show them.

use serde::Deserialize;

/// A moment as the interface writes it: ISO 8601, UTC.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Moment(String);

impl Moment {
    /// One that the interface wrote.
    pub(super) fn of(text: String) -> Self {
        Moment(text)
    }

    /// The exact one.
    pub(super) fn exact(&self) -> &str {
        &self.0
    }

    /// For a reader without scripts; with them it is shown in their zone.
    pub(super) fn shown(&self) -> String {
        let text = self.0.trim_end_matches('Z');
        let text = text.split_once('.').map_or(text, |(seconds, _)| seconds);
        format!("{} UTC", text.replace('T', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_to_the_second_with_its_zone() {
        let moment = Moment("2018-09-04T10:12:08.1671613Z".to_owned());
        assert_eq!(moment.shown(), "2018-09-04 10:12:08 UTC");
        assert_eq!(Moment("2018-09-04T10:12:08Z".to_owned()).shown(), "2018-09-04 10:12:08 UTC");
    }
}
