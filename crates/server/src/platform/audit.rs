//! `/v1/audit`: who changed what, when, from where.

use axum::response::Response;
use serde::Serialize;
use workbell_model::CompanyId;
use workbell_store::audit::{Act, Actor, AuditFilter, AuditRecord, Members as Changed};
use workbell_wire::Timestamp;

use crate::answer;
use crate::call::Call;
use crate::problem::Problem;
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Member, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[Route {
    method: Method::Get,
    path: "/v1/audit",
    id: "listAudit",
    tag: "Audit",
    summary: "List changes, newest first; a page can be short and still go on",
    guard: Guard::Company,
    query: &[FILTER, PAGING],
    takes: Takes::Nothing,
    gives: &[(200, Gives::Page(&RECORD))],
    codes: &[],
    handler: |call| Box::pin(list(call)),
}];

const ACT: Form = Form::OneOf(Act::NAMES);

const FILTER: &[Member] = &[
    maybe("CompanyId", Form::CompanyId, "About this company."),
    maybe("Subject", Form::Text(1, 100), "About this: an id or a name."),
    maybe("Act", ACT, "Of this kind."),
    maybe("From", Form::Time, "Then or later."),
    maybe("To", Form::Time, "Before."),
];

static RECORD: Shape = Shape {
    name: "AuditRecord",
    note: "One change. Of secrets it says only that they are there, or that they are other ones now.",
    members: &[
        always("AuditId", Form::Integer(0, i64::MAX), "Its number, growing."),
        always("Changed", Form::Time, "When."),
        always("Act", ACT, "What was done."),
        always("CompanyId", Form::Nullable(&Form::CompanyId), "The company it is about."),
        always("Subject", Form::Text(0, 200), "What it was done to: an id or a name."),
        always(
            "Actor",
            Form::OneOf(&Actor::KINDS),
            "Who did it: the holder of the platform key, a person, a client, or the service by itself.",
        ),
        always("ActorId", Form::Nullable(&Form::Text(0, 100)), "The id of the person or client."),
        always("ActorName", Form::Nullable(&Form::Text(0, 400)), "What the person signs in with."),
        always(
            "Address",
            Form::Nullable(&Form::Text(0, 100)),
            "Where it came from; behind proxies, see `proxy.trusted`.",
        ),
        always("Before", Form::Nullable(&Form::AnyObject), "The members that changed, as they were."),
        always("After", Form::Nullable(&Form::AnyObject), "The members that changed, as they are now."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    audit_id: u64,
    changed: Timestamp,
    act: String,
    company_id: Option<CompanyId>,
    subject: String,
    actor: String,
    actor_id: Option<String>,
    actor_name: Option<String>,
    address: Option<String>,
    before: Option<Changed>,
    after: Option<Changed>,
}

impl From<AuditRecord> for Members {
    fn from(record: AuditRecord) -> Self {
        Members {
            audit_id: record.no,
            changed: record.changed,
            act: record.act,
            company_id: record.company_id,
            subject: record.subject,
            actor: record.actor,
            actor_id: record.actor_id,
            actor_name: record.actor_name,
            address: record.address,
            before: record.before,
            after: record.after,
        }
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let Ok(company_id) = call.company_wanted() else { return Ok(answer::nothing()) };
    let filter = AuditFilter {
        company_id,
        subject: call.query("Subject"),
        act: call.query("Act"),
        from: call.query("From"),
        to: call.query("To"),
    };
    let page = call.app.store.audit(filter, call.paging()).await?;
    Ok(answer::page(page, Members::from))
}
