//! `/portal/sign-in`: a person with email and password, the operator with the platform key.
//!
//! A try is noted before the password is looked at, so that many at once are all counted; the right one takes the
//! notes away. Wrong name and wrong password are refused in the same words and the same time.
//! Source: service.md sections 7 and 9.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use http::header::RETRY_AFTER;
use workbell_model::{CompanyId, Person, PersonId};
use workbell_signing::{hash_secret, new_link_secret, secret_matches};
use workbell_store::Error as StoreError;
use workbell_store::record::{Attempted, Change, Session};
use workbell_wire::Timestamp;

use super::frame::Frame;
use super::page::{Guard, Page, show_with, to};
use super::visit::Visit;
use super::{ROOT, cookie};
use crate::problem::{Code, Problem};
use crate::route::Method;

/// Most bytes of a password. 1,000: nobody types more, and hashing more only costs time.
pub(super) const LONGEST_PASSWORD: usize = 1000;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/sign-in",
        guard: Guard::Open,
        handler: |visit| Box::pin(async move { Ok(shown(&visit, Refused::Not)) }),
    },
    Page {
        method: Method::Post,
        path: "/portal/sign-in",
        guard: Guard::Open,
        handler: |visit| Box::pin(sign_in(visit)),
    },
];

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    email: String,
    next: String,
    /// What is wrong with email and password.
    wrong: String,
    /// What is wrong with the platform key.
    wrong_key: String,
    /// Companies in which this email has this password: one is to be chosen.
    companies: Vec<(String, String)>,
}

/// Why somebody is not let in.
enum Refused {
    Not,
    WrongPassword,
    WrongKey,
    /// Several companies know this email with this password.
    Which(Vec<(String, String)>),
    /// Too many tries; locked until then.
    Locked(Timestamp, Field),
}

/// What was tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Password,
    Key,
}

fn shown(visit: &Visit, refused: Refused) -> Response {
    let mut page = SignIn {
        frame: Frame::titled(visit, "Sign in"),
        email: visit.form.text("Email").to_owned(),
        next: [visit.form.text("Next"), visit.query.text("Next")].concat(),
        wrong: String::new(),
        wrong_key: String::new(),
        companies: Vec::new(),
    };
    let mut wait = None;
    let status = match refused {
        Refused::Not => StatusCode::OK,
        Refused::WrongPassword => {
            "Email or password is not right.".clone_into(&mut page.wrong);
            StatusCode::UNAUTHORIZED
        }
        Refused::WrongKey => {
            "This is not the platform key of this service.".clone_into(&mut page.wrong_key);
            StatusCode::UNAUTHORIZED
        }
        Refused::Which(companies) => {
            page.companies = companies;
            "You belong to several companies: choose one, and give your password again."
                .clone_into(&mut page.wrong);
            StatusCode::OK
        }
        Refused::Locked(until, field) => {
            let seconds = until.since(visit.app.clock.now()).as_secs() + 1;
            wait = Some(seconds);
            let said = format!(
                "Too many wrong tries. Try again in {} min, or ask for a new one-time link.",
                seconds.div_ceil(60)
            );
            match field {
                Field::Password => page.wrong = said,
                Field::Key => {
                    page.wrong_key =
                        format!("Too many wrong tries. Try again in {} min.", seconds.div_ceil(60));
                }
            }
            StatusCode::TOO_MANY_REQUESTS
        }
    };
    let mut response = show_with(status, &page);
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

async fn sign_in(visit: Visit) -> Result<Response, Problem> {
    let key = visit.form.text("PlatformKey");
    if !key.is_empty() {
        return with_key(&visit, key).await;
    }
    let email = visit.form.text("Email").to_lowercase();
    let attempted = Attempted { name: hash_secret(&email), address: visit.address.clone() };
    if let Some(until) = note_try(&visit, &attempted).await? {
        return Ok(shown(&visit, Refused::Locked(until, Field::Password)));
    }
    let password = visit.form.as_sent("Password");
    let people = visit.app.store.people_named(&email).await?;
    let mut right = right_ones(&visit, people, password).await?;
    let wanted = visit.form.text("CompanyId");
    if !wanted.is_empty() {
        right.retain(|person| person.company_id.as_str() == wanted);
    }
    match right.as_slice() {
        [] => Ok(shown(&visit, Refused::WrongPassword)),
        [person] => {
            visit.app.store.change(Change::ForgetTries(attempted)).await?;
            open(&visit, Some((person.company_id.clone(), person.person_id))).await
        }
        several => {
            visit.app.store.change(Change::ForgetTries(attempted)).await?;
            let named = |person: &Person| {
                let entry = visit.app.store.directory().company(&person.company_id);
                let name = entry.map_or_else(String::new, |entry| entry.company.name.clone());
                (person.company_id.to_string(), name)
            };
            Ok(shown(&visit, Refused::Which(several.iter().map(named).collect())))
        }
    }
}

async fn right_ones(visit: &Visit, people: Vec<Person>, password: &str) -> Result<Vec<Person>, Problem> {
    if password.len() > LONGEST_PASSWORD {
        return Ok(Vec::new());
    }
    let hashes = people.iter().map(|person| person.password.clone()).collect();
    let right = visit.app.passwords.matching(password.to_owned(), hashes).await?;
    let people = people.into_iter().enumerate();
    Ok(people.filter(|(place, _)| right.contains(place)).map(|(_, person)| person).collect())
}

async fn with_key(visit: &Visit, key: &str) -> Result<Response, Problem> {
    // Whoever tries a key has no name: the address is locked.
    let attempted = Attempted { name: hash_secret("platform key"), address: visit.address.clone() };
    if let Some(until) = note_try(visit, &attempted).await? {
        return Ok(shown(visit, Refused::Locked(until, Field::Key)));
    }
    if !secret_matches(key, &visit.app.platform_key) {
        return Ok(shown(visit, Refused::WrongKey));
    }
    visit.app.store.change(Change::ForgetTries(attempted)).await?;
    open(visit, None).await
}

/// Notes a try; until when the door is locked, if it is.
async fn note_try(visit: &Visit, attempted: &Attempted) -> Result<Option<Timestamp>, Problem> {
    let change = Change::TryPassword(attempted.clone(), visit.app.clock.now());
    match visit.app.store.change(change).await {
        Ok(()) => Ok(None),
        Err(StoreError::Locked(until)) => Ok(Some(until)),
        Err(error) => Err(error.into()),
    }
}

/// Opens a session and leads into the portal.
pub(super) async fn open(visit: &Visit, person: Option<(CompanyId, PersonId)>) -> Result<Response, Problem> {
    let token = new_link_secret().map_err(|error| {
        tracing::error!(%error, "cannot make a session");
        Problem::new(Code::InternalError, "no session can be made; the service's log says why")
    })?;
    let now = visit.app.clock.now();
    let session = Session { token: hash_secret(&token), person, until: now.plus(cookie::LIFE) };
    visit.app.store.change_by(visit.author(), Change::OpenSession(session, now)).await?;
    let next = visit.form.text("Next");
    let is_ours = next.starts_with(&format!("{ROOT}/")) && !next.contains("//") && !next.contains('\\');
    let mut response = to(if is_ours { next } else { ROOT });
    cookie::set(&mut response, &token, visit);
    Ok(response)
}
