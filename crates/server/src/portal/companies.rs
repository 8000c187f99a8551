//! Companies: for the operator; the way into each company's pages.

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
        path: "/portal/companies",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(async move { shown(&visit, None).await }),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(create(visit)),
    },
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Company {
    company_id: String,
    name: String,
    created: Moment,
}

#[derive(Template)]
#[template(path = "companies.html")]
struct Companies {
    frame: Frame,
    companies: List<Company>,
    id: String,
    name: String,
    wrong: String,
}

async fn shown(visit: &Visit, refused: Option<&Problem>) -> Result<Response, Problem> {
    let query = [("Limit", "100"), ("After", visit.query.text("After"))];
    let page = Companies {
        frame: Frame::titled(visit, "Companies"),
        companies: visit.read("listCompanies", &[], &query).await?,
        id: visit.form.text("CompanyId").to_owned(),
        name: visit.form.text("Name").to_owned(),
        wrong: refused.map(Problem::in_short).unwrap_or_default(),
    };
    Ok(match refused {
        None => show(&page),
        Some(problem) => show_with(problem.status(), &page),
    })
}

async fn create(visit: Visit) -> Result<Response, Problem> {
    let id = visit.form.text("CompanyId");
    let company = json!({ "CompanyId": id, "Name": visit.form.text("Name") });
    match visit.ask("createCompany", &[], &[], Some(company)).await {
        Ok(_) => Ok(to(&format!("{}/companies/{id}/configuration", super::ROOT))),
        Err(problem) if matches!(problem.code(), Code::SchemaViolation | Code::StateConflict) => {
            shown(&visit, Some(&problem)).await
        }
        Err(problem) => Err(problem),
    }
}
