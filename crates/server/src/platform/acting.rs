//! `POST /v1/work-orders` and `POST /v1/work-orders/{WorkOrderId}/actions`: work orders are created and acted on.

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use workbell_model::work_order::{Act, Forbidden, Interface, Object};
use workbell_model::{ClientId, DeliveryId, Fate, WorkOrder};
use workbell_store::work_order::{ActResult, Acted, Creation, Refused, Told};
use workbell_wire::publication::Mentions;
use workbell_wire::{Action, Fault, MessageId, fault, publication};

use super::publish;
use super::strangers::strangers;
use crate::act::{self, Asked, Given, Plan, Unreadable, fault_at};
use crate::answer;
use crate::call::{Call, short};
use crate::problem::{Code, Problem};

/// How often an order gets another id, because somebody created one with the id that was made for it.
const MOST_IDS: usize = 8;

/// Where in a body that creates or acts stands what is in Header in the end.
const PLACES: [(&str, &str); 5] = [
    ("/Header/Sender", "/Sender"),
    ("/Header/MessageId", "/MessageId"),
    ("/Header/ActionDate", "/ActionDate"),
    ("/Header/BranchId", "/Details/BranchId"),
    ("/Header/WorkOrderId", "/Details/WorkOrderId"),
];

/// Members of such a body that go into Header, or are the body's own.
const OWN: [&str; 5] = ["Action", "Sender", "MessageId", "ActionDate", "WorkOrderId"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    work_order_id: i64,
    status: &'static str,
    message_id: MessageId,
    fate: Fate,
    deliveries: &'a [DeliveryId],
}

impl<'a> From<&'a Acted> for Members<'a> {
    fn from(acted: &'a Acted) -> Self {
        Members {
            work_order_id: acted.work_order_id,
            status: acted.status.name(),
            message_id: acted.accepted.message_id,
            fate: acted.accepted.fate,
            deliveries: &acted.accepted.deliveries,
        }
    }
}

/// The members of the body, and what stands in it more than once.
fn read(call: &Call) -> Result<(Given<'_>, Vec<Fault>), Problem> {
    Given::with_doubled(&call.body).map_err(|error| match error {
        Unreadable::Json(_) => Problem::new(Code::InvalidJson, error.to_string()),
        Unreadable::Faults(faults) => Problem::of_faults(faults),
    })
}

/// Creates a work order.
pub(super) async fn create(call: Call) -> Result<Response, Problem> {
    let (given, mut faults) = read(&call)?;
    let mut details: Object = given.value("Details").unwrap_or_default();
    faults.extend(wrong_details(&given, &details));
    let names = Mentions { branch_id: details.read("BranchId"), ..mentions(&given) };
    let told = |problem: Problem| with_strangers(problem, &names, &call);
    let asked: Option<i64> = given.value("WorkOrderId").or_else(|| details.read("WorkOrderId"));
    if asked.is_some_and(|id| id < 1) {
        faults.push(fault_at("/Details/WorkOrderId", crate::check::OUT_OF_RANGE, "must be 1 or more"));
    }
    let mut tries = MOST_IDS;
    loop {
        let id = asked.unwrap_or_else(|| call.app.store.make_work_order_id());
        let creation = creation(&call, &given, &mut details, id, &mut faults).map_err(told)?;
        match call.app.store.create_work_order(creation).await? {
            Err(Refused::Exists(_)) if asked.is_none() && tries > 0 => tries -= 1,
            result => return created(result).map_err(told),
        }
    }
}

/// What is wrong with `Details` that the contract's table does not say.
fn wrong_details(given: &Given<'_>, details: &Object) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(status) = details.get("Status")
        && status.get() != "\"New\""
    {
        faults.push(fault_at(
            "/Details/Status",
            fault::NOT_ALLOWED,
            "must be New; a work order begins there",
        ));
    }
    let ids = (given.value::<i64>("WorkOrderId"), details.read::<i64>("WorkOrderId"));
    let in_details = details.get("WorkOrderId").map(serde_json::value::RawValue::get);
    let ids_as_given = [
        ("/WorkOrderId", given.get("WorkOrderId"), ids.0),
        ("/Details/WorkOrderId", in_details.filter(|text| *text != "null"), ids.1),
    ];
    for (pointer, text, id) in ids_as_given {
        if text.is_some() && id.is_none() {
            faults.push(fault_at(pointer, fault::WRONG_TYPE, "must be a whole number"));
        }
    }
    if let (Some(beside), Some(within)) = ids
        && beside != within
    {
        faults.push(fault_at("/WorkOrderId", fault::NOT_ALLOWED, "must be that of Details"));
    }
    faults
}

fn creation(
    call: &Call,
    given: &Given<'_>,
    details: &mut Object,
    id: i64,
    faults: &mut Vec<Fault>,
) -> Result<Creation, Problem> {
    let now = call.app.clock.now();
    details.put("WorkOrderId", &id);
    if details.get("Status").is_none() {
        details.put("Status", &"New");
    }
    for name in ["Created", "LastUpdate"] {
        if details.get(name).is_none() {
            details.put(name, &now);
        }
    }
    let written = details.to_string();
    let members = given.members().filter(|(name, _)| !OWN.contains(name));
    // What is no object is left as it is, for the contract's table to refuse.
    let is_object = given.get("Details").is_some_and(|text| text.starts_with('{'));
    let members = members.map(|(name, value)| match name {
        "Details" if is_object => (name, written.as_str()),
        _ => (name, value),
    });
    let branch_id = details.read("BranchId").unwrap_or(0);
    let plan = Plan {
        action: Action::NewWorkOrder,
        work_order_id: id,
        // One that is missing or no number is told of at its own place.
        branch_id: if branch_id == 0 { 1 } else { branch_id },
        sender: given.get("Sender").unwrap_or("{}"),
        action_date: given.get("ActionDate"),
        message_id: given.get("MessageId"),
        members: members.collect(),
    };
    let drawn = match plan.draw(MessageId::from(crate::id::new()), now) {
        Ok(drawn) if faults.is_empty() => drawn,
        Ok(_) => return Err(Problem::of_faults(std::mem::take(faults))),
        Err(error) => return Err(broken(error, faults)),
    };
    let mut kept = Object::default();
    kept.take_over("Attachments", &drawn.notice.members);
    let initiated_by: Option<ClientId> = match drawn.initiated_by.as_deref().map(str::parse).transpose() {
        Ok(client) => client,
        Err(_) => return Err(publish::refused_text(act::unknown_client())),
    };
    Ok(Creation {
        branch_id,
        company_id: drawn.company_id.and_then(|text| text.parse().ok()),
        details: drawn.notice.members.object("Details"),
        kept,
        performed: drawn.performed,
        notice: drawn.notice,
        told: Told {
            message_id: drawn.message_id,
            content_hash: given.hash("work-orders"),
            initiated_by,
            performer: drawn.performer,
            now,
        },
    })
}

/// All faults at once, at their places in what the caller sent.
fn broken(error: publication::Error, faults: &mut Vec<Fault>) -> Problem {
    let problem = publish::refused_text(act::moved(error, &PLACES));
    if faults.is_empty() { problem } else { problem.and(std::mem::take(faults)) }
}

fn created(result: ActResult) -> Result<Response, Problem> {
    let acted = result.map_err(refused)?;
    let members = Members::from(&acted);
    if acted.accepted.repeated {
        return Ok(answer::ok(&members));
    }
    Ok(answer::created(&format!("/v1/work-orders/{}", acted.work_order_id), &members))
}

/// Acts on a work order.
pub(super) async fn act(call: Call) -> Result<Response, Problem> {
    let order = super::work_orders::order(&call).await?;
    let (given, doubled) = read(&call)?;
    let names = mentions(&given);
    let told = |problem: Problem| with_strangers(problem, &names, &call);
    let (action, act) = match action(&given) {
        Ok(wanted) if doubled.is_empty() => wanted,
        wanted => return Err(told(unusable(&call, &given, &order, doubled, wanted))),
    };
    let members = given.members().filter(|(name, _)| !OWN.contains(name));
    let asked = Asked {
        act,
        interface: Interface::Platform,
        order: &order,
        plan: Plan {
            action,
            work_order_id: order.work_order_id,
            branch_id: order.branch_id,
            sender: given.get("Sender").unwrap_or("{}"),
            action_date: given.get("ActionDate"),
            message_id: given.get("MessageId"),
            members: members.collect(),
        },
        content_hash: given.hash(&format!("work-orders/{}/actions", order.work_order_id)),
        client: None,
        now: call.app.clock.now(),
    };
    let acting = asked.acting().map_err(|error| told(broken(error, &mut Vec::new())))?;
    let acted = call.app.store.act(acting).await?.map_err(|why| told(forbidden(why, action)))?;
    let status = if acted.accepted.repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(answer::json(status, &Members::from(&acted)))
}

/// Which act is asked for.
fn action(given: &Given<'_>) -> Result<(Action, Act), Fault> {
    let wrong = |code, message: &str| Err(fault_at("/Action", code, message));
    let Some(text) = given.get("Action") else { return wrong(fault::MISSING, "must be given") };
    let Ok(name) = serde_json::from_str::<String>(text) else {
        return wrong(fault::WRONG_TYPE, "must be a text");
    };
    let Some(action) = Action::from_name(&name) else {
        let message = format!("{} is none of the 28 actions", short(&name));
        return wrong(Code::UnknownAction.name(), &message);
    };
    match Act::of_action(action) {
        Some(act) => Ok((action, act)),
        None => wrong(
            fault::NOT_ALLOWED,
            "is no act on a work order: create one with POST /v1/work-orders; what concerns the whole company goes to \
             POST /v1/notifications",
        ),
    }
}

/// All that is wrong with an act whose action cannot be taken, or in which members stand twice.
fn unusable(
    call: &Call,
    given: &Given<'_>,
    order: &WorkOrder,
    mut faults: Vec<Fault>,
    wanted: Result<(Action, Act), Fault>,
) -> Problem {
    // Without an action only what all have in common can be judged.
    let (action, is_known) = match &wanted {
        Ok((action, _)) => (*action, true),
        Err(_) => (Action::Accepted, false),
    };
    let plan = Plan {
        action,
        work_order_id: order.work_order_id,
        branch_id: order.branch_id,
        sender: given.get("Sender").unwrap_or("{}"),
        action_date: given.get("ActionDate"),
        message_id: given.get("MessageId"),
        members: given.members().filter(|(name, _)| !OWN.contains(name)).collect(),
    };
    faults.extend(wanted.err());
    let drawn = plan.draw(MessageId::from(crate::id::new()), call.app.clock.now());
    let mut problem = Problem::of_faults(faults);
    if let Err(publication::Error::Schema(more)) = drawn.map_err(|error| act::moved(error, &PLACES)) {
        let common = ["/Sender", "/MessageId", "/ActionDate", "/InitiatedBy", "/CompanyId"];
        let is_common = |fault: &Fault| common.iter().any(|place| fault.pointer.starts_with(place));
        problem = problem.also(more.into_iter().filter(|fault| is_known || is_common(fault)).collect());
    }
    problem
}

/// What a body names beside its action and its branch.
fn mentions(given: &Given<'_>) -> Mentions {
    let client: Option<Object> = given.value("InitiatedBy");
    Mentions {
        initiated_by: client.and_then(|client| client.read("ClientId")),
        company_id: given.value("CompanyId"),
        ..Mentions::default()
    }
}

/// The problem, with all that the body names and there is not.
fn with_strangers(problem: Problem, names: &Mentions, call: &Call) -> Problem {
    let strangers = publication::Error::Schema(strangers(names, call.app.store.directory()));
    match act::moved(strangers, &PLACES) {
        publication::Error::Schema(faults) => problem.also(faults),
        publication::Error::InvalidJson { .. } => problem,
    }
}

/// The same of an act, by the name of the action that was asked for.
fn forbidden(why: Refused, action: Action) -> Problem {
    match why {
        Refused::Forbidden { status, why: Forbidden::State(refusal) } => {
            Problem::not_allowed(refusal.told_as(action.name()), act::allowed_actions(status))
        }
        other => refused(other),
    }
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::NotFound(_) => Problem::new(Code::NotFound, refused.to_string()),
        Refused::Exists(_) => Problem::new(Code::StateConflict, refused.to_string()),
        Refused::TooLarge(_) => Problem::new(Code::BodyTooLarge, refused.to_string()),
        Refused::Forbidden { status, why } => {
            Problem::not_allowed(why.to_string(), act::allowed_actions(status))
        }
        Refused::Notification(workbell_store::record::Refused::UnknownBranch(_)) => {
            Problem::at(Code::UnknownBranch, "/Details/BranchId", refused.to_string())
        }
        Refused::Notification(refused) => publish::refused(refused),
    }
}
