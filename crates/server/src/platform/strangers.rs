//! What a notification names that there is not: an action, a branch, a company, a client.
//!
//! The store refuses these too, the first it meets, while it accepts. Here all are told at once, beside the faults of
//! form, once it is clear that the notification is refused; nothing of this runs for one that is accepted.

use workbell_model::{ClientId, CompanyId};
use workbell_store::directory::Directory;
use workbell_store::record::Refused;
use workbell_wire::Fault;
use workbell_wire::publication::Mentions;

use crate::app::App;
use crate::problem::{Code, Problem};

/// The problem of a notification of this text, with all that it names and there is not.
pub(super) fn told(problem: Problem, text: &str, app: &App) -> Problem {
    if problem.faults().is_empty() {
        return problem;
    }
    problem.also(strangers(&Mentions::of(text), app.store.directory()))
}

/// A fault for each name; pointers are those of a notification.
pub(super) fn strangers(mentions: &Mentions, directory: &Directory) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add = |pointer: &str, code: Code, message: String| {
        faults.push(Fault { pointer: pointer.to_owned(), code: code.name(), message });
    };
    if let Some(action) = &mentions.action
        && action.known().is_none()
        && directory.action(action).is_none()
    {
        let message =
            format!("{action} is neither of the 28 nor registered; register it with POST /v1/actions");
        add("/Header/Action", Code::UnknownAction, message);
    }
    let named: Option<CompanyId> = mentions.company_id.as_ref().and_then(|text| text.parse().ok());
    let owner = match mentions.branch_id {
        None => named,
        Some(0) => {
            let unknown = named.as_ref().filter(|id| directory.company(id).is_none());
            if let Some(id) = unknown {
                add("/CompanyId", Code::UnknownBranch, Refused::UnknownCompany(id.clone()).to_string());
            }
            named
        }
        Some(id) => {
            let owner = directory.company_of_branch(id);
            if owner.is_none() || (named.is_some() && named != owner) {
                add("/Header/BranchId", Code::UnknownBranch, Refused::UnknownBranch(id).to_string());
            }
            owner
        }
    };
    if let Some(text) = &mentions.initiated_by {
        let message = match text.parse::<ClientId>() {
            Err(_) => Some("is not the id of a client".to_owned()),
            Ok(id) => {
                let is_known = match owner.and_then(|owner| directory.company(&owner)) {
                    Some(company) => company.clients.contains_key(&id),
                    // Whose it must be is not known; that it is nobody's is.
                    None => directory.client(id).is_some(),
                };
                (!is_known).then(|| Refused::UnknownClient(id).to_string())
            }
        };
        if let Some(message) = message {
            add("/InitiatedBy/ClientId", Code::UnknownClient, message);
        }
    }
    faults
}
