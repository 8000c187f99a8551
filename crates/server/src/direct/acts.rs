//! Calls that act on a work order, one by one or many with one call.
//!
//! The notification of such an act is stored and never sent to the caller's company: its own system did it. Source:
//! service.md section 5.

use axum::response::Response;
use serde::Serialize;
use workbell_model::work_order::{Act, Forbidden, Interface, Status, allowed_acts};
use workbell_store::work_order::{Acted, Refused};
use workbell_wire::{Action, Fault as Broken, fault, publication};

use super::call::Call;
use super::fault::{Code, Fault};
use super::route::{Answer, Route};
use crate::act::{Asked, Given, Plan, fault_at, moved};
use crate::answer;
use crate::route::Method;
use crate::shape::{Form, Member, Shape, always, maybe};

/// Most orders of one bulk call. 50, as many as one call reads. The value is our choice.
const MOST_ORDERS: usize = 50;

/// Most characters of `UpdatedBy`. Source: notifications.md section 3.
const LONGEST_NAME: usize = 100;

/// Where in a request stands what is in Header in the end.
const PLACES: [(&str, &str); 2] =
    [("/Header/Sender", "/PerformedBy"), ("/Header/ActionDate", "/ActualActionDate")];

macro_rules! act_route {
    ($method:ident $path:literal $id:literal $action:ident $act:ident $takes:ident $summary:literal) => {
        Route {
            method: Method::$method,
            path: concat!("/Direct/api/", $path),
            id: $id,
            logged: Action::$action.name(),
            summary: $summary,
            query: &[],
            takes: Some(&$takes),
            gives: &DONE,
            handler: |call| -> Answer { Box::pin(one(call, Act::$act, Action::$action)) },
        }
    };
}

macro_rules! bulk_route {
    ($path:literal $id:literal $action:ident $act:ident $takes:ident $summary:literal) => {
        Route {
            method: Method::Put,
            path: concat!("/Direct/api/", $path),
            id: $id,
            logged: Action::$action.name(),
            summary: $summary,
            query: &[],
            takes: Some(&$takes),
            gives: &RESULTS,
            handler: |call| -> Answer { Box::pin(bulk(call, Act::$act, Action::$action)) },
        }
    };
}

#[rustfmt::skip]
pub(super) static ROUTES: &[Route] = &[
    act_route!(Put "workOrder/accept" "directAccept" Accepted Accept ACT "Take a work order on"),
    act_route!(Put "workOrder/reject" "directReject" Rejected Reject ACT "Decline a work order"),
    act_route!(Put "workOrder/checkIn" "directCheckIn" CheckedIn CheckIn ACT "Start the work on site"),
    act_route!(Put "workOrder/pause" "directPause" Paused Pause ACT "Interrupt the work"),
    act_route!(Put "workOrder/checkout" "directCheckOut" CheckedOut CheckOut COMPLETION "Finish the work on site"),
    act_route!(Put "workOrder/workDoneDetails" "directWorkDoneDetails" CompletionInfoChanged WorkDoneDetails COMPLETION "Give the details of the completion afterwards"),
    act_route!(Put "workOrder/quoteSubmit" "directQuoteSubmit" QuoteChanged ChangeQuote QUOTE "Submit a quote"),
    act_route!(Put "workOrder/note" "directNote" InternalNoteChanged ChangeInternalNote NOTE "Change the own note"),
    act_route!(Post "messages" "directSendMessage" MessageSent SendMessage MESSAGE "Write a message"),
    bulk_route!("bulk/accept" "directBulkAccept" Accepted Accept BULK "Take work orders on; 200 always, with a result for each"),
    bulk_route!("bulk/reject" "directBulkReject" Rejected Reject BULK "Decline work orders; 200 always, with a result for each"),
];

const MESSAGE_ID: Member =
    maybe("MessageId", Form::Text(0, usize::MAX), "Echoed and logged; never a key, so it may be a constant.");
const ORDER: Member = always("WorkOrderId", Form::Integer(i64::MIN, i64::MAX), "Which work order.");
const PERFORMED_BY: Member =
    always("PerformedBy", Form::AnyObject, "Who does it: `Name`, and `Phone` if known.");
const DATE: Member = maybe("ActualActionDate", Form::Time, "When it was done; now when it is missing.");
const COMMENT: Member = maybe("Comment", Form::Text(0, 3000), "Comment; to reject, it must be given.");

static ACT: Shape = Shape {
    name: "DirectAct",
    note: "An act, with the members of its action.",
    members: &[
        MESSAGE_ID,
        ORDER,
        PERFORMED_BY,
        DATE,
        COMMENT,
        maybe("Location", Form::AnyObject, "`Latitude`, `Longitude`; to check in and to pause."),
    ],
};

static COMPLETION: Shape = Shape {
    name: "DirectCompletion",
    note: "The details of a completion.",
    members: &[
        MESSAGE_ID,
        ORDER,
        PERFORMED_BY,
        DATE,
        COMMENT,
        maybe("RepairInfo", Form::AnyObject, "What was repaired."),
        maybe("CustomFields", Form::List(&Form::AnyObject, usize::MAX), "What the customer asks for."),
        maybe("Location", Form::AnyObject, "To check out."),
        maybe("Procedures", Form::List(&Form::AnyObject, usize::MAX), "To check out."),
        maybe("CheckList", Form::List(&Form::AnyObject, usize::MAX), "To check out."),
    ],
};

static QUOTE: Shape = Shape {
    name: "DirectQuote",
    note: "A quote.",
    members: &[
        MESSAGE_ID,
        ORDER,
        PERFORMED_BY,
        DATE,
        always("Quote", Form::AnyObject, "`Amount`, and `Comment` if there is something to say."),
    ],
};

static NOTE: Shape = Shape {
    name: "DirectNote",
    note: "The provider's own note.",
    members: &[
        MESSAGE_ID,
        ORDER,
        PERFORMED_BY,
        DATE,
        always("InternalNote", Form::Text(0, 3000), "The note."),
    ],
};

static MESSAGE: Shape = Shape {
    name: "DirectNewMessage",
    note: "A message that all may see.",
    members: &[MESSAGE_ID, ORDER, PERFORMED_BY, DATE, always("Text", Form::Text(0, 3000), "The message.")],
};

static BULK: Shape = Shape {
    name: "DirectBulk",
    note: "An act on several work orders.",
    members: &[
        MESSAGE_ID,
        always(
            "WorkOrderIds",
            Form::List(&Form::Integer(i64::MIN, i64::MAX), MOST_ORDERS),
            "Which work orders.",
        ),
        PERFORMED_BY,
        DATE,
        COMMENT,
    ],
};

static DONE: Shape = Shape {
    name: "DirectDone",
    note: "It is done. No notification follows.",
    members: &[
        always("MessageId", Form::Nullable(&Form::Text(0, usize::MAX)), "Echoed."),
        always("WorkOrderId", Form::Integer(1, i64::MAX), "The work order."),
        always("Status", Form::Text(1, 64), "Where it stands now."),
    ],
};

static RESULTS: Shape = Shape {
    name: "DirectResults",
    note: "What became of each.",
    members: &[
        always("MessageId", Form::Nullable(&Form::Text(0, usize::MAX)), "Echoed."),
        always("Results", Form::List(&Form::Object(&RESULT), MOST_ORDERS), "In the order of `WorkOrderIds`."),
    ],
};

static RESULT: Shape = Shape {
    name: "DirectResult",
    note: "What became of one: `Status`, or `Code` and `Message`.",
    members: &[
        always("WorkOrderId", Form::Integer(i64::MIN, i64::MAX), "The work order."),
        maybe("Status", Form::Text(1, 64), "Where it stands now."),
        maybe("Code", Form::Integer(0, 9999), "Why it was not done."),
        maybe("Message", Form::Text(0, 1000), "The same, for people."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Done {
    message_id: Option<String>,
    work_order_id: i64,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Results {
    message_id: Option<String>,
    results: Vec<Outcome>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Outcome {
    work_order_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

async fn one(call: Call, act: Act, action: Action) -> Result<Response, Fault> {
    let given = call.given()?;
    let id = integer(&given, "WorkOrderId")?;
    let acted = do_it(&call, &given, (act, action), id).await?;
    Ok(answer::ok(&Done {
        message_id: call.message_id(),
        work_order_id: acted.work_order_id,
        status: acted.status.name(),
    }))
}

async fn bulk(call: Call, act: Act, action: Action) -> Result<Response, Fault> {
    let given = call.given()?;
    let ids: Option<Vec<i64>> = given.value("WorkOrderIds");
    let Some(ids) = ids.filter(|ids| ids.len() <= MOST_ORDERS) else {
        let message = format!("must be a list of at most {MOST_ORDERS} whole numbers");
        return Err(Fault::invalid(vec![fault_at("/WorkOrderIds", fault::WRONG_TYPE, &message)]));
    };
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        results.push(match do_it(&call, &given, (act, action), id).await {
            Ok(acted) => {
                Outcome { work_order_id: id, status: Some(acted.status.name()), code: None, message: None }
            }
            // The call as a whole has failed: nothing says what became of the rest.
            Err(fault) if matches!(fault.code, Code::Unavailable | Code::Internal) => return Err(fault),
            Err(fault) => Outcome {
                work_order_id: id,
                status: None,
                code: Some(fault.code.number()),
                message: Some(fault.short_message()),
            },
        });
    }
    call.noted.order(0, 0);
    Ok(answer::ok(&Results { message_id: call.message_id(), results }))
}

async fn do_it(
    call: &Call,
    given: &Given<'_>,
    (act, action): (Act, Action),
    id: i64,
) -> Result<Acted, Fault> {
    call.noted.order(id, 0);
    let company = &call.caller.company.company.company_id;
    let order = call.app.store.work_order(id, Some(company)).await?;
    let order = order.ok_or_else(|| Fault::new(Code::NotFound, format!("work order {id} does not exist")))?;
    call.noted.order(id, order.branch_id);
    let performer = performer(given)?;
    let written = Written::of(action, given, &performer)?;
    let asked = Asked {
        act,
        interface: Interface::Direct,
        order: &order,
        plan: Plan {
            action,
            work_order_id: id,
            branch_id: order.branch_id,
            sender: &performer.sender,
            action_date: given.get("ActualActionDate"),
            // A client's MessageId is no key: the notification has one of its own.
            message_id: None,
            members: written.members(given, action),
        },
        content_hash: given.hash(""),
        client: Some(call.caller.client_id),
        now: call.app.clock.now(),
    };
    let acting = asked.acting().map_err(|error| match moved(error, &PLACES) {
        publication::Error::Schema(faults) => Fault::invalid(faults),
        error @ publication::Error::InvalidJson { .. } => Fault::new(Code::InvalidModel, error.to_string()),
    })?;
    call.app.store.act(acting).await?.map_err(refused)
}

/// Who does it, as `Sender` has it.
struct Performer {
    sender: String,
    name: String,
}

fn performer(given: &Given<'_>) -> Result<Performer, Fault> {
    let wrong = |code, message: &str| Fault::invalid(vec![fault_at("/PerformedBy", code, message)]);
    let Some(text) = given.get("PerformedBy") else { return Err(wrong(fault::MISSING, "must be given")) };
    let person = workbell_model::work_order::Object::parse(text)
        .map_err(|_| wrong(fault::WRONG_TYPE, "must be an object"))?;
    let mut sender = workbell_model::work_order::Object::default();
    for name in ["Name", "Phone"] {
        sender.take_over(name, &person);
    }
    sender.put("Type", &"CorrigoPro");
    Ok(Performer { sender: sender.to_string(), name: person.read("Name").unwrap_or_default() })
}

/// Members that are not taken as they came.
struct Written {
    quote: Option<String>,
    updated_by: Option<String>,
}

impl Written {
    fn of(action: Action, given: &Given<'_>, performer: &Performer) -> Result<Self, Fault> {
        let mut written = Written { quote: None, updated_by: None };
        if action == Action::InternalNoteChanged {
            let name: String = performer.name.chars().take(LONGEST_NAME).collect();
            written.updated_by = Some(serde_json::Value::from(name).to_string());
        }
        if action == Action::QuoteChanged
            && let Some(mut quote) = given.value::<workbell_model::work_order::Object>("Quote")
        {
            if quote.get("QuoteStatus").is_none() {
                quote.put("QuoteStatus", &"Submitted");
            }
            if quote.read::<String>("QuoteStatus").as_deref() != Some("Submitted") {
                let message = "must be Submitted: the customer does the rest";
                return Err(Fault::invalid(vec![fault_at(
                    "/Quote/QuoteStatus",
                    fault::NOT_ALLOWED,
                    message,
                )]));
            }
            written.quote = Some(quote.to_string());
        }
        Ok(written)
    }

    /// The documented members of the action, as given or as written here.
    fn members<'a>(&'a self, given: &'a Given<'a>, action: Action) -> Vec<(&'a str, &'a str)> {
        let mut members = Vec::new();
        for member in action.members().iter().filter(|it| !["Status", "ActionDate"].contains(&it.name)) {
            let ours = match member.name {
                "Quote" => self.quote.as_deref(),
                "UpdatedBy" => self.updated_by.as_deref(),
                _ => None,
            };
            if let Some(value) = ours.or_else(|| given.get(member.name)) {
                members.push((member.name, value));
            }
        }
        members
    }
}

/// A member that must be a whole number.
pub(super) fn integer(given: &Given<'_>, name: &str) -> Result<i64, Fault> {
    given.value(name).ok_or_else(|| {
        let (code, message) = match given.get(name) {
            Some(_) => (fault::WRONG_TYPE, "must be a whole number"),
            None => (fault::MISSING, "must be given"),
        };
        Fault::invalid(vec![fault_at(&format!("/{name}"), code, message)])
    })
}

fn refused(refused: Refused) -> Fault {
    let message = match &refused {
        // By the name of the call, as `AllowedActs` has it.
        Refused::Forbidden { why: Forbidden::State(refusal), .. } => {
            refusal.told_as(refusal.act.direct_call().unwrap_or(refusal.act.name()))
        }
        _ => refused.to_string(),
    };
    let (code, status) = match refused {
        Refused::NotFound(_) | Refused::Exists(_) => (Code::NotFound, None),
        Refused::TooLarge(_) => (Code::BodyTooLarge, None),
        // Its branch or its client went away meanwhile.
        Refused::Notification(_) => (Code::NotFound, None),
        Refused::Forbidden { status, why } => match why {
            Forbidden::State(_) if status == Status::Recalled => (Code::Recalled, Some(status)),
            Forbidden::State(_) => (Code::WrongState, Some(status)),
            Forbidden::PreBilled => (Code::PreBilled, Some(status)),
            Forbidden::Quotes => (Code::QuotesNotAllowed, Some(status)),
            Forbidden::BackDating | Forbidden::Future => {
                let fault: Broken = fault_at("/ActualActionDate", fault::NOT_ALLOWED, &message);
                return Fault::invalid(vec![fault]);
            }
        },
    };
    Fault { allowed_acts: status.map(allowed_calls), ..Fault::new(code, message) }
}

/// The calls that are allowed for an order in this state.
fn allowed_calls(status: Status) -> Vec<&'static str> {
    let offered = |act: &Act| {
        matches!(
            act,
            Act::Accept
                | Act::Reject
                | Act::CheckIn
                | Act::Pause
                | Act::CheckOut
                | Act::WorkDoneDetails
                | Act::ChangeQuote
                | Act::ChangeInternalNote
                | Act::SendMessage
        )
    };
    allowed_acts(status).filter(offered).filter_map(Act::direct_call).collect()
}
