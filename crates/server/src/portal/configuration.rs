//! Configuration: event notifications, credentials, certificates, branches of one company.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use workbell_store::directory::CompanyEntry;

use super::endpoint_view::{EndpointView, HealthView};
use super::frame::Frame;
use super::list::List;
use super::moment::Moment;
use super::page::{Guard, Page, show, show_with, to};
use super::visit::Visit;
use super::wrongs::Wrongs;
use crate::problem::{Code, Problem};
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/configuration",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(async move { shown(&visit, Said::Nothing).await }),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/configuration/clients",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(create_client(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/configuration/clients/{ClientId}/rotate",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(rotate_client(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/configuration/clients/{ClientId}/delete",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(delete_client(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/configuration/branches",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(create_branch(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/configuration/branches/{BranchId}/delete",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(delete_branch(visit)),
    },
];

/// What the page says beside what is there.
enum Said {
    Nothing,
    /// A client with the secret that was just made.
    Secret(Box<Client>),
    /// A branch that cannot be created.
    Branch(Problem),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Client {
    client_id: String,
    name: String,
    created: Moment,
    old_secret_until: Option<Moment>,
    client_secret: Option<String>,
}

struct Row {
    endpoint: EndpointView,
    health: HealthView,
}

#[derive(Template)]
#[template(path = "configuration.html")]
struct Configuration {
    frame: Frame,
    here: String,
    endpoints: Vec<Row>,
    clients: List<Client>,
    made: Option<Box<Client>>,
    branches: Vec<(i64, String)>,
    may_change: bool,
    is_operator: bool,
    token_path: String,
    branch_id: String,
    branch_name: String,
    wrong_branch: Wrongs,
}

/// Where the page of this company is.
pub(super) fn here(entry: &CompanyEntry) -> String {
    format!("{}/companies/{}/configuration", super::ROOT, entry.company.company_id)
}

/// Branches of a company by number. They stand on this page for its people too, who need them for their filters.
pub(super) fn branches(entry: &CompanyEntry) -> Vec<(i64, String)> {
    entry.branches.values().map(|branch| (branch.branch_id, branch.name.clone())).collect()
}

async fn shown(visit: &Visit, said: Said) -> Result<Response, Problem> {
    let entry = visit.company()?;
    let list: List<EndpointView> = visit.read("listEndpoints", &[], &[("Limit", "500")]).await?;
    let mut endpoints = Vec::with_capacity(list.items.len());
    for endpoint in list.items {
        let path = [("EndpointId", endpoint.endpoint_id.as_str())];
        let health = visit.read("readEndpointHealth", &path, &[]).await?;
        endpoints.push(Row { endpoint, health });
    }
    let (made, refused) = match said {
        Said::Nothing => (None, None),
        Said::Secret(client) => (Some(client), None),
        Said::Branch(problem) => (None, Some(problem)),
    };
    let status = refused.as_ref().map(Problem::status);
    let page = Configuration {
        frame: Frame::titled(visit, "Configuration"),
        here: here(&entry),
        endpoints,
        clients: visit.read("listClients", &[], &[("Limit", "500")]).await?,
        made,
        branches: branches(&entry),
        may_change: visit.may_change(),
        is_operator: visit.is_operator(),
        token_path: format!("{}{}", visit.app.public_url.trim_end_matches('/'), crate::oauth::PATH),
        branch_id: visit.form.text("BranchId").to_owned(),
        branch_name: visit.form.text("Name").to_owned(),
        wrong_branch: refused.map(|it| Wrongs::of(&it, &["BranchId", "Name"])).unwrap_or_default(),
    };
    Ok(match status {
        None => show(&page),
        Some(status) => show_with(status, &page),
    })
}

async fn create_client(visit: Visit) -> Result<Response, Problem> {
    let name = visit.form.text("Name");
    let body = if name.is_empty() { json!({}) } else { json!({ "Name": name }) };
    let made = visit.ask("createClient", &[], &[], Some(body)).await?;
    with_secret(&visit, made).await
}

async fn rotate_client(visit: Visit) -> Result<Response, Problem> {
    let body = json!({ "Now": visit.form.text("Now") == "true" });
    let made = visit.ask("rotateClientSecret", &[], &[], Some(body)).await?;
    with_secret(&visit, made).await
}

async fn with_secret(visit: &Visit, made: serde_json::Value) -> Result<Response, Problem> {
    match serde_json::from_value(made) {
        Ok(client) => shown(visit, Said::Secret(Box::new(client))).await,
        Err(_) => shown(visit, Said::Nothing).await,
    }
}

async fn delete_client(visit: Visit) -> Result<Response, Problem> {
    visit.ask("deleteClient", &[], &[], None).await?;
    Ok(to(&format!("{}?Done=deleted", here(&*visit.company()?))))
}

async fn create_branch(visit: Visit) -> Result<Response, Problem> {
    let id = visit.form.text("BranchId");
    let id = id.parse::<i64>().map_or_else(|_| json!(id), |id| json!(id));
    let branch = json!({ "BranchId": id, "Name": visit.form.text("Name") });
    match visit.ask("createBranch", &[], &[], Some(branch)).await {
        Ok(_) => Ok(to(&format!("{}?Done=changed#branches", here(&*visit.company()?)))),
        Err(problem) if matches!(problem.code(), Code::SchemaViolation | Code::BranchTaken) => {
            shown(&visit, Said::Branch(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

async fn delete_branch(visit: Visit) -> Result<Response, Problem> {
    visit.ask("deleteBranch", &[], &[], None).await?;
    Ok(to(&format!("{}?Done=deleted#branches", here(&*visit.company()?))))
}
