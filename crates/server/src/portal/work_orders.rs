//! Work orders that Workbell holds: where each stands, and its time line.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::frame::Frame;
use super::list::List;
use super::moment::Moment;
use super::page::{Guard, Page, show};
use super::plain::plain;
use super::visit::Visit;
use crate::call::short;
use crate::problem::Problem;
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/work-orders",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(list(visit)),
    },
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/work-orders/{WorkOrderId}",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(one(visit)),
    },
];

/// Where a work order can stand.
const STATUSES: [&str; 10] = [
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
];

/// The class of a status's colour.
fn tone(status: &str) -> &'static str {
    match status {
        "New" | "Accepted" | "CheckedIn" => "busy",
        "CheckedOut" | "Verified" => "good",
        "OnHold" | "Paused" | "NeedsCompletionDetails" => "wait",
        "Rejected" | "Recalled" => "bad",
        _ => "off",
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    work_order_id: i64,
    work_order_number: String,
    branch_id: i64,
    status: String,
    created: Moment,
    last_update: Moment,
}

impl Summary {
    fn tone(&self) -> &'static str {
        tone(&self.status)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Whole {
    work_order_id: i64,
    work_order_number: String,
    company_id: String,
    branch_id: i64,
    status: String,
    created: Moment,
    last_update: Moment,
    allowed_acts: Vec<String>,
    details: Value,
    timeline: Vec<Entry>,
}

impl Whole {
    fn tone(&self) -> &'static str {
        tone(&self.status)
    }

    fn details_as_text(&self) -> String {
        as_text(&self.details)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    action: String,
    status: String,
    sender: Sender,
    interface: String,
    action_date: Moment,
    message_id: String,
    fate: String,
    members: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sender {
    name: String,
}

impl Entry {
    fn tone(&self) -> &'static str {
        tone(&self.status)
    }

    /// Whether there is more to it than where it stands now.
    fn has_more(&self) -> bool {
        self.members.keys().any(|name| name != "Status")
    }

    fn members_as_text(&self) -> String {
        as_text(&Value::Object(self.members.clone()))
    }

    /// Where its notification went, in words.
    fn told(&self) -> &'static str {
        match self.fate.as_str() {
            "Queued" => "told to the endpoints",
            "Suppressed" => "done by the company itself, so not told",
            _ => "no endpoint wanted to know",
        }
    }
}

fn as_text(value: &Value) -> String {
    plain(&serde_json::to_string_pretty(value).unwrap_or_default())
}

#[derive(Template)]
#[template(path = "work_orders.html")]
struct WorkOrders {
    frame: Frame,
    here: String,
    orders: List<Summary>,
    statuses: Vec<(&'static str, bool)>,
    number: String,
    query: String,
    is_cut: bool,
}

#[derive(Template)]
#[template(path = "work_order.html")]
struct WorkOrder {
    frame: Frame,
    here: String,
    log: String,
    queue: String,
    order: Whole,
}

fn of_company(visit: &Visit) -> Result<String, Problem> {
    Ok(format!("{}/companies/{}", super::ROOT, visit.company()?.company.company_id))
}

async fn list(visit: Visit) -> Result<Response, Problem> {
    let company = of_company(&visit)?;
    let (status, number) = (visit.query.text("Status"), visit.query.text("WorkOrderNumber"));
    let query = [
        ("CompanyId", visit.path("CompanyId")),
        ("Status", status),
        ("WorkOrderNumber", number),
        ("After", visit.query.text("After")),
    ];
    let orders = visit.read("listWorkOrders", &[], &query).await?;
    let given =
        [("Status", status), ("WorkOrderNumber", number)].into_iter().filter(|(_, it)| !it.is_empty());
    let page = WorkOrders {
        frame: Frame::titled(&visit, "Work orders"),
        here: format!("{company}/work-orders"),
        orders,
        statuses: STATUSES.map(|name| (name, name == status)).to_vec(),
        number: number.to_owned(),
        query: url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish(),
        is_cut: !status.is_empty() || !number.is_empty(),
    };
    Ok(show(&page))
}

async fn one(visit: Visit) -> Result<Response, Problem> {
    let company = of_company(&visit)?;
    let order: Whole = visit.read("readWorkOrder", &[], &[]).await?;
    if order.company_id != visit.path("CompanyId") {
        let id = short(visit.path("WorkOrderId"));
        return Err(Problem::not_found(format_args!("work order {id}")));
    }
    let page = WorkOrder {
        frame: Frame::titled(&visit, format!("Work order {}", order.work_order_id)),
        here: format!("{company}/work-orders"),
        log: format!("{company}/log"),
        queue: format!("{company}/queue"),
        order,
    };
    Ok(show(&page))
}
