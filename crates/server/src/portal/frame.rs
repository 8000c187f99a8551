//! What stands around every page: title, company, navigation, who signed in.

use workbell_store::record::SignedIn;

use super::assets::{self, Assets};
use super::banner::Alert;
use super::visit::Visit;

/// What stands around a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) assets: &'static Assets,
    /// Id and name of the company that the page is about.
    pub(super) company: Option<(String, String)>,
    pub(super) pages: Vec<Link>,
    /// Pages that only the operator has.
    pub(super) operator_pages: Vec<Link>,
    pub(super) who: Option<Who>,
    /// What somebody should know of.
    pub(super) alerts: Vec<Alert>,
    /// What was just done.
    pub(super) done: Option<&'static str>,
}

/// An entry of the navigation.
pub(super) struct Link {
    pub(super) label: &'static str,
    pub(super) target: String,
    pub(super) is_here: bool,
}

/// Who signed in, for the page's head.
pub(super) struct Who {
    pub(super) name: String,
    pub(super) role: &'static str,
}

/// Pages of a company: last part of the path, label.
const PAGES: [(&str, &str); 7] = [
    ("configuration", "Configuration"),
    ("emulator", "Emulator"),
    ("work-orders", "Work orders"),
    ("log", "Usage log"),
    ("queue", "Queue"),
    ("health", "Health"),
    ("people", "People"),
];

/// Pages of the operator: path, label.
const OPERATOR_PAGES: [(&str, &str); 3] = [("companies", "Companies"), ("keys", "Keys"), ("audit", "Audit")];

/// What a page that was redirected to may say: the value of `Done`, and the sentence.
const DONE: [(&str, &str); 9] = [
    ("signed-out", "You are signed out."),
    ("changed", "The change is saved."),
    ("deleted", "It is deleted."),
    ("retried", "It is due at once; its place in the work order stays."),
    ("discarded", "It is discarded; the next one of its work order goes on."),
    ("job", "The job runs; see how far it is below."),
    ("cancelled", "The job is cancelled; what it did stays done."),
    ("paused", "The endpoint is paused: notifications are kept and wait."),
    ("resumed", "The endpoint is resumed: what waited goes now, in order."),
];

impl Frame {
    /// The frame of a page of which nothing is known but its title.
    pub(super) fn bare(title: &str) -> Self {
        Frame {
            title: title.to_owned(),
            assets: assets::all(),
            company: None,
            pages: Vec::new(),
            operator_pages: Vec::new(),
            who: None,
            alerts: Vec::new(),
            done: None,
        }
    }

    /// The frame of this visit's page; the handler gives it a title.
    pub(super) fn of(visit: &Visit) -> Self {
        let mut frame = Frame::bare("Workbell");
        frame.done = DONE.iter().find(|(name, _)| *name == visit.query.text("Done")).map(|(_, said)| *said);
        let who = match &visit.caller {
            None => return frame,
            Some(SignedIn::Operator) => Who { name: "Operator".to_owned(), role: "all companies" },
            Some(SignedIn::Person { email, role, .. }) => Who { name: email.clone(), role: role.name() },
        };
        frame.who = Some(who);
        frame.alerts.clone_from(&visit.alerts);
        if let Ok(entry) = visit.company() {
            let id = entry.company.company_id.to_string();
            let link = |(part, label): (&str, &'static str)| {
                let target = format!("{}/companies/{id}/{part}", super::ROOT);
                let is_here = is_below(&visit.place, &target);
                Link { label, target, is_here }
            };
            frame.pages = PAGES.into_iter().map(link).collect();
            frame.company = Some((id, entry.company.name.clone()));
        }
        if visit.is_operator() {
            let link = |(path, label): (&str, &'static str)| {
                let target = format!("{}/{path}", super::ROOT);
                let is_here = visit.place == target;
                Link { label, target, is_here }
            };
            frame.operator_pages = OPERATOR_PAGES.into_iter().map(link).collect();
        }
        frame
    }

    /// The same with this title.
    pub(super) fn titled(visit: &Visit, title: impl Into<String>) -> Self {
        Frame { title: title.into(), ..Frame::of(visit) }
    }
}

fn is_below(place: &str, target: &str) -> bool {
    place.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
