//! People: who may sign in for the company; one-time links.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::frame::Frame;
use super::list::List;
use super::moment::Moment;
use super::page::{Guard, Page, show, show_with, to};
use super::visit::Visit;
use crate::problem::{Code, Problem};
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/people",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(async move { shown(&visit, None, None).await }),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/people",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(invite(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/people/{PersonId}/link",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(link(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/people/{PersonId}/role",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(change_role(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/people/{PersonId}/delete",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(delete(visit)),
    },
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Person {
    person_id: String,
    email: String,
    role: String,
    has_password: bool,
    created: Moment,
    link_until: Option<Moment>,
    link: Option<String>,
}

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    frame: Frame,
    here: String,
    people: List<Person>,
    may_change: bool,
    /// Whose link was just made.
    made: Option<Person>,
    email: String,
    wrong: String,
}

async fn shown(visit: &Visit, made: Option<Person>, refused: Option<&Problem>) -> Result<Response, Problem> {
    let people =
        visit.read("listPeople", &[], &[("Limit", "500"), ("After", visit.query.text("After"))]).await?;
    let page = People {
        frame: Frame::titled(visit, "People"),
        here: format!("{}/companies/{}/people", super::ROOT, visit.company()?.company.company_id),
        people,
        may_change: visit.may_change(),
        made,
        email: refused.map(|_| visit.form.text("Email").to_owned()).unwrap_or_default(),
        wrong: refused.map(Problem::in_short).unwrap_or_default(),
    };
    Ok(match refused {
        None => show(&page),
        Some(problem) => show_with(problem.status(), &page),
    })
}

async fn invite(visit: Visit) -> Result<Response, Problem> {
    let person = json!({ "Email": visit.form.text("Email"), "Role": visit.form.text("Role") });
    match visit.ask("createPerson", &[], &[], Some(person)).await {
        Ok(answer) => shown(&visit, serde_json::from_value(answer).ok(), None).await,
        Err(problem) if matches!(problem.code(), Code::SchemaViolation | Code::StateConflict) => {
            shown(&visit, None, Some(&problem)).await
        }
        Err(problem) => Err(problem),
    }
}

async fn link(visit: Visit) -> Result<Response, Problem> {
    let answer = visit.ask("makePersonLink", &[], &[], None).await?;
    shown(&visit, serde_json::from_value(answer).ok(), None).await
}

async fn change_role(visit: Visit) -> Result<Response, Problem> {
    let role = json!({ "Role": visit.form.text("Role") });
    visit.ask("changePerson", &[], &[], Some(role)).await?;
    back(&visit, "changed")
}

async fn delete(visit: Visit) -> Result<Response, Problem> {
    visit.ask("deletePerson", &[], &[], None).await?;
    back(&visit, "deleted")
}

fn back(visit: &Visit, done: &str) -> Result<Response, Problem> {
    let company = &visit.company()?.company.company_id;
    Ok(to(&format!("{}/companies/{company}/people?Done={done}", super::ROOT)))
}
