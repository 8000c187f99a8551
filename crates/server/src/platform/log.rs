//! `/v1/log`: the communication log, both sides of every attempt.

use axum::response::Response;
use serde::{Serialize, Serializer};
use workbell_model::log::Direction;
use workbell_model::{CompanyId, DeliveryId, EndpointId};
use workbell_store::filter::LogFilter;
use workbell_store::record::LogRecord;
use workbell_wire::{MessageId, Timestamp};

use super::deliveries::ERROR;
use crate::answer;
use crate::call::{Call, short};
use crate::problem::Problem;
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Member, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/v1/log",
        id: "listLog",
        tag: "Log",
        summary: "List records of the communication log, newest first; a page can be short and still go on",
        guard: Guard::Company,
        query: &[FILTER, PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&RECORD))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/log/{LogId}",
        id: "readLogRecord",
        tag: "Log",
        summary: "Read one record whole, with the body that was sent",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&RECORD))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
];

const MICROS: Form = Form::Integer(0, i64::MAX);
const DIRECTION: Form = Form::OneOf(&["Outbound", "Inbound"]);

const FILTER: &[Member] = &[
    maybe("CompanyId", Form::CompanyId, "Of this company."),
    maybe("EndpointId", Form::Id, "Of this endpoint."),
    maybe("DeliveryId", Form::Id, "Of this delivery."),
    maybe("WorkOrderId", Form::Integer(i64::MIN, i64::MAX), "Of this work order."),
    maybe("WorkOrderNumber", Form::Text(1, 200), "Of work orders with this number."),
    maybe("MessageId", Form::MessageId, "Of this notification."),
    maybe("BranchId", Form::Integer(0, i64::MAX), "For this branch."),
    maybe("Action", Form::ActionName, "With this action."),
    maybe("Direction", DIRECTION, "Which way."),
    maybe("Status", Form::Integer(0, 999), "With this status."),
    maybe("Error", ERROR, "With this class of failure."),
    maybe("From", Form::Time, "Begun then or later."),
    maybe("To", Form::Time, "Begun before."),
];

/// A record of the log.
pub(super) static RECORD: Shape = Shape {
    name: "LogRecord",
    note: "One attempt. Times are microseconds from its start. Secret header values are masked.",
    members: &[
        always("LogId", Form::Integer(0, i64::MAX), "Its number, growing."),
        always("Start", Form::Time, "When it began."),
        always("Duration", MICROS, "How long it took, in microseconds."),
        always("Direction", DIRECTION, "`Outbound`: from Workbell to an endpoint."),
        always("CompanyId", Form::CompanyId, "Whose it is."),
        always("BranchId", Form::Integer(0, i64::MAX), "The branch."),
        always("EndpointId", Form::Nullable(&Form::Id), "Which endpoint."),
        always("DeliveryId", Form::Nullable(&Form::Id), "Which delivery."),
        always("WorkOrderId", Form::Integer(i64::MIN, i64::MAX), "The work order."),
        always(
            "WorkOrderNumber",
            Form::Nullable(&Form::Text(0, usize::MAX)),
            "The number that people use, where it is known.",
        ),
        always("Customer", Form::Nullable(&Form::Text(0, usize::MAX)), "Name of its customer, likewise."),
        always("Action", Form::Text(0, 64), "What happened."),
        always("MessageId", Form::Nullable(&Form::MessageId), "The notification, while it is kept."),
        always("Attempt", Form::Integer(0, u16::MAX as i64), "Number of the attempt, from 1."),
        always("Mode", Form::OneOf(&["live", "test", "replay"]), "Value of `Workbell-Mode`."),
        always("Url", Form::Text(0, usize::MAX), "Where it went."),
        always("RequestHeaders", Form::Texts(usize::MAX), "As sent, in order."),
        maybe("Body", Form::Text(0, usize::MAX), "The exact text that was sent; in single records."),
        always("Status", Form::Nullable(&Form::Integer(0, 999)), "Status of the answer."),
        always(
            "ResponseHeaders",
            Form::Texts(usize::MAX),
            "As received, in order; repeated ones joined by commas.",
        ),
        always("ResponseBody", Form::Text(0, usize::MAX), "As received, cut to `delivery.response_limit`."),
        always("Error", Form::Nullable(&ERROR), "Class of the failure."),
        always("Explanation", Form::Nullable(&Form::Text(0, usize::MAX)), "What went wrong, for people."),
        always("Address", Form::Nullable(&Form::Text(0, 100)), "Address and port dialled."),
        always("Tls", Form::Nullable(&Form::Text(0, 200)), "Version and cipher suite."),
        always(
            "ConnectTime",
            Form::Nullable(&MICROS),
            "Name, TCP and TLS, in microseconds; null when reused.",
        ),
        always("FirstByteTime", Form::Nullable(&MICROS), "Until the answer began, in microseconds."),
        always("Reconnected", Form::Flag, "A reused connection was dead and the request went once more."),
        always("NextAttemptAt", Form::Nullable(&Form::Time), "When the next attempt may start."),
    ],
};

/// A record of the log as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Members {
    log_id: u64,
    start: Timestamp,
    duration: u64,
    direction: Direction,
    company_id: CompanyId,
    branch_id: i64,
    endpoint_id: Option<EndpointId>,
    delivery_id: Option<DeliveryId>,
    work_order_id: i64,
    work_order_number: Option<String>,
    customer: Option<String>,
    action: String,
    message_id: Option<MessageId>,
    attempt: u16,
    mode: &'static str,
    url: String,
    request_headers: Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    status: Option<u16>,
    response_headers: Headers,
    response_body: String,
    error: Option<String>,
    explanation: Option<String>,
    address: Option<String>,
    tls: Option<String>,
    connect_time: Option<u64>,
    first_byte_time: Option<u64>,
    reconnected: bool,
    next_attempt_at: Option<Timestamp>,
}

/// Headers as an object; what came more than once is joined as RFC 9110 section 5.2 says.
struct Headers(Vec<(String, String)>);

impl From<Vec<(String, String)>> for Headers {
    fn from(headers: Vec<(String, String)>) -> Self {
        let mut joined: Vec<(String, String)> = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            match joined.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                Some((_, before)) => {
                    before.push_str(", ");
                    before.push_str(&value);
                }
                None => joined.push((name, value)),
            }
        }
        Headers(joined)
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The members of a record.
pub(super) fn members(record: LogRecord) -> Members {
    let detail = record.detail;
    Members {
        log_id: record.no,
        start: record.start,
        duration: u64::try_from(record.duration.as_micros()).unwrap_or(u64::MAX),
        direction: record.direction,
        company_id: record.company_id,
        branch_id: record.branch_id,
        endpoint_id: record.endpoint_id,
        delivery_id: record.delivery_id,
        work_order_id: record.work_order_id,
        work_order_number: record.work_order_number,
        customer: record.customer,
        action: record.action,
        message_id: record.message_id,
        attempt: record.attempt,
        mode: record.mode.name(),
        url: detail.url,
        request_headers: detail.request_headers.into(),
        body: record.body.map(|body| String::from_utf8_lossy(&body).into_owned()),
        status: record.status,
        response_headers: detail.response_headers.into(),
        response_body: detail.response_body,
        error: record.error,
        explanation: detail.explanation,
        address: detail.address,
        tls: detail.tls,
        connect_time: detail.connect_time,
        first_byte_time: detail.first_byte_time,
        reconnected: detail.reconnected,
        next_attempt_at: record.next_attempt_at,
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let Ok(company_id) = call.company_wanted() else { return Ok(answer::nothing()) };
    let filter = LogFilter {
        company_id,
        endpoint_id: call.query("EndpointId"),
        delivery_id: call.query("DeliveryId"),
        work_order_id: call.query("WorkOrderId"),
        work_order_number: call.query("WorkOrderNumber"),
        message_id: call.query("MessageId"),
        branch_id: call.query("BranchId"),
        action: call.query("Action"),
        direction: call.query_text("Direction").map(|name| match name {
            "Inbound" => Direction::Inbound,
            _ => Direction::Outbound,
        }),
        status: call.query("Status"),
        error: call.query("Error"),
        from: call.query("From"),
        to: call.query("To"),
    };
    let page = call.app.store.log(filter, call.paging()).await?;
    Ok(answer::page(page, members))
}

async fn read(call: Call) -> Result<Response, Problem> {
    let no: u64 = call.path_id("LogId")?;
    let record = call.app.store.log_record(no).await?;
    let record = record.filter(|record| call.own_company().is_none_or(|own| *own == record.company_id));
    let record =
        record.ok_or_else(|| Problem::not_found(format_args!("log record {}", short(call.path("LogId")))))?;
    Ok(answer::ok(&members(record)))
}
