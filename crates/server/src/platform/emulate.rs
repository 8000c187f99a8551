//! `POST …/endpoints/{EndpointId}/emulate`: one sample to a configured endpoint, and its answer at once.
//!
//! It goes out as live traffic does, with `Workbell-Mode: test`, and is logged; nothing waits and nothing is tried
//! again. Source: service.md section 8.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use workbell_delivery::{Emulation, emulation};
use workbell_model::Endpoint;
use workbell_store::directory::CompanyEntry;
use workbell_wire::{Action, ActionName, MessageId, Publication, SampleContext, Variant, own_sample, sample};

use super::endpoints::endpoint;
use super::log::{self, RECORD};
use crate::answer;
use crate::call::Call;
use crate::check::{Faults, Mode};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, Route, Takes};
use crate::shape::{Form, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[Route {
    method: Method::Post,
    path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}/emulate",
    id: "emulateNotification",
    tag: "Endpoints",
    summary: "Send one sample to an endpoint and see its answer; logged, never tried again, in no lane",
    guard: Guard::Company,
    query: &[],
    takes: Takes::Judged(&EMULATION, Mode::Whole, judge),
    gives: &[(200, Gives::One(&RECORD))],
    codes: &[Code::StateConflict, Code::UnknownAction, Code::UnknownBranch, Code::RateLimited],
    handler: |call| Box::pin(emulate(call)),
}];

static EMULATION: Shape = Shape {
    name: "Emulation",
    note: "What to send.",
    members: &[
        always("Action", Form::ActionName, "One of the 28, or a registered one, which sends its `Sample`."),
        maybe(
            "BranchId",
            Form::Integer(0, i64::MAX),
            "The branch that it names; when missing, the first one of the endpoint.",
        ),
        maybe(
            "Variant",
            Form::OneOf(&["minimal", "typical", "maximal"]),
            "How much it holds; `typical` when missing.",
        ),
    ],
};

/// The work order that samples tell of.
const WORK_ORDER: i64 = 4217;

async fn emulate(call: Call) -> Result<Response, Problem> {
    let company = call.company()?;
    let endpoint = endpoint(&call)?;
    let conflict = |why: &str| Err(Problem::new(Code::StateConflict, why));
    if endpoint.settings.url.is_none() {
        return conflict("this is a pull endpoint: it has no URL to send to");
    }
    if !endpoint.settings.enabled {
        return conflict("the endpoint is off; switch it on (Enabled: true) to send something to it");
    }
    let emulation = wanted(&call, &company, endpoint)?;
    let no = call.app.engine.emulate(emulation).await.map_err(refused)?;
    let record = call.app.store.log_record(no).await?;
    let record = record.ok_or_else(|| Problem::not_found(format_args!("log record {no}")))?;
    Ok(answer::ok(&log::members(record)))
}

/// What the call names that there is not.
fn judge(call: &Call, faults: &mut Faults) -> Result<(), Problem> {
    let company = call.company()?;
    endpoint(call)?;
    let action: Option<ActionName> = call.fields.text("Action").and_then(|name| name.parse().ok());
    if let Some(name) = action.filter(|name| name.known().is_none())
        && call.app.store.directory().action(&name).is_none()
    {
        let message =
            format!("{name} is neither of the 28 nor registered; register it with POST /v1/actions");
        faults.add("/Action", Code::UnknownAction.name(), message);
    }
    let branch_id = call.fields.integer("BranchId").filter(|id| *id >= 1);
    if let Some(id) = branch_id.filter(|id| !company.branches.contains_key(id)) {
        let message = format!("branch {id} is not one of this company");
        faults.add("/BranchId", Code::UnknownBranch.name(), message);
    }
    Ok(())
}

/// The notification that the call asks for.
fn wanted(call: &Call, company: &CompanyEntry, endpoint: Arc<Endpoint>) -> Result<Emulation, Problem> {
    let name = call.fields.text("Action").unwrap_or_default();
    let action: Option<ActionName> = name.parse().ok();
    let own = action.as_ref().and_then(|action| call.app.store.directory().action(action));
    let known = action.as_ref().and_then(ActionName::known);
    let company_wide = known == Some(Action::AdditionalFieldDescriptorUpdated);
    let branch_id = match call.fields.integer("BranchId") {
        Some(id) => id,
        None if company_wide => 0,
        None => usual_branch(company, &endpoint),
    };
    let variant = call.fields.text("Variant").and_then(Variant::from_name).unwrap_or(Variant::Typical);
    let message_id = MessageId::from(crate::id::new());
    let now = call.app.clock.now();
    let context = SampleContext {
        company_id: (branch_id == 0).then_some(company.company.company_id.as_str()),
        ..SampleContext::new(WORK_ORDER, branch_id, message_id, now)
    };
    let text = match (known, &own) {
        (Some(action), _) => sample(action, variant, &context),
        (None, Some(own)) => own_sample(&own.name, &own.sample, &context),
        (None, None) => Vec::new(),
    };
    let publication = Publication::parse(&text).map_err(|error| {
        Problem::new(Code::InternalError, format!("the sample of {name} cannot be sent: {error}"))
    })?;
    Ok(Emulation {
        endpoint,
        work_order_id: publication.work_order_id(),
        branch_id,
        action: publication.action().clone(),
        message_id,
        body: Bytes::from(publication.body(message_id, now)),
    })
}

/// The first branch that the endpoint is told of; 0 where the company has none.
fn usual_branch(company: &CompanyEntry, endpoint: &Endpoint) -> i64 {
    let wanted = endpoint.settings.branch_ids.as_deref().unwrap_or_default();
    let wanted = wanted.iter().find(|id| company.branches.contains_key(id));
    wanted.or_else(|| company.branches.keys().next()).copied().unwrap_or(0)
}

fn refused(error: emulation::Error) -> Problem {
    let said = error.to_string();
    match error {
        emulation::Error::Busy | emulation::Error::Full => Problem::new(Code::RateLimited, said),
        emulation::Error::TooMany(wait) => {
            let detail = format!("{said}; try again in {} s", wait.as_secs() + 1);
            Problem::new(Code::RateLimited, detail).after(wait)
        }
        emulation::Error::Stopping | emulation::Error::Trouble(_) => {
            Problem::new(Code::StoreUnavailable, said)
        }
        emulation::Error::Store(error) => error.into(),
    }
}
