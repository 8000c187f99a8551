//! Calls that read: work orders by id and by search, messages, notes.

use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use workbell_model::WorkOrder;
use workbell_model::work_order::{Object, Status};
use workbell_store::filter::Paging;
use workbell_store::work_order::{Entry, Period, WorkOrderFilter};
use workbell_wire::{Action, Fault as Broken, Timestamp, fault};

use super::call::Call;
use super::fault::{Code, Fault};
use super::route::Route;
use crate::act::fault_at;
use crate::answer;
use crate::check::UNKNOWN_MEMBER;
use crate::route::Method;
use crate::shape::{Form, Member, Shape, always, maybe};

/// Most work orders that one call reads. Source: service.md section 5.
const MOST_IDS: usize = 50;

/// Most work orders that a search finds, the newest ones. 500, as for a page of any list. The value is our choice.
const MOST_FOUND: usize = 500;

pub(super) static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/Direct/api/workOrder",
        id: "directReadWorkOrders",
        logged: "directReadWorkOrders",
        summary: "Work orders by id; unknown ids are left out",
        query: &[
            always(
                "ids",
                Form::Text(1, 4000),
                "At most 50, with commas between; `ids[0]=` and so on are taken too.",
            ),
            MESSAGE_ID,
        ],
        takes: None,
        gives: &FOUND,
        handler: |call| Box::pin(by_id(call)),
    },
    Route {
        method: Method::Post,
        path: "/Direct/api/workorder/search",
        id: "directSearchWorkOrders",
        logged: "directSearchWorkOrders",
        summary: "The newest work orders that fit all parameters, at most 500",
        query: &[],
        takes: Some(&SEARCH),
        gives: &FOUND,
        handler: |call| Box::pin(search(call)),
    },
    Route {
        method: Method::Get,
        path: "/Direct/api/messages",
        id: "directMessages",
        logged: "directMessages",
        summary: "The messages of a work order, oldest first",
        query: &[ORDER, MESSAGE_ID],
        takes: None,
        gives: &MESSAGES,
        handler: |call| Box::pin(messages(call)),
    },
    Route {
        method: Method::Get,
        path: "/Direct/api/workorder/noteHistory",
        id: "directNoteHistory",
        logged: "directNoteHistory",
        summary: "The provider's own notes on a work order, oldest first",
        query: &[ORDER, MESSAGE_ID],
        takes: None,
        gives: &NOTES,
        handler: |call| Box::pin(notes(call)),
    },
];

const MESSAGE_ID: Member = maybe("MessageId", Form::Text(1, 100), "Echoed.");
const ORDER: Member = always("WorkOrderId", Form::Integer(i64::MIN, i64::MAX), "Which work order.");
const ECHOED: Member = always("MessageId", Form::Nullable(&Form::Text(0, usize::MAX)), "Echoed.");

static FOUND: Shape = Shape {
    name: "DirectWorkOrders",
    note: "Work orders.",
    members: &[
        ECHOED,
        always("WorkOrders", Form::List(&Form::AnyObject, MOST_FOUND), "The model WorkOrder of each."),
    ],
};

static SEARCH: Shape = Shape {
    name: "DirectSearch",
    note: "A search; all parameters must fit.",
    members: &[
        maybe("MessageId", Form::Text(0, usize::MAX), "Echoed."),
        always(
            "Parameters",
            Form::AnyObject,
            "`WorkOrderNumber`, `CustomerId`, `Statuses` [], and `Created`, `AcknowledgeBy`, `OnSiteBy`, `DueDate`, \
             `LastUpdate`, each {`From`, `To`}.",
        ),
    ],
};

static MESSAGES: Shape = Shape {
    name: "DirectMessages",
    note: "Messages of a work order.",
    members: &[
        ECHOED,
        always("WorkOrderId", Form::Integer(1, i64::MAX), "The work order."),
        always(
            "Messages",
            Form::List(&Form::AnyObject, usize::MAX),
            "`Text`, `Sender`, `ActionDate` of each.",
        ),
    ],
};

static NOTES: Shape = Shape {
    name: "DirectNotes",
    note: "Notes on a work order.",
    members: &[
        ECHOED,
        always("WorkOrderId", Form::Integer(1, i64::MAX), "The work order."),
        always(
            "Notes",
            Form::List(&Form::AnyObject, usize::MAX),
            "`InternalNote`, `UpdatedBy`, `ActionDate` of each.",
        ),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    message_id: Option<String>,
    work_orders: Vec<Object>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Messages<'a> {
    message_id: Option<String>,
    work_order_id: i64,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    text: Option<&'a RawValue>,
    sender: Sender<'a>,
    action_date: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sender<'a> {
    name: &'a str,
    phone: Option<&'a str>,
    r#type: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Notes<'a> {
    message_id: Option<String>,
    work_order_id: i64,
    notes: Vec<Note<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Note<'a> {
    internal_note: Option<&'a RawValue>,
    updated_by: Option<&'a RawValue>,
    action_date: Timestamp,
}

fn invalid(pointer: &str, code: &'static str, message: &str) -> Fault {
    Fault::invalid(vec![fault_at(pointer, code, message)])
}

async fn by_id(call: Call) -> Result<Response, Fault> {
    let mut ids: Vec<i64> = Vec::new();
    for (name, value) in call.query.iter().filter(|(name, _)| names_ids(name)) {
        for text in value.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let id = text.parse().map_err(|_| {
                invalid(&format!("?{name}"), fault::WRONG_TYPE, "must be whole numbers with commas between")
            })?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    if ids.is_empty() || ids.len() > MOST_IDS {
        return Err(invalid("?ids", fault::MISSING, &format!("must be 1 to {MOST_IDS} ids of work orders")));
    }
    let company = &call.caller.company.company.company_id;
    let mut work_orders = Vec::new();
    for id in &ids {
        work_orders.extend(call.app.store.work_order(*id, Some(company)).await?.map(|order| order.details));
    }
    if let [only] = ids.as_slice() {
        call.noted.order(*only, 0);
    }
    Ok(answer::ok(&Found { message_id: call.message_id(), work_orders }))
}

/// `ids`, or `ids[0]` and so on, as lists are written in queries.
fn names_ids(name: &str) -> bool {
    let Some(start) = name.get(..3).filter(|start| start.eq_ignore_ascii_case("ids")) else { return false };
    let rest = &name[start.len()..];
    let index = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    rest.is_empty() || index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

async fn search(call: Call) -> Result<Response, Fault> {
    let given = call.given()?;
    let parameters: Object = match given.get("Parameters") {
        None => return Err(invalid("/Parameters", fault::MISSING, "must be given")),
        Some(text) => {
            Object::parse(text).map_err(|_| invalid("/Parameters", fault::WRONG_TYPE, "must be an object"))?
        }
    };
    let company = call.caller.company.company.company_id.clone();
    let filter =
        WorkOrderFilter { company_id: Some(company), ..filter(&parameters).map_err(Fault::invalid)? };
    let mut work_orders: Vec<Object> = Vec::new();
    let mut after = None;
    while work_orders.len() < MOST_FOUND {
        let paging = Paging { after, limit: MOST_FOUND - work_orders.len() };
        let page = call.app.store.work_orders(filter.clone(), paging).await?;
        work_orders.extend(page.items.into_iter().map(|order| order.details));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(answer::ok(&Found { message_id: call.message_id(), work_orders }))
}

fn filter(parameters: &Object) -> Result<WorkOrderFilter, Vec<Broken>> {
    let mut filter = WorkOrderFilter::default();
    let mut faults = Vec::new();
    for (name, value) in parameters.members().filter(|(_, value)| value.get() != "null") {
        let pointer = format!("/Parameters/{name}");
        let is_good = match name {
            "WorkOrderNumber" => {
                filter.number = parameters.read(name);
                filter.number.is_some()
            }
            "CustomerId" => {
                filter.customer_id = parameters.read(name);
                filter.customer_id.is_some()
            }
            "Statuses" => {
                let names: Option<Vec<String>> = parameters.read(name);
                let statuses: Option<Vec<Status>> =
                    names.and_then(|names| names.iter().map(|name| name.parse().ok()).collect());
                statuses.map(|statuses| filter.statuses = statuses).is_some()
            }
            "Created" => period(parameters, name, &mut filter.created),
            "LastUpdate" => period(parameters, name, &mut filter.last_update),
            "AcknowledgeBy" => period(parameters, name, &mut filter.acknowledge_by),
            "OnSiteBy" => period(parameters, name, &mut filter.on_site_by),
            "DueDate" => period(parameters, name, &mut filter.due_date),
            _ => {
                faults.push(fault_at(&pointer, UNKNOWN_MEMBER, "is no parameter of a search"));
                continue;
            }
        };
        if !is_good {
            let message =
                format!("{} is not what it must be", value.get().chars().take(80).collect::<String>());
            faults.push(fault_at(&pointer, fault::WRONG_TYPE, &message));
        }
    }
    if faults.is_empty() { Ok(filter) } else { Err(faults) }
}

/// False when it is none.
fn period(parameters: &Object, name: &str, period: &mut Period) -> bool {
    let Some(given) = parameters.read::<Object>(name) else { return false };
    *period = Period { from: given.read("From"), to: given.read("To") };
    let is_read = |name: &str, time: Option<Timestamp>| given.get(name).is_some() == time.is_some();
    is_read("From", period.from) && is_read("To", period.to)
}

/// The order that the query names, and what notified with this action.
async fn entries(call: &Call, action: Action) -> Result<(WorkOrder, Vec<Entry>), Fault> {
    let text = call.query("WorkOrderId");
    let id: i64 = text
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| invalid("?WorkOrderId", fault::MISSING, "must be the id of a work order"))?;
    call.noted.order(id, 0);
    let company = &call.caller.company.company.company_id;
    let order = call.app.store.work_order(id, Some(company)).await?;
    let order = order.ok_or_else(|| Fault::new(Code::NotFound, format!("work order {id} does not exist")))?;
    call.noted.order(id, order.branch_id);
    let entries = call.app.store.time_line(company, id, Some(action.name())).await?;
    Ok((order, entries))
}

async fn messages(call: Call) -> Result<Response, Fault> {
    let (order, entries) = entries(&call, Action::MessageSent).await?;
    let messages = entries.iter().map(|entry| Message {
        text: entry.members.get("Text"),
        sender: Sender {
            name: &entry.performer.name,
            phone: entry.performer.phone.as_deref(),
            r#type: &entry.performer.kind,
        },
        action_date: entry.performed,
    });
    Ok(answer::ok(&Messages {
        message_id: call.message_id(),
        work_order_id: order.work_order_id,
        messages: messages.collect(),
    }))
}

async fn notes(call: Call) -> Result<Response, Fault> {
    let (order, entries) = entries(&call, Action::InternalNoteChanged).await?;
    let notes = entries.iter().map(|entry| Note {
        internal_note: entry.members.get("InternalNote"),
        updated_by: entry.members.get("UpdatedBy"),
        action_date: entry.performed,
    });
    Ok(answer::ok(&Notes {
        message_id: call.message_id(),
        work_order_id: order.work_order_id,
        notes: notes.collect(),
    }))
}
