//! `/v1/notifications`: publishing (see [`super::publish`]) and reading back what was published.

use axum::response::Response;
use serde::Serialize;
use workbell_model::{ClientId, CompanyId, Fate};
use workbell_store::filter::NotificationFilter;
use workbell_store::record::NotificationRecord;
use workbell_wire::{MessageId, Timestamp};

use super::deliveries::{self, DELIVERY};
use super::publish::publish;
use crate::answer;
use crate::call::{Call, Unseen};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Member, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/notifications",
        id: "publish",
        tag: "Notifications",
        summary: "Publish a notification, or an array of them",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Notifications,
        gives: &[(202, Gives::One(&ACCEPTED)), (200, Gives::PerItem(&ACCEPTED))],
        codes: &[Code::MessageIdConflict, Code::UnknownAction, Code::UnknownBranch, Code::UnknownClient],
        handler: |call| Box::pin(publish(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/notifications",
        id: "listNotifications",
        tag: "Notifications",
        summary: "List notifications, newest first",
        guard: Guard::Company,
        query: &[FILTER, PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&NOTIFICATION))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/notifications/{MessageId}",
        id: "readNotification",
        tag: "Notifications",
        summary: "Read one notification with its exact body, fate and deliveries",
        guard: Guard::Company,
        query: &[&[always(
            "CompanyId",
            Form::CompanyId,
            "Whose it is; MessageIds are unique within a company.",
        )]],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&WHOLE_NOTIFICATION))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
];

/// What lists of notifications and deliveries can be filtered by.
pub(super) const FILTER: &[Member] = &[
    maybe("CompanyId", Form::CompanyId, "Of this company."),
    maybe("BranchId", Form::Integer(0, i64::MAX), "For this branch."),
    maybe("WorkOrderId", Form::Integer(i64::MIN, i64::MAX), "Of this work order."),
    maybe("Action", Form::ActionName, "With this action."),
    maybe("From", Form::Time, "Accepted then or later."),
    maybe("To", Form::Time, "Accepted before."),
];

static ACCEPTED: Shape = Shape {
    name: "Accepted",
    note: "A notification that is on disk.",
    members: &[
        always("MessageId", Form::MessageId, "As published, in lower case, or made here."),
        always("Fate", FATE, "What acceptance made of it."),
        always("Deliveries", Form::List(&Form::Id, usize::MAX), "Ids of its deliveries."),
    ],
};

const FATE: Form = Form::OneOf(&["Queued", "Suppressed", "NoEndpoint"]);

static NOTIFICATION: Shape = Shape {
    name: "Notification",
    note: "A notification as it is kept.",
    members: &[
        always("MessageId", Form::MessageId, "The receiver's dedupe key."),
        always("CompanyId", Form::CompanyId, "Whose it is."),
        always("BranchId", Form::Integer(0, i64::MAX), "The branch; 0 for the whole company."),
        always(
            "WorkOrderId",
            Form::Integer(i64::MIN, i64::MAX),
            "The work order; 0 when it is not about one.",
        ),
        always("Action", Form::ActionName, "What happened."),
        always("Fate", FATE, "What acceptance made of it."),
        always("InitiatedBy", Form::Nullable(&Form::Id), "The Direct client that caused it."),
        always("Accepted", Form::Time, "When it was accepted."),
    ],
};

static WHOLE_NOTIFICATION: Shape = Shape {
    name: "WholeNotification",
    note: "A notification with its exact body and its deliveries.",
    members: &[
        always("MessageId", Form::MessageId, "The receiver's dedupe key."),
        always("CompanyId", Form::CompanyId, "Whose it is."),
        always("BranchId", Form::Integer(0, i64::MAX), "The branch; 0 for the whole company."),
        always(
            "WorkOrderId",
            Form::Integer(i64::MIN, i64::MAX),
            "The work order; 0 when it is not about one.",
        ),
        always("Action", Form::ActionName, "What happened."),
        always("Fate", FATE, "What acceptance made of it."),
        always("InitiatedBy", Form::Nullable(&Form::Id), "The Direct client that caused it."),
        always("Accepted", Form::Time, "When it was accepted."),
        always("Body", Form::Text(0, usize::MAX), "The exact text that is sent."),
        always("Deliveries", Form::List(&Form::Object(&DELIVERY), usize::MAX), "Its deliveries."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    message_id: MessageId,
    company_id: CompanyId,
    branch_id: i64,
    work_order_id: i64,
    action: String,
    fate: Fate,
    initiated_by: Option<ClientId>,
    accepted: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole<'a> {
    #[serde(flatten)]
    members: Members,
    body: &'a str,
    deliveries: Vec<deliveries::Members>,
}

fn members(record: NotificationRecord) -> Members {
    Members {
        message_id: record.message_id,
        company_id: record.company_id,
        branch_id: record.branch_id,
        work_order_id: record.work_order_id,
        action: record.action,
        fate: record.fate,
        initiated_by: record.initiated_by,
        accepted: record.accepted,
    }
}

/// The filter that a query asks for.
///
/// # Errors
/// [`Unseen`].
pub(super) fn filter(call: &Call) -> Result<NotificationFilter, Unseen> {
    Ok(NotificationFilter {
        company_id: call.company_wanted()?,
        work_order_id: call.query("WorkOrderId"),
        branch_id: call.query("BranchId"),
        action: call.query("Action"),
        from: call.query("From"),
        to: call.query("To"),
    })
}

async fn list(call: Call) -> Result<Response, Problem> {
    let Ok(filter) = filter(&call) else { return Ok(answer::nothing()) };
    let page = call.app.store.notifications(filter, call.paging()).await?;
    Ok(answer::page(page, members))
}

async fn read(call: Call) -> Result<Response, Problem> {
    let missing =
        || Problem::not_found(format_args!("notification {}", crate::call::short(call.path("MessageId"))));
    let message_id: MessageId = call.path("MessageId").parse().map_err(|_| missing())?;
    let company: CompanyId = call.company_wanted().ok().flatten().ok_or_else(missing)?;
    let mut record = call.app.store.notification(&company, message_id).await?.ok_or_else(missing)?;
    let body = std::mem::take(&mut record.body);
    let deliveries = std::mem::take(&mut record.deliveries);
    Ok(answer::ok(&Whole {
        members: members(record),
        // Only valid UTF-8 is accepted, so nothing is lost here.
        body: &String::from_utf8_lossy(&body),
        deliveries: deliveries::shown(deliveries, &call.app).await?,
    }))
}
