//! `/v1/alerts`: what somebody should know of.

use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use workbell_model::CompanyId;
use workbell_store::alert::{AlertFilter, AlertKind, AlertRecord};
use workbell_wire::Timestamp;

use crate::answer;
use crate::call::Call;
use crate::problem::Problem;
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Member, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[Route {
    method: Method::Get,
    path: "/v1/alerts",
    id: "listAlerts",
    tag: "Alerts",
    summary: "List alerts, newest first; a page can be short and still go on",
    guard: Guard::Company,
    query: &[FILTER, PAGING],
    takes: Takes::Nothing,
    gives: &[(200, Gives::Page(&ALERT))],
    codes: &[],
    handler: |call| Box::pin(list(call)),
}];

const KIND: Form = Form::OneOf(&AlertKind::NAMES);

const FILTER: &[Member] = &[
    maybe("CompanyId", Form::CompanyId, "About this company."),
    maybe("Kind", KIND, "Of this kind."),
    maybe("Lasting", Form::OneOf(&["true"]), "Only those that are not over."),
];

static ALERT: Shape = Shape {
    name: "Alert",
    note: "Something that somebody should know of. While it lasts, more of the same only counts in it.",
    members: &[
        always("AlertId", Form::Integer(0, i64::MAX), "Its number, growing."),
        always("Kind", KIND, "What happened."),
        always("CompanyId", Form::Nullable(&Form::CompanyId), "The company it is about; null: the service."),
        always("Subject", Form::Text(0, 200), "What it is about: an endpoint, a key, `disk`."),
        always("Detail", Form::AnyObject, "What there is to say."),
        always("Raised", Form::Time, "When it began."),
        always("Last", Form::Time, "When the same happened last."),
        always("Count", Form::Integer(1, i64::MAX), "How often."),
        always("Ended", Form::Nullable(&Form::Time), "When it was over; null while it lasts."),
        always("Sent", Form::Nullable(&Form::Time), "When `alerts.url` was told."),
        always("Attempts", Form::Integer(0, u16::MAX as i64), "How often that was tried."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    alert_id: u64,
    kind: String,
    company_id: Option<CompanyId>,
    subject: String,
    detail: Map<String, Value>,
    raised: Timestamp,
    last: Timestamp,
    count: u64,
    ended: Option<Timestamp>,
    sent: Option<Timestamp>,
    attempts: u16,
}

impl From<AlertRecord> for Members {
    fn from(alert: AlertRecord) -> Self {
        Members {
            alert_id: alert.no,
            kind: alert.kind,
            company_id: alert.company_id,
            subject: alert.subject,
            detail: alert.detail,
            raised: alert.raised,
            last: alert.last,
            count: alert.count,
            ended: alert.ended,
            sent: alert.sent,
            attempts: alert.attempts,
        }
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let Ok(company_id) = call.company_wanted() else { return Ok(answer::nothing()) };
    let filter =
        AlertFilter { company_id, kind: call.query("Kind"), lasting: call.query_text("Lasting").is_some() };
    let page = call.app.store.alerts(filter, call.paging()).await?;
    Ok(answer::page(page, Members::from))
}
