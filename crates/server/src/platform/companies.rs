//! `/v1/companies`: providers.

use axum::response::Response;
use serde::Serialize;
use workbell_model::{Company, CompanyId};
use workbell_store::record::Change;
use workbell_wire::Timestamp;

use crate::call::Call;
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes, UNDELIVERED};
use crate::shape::{Form, NAME, Shape, always};
use crate::{answer, cursor};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/companies",
        id: "createCompany",
        tag: "Companies",
        summary: "Create a company",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Whole(&NEW),
        gives: &[(201, Gives::One(&COMPANY))],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(create(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies",
        id: "listCompanies",
        tag: "Companies",
        summary: "List companies, newest first",
        guard: Guard::Platform,
        query: &[PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&COMPANY))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}",
        id: "readCompany",
        tag: "Companies",
        summary: "Read a company",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&COMPANY))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Patch,
        path: "/v1/companies/{CompanyId}",
        id: "changeCompany",
        tag: "Companies",
        summary: "Give a company another name",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Partial(&RENAMED),
        gives: &[(200, Gives::One(&COMPANY))],
        codes: &[],
        handler: |call| Box::pin(change(call)),
    },
    Route {
        method: Method::Delete,
        path: "/v1/companies/{CompanyId}",
        id: "deleteCompany",
        tag: "Companies",
        summary: "Delete a company with its branches, clients and endpoints",
        guard: Guard::Platform,
        query: &[UNDELIVERED],
        takes: Takes::Nothing,
        gives: &[(204, Gives::Nothing)],
        codes: &[Code::UndeliveredExist],
        handler: |call| Box::pin(delete(call)),
    },
];

static NEW: Shape = Shape {
    name: "NewCompany",
    note: "A company to create.",
    members: &[
        always("CompanyId", Form::CompanyId, "Chosen by the platform, for life."),
        always("Name", NAME, "For people."),
    ],
};

/// What can be changed of a company, a branch or a client.
pub(super) static RENAMED: Shape =
    Shape { name: "Renamed", note: "Another name.", members: &[always("Name", NAME, "For people.")] };

static COMPANY: Shape = Shape {
    name: "Company",
    note: "A provider.",
    members: &[
        always("CompanyId", Form::CompanyId, "Chosen by the platform, for life."),
        always("Name", NAME, "For people."),
        always("Created", Form::Time, "When it was created."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    company_id: CompanyId,
    name: String,
    created: Timestamp,
}

impl From<&Company> for Members {
    fn from(company: &Company) -> Self {
        Members {
            company_id: company.company_id.clone(),
            name: company.name.clone(),
            created: company.created,
        }
    }
}

async fn create(call: Call) -> Result<Response, Problem> {
    let text = call.fields.text("CompanyId").unwrap_or_default();
    let company = Company {
        company_id: text.parse().map_err(|_| Problem::not_found(text))?,
        name: call.fields.text("Name").unwrap_or_default().to_owned(),
        created: call.app.clock.now(),
    };
    call.change(Change::CreateCompany(company.clone())).await?;
    Ok(answer::created(&format!("/v1/companies/{}", company.company_id), &Members::from(&company)))
}

async fn list(call: Call) -> Result<Response, Problem> {
    let entries = call.app.store.directory().companies(None, usize::MAX);
    let page = cursor::page(entries, &call.paging(), |entry| {
        (entry.company.created, entry.company.company_id.to_string())
    })?;
    Ok(answer::page(page, |entry| Members::from(&entry.company)))
}

async fn read(call: Call) -> Result<Response, Problem> {
    Ok(answer::ok(&Members::from(&call.company()?.company)))
}

async fn change(call: Call) -> Result<Response, Problem> {
    let mut company = call.company()?.company.clone();
    if let Some(name) = call.fields.text("Name") {
        company.name = name.to_owned();
        call.change(Change::RenameCompany(company.company_id.clone(), company.name.clone())).await?;
    }
    Ok(answer::ok(&Members::from(&company)))
}

async fn delete(call: Call) -> Result<Response, Problem> {
    let company_id = call.company()?.company.company_id.clone();
    let now = call.app.clock.now();
    call.change(Change::DeleteCompany(company_id, call.if_undelivered(), now)).await?;
    Ok(answer::gone())
}
