//! Emulator: sends a sample to an endpoint and shows both sides at once.

use askama::Template;
use axum::response::Response;
use serde_json::json;

use super::configuration::branches;
use super::endpoints::Endpoints;
use super::frame::Frame;
use super::page::{Guard, Page, show_with};
use super::record::Record;
use super::visit::Visit;
use crate::problem::{Code, Problem};
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/emulator",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(async move { shown(&visit, None, None).await }),
    },
    Page {
        method: Method::Post,
        path: "/portal/companies/{CompanyId}/emulator",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(send(visit)),
    },
];

/// How much a sample holds: value and label.
const VARIANTS: [(&str, &str); 3] = [
    ("minimal", "Minimal: only what must be there"),
    ("typical", "Typical"),
    ("maximal", "Maximal: every member"),
];

/// A choice of a form: value, label, whether it is chosen.
type Choice = (String, String, bool);

#[derive(Template)]
#[template(path = "emulator.html")]
struct Emulator {
    frame: Frame,
    here: String,
    log: String,
    configuration: String,
    endpoints: Vec<Choice>,
    actions: Vec<Choice>,
    branches: Vec<Choice>,
    variants: Vec<Choice>,
    may_change: bool,
    /// Why nothing can be sent; empty when it can.
    obstacle: &'static str,
    record: Option<Record>,
    wrong: String,
}

async fn shown(
    visit: &Visit,
    record: Option<Record>,
    refused: Option<&Problem>,
) -> Result<Response, Problem> {
    let entry = visit.company()?;
    let endpoints = Endpoints::read(visit).await?;
    let usable: Vec<_> = endpoints.all().iter().filter(|it| it.url.is_some() && it.enabled).collect();
    let obstacle = match (endpoints.all(), usable.as_slice()) {
        ([], _) => "There is no endpoint yet.",
        (all, []) if all.iter().all(|it| it.url.is_none()) => {
            "There are only pull endpoints: they have no URL to send to."
        }
        (_, []) => "All endpoints with a URL are off.",
        (_, [_, ..]) if !visit.may_change() => "A Reader sends nothing; ask an Admin of the company.",
        (_, [_, ..]) => "",
    };
    let chosen = |name: &str, value: &str| visit.form.text(name) == value;
    let choice =
        |name: &'static str, value: &str, label: String| (value.to_owned(), label, chosen(name, value));
    let known = workbell_wire::Action::ALL.iter().map(|action| action.name().to_owned());
    let own = visit.app.store.directory().actions().into_iter().map(|action| action.name.to_string());
    let variant = visit.form.text("Variant");
    let company = format!("{}/companies/{}", super::ROOT, entry.company.company_id);
    let page = Emulator {
        frame: Frame::titled(visit, "Emulator"),
        here: format!("{company}/emulator"),
        log: format!("{company}/log"),
        configuration: format!("{company}/configuration"),
        endpoints: usable.iter().map(|it| choice("EndpointId", &it.endpoint_id, it.name())).collect(),
        actions: known.chain(own).map(|name| choice("Action", &name, name.clone())).collect(),
        branches: branches(&entry)
            .into_iter()
            .map(|(id, name)| choice("BranchId", &id.to_string(), format!("{name} ({id})")))
            .collect(),
        variants: VARIANTS
            .map(|(value, label)| {
                let usual = variant.is_empty() && value == "typical";
                (value.to_owned(), label.to_owned(), usual || value == variant)
            })
            .to_vec(),
        may_change: visit.may_change(),
        obstacle,
        record,
        wrong: refused.map(Problem::in_short).unwrap_or_default(),
    };
    Ok(show_with(refused.map_or(http::StatusCode::OK, Problem::status), &page))
}

async fn send(visit: Visit) -> Result<Response, Problem> {
    let mut body = json!({ "Action": visit.form.text("Action"), "Variant": visit.form.text("Variant") });
    if let Ok(branch) = visit.form.text("BranchId").parse::<i64>() {
        body["BranchId"] = json!(branch);
    }
    let endpoint = visit.form.text("EndpointId").to_owned();
    match visit.ask("emulateNotification", &[("EndpointId", &endpoint)], &[], Some(body)).await {
        Ok(answer) => shown(&visit, serde_json::from_value(answer).ok(), None).await,
        Err(problem)
            if matches!(
                problem.code(),
                Code::SchemaViolation
                    | Code::StateConflict
                    | Code::RateLimited
                    | Code::UnknownAction
                    | Code::UnknownBranch
            ) =>
        {
            shown(&visit, None, Some(&problem)).await
        }
        Err(problem) => Err(problem),
    }
}
