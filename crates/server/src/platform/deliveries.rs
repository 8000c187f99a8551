//! `/v1/deliveries`: the queue. Where deliveries stand, each with its attempts; retry and discard by hand.

use axum::response::Response;
use serde::Serialize;
use workbell_model::{CompanyId, DeliveryId, EndpointId, Reason, State, States};
use workbell_store::filter::DeliveryFilter;
use workbell_store::record::{ByHand, DeliveryRecord};
use workbell_wire::{MessageId, Timestamp};

use super::endpoints::EMPTY;
use super::log::{self, RECORD};
use super::notifications::{FILTER, filter};
use crate::answer;
use crate::app::App;
use crate::call::{Call, short};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Member, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/v1/deliveries",
        id: "listDeliveries",
        tag: "Deliveries",
        summary: "List deliveries, newest first",
        guard: Guard::Company,
        query: &[OWN_FILTER, FILTER, PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&DELIVERY))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/deliveries/{DeliveryId}",
        id: "readDelivery",
        tag: "Deliveries",
        summary: "Read a delivery with its attempts",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&WHOLE_DELIVERY))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/deliveries/{DeliveryId}/retry",
        id: "retryDelivery",
        tag: "Deliveries",
        summary: "Try a delivery again: due at once, its schedule starts anew",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Maybe(&EMPTY),
        gives: &[(200, Gives::One(&DELIVERY))],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(retry(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/deliveries/{DeliveryId}/discard",
        id: "discardDelivery",
        tag: "Deliveries",
        summary: "Take a delivery out of the queue",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Maybe(&EMPTY),
        gives: &[(200, Gives::One(&DELIVERY))],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(discard(call)),
    },
];

const STATE: Form = Form::OneOf(&["Pending", "Retrying", "Delivered", "Dead", "Discarded"]);

/// States by which lists and jobs are cut.
pub(super) const STATES: Form =
    Form::OneOf(&["Undelivered", "Pending", "Retrying", "Delivered", "Dead", "Discarded"]);

const OWN_FILTER: &[Member] = &[
    maybe("State", STATES, "In this state; `Undelivered`: Pending or Retrying."),
    maybe("EndpointId", Form::Id, "To this endpoint."),
    maybe("Error", ERROR, "Whose last attempt failed with this class."),
];

/// Classes of failures.
pub(super) const ERROR: Form = Form::OneOf(ERRORS);

/// The same as names.
pub(crate) const ERRORS: &[&str] = &[
    "Status",
    "Timeout",
    "ResolveFailed",
    "AddressRefused",
    "ConnectionRefused",
    "ConnectFailed",
    "TlsFailed",
    "ConnectionClosed",
    "InvalidResponse",
    "EarlyAnswer",
    "SchemeRefused",
    "Misconfigured",
    "Interrupted",
];

const REASON: Form =
    Form::OneOf(&["Exhausted", "Expired", "Overflow", "ByHand", "EndpointDeleted", "Erased"]);

macro_rules! delivery_members {
    ($($more:expr),*) => {
        &[
            always("DeliveryId", Form::Id, "Its id."),
            always("CompanyId", Form::CompanyId, "Whose it is."),
            always("EndpointId", Form::Id, "Where to."),
            always("MessageId", Form::MessageId, "Its notification."),
            always("Action", Form::ActionName, "What happened."),
            always("WorkOrderId", Form::Integer(i64::MIN, i64::MAX), "The work order; with the endpoint, its lane."),
            always("BranchId", Form::Integer(0, i64::MAX), "The branch."),
            always("Sequence", Form::Integer(0, i64::MAX), "Its place in the lane; of a replay that of the first delivery, 0 when there was none."),
            always("Mode", Form::OneOf(&["live", "test", "replay"]), "Value of `Workbell-Mode`."),
            always("State", STATE, "Where it stands."),
            always("Reason", Form::Nullable(&REASON), "Why it is `Dead` or `Discarded`."),
            maybe("InFlight", Form::Flag, "`true` while an attempt is in flight; else missing."),
            always("AttemptCount", Form::Integer(0, u16::MAX as i64), "Recorded attempts."),
            always("LastError", Form::Nullable(&ERROR), "Class of the last failure."),
            always("LastStatus", Form::Nullable(&Form::Integer(0, 999)), "Status of the last answer."),
            always("NextAttemptAt", Form::Nullable(&Form::Time), "When the next attempt may start."),
            always("Accepted", Form::Time, "When its notification was accepted."),
            always("Finished", Form::Nullable(&Form::Time), "When it came to its fate."),
            $($more),*
        ]
    };
}

/// A delivery as lists show it.
pub(super) static DELIVERY: Shape = Shape {
    name: "Delivery",
    note: "One notification on its way to one endpoint.",
    members: delivery_members!(),
};

static WHOLE_DELIVERY: Shape = Shape {
    name: "WholeDelivery",
    note: "A delivery with its attempts.",
    members: delivery_members!(always(
        "Attempts",
        Form::List(&Form::Object(&RECORD), usize::MAX),
        "Its attempts that are kept, oldest first; at most 1,000."
    )),
};

/// A delivery as lists show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Members {
    delivery_id: DeliveryId,
    company_id: CompanyId,
    endpoint_id: EndpointId,
    message_id: MessageId,
    action: String,
    work_order_id: i64,
    branch_id: i64,
    sequence: u64,
    mode: &'static str,
    state: State,
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    in_flight: bool,
    attempt_count: u16,
    last_error: Option<String>,
    last_status: Option<u16>,
    next_attempt_at: Option<Timestamp>,
    accepted: Timestamp,
    finished: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole {
    #[serde(flatten)]
    members: Members,
    attempts: Vec<log::Members>,
}

/// The members of a delivery; whether an attempt is in flight says the engine.
pub(super) fn members(record: DeliveryRecord, app: &App) -> Members {
    Members {
        in_flight: record.state.is_undelivered() && app.engine.in_flight(record.delivery_id.no()),
        delivery_id: record.delivery_id,
        company_id: record.endpoint.company_id,
        endpoint_id: record.endpoint.endpoint_id,
        message_id: record.message_id,
        action: record.action,
        work_order_id: record.work_order_id,
        branch_id: record.branch_id,
        sequence: record.sequence,
        mode: record.mode.name(),
        state: record.state,
        reason: record.reason,
        attempt_count: record.attempts,
        last_error: record.last_error,
        last_status: record.last_status,
        next_attempt_at: record.next_attempt_at,
        accepted: record.accepted,
        finished: record.finished,
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let Ok(notification) = filter(&call) else { return Ok(answer::nothing()) };
    let filter = DeliveryFilter {
        state: call.query_text("State").and_then(States::named),
        endpoint_id: call.query("EndpointId"),
        error: call.query("Error"),
        notification,
    };
    let page = call.app.store.deliveries(filter, call.paging()).await?;
    Ok(answer::page(page, |record| members(record, &call.app)))
}

async fn read(call: Call) -> Result<Response, Problem> {
    let id: DeliveryId = call.path_id("DeliveryId")?;
    let record = call.app.store.delivery(id, call.own_company()).await?;
    let record = record
        .ok_or_else(|| Problem::not_found(format_args!("delivery {}", short(call.path("DeliveryId")))))?;
    let attempts = call.app.store.attempts(id).await?;
    Ok(answer::ok(&Whole {
        members: members(record, &call.app),
        attempts: attempts.into_iter().map(log::members).collect(),
    }))
}

fn by_hand(call: &Call) -> Result<ByHand, Problem> {
    let id: DeliveryId = call.path_id("DeliveryId")?;
    let in_flight = call.app.engine.in_flight(id.no());
    Ok(ByHand {
        id,
        company_id: call.own_company().cloned(),
        in_flight,
        now: call.app.clock.now(),
        by: Some(call.author()),
    })
}

async fn retry(call: Call) -> Result<Response, Problem> {
    let record = call.app.store.retry(by_hand(&call)?).await?;
    Ok(answer::ok(&members(record, &call.app)))
}

async fn discard(call: Call) -> Result<Response, Problem> {
    let record = call.app.store.discard(by_hand(&call)?).await?;
    Ok(answer::ok(&members(record, &call.app)))
}
