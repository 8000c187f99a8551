//! `/v1/companies/{CompanyId}/people`: who signs in for a company, and their one-time links.
//!
//! A link stands only in the answer of the `POST` that made it; its secret is kept as a hash. A new one takes the
//! place of the one before. Source: service.md sections 4, 7 and 9.

use std::time::Duration;

use axum::response::Response;
use serde::Serialize;
use workbell_model::{CompanyId, Person, PersonId, Role};
use workbell_signing::{hash_secret, new_link_secret};
use workbell_store::record::Change;
use workbell_wire::Timestamp;

use crate::call::{Call, short};
use crate::check::{BAD_EMAIL, Faults, Mode};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Shape, always, maybe};
use crate::{answer, cursor};

/// How long a one-time link is valid.
///
/// 24 hours. Source: service.md section 9.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Most characters of an email address. Source: RFC 5321 section 4.5.3.1.3.
const EMAIL: Form = Form::Text(3, 254);

const ROLE: Form = Form::OneOf(&["Admin", "Reader"]);

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/people",
        id: "createPerson",
        tag: "People",
        summary: "Let somebody sign in; the answer has their one-time link, shown this once",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Judged(&NEW, Mode::Whole, judge),
        gives: &[(201, Gives::One(&PERSON))],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(create(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/people",
        id: "listPeople",
        tag: "People",
        summary: "List people, newest first",
        guard: Guard::Company,
        query: &[PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&PERSON))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/people/{PersonId}",
        id: "readPerson",
        tag: "People",
        summary: "Read a person",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&PERSON))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Patch,
        path: "/v1/companies/{CompanyId}/people/{PersonId}",
        id: "changePerson",
        tag: "People",
        summary: "Give a person another email or role; it holds at once",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Judged(&NEW, Mode::Partial, judge),
        gives: &[(200, Gives::One(&PERSON))],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(change(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/people/{PersonId}/link",
        id: "makePersonLink",
        tag: "People",
        summary: "Make a new one-time link, shown this once; the one before ends",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&PERSON))],
        codes: &[],
        handler: |call| Box::pin(link(call)),
    },
    Route {
        method: Method::Delete,
        path: "/v1/companies/{CompanyId}/people/{PersonId}",
        id: "deletePerson",
        tag: "People",
        summary: "Delete a person; their sessions end",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(204, Gives::Nothing)],
        codes: &[],
        handler: |call| Box::pin(delete(call)),
    },
];

static NEW: Shape = Shape {
    name: "NewPerson",
    note: "Somebody who may sign in to the portal.",
    members: &[
        always("Email", EMAIL, "What they sign in with; kept in lower case, unique within the company."),
        always("Role", ROLE, "`Admin` changes what is the company's own, `Reader` reads it."),
    ],
};

static PERSON: Shape = Shape {
    name: "Person",
    note: "Somebody who may sign in to the portal for a company.",
    members: &[
        always("CompanyId", Form::CompanyId, "Whose they are."),
        always("PersonId", Form::Id, "Their id."),
        always("Email", EMAIL, "What they sign in with."),
        always("Role", ROLE, "What they may do."),
        always("HasPassword", Form::Flag, "Whether they set a password."),
        always("Created", Form::Time, "When they were created."),
        always(
            "LinkUntil",
            Form::Nullable(&Form::Time),
            "Until when their one-time link is valid, when there is an unused one.",
        ),
        maybe("Link", Form::Text(1, 2000), "The one-time link; only when it was just made."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    company_id: CompanyId,
    person_id: PersonId,
    email: String,
    role: Role,
    has_password: bool,
    created: Timestamp,
    link_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

fn members(person: &Person, now: Timestamp) -> Members {
    Members {
        company_id: person.company_id.clone(),
        person_id: person.person_id,
        email: person.email.clone(),
        role: person.role,
        has_password: person.password.is_some(),
        created: person.created,
        link_until: person.link.map(|(_, until)| until).filter(|until| *until > now),
        link: None,
    }
}

async fn person(call: &Call) -> Result<Person, Problem> {
    let company = call.company()?.company.company_id.clone();
    let text = call.path("PersonId");
    let id = text.parse::<PersonId>().ok();
    let people = call.app.store.people(&company).await?;
    people
        .into_iter()
        .find(|person| Some(person.person_id) == id)
        .ok_or_else(|| Problem::not_found(format_args!("person {}", short(text))))
}

/// The secret of a new link, and what is kept of it.
fn new_link(call: &Call) -> Result<(String, ([u8; 32], Timestamp)), Problem> {
    let secret = new_link_secret().map_err(|error| {
        tracing::error!(%error, "cannot make a one-time link");
        Problem::new(Code::InternalError, "no link can be made; the service's log says why")
    })?;
    let kept = (hash_secret(&secret), call.app.clock.now().plus(LINK_LIFE));
    Ok((crate::portal::link(&call.app.public_url, &secret), kept))
}

fn judge(call: &Call, faults: &mut Faults) -> Result<(), Problem> {
    let Some(text) = call.fields.text("Email").filter(|_| !faults.are_at("/Email")) else { return Ok(()) };
    let is_good = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    if !is_good {
        faults.add("/Email", BAD_EMAIL, "must be an email address: name@host, without blanks");
    }
    Ok(())
}

/// The email of the body in the form in which it is kept.
fn email(call: &Call) -> Option<String> {
    call.fields.text("Email").map(str::to_lowercase)
}

fn role(call: &Call) -> Option<Role> {
    let text = call.fields.text("Role")?;
    Role::ALL.into_iter().find(|role| role.name() == text)
}

async fn create(call: Call) -> Result<Response, Problem> {
    let now = call.app.clock.now();
    let company_id = call.company()?.company.company_id.clone();
    let (link, kept) = new_link(&call)?;
    let person = Person {
        company_id,
        person_id: PersonId::from_uuid(crate::id::new()),
        email: email(&call).unwrap_or_default(),
        role: role(&call).unwrap_or(Role::Reader),
        password: None,
        link: Some(kept),
        created: now,
    };
    call.change(Change::CreatePerson(person.clone())).await?;
    let location = format!("/v1/companies/{}/people/{}", person.company_id, person.person_id);
    Ok(answer::created(&location, &Members { link: Some(link), ..members(&person, now) }))
}

async fn list(call: Call) -> Result<Response, Problem> {
    let company = call.company()?.company.company_id.clone();
    let people = call.app.store.people(&company).await?;
    let page = cursor::page(people, &call.paging(), |person| (person.created, person.person_id.to_string()))?;
    let now = call.app.clock.now();
    Ok(answer::page(page, |person| members(&person, now)))
}

async fn read(call: Call) -> Result<Response, Problem> {
    Ok(answer::ok(&members(&person(&call).await?, call.app.clock.now())))
}

async fn change(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let mut person = person(&call).await?;
    if let Some(email) = email(&call) {
        person.email = email;
    }
    if let Some(role) = role(&call) {
        person.role = role;
    }
    call.change(Change::UpdatePerson(person.clone())).await?;
    Ok(answer::ok(&members(&person, call.app.clock.now())))
}

async fn link(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let mut person = person(&call).await?;
    let (link, kept) = new_link(&call)?;
    person.link = Some(kept);
    call.change(Change::UpdatePerson(person.clone())).await?;
    Ok(answer::ok(&Members { link: Some(link), ..members(&person, call.app.clock.now()) }))
}

async fn delete(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let person = person(&call).await?;
    call.change(Change::DeletePerson(person.company_id, person.person_id)).await?;
    Ok(answer::gone())
}
