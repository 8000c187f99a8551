//! `/v1/deliveries`: the queue. Where deliveries stand, each with its attempts; retry and discard by hand.

use std::collections::BTreeMap;

use axum::response::Response;
use serde::Serialize;
use workbell_model::health::Access;
use workbell_model::{CompanyId, DeliveryId, DeliveryNo, EndpointId, Reason, State, States};
use workbell_store::filter::{DeliveryFilter, Page};
use workbell_store::record::{Ahead, ByHand, DeliveryRecord};
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

const WAITS_FOR: Form =
    Form::OneOf(&["Store", "Off", "Paused", "Down", "Throttled", "Earlier", "Time", "Slot"]);

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
            always("WaitsFor", Form::Nullable(&WAITS_FOR), "What keeps it from being tried now; null in flight and in the end. `Slot`: nothing but a free slot or the rate."),
            always("Behind", Form::Nullable(&Form::Id), "The delivery of its lane whose fate it waits for."),
            always("BehindSequence", Form::Nullable(&Form::Integer(0, i64::MAX)), "The place of that one."),
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
    waits_for: Option<WaitsFor>,
    behind: Option<DeliveryId>,
    behind_sequence: Option<u64>,
    attempt_count: u16,
    last_error: Option<String>,
    last_status: Option<u16>,
    next_attempt_at: Option<Timestamp>,
    accepted: Timestamp,
    finished: Option<Timestamp>,
}

/// What keeps a delivery from being tried. Of several reasons the one that comes first here is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum WaitsFor {
    /// The store takes no writes, so nothing is tried.
    Store,
    /// Its endpoint is off.
    Off,
    /// Its endpoint is paused.
    Paused,
    /// Its endpoint is down; now and then one is tried as a probe.
    Down,
    /// Its endpoint asked for a pause.
    Throttled,
    /// An earlier one of its lane.
    Earlier,
    /// The time of its next attempt.
    Time,
    /// It is due: a free slot, or the rate.
    Slot,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole {
    #[serde(flatten)]
    members: Members,
    attempts: Vec<log::Members>,
}

/// Deliveries as lists show them.
///
/// Whether an attempt is in flight says the engine, and who is ahead is looked up after the deliveries themselves: what
/// changed in between shows as it is now.
///
/// # Errors
/// The store does not answer.
pub(super) async fn shown(records: Vec<DeliveryRecord>, app: &App) -> Result<Vec<Members>, Problem> {
    let now = app.clock.now();
    let waiting = records.iter().filter(|it| it.state.is_undelivered()).map(|it| it.delivery_id.no());
    let waiting: Vec<DeliveryNo> = waiting.collect();
    let ahead = if waiting.is_empty() { BTreeMap::new() } else { app.store.ahead(waiting, now).await? };
    let members = |record: DeliveryRecord| {
        let ahead = ahead.get(&record.delivery_id.no()).copied();
        members(record, ahead, app, now)
    };
    Ok(records.into_iter().map(members).collect())
}

async fn one(record: DeliveryRecord, app: &App) -> Result<Members, Problem> {
    let members = shown(vec![record], app).await?.pop();
    Ok(members.expect("one delivery is shown as one"))
}

fn waits_for(record: &DeliveryRecord, ahead: Option<Ahead>, app: &App, now: Timestamp) -> Option<WaitsFor> {
    let endpoint = app.store.directory().endpoint(&record.endpoint)?;
    let access = app.store.directory().health(&record.endpoint).access(now);
    Some(match access {
        _ if app.store.trouble().is_some() => WaitsFor::Store,
        _ if !endpoint.settings.enabled => WaitsFor::Off,
        _ if endpoint.paused.is_some() => WaitsFor::Paused,
        Access::Down(_) => WaitsFor::Down,
        Access::Throttled(_) => WaitsFor::Throttled,
        Access::Open(_) if ahead.is_some() => WaitsFor::Earlier,
        Access::Open(_) if record.next_attempt_at.is_some_and(|next| next > now) => WaitsFor::Time,
        Access::Open(_) => WaitsFor::Slot,
    })
}

fn members(record: DeliveryRecord, ahead: Option<Ahead>, app: &App, now: Timestamp) -> Members {
    let waits = record.state.is_undelivered();
    let in_flight = waits && app.engine.in_flight(record.delivery_id.no());
    let ahead = ahead.filter(|_| waits && !in_flight);
    Members {
        in_flight,
        waits_for: if waits && !in_flight { waits_for(&record, ahead, app, now) } else { None },
        behind: ahead.map(|ahead| ahead.delivery_id),
        behind_sequence: ahead.map(|ahead| ahead.sequence),
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
    let items = shown(page.items, &call.app).await?;
    Ok(answer::page(Page { items, next: page.next }, |members| members))
}

async fn read(call: Call) -> Result<Response, Problem> {
    let id: DeliveryId = call.path_id("DeliveryId")?;
    let record = call.app.store.delivery(id, call.own_company()).await?;
    let record = record
        .ok_or_else(|| Problem::not_found(format_args!("delivery {}", short(call.path("DeliveryId")))))?;
    let attempts = call.app.store.attempts(id).await?;
    Ok(answer::ok(&Whole {
        members: one(record, &call.app).await?,
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
    Ok(answer::ok(&one(record, &call.app).await?))
}

async fn discard(call: Call) -> Result<Response, Problem> {
    let record = call.app.store.discard(by_hand(&call)?).await?;
    Ok(answer::ok(&one(record, &call.app).await?))
}
