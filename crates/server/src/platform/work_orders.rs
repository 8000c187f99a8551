//! `/v1/work-orders`: work orders that Workbell holds, with their time lines. How they are changed: [`super::acting`].

use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use workbell_model::work_order::{Act, Interface, Object, Status};
use workbell_model::{ClientId, CompanyId, Fate, WorkOrder};
use workbell_store::work_order::{Entry, Period, WorkOrderFilter};
use workbell_wire::{MessageId, Timestamp};

use super::acting;
use crate::act::allowed_actions;
use crate::answer;
use crate::call::{Call, short};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Member, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/work-orders",
        id: "createWorkOrder",
        tag: "Work orders",
        summary: "Create a work order; its branch's company is told of it with NewWorkOrder",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Open(&NEW),
        gives: &[(201, Gives::One(&ACTED)), (200, Gives::One(&ACTED))],
        codes: &[Code::StateConflict, Code::MessageIdConflict, Code::UnknownBranch, Code::UnknownClient],
        handler: |call| Box::pin(acting::create(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/work-orders",
        id: "listWorkOrders",
        tag: "Work orders",
        summary: "List work orders, newest first; a page can be short and still go on",
        guard: Guard::Company,
        query: &[FILTER, PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&WORK_ORDER))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/work-orders/{WorkOrderId}",
        id: "readWorkOrder",
        tag: "Work orders",
        summary: "Read a work order with its details and its time line",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&WHOLE))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/work-orders/{WorkOrderId}/actions",
        id: "actOnWorkOrder",
        tag: "Work orders",
        summary: "Act on a work order; its company is told of it with the action",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Open(&ACTION),
        gives: &[(202, Gives::One(&ACTED)), (200, Gives::One(&ACTED))],
        codes: &[
            Code::StateConflict,
            Code::MessageIdConflict,
            Code::UnknownAction,
            Code::UnknownBranch,
            Code::UnknownClient,
        ],
        handler: |call| Box::pin(acting::act(call)),
    },
];

const ID: Form = Form::Integer(1, i64::MAX);
const STATUS: Form = Form::OneOf(&[
    "New",
    "Accepted",
    "Rejected",
    "Recalled",
    "OnHold",
    "CheckedIn",
    "Paused",
    "CheckedOut",
    "NeedsCompletionDetails",
    "Verified",
]);
const FATE: Form = Form::OneOf(&["Queued", "Suppressed", "NoEndpoint"]);
const ANY_NUMBER: Form = Form::Integer(i64::MIN, i64::MAX);

const FILTER: &[Member] = &[
    maybe("CompanyId", Form::CompanyId, "Of this company."),
    maybe("BranchId", ID, "Of this branch."),
    maybe("Status", STATUS, "In this state."),
    maybe("CustomerId", ANY_NUMBER, "Of this customer."),
    maybe("WorkOrderNumber", Form::Text(1, 200), "With this number."),
    maybe("From", Form::Time, "Created then or later."),
    maybe("To", Form::Time, "Created before."),
];

static ACTOR: Shape = Shape {
    name: "ActorInfo",
    note: "Who did it.",
    members: &[
        always("Name", Form::Text(0, usize::MAX), "Name."),
        maybe("Phone", Form::Text(0, usize::MAX), "Telephone number."),
        always("Type", Form::Text(0, usize::MAX), "`CorrigoPro`, `Customer`, or another word of yours."),
    ],
};

const MESSAGE_ID: Member =
    maybe("MessageId", Form::MessageId, "Makes a repeat harmless; made when it is missing.");
const ACTION_DATE: Member = maybe("ActionDate", Form::Time, "When it happened; now when it is missing.");
const INITIATED_BY: Member =
    maybe("InitiatedBy", Form::AnyObject, "`ClientId` of the Direct client that caused it: the echo rule.");

static NEW: Shape = Shape {
    name: "NewWorkOrderRequest",
    note: "The members of NewWorkOrder. `WorkOrderId`, `Status`, `Created` and `LastUpdate` of `Details` are filled in \
           when they are missing.",
    members: &[
        always("Sender", Form::Object(&ACTOR), "Who ordered it."),
        always("Details", Form::AnyObject, "The model WorkOrder; its `BranchId` says whose it is."),
        maybe("Attachments", Form::List(&Form::AnyObject, usize::MAX), "Files that belong to it."),
        MESSAGE_ID,
        ACTION_DATE,
        INITIATED_BY,
    ],
};

static ACTION: Shape = Shape {
    name: "ActRequest",
    note: "An act: `Action`, `Sender` and the members of that action as in its webhook. A `Status` that can have one \
           value only is filled in.",
    members: &[
        always(
            "Action",
            Form::ActionName,
            "Which; all but NewWorkOrder and AdditionalFieldDescriptorUpdated.",
        ),
        always("Sender", Form::Object(&ACTOR), "Who does it."),
        MESSAGE_ID,
        ACTION_DATE,
        INITIATED_BY,
    ],
};

static ACTED: Shape = Shape {
    name: "Acted",
    note: "A creation or an act that is on disk.",
    members: &[
        always("WorkOrderId", ID, "The work order."),
        always("Status", STATUS, "Where it stood after this act."),
        always("MessageId", Form::MessageId, "The notification."),
        always("Fate", FATE, "What acceptance made of it."),
        always("Deliveries", Form::List(&Form::Id, usize::MAX), "Ids of its deliveries."),
    ],
};

static WORK_ORDER: Shape = Shape {
    name: "WorkOrderSummary",
    note: "A work order.",
    members: &[
        always("WorkOrderId", ID, "Unique over all companies."),
        always("WorkOrderNumber", Form::Text(0, usize::MAX), "The number that people use."),
        always("CompanyId", Form::CompanyId, "Whose it is."),
        always("BranchId", ID, "The branch that does the work."),
        always("Status", STATUS, "Where it stands."),
        always("CustomerId", Form::Nullable(&ANY_NUMBER), "Whose work it is."),
        always("Created", Form::Time, "When it was created, as its details say."),
        always("LastUpdate", Form::Time, "When it was last acted on."),
    ],
};

static WHOLE: Shape = Shape {
    name: "WholeWorkOrder",
    note: "A work order with its details and its time line.",
    members: &[
        always("WorkOrderId", ID, "Unique over all companies."),
        always("WorkOrderNumber", Form::Text(0, usize::MAX), "The number that people use."),
        always("CompanyId", Form::CompanyId, "Whose it is."),
        always("BranchId", ID, "The branch that does the work."),
        always("Status", STATUS, "Where it stands."),
        always("CustomerId", Form::Nullable(&ANY_NUMBER), "Whose work it is."),
        always("Created", Form::Time, "When it was created, as its details say."),
        always("LastUpdate", Form::Time, "When it was last acted on."),
        always("AllowedActs", Form::List(&Form::ActionName, usize::MAX), "Actions that are allowed now."),
        always("Details", Form::AnyObject, "The model WorkOrder as it stands."),
        maybe("Attachments", Form::List(&Form::AnyObject, usize::MAX), "Files."),
        maybe("RepairInfo", Form::AnyObject, "What was repaired."),
        maybe("CustomFields", Form::List(&Form::AnyObject, usize::MAX), "What the customer asked for."),
        maybe("Feedback", Form::AnyObject, "The customer's judgement."),
        maybe("IsmStatus", Form::Text(0, usize::MAX), "Status of the safety check."),
        maybe("Invoice", Form::AnyObject, "What is known of the invoice."),
        always("Timeline", Form::List(&Form::Object(&ENTRY), usize::MAX), "What was done, oldest first."),
    ],
};

static ENTRY: Shape = Shape {
    name: "TimelineEntry",
    note: "One act: who, when, from where, and the notification it made.",
    members: &[
        always("Place", Form::Integer(1, i64::MAX), "From 1, without gaps."),
        always("Act", Form::Nullable(&Form::Text(1, 64)), "What was done; null for the creation."),
        always("Action", Form::ActionName, "Action of the notification."),
        always("Status", STATUS, "Where the work order stood from then on."),
        always("Sender", Form::Object(&ACTOR), "Who did it."),
        always("Interface", Form::OneOf(&["Platform", "Direct"]), "Where it came from."),
        always("ClientId", Form::Nullable(&Form::Id), "The Direct client that caused it."),
        always("ActionDate", Form::Time, "When it was done, as the caller said."),
        always("Recorded", Form::Time, "When it was stored."),
        always("MessageId", Form::MessageId, "The notification."),
        always("Fate", FATE, "What acceptance made of it."),
        always("Members", Form::AnyObject, "Its members beside Header."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    work_order_id: i64,
    work_order_number: String,
    company_id: CompanyId,
    branch_id: i64,
    status: &'static str,
    customer_id: Option<i64>,
    created: Timestamp,
    last_update: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole<'a> {
    #[serde(flatten)]
    summary: Summary,
    allowed_acts: Vec<&'static str>,
    #[serde(flatten)]
    kept: Kept<'a>,
    timeline: Vec<Line>,
}

/// Raw values cannot be flattened, so each is named.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Kept<'a> {
    details: &'a Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair_info: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_fields: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ism_status: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    place: u32,
    act: Option<&'static str>,
    action: String,
    status: &'static str,
    sender: Sender,
    interface: &'static str,
    client_id: Option<ClientId>,
    action_date: Timestamp,
    recorded: Timestamp,
    message_id: MessageId,
    fate: Fate,
    members: Object,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sender {
    name: String,
    phone: Option<String>,
    r#type: String,
}

fn summary(order: &WorkOrder) -> Summary {
    Summary {
        work_order_id: order.work_order_id,
        work_order_number: order.number(),
        company_id: order.company_id.clone(),
        branch_id: order.branch_id,
        status: order.status.name(),
        customer_id: order.customer_id(),
        created: order.created,
        last_update: order.last_update,
    }
}

fn line(entry: Entry) -> Line {
    Line {
        place: entry.place,
        act: entry.act.map(Act::name),
        action: entry.action.to_string(),
        status: entry.status.name(),
        sender: Sender {
            name: entry.performer.name,
            phone: entry.performer.phone,
            r#type: entry.performer.kind,
        },
        interface: match entry.interface {
            Interface::Platform => "Platform",
            Interface::Direct => "Direct",
        },
        client_id: entry.client_id,
        action_date: entry.performed,
        recorded: entry.recorded,
        message_id: entry.message_id,
        fate: entry.fate,
        members: entry.members,
    }
}

/// The work order that the path names.
pub(super) async fn order(call: &Call) -> Result<WorkOrder, Problem> {
    let missing = || Problem::not_found(format_args!("work order {}", short(call.path("WorkOrderId"))));
    let id: i64 = call.path("WorkOrderId").parse().map_err(|_| missing())?;
    call.app.store.work_order(id, call.own_company()).await?.ok_or_else(missing)
}

async fn list(call: Call) -> Result<Response, Problem> {
    let Ok(company_id) = call.company_wanted() else { return Ok(answer::nothing()) };
    let filter = WorkOrderFilter {
        company_id,
        branch_id: call.query("BranchId"),
        statuses: call.query::<Status>("Status").into_iter().collect(),
        customer_id: call.query("CustomerId"),
        number: call.query("WorkOrderNumber"),
        created: Period { from: call.query("From"), to: call.query("To") },
        ..WorkOrderFilter::default()
    };
    let page = call.app.store.work_orders(filter, call.paging()).await?;
    Ok(answer::page(page, |order| summary(&order)))
}

async fn read(call: Call) -> Result<Response, Problem> {
    let order = order(&call).await?;
    let entries = call.app.store.time_line(&order.company_id, order.work_order_id, None).await?;
    let kept = &order.kept;
    Ok(answer::ok(&Whole {
        summary: summary(&order),
        allowed_acts: allowed_actions(order.status),
        kept: Kept {
            details: &order.details,
            attachments: kept.get("Attachments"),
            repair_info: kept.get("RepairInfo"),
            custom_fields: kept.get("CustomFields"),
            feedback: kept.get("Feedback"),
            ism_status: kept.get("IsmStatus"),
            invoice: kept.get("Invoice"),
        },
        timeline: entries.into_iter().map(line).collect(),
    }))
}
