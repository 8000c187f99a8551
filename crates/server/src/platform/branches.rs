//! `/v1/companies/{CompanyId}/branches`: the branches that notifications are addressed to.

use axum::response::Response;
use serde::Serialize;
use workbell_model::{Branch, CompanyId};
use workbell_store::record::Change;
use workbell_wire::Timestamp;

use super::companies::RENAMED;
use crate::call::{Call, short};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes, UNDELIVERED};
use crate::shape::{Form, NAME, Shape, always};
use crate::{answer, cursor};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/branches",
        id: "createBranch",
        tag: "Branches",
        summary: "Create a branch",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Whole(&NEW),
        gives: &[(201, Gives::One(&BRANCH))],
        codes: &[Code::StateConflict, Code::BranchTaken],
        handler: |call| Box::pin(create(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/branches",
        id: "listBranches",
        tag: "Branches",
        summary: "List branches, newest first",
        guard: Guard::Platform,
        query: &[PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&BRANCH))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/branches/{BranchId}",
        id: "readBranch",
        tag: "Branches",
        summary: "Read a branch",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&BRANCH))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Patch,
        path: "/v1/companies/{CompanyId}/branches/{BranchId}",
        id: "changeBranch",
        tag: "Branches",
        summary: "Give a branch another name",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Partial(&RENAMED),
        gives: &[(200, Gives::One(&BRANCH))],
        codes: &[],
        handler: |call| Box::pin(change(call)),
    },
    Route {
        method: Method::Delete,
        path: "/v1/companies/{CompanyId}/branches/{BranchId}",
        id: "deleteBranch",
        tag: "Branches",
        summary: "Delete a branch",
        guard: Guard::Platform,
        query: &[UNDELIVERED],
        takes: Takes::Nothing,
        gives: &[(204, Gives::Nothing)],
        codes: &[Code::UndeliveredExist],
        handler: |call| Box::pin(delete(call)),
    },
];

static NEW: Shape = Shape {
    name: "NewBranch",
    note: "A branch to create.",
    members: &[
        always("BranchId", Form::Integer(1, i64::MAX), "Unique over all companies."),
        always("Name", NAME, "For people."),
    ],
};

static BRANCH: Shape = Shape {
    name: "Branch",
    note: "A branch of a company.",
    members: &[
        always("CompanyId", Form::CompanyId, "Whose it is."),
        always("BranchId", Form::Integer(1, i64::MAX), "Unique over all companies."),
        always("Name", NAME, "For people."),
        always("Created", Form::Time, "When it was created."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    company_id: CompanyId,
    branch_id: i64,
    name: String,
    created: Timestamp,
}

impl From<&Branch> for Members {
    fn from(branch: &Branch) -> Self {
        Members {
            company_id: branch.company_id.clone(),
            branch_id: branch.branch_id,
            name: branch.name.clone(),
            created: branch.created,
        }
    }
}

fn branch(call: &Call) -> Result<Branch, Problem> {
    let company = call.company()?;
    let text = call.path("BranchId");
    let found = text.parse::<i64>().ok().and_then(|id| company.branches.get(&id).cloned());
    found.ok_or_else(|| Problem::not_found(format_args!("branch {}", short(text))))
}

async fn create(call: Call) -> Result<Response, Problem> {
    let branch = Branch {
        company_id: call.company()?.company.company_id.clone(),
        branch_id: call.fields.integer("BranchId").unwrap_or_default(),
        name: call.fields.text("Name").unwrap_or_default().to_owned(),
        created: call.app.clock.now(),
    };
    call.change(Change::CreateBranch(branch.clone())).await?;
    let location = format!("/v1/companies/{}/branches/{}", branch.company_id, branch.branch_id);
    Ok(answer::created(&location, &Members::from(&branch)))
}

async fn list(call: Call) -> Result<Response, Problem> {
    let branches = call.company()?.branches.values().cloned().collect();
    // Twenty digits, so that the order of texts is that of numbers.
    let page = cursor::page(branches, &call.paging(), |branch| {
        (branch.created, format!("{:020}", branch.branch_id))
    })?;
    Ok(answer::page(page, |branch| Members::from(&branch)))
}

async fn read(call: Call) -> Result<Response, Problem> {
    Ok(answer::ok(&Members::from(&branch(&call)?)))
}

async fn change(call: Call) -> Result<Response, Problem> {
    let mut branch = branch(&call)?;
    if let Some(name) = call.fields.text("Name") {
        branch.name = name.to_owned();
        let change = Change::RenameBranch(branch.company_id.clone(), branch.branch_id, branch.name.clone());
        call.change(change).await?;
    }
    Ok(answer::ok(&Members::from(&branch)))
}

async fn delete(call: Call) -> Result<Response, Problem> {
    let branch = branch(&call)?;
    let (mode, now) = (call.if_undelivered(), call.app.clock.now());
    call.change(Change::DeleteBranch(branch.company_id, branch.branch_id, mode, now)).await?;
    Ok(answer::gone())
}
