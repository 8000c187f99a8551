//! What is wrong with a form, field by field.

use crate::problem::Problem;

/// Messages by the member that they are about.
#[derive(Clone, Debug, Default)]
pub(super) struct Wrongs {
    faults: Vec<(String, String)>,
    /// What is wrong with no field in particular.
    pub(super) whole: String,
}

impl Wrongs {
    /// Those of a problem. What is about none of these members is said of the whole.
    pub(super) fn of(problem: &Problem, members: &[&str]) -> Self {
        let mut wrongs = Wrongs::default();
        for fault in problem.faults() {
            let member = fault.pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
            let place = fault.pointer.trim_start_matches('/').split_once('/').map(|(_, place)| place);
            let message = match place.filter(|place| place.parse::<usize>().is_err()) {
                Some(place) => format!("{place}: {}", fault.message),
                None => fault.message.clone(),
            };
            if members.contains(&member) {
                wrongs.faults.push((member.to_owned(), message));
            } else {
                wrongs.say(&message);
            }
        }
        if problem.faults().is_empty() {
            wrongs.say(problem.detail());
        }
        wrongs
    }

    fn say(&mut self, message: &str) {
        if !self.whole.is_empty() {
            self.whole.push_str("; ");
        }
        self.whole.push_str(message);
    }

    /// What is wrong with this member; empty when nothing is.
    pub(super) fn at(&self, member: &str) -> String {
        let of_it = self.faults.iter().filter(|(given, _)| given == member);
        of_it.map(|(_, message)| message.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Whether anything is that stands in the part of an endpoint's form that is usually closed.
    pub(super) fn in_the_rest(&self) -> bool {
        let seen = ["Url", "Enabled", "Actions", "BranchIds", "ClientId", "Authorization", "Signature"];
        self.faults.iter().any(|(member, _)| !seen.contains(&member.as_str()))
    }

    /// Whether anything is.
    pub(super) fn any(&self) -> bool {
        !self.faults.is_empty() || !self.whole.is_empty()
    }
}
