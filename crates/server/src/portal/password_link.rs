//! `/portal/link/{Secret}`: the one-time link of a person. Opening it changes nothing, for mail scanners open links
//! too; setting the password uses it up and ends all sessions. Source: service.md section 9.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use workbell_model::Person;
use workbell_signing::hash_secret;
use workbell_store::Error as StoreError;
use workbell_store::record::Change;

use super::frame::Frame;
use super::page::{Guard, Page, show_with};
use super::sign_in::{LONGEST_PASSWORD, open};
use super::visit::Visit;
use crate::problem::Problem;
use crate::route::Method;

/// Fewest characters of a password. 12: long enough without rules on which. The value is our choice.
const SHORTEST_PASSWORD: usize = 12;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/link/{Secret}",
        guard: Guard::Open,
        handler: |visit| Box::pin(look(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/link/{Secret}",
        guard: Guard::Open,
        handler: |visit| Box::pin(set(visit)),
    },
];

#[derive(Template)]
#[template(path = "password_link.html")]
struct PasswordLink {
    frame: Frame,
    /// Whose link it is; `None` when it is no longer valid.
    email: Option<String>,
    company: String,
    wrong: String,
    shortest: usize,
}

fn shown(visit: &Visit, person: Option<&Person>, wrong: String) -> Response {
    let status = match (person, wrong.is_empty()) {
        (None, _) => StatusCode::NOT_FOUND,
        (Some(_), true) => StatusCode::OK,
        (Some(_), false) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let entry = person.and_then(|person| visit.app.store.directory().company(&person.company_id));
    let page = PasswordLink {
        frame: Frame::bare(if person.is_some() {
            "Choose a password"
        } else {
            "This link is no longer valid"
        }),
        email: person.map(|person| person.email.clone()),
        company: entry.map_or_else(String::new, |entry| entry.company.name.clone()),
        wrong,
        shortest: SHORTEST_PASSWORD,
    };
    show_with(status, &page)
}

async fn look(visit: Visit) -> Result<Response, Problem> {
    let link = hash_secret(visit.path("Secret"));
    let person = visit.app.store.person_of_link(link, visit.app.clock.now()).await?;
    Ok(shown(&visit, person.as_ref(), String::new()))
}

async fn set(visit: Visit) -> Result<Response, Problem> {
    let link = hash_secret(visit.path("Secret"));
    let now = visit.app.clock.now();
    let Some(person) = visit.app.store.person_of_link(link, now).await? else {
        return Ok(shown(&visit, None, String::new()));
    };
    let password = visit.form.as_sent("Password");
    if password.chars().count() < SHORTEST_PASSWORD {
        let wrong = format!("A password needs at least {SHORTEST_PASSWORD} characters.");
        return Ok(shown(&visit, Some(&person), wrong));
    }
    if password.len() > LONGEST_PASSWORD {
        let wrong = format!("A password has at most {LONGEST_PASSWORD} bytes.");
        return Ok(shown(&visit, Some(&person), wrong));
    }
    let hash = visit.app.passwords.hash(password.to_owned()).await?;
    match visit.app.store.change_by(visit.author(), Change::SetPassword { link, password: hash, now }).await {
        Ok(()) => open(&visit, Some((person.company_id, person.person_id))).await,
        // Somebody was faster with the same link.
        Err(StoreError::NotFound(_)) => Ok(shown(&visit, None, String::new())),
        Err(error) => Err(error.into()),
    }
}
