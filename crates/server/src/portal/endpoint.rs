//! One endpoint: made, changed, paused, given a new secret, deleted.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::configuration::{branches, here};
use super::endpoint_form::{EndpointForm, MEMBERS};
use super::endpoint_view::{EndpointView, HealthView};
use super::frame::Frame;
use super::list::List;
use super::page::{Guard, Page, show_with, to};
use super::visit::Visit;
use super::wrongs::Wrongs;
use crate::problem::{Code, Problem};
use crate::route::Method;

macro_rules! page {
    ($method:ident, $path:literal, $handler:ident) => {
        Page {
            method: Method::$method,
            path: concat!("/portal/companies/{CompanyId}/configuration/endpoints", $path),
            guard: Guard::SignedIn,
            handler: |visit| Box::pin($handler(visit)),
        }
    };
}

pub(super) static PAGES: &[Page] = &[
    page!(Get, "/new", new),
    page!(Post, "", create),
    page!(Get, "/{EndpointId}", read),
    page!(Post, "/{EndpointId}", change),
    page!(Post, "/{EndpointId}/pause", pause),
    page!(Post, "/{EndpointId}/resume", resume),
    page!(Post, "/{EndpointId}/rotate-secret", rotate),
    page!(Post, "/{EndpointId}/delete", delete),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Client {
    client_id: String,
    name: String,
}

/// An action with whether the endpoint gets it.
struct Choice {
    name: String,
    is_chosen: bool,
}

/// An endpoint that is there, with how it does.
struct There {
    endpoint: EndpointView,
    health: HealthView,
}

#[derive(Template)]
#[template(path = "endpoint.html")]
struct EndpointPage {
    frame: Frame,
    here: String,
    there: Option<There>,
    form: EndpointForm,
    wrongs: Wrongs,
    /// A secret that was just made.
    secret: Option<String>,
    actions: Vec<Choice>,
    branches: Vec<(String, String, bool)>,
    clients: Vec<Client>,
    may_change: bool,
}

async fn shown(
    visit: &Visit,
    made: Option<EndpointView>,
    refused: Option<Problem>,
) -> Result<Response, Problem> {
    let entry = visit.company()?;
    let is_new = visit.path("EndpointId").is_empty() && made.is_none();
    let mut secret = None;
    let there = if is_new {
        None
    } else {
        let endpoint = match made {
            Some(made) => made,
            None => visit.read("readEndpoint", &[], &[]).await?,
        };
        secret = endpoint.secret.clone();
        let path = [("EndpointId", endpoint.endpoint_id.as_str())];
        let health = visit.read("readEndpointHealth", &path, &[]).await?;
        Some(There { endpoint, health })
    };
    let form = match (&refused, &there) {
        (Some(_), there) => EndpointForm {
            pulls: there
                .as_ref()
                .map_or_else(|| visit.form.text("Kind") == "pull", |it| it.endpoint.url.is_none()),
            ..EndpointForm::sent(&visit.form)
        },
        (None, Some(there)) => EndpointForm::of(&there.endpoint),
        (None, None) => EndpointForm::new(),
    };
    let known = workbell_wire::Action::ALL.iter().map(|action| action.name().to_owned());
    let own = visit.app.store.directory().actions().into_iter().map(|action| action.name.to_string());
    let actions = known.chain(own).map(|name| Choice { is_chosen: form.actions.contains(&name), name });
    let clients: List<Client> = visit.read("listClients", &[], &[("Limit", "500")]).await?;
    let branch = |(id, name): (i64, String)| {
        let id = id.to_string();
        let is_chosen = form.branch_ids.contains(&id);
        (id, name, is_chosen)
    };
    let status = refused.as_ref().map_or(StatusCode::OK, Problem::status);
    let title = there.as_ref().map_or_else(|| "New endpoint".to_owned(), |there| there.endpoint.name());
    let page = EndpointPage {
        frame: Frame::titled(visit, title),
        here: here(&entry),
        wrongs: refused.map(|problem| Wrongs::of(&problem, &MEMBERS)).unwrap_or_default(),
        secret,
        actions: actions.collect(),
        branches: branches(&entry).into_iter().map(branch).collect(),
        clients: clients.items,
        may_change: visit.may_change(),
        form,
        there,
    };
    Ok(show_with(status, &page))
}

/// Whether a form is shown again with what is wrong.
fn is_of_the_form(problem: &Problem) -> bool {
    matches!(
        problem.code(),
        Code::SchemaViolation
            | Code::StateConflict
            | Code::AddressRefused
            | Code::InvalidHeader
            | Code::UnknownAction
            | Code::UnknownBranch
            | Code::UnknownClient
    )
}

async fn new(visit: Visit) -> Result<Response, Problem> {
    shown(&visit, None, None).await
}

async fn create(visit: Visit) -> Result<Response, Problem> {
    let body = EndpointForm::sent(&visit.form).body();
    match visit.ask("createEndpoint", &[], &[], Some(body)).await {
        Ok(made) => with_secret(&visit, made).await,
        Err(problem) if is_of_the_form(&problem) => shown(&visit, None, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

async fn read(visit: Visit) -> Result<Response, Problem> {
    shown(&visit, None, None).await
}

async fn change(visit: Visit) -> Result<Response, Problem> {
    let mut body = EndpointForm::sent(&visit.form).body();
    let now: EndpointView = visit.read("readEndpoint", &[], &[]).await?;
    if now.url.is_none() {
        body["Url"] = Value::Null;
    }
    match visit.ask("changeEndpoint", &[], &[], Some(body)).await {
        Ok(_) => back(&visit, "changed"),
        Err(problem) if is_of_the_form(&problem) => shown(&visit, None, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

async fn pause(visit: Visit) -> Result<Response, Problem> {
    visit.ask("pauseEndpoint", &[], &[], None).await?;
    back(&visit, "paused")
}

async fn resume(visit: Visit) -> Result<Response, Problem> {
    visit.ask("resumeEndpoint", &[], &[], None).await?;
    back(&visit, "resumed")
}

async fn rotate(visit: Visit) -> Result<Response, Problem> {
    let body = json!({ "Now": visit.form.text("Now") == "true" });
    let made = visit.ask("rotateEndpointSecret", &[], &[], Some(body)).await?;
    with_secret(&visit, made).await
}

async fn with_secret(visit: &Visit, made: Value) -> Result<Response, Problem> {
    shown(visit, serde_json::from_value(made).ok(), None).await
}

async fn delete(visit: Visit) -> Result<Response, Problem> {
    let what = if visit.form.text("Undelivered") == "Discard" { "Discard" } else { "" };
    visit.ask("deleteEndpoint", &[], &[("Undelivered", what)], None).await?;
    Ok(to(&format!("{}?Done=deleted", here(&*visit.company()?))))
}

fn back(visit: &Visit, done: &str) -> Result<Response, Problem> {
    let here = here(&*visit.company()?);
    Ok(to(&format!("{here}/endpoints/{}?Done={done}", visit.path("EndpointId"))))
}
