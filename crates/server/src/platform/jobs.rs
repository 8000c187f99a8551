//! `/v1/jobs`: one act over many deliveries, in steps, with progress.

use axum::response::Response;
use serde::Serialize;
use workbell_model::job::{HIGHEST_RATE, JobState, Kind, USUAL_RATE};
use workbell_model::{JobId, State, States};
use workbell_store::job::{Filter, JobRecord, NewJob};
use workbell_wire::Timestamp;
use workbell_wire::fault::{MISSING, NOT_ALLOWED};

use super::deliveries::{ERROR, STATES};
use super::endpoints::EMPTY;
use crate::answer;
use crate::call::{Call, short};
use crate::check::{Faults, Mode};
use crate::fields::{Fields, Given};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Member, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/jobs",
        id: "createJob",
        tag: "Jobs",
        summary: "Retry, discard, replay or erase many at once, in the background",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Judged(&NEW_JOB, Mode::Whole, judge),
        gives: &[(201, Gives::One(&JOB))],
        codes: &[Code::NotFound, Code::StateConflict],
        handler: |call| Box::pin(create(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/jobs",
        id: "listJobs",
        tag: "Jobs",
        summary: "List jobs, newest first; a dry run that has ended is read by its id",
        guard: Guard::Company,
        query: &[COMPANY, PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&JOB))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/jobs/{JobId}",
        id: "readJob",
        tag: "Jobs",
        summary: "Read a job and how far it is",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&JOB))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/jobs/{JobId}/cancel",
        id: "cancelJob",
        tag: "Jobs",
        summary: "End a job; what it did stays done",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Maybe(&EMPTY),
        gives: &[(200, Gives::One(&JOB))],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(cancel(call)),
    },
];

const COMPANY: &[Member] = &[maybe("CompanyId", Form::CompanyId, "Of this company.")];

const KIND: Form = Form::OneOf(&["Retry", "Discard", "Replay", "Erase"]);
const COUNT: Form = Form::Integer(0, i64::MAX);
const RATE: Form = Form::Integer(1, HIGHEST_RATE as i64);

static FILTER: Shape = Shape {
    name: "JobFilter",
    note: "What a job acts on; all that is given must hold.",
    members: &[
        maybe("CompanyId", Form::CompanyId, "Of this company."),
        maybe("EndpointId", Form::Id, "To this endpoint."),
        maybe("BranchId", Form::Integer(0, i64::MAX), "For this branch."),
        maybe("WorkOrderId", Form::Integer(i64::MIN, i64::MAX), "Of this work order."),
        maybe("Action", Form::ActionName, "With this action."),
        maybe("From", Form::Time, "Accepted then or later."),
        maybe("To", Form::Time, "Accepted before."),
        maybe("State", STATES, "In this state; `Undelivered`: Pending or Retrying. Retry and Discard only."),
        maybe("Error", ERROR, "Whose last attempt failed with this class. Retry and Discard only."),
    ],
};

static NEW_JOB: Shape = Shape {
    name: "NewJob",
    note: "A job to make. Only what was accepted before is its business.",
    members: &[
        always("Kind", KIND, "What it does."),
        maybe("Filter", Form::Object(&FILTER), "To what. It may be empty only with `All`."),
        maybe("All", Form::Flag, "`true`: to everything, when `Filter` is empty. Never of an Erase."),
        maybe("RatePerSecond", RATE, "Items per second; 50 when missing."),
        maybe("DryRun", Form::Flag, "`true`: it counts its matches and changes nothing."),
    ],
};

static JOB: Shape = Shape {
    name: "Job",
    note: "A job and how far it is. In the end `Done`, `Skipped` and `Failed` are `Total` together.",
    members: &[
        always("JobId", Form::Id, "Its id."),
        always("Kind", KIND, "What it does."),
        always("Filter", Form::Object(&FILTER), "To what; empty: to everything."),
        always("RatePerSecond", RATE, "Items per second at most."),
        always("DryRun", Form::Flag, "It counts only."),
        always("State", Form::OneOf(&["Running", "Finished", "Cancelled"]), "Where it stands."),
        always("Total", Form::Nullable(&COUNT), "How many matched; null until they are counted."),
        always("Done", COUNT, "Carried out."),
        always("Skipped", COUNT, "Changed meanwhile: there was nothing to do any more."),
        always("Failed", COUNT, "Could not be carried out."),
        always("Created", Form::Time, "When it was made."),
        always("Finished", Form::Nullable(&Form::Time), "When it ended."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    job_id: JobId,
    kind: Kind,
    filter: Filter,
    rate_per_second: u32,
    dry_run: bool,
    state: JobState,
    total: Option<u64>,
    done: u64,
    skipped: u64,
    failed: u64,
    created: Timestamp,
    finished: Option<Timestamp>,
}

fn members(record: JobRecord) -> Members {
    let job = record.job;
    Members {
        job_id: job.id,
        kind: job.kind,
        filter: job.filter,
        rate_per_second: job.rate,
        dry_run: job.dry_run,
        state: record.state,
        total: record.total,
        done: record.done,
        skipped: record.skipped,
        failed: record.failed,
        created: job.created,
        finished: record.finished,
    }
}

async fn create(call: Call) -> Result<Response, Problem> {
    let fields = &call.fields;
    let kind = kind(fields).unwrap_or(Kind::Retry);
    if kind == Kind::Erase && call.own_company().is_some() {
        return Err(Problem::new(Code::Forbidden, "only the operator, with the platform key, may erase"));
    }
    let mut filter = filter(fields);
    if let Some(own) = call.own_company() {
        // Another company's answers as one that does not exist.
        if let Some(other) = filter.company_id.as_ref().filter(|asked| *asked != own) {
            return Err(Problem::not_found(format_args!("company {other}")));
        }
        filter.company_id = Some(own.clone());
    }
    let job = NewJob {
        id: JobId::from_uuid(crate::id::new()),
        kind,
        filter,
        rate: fields.integer("RatePerSecond").and_then(|rate| u32::try_from(rate).ok()).unwrap_or(USUAL_RATE),
        dry_run: fields.is_set("DryRun"),
        created: call.app.clock.now(),
    };
    let made = call.app.store.create_job_by(call.author(), job).await?;
    Ok(answer::created(&format!("/v1/jobs/{}", made.job.id), &members(made)))
}

fn kind(fields: &Fields) -> Option<Kind> {
    let name = fields.text("Kind")?;
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}

fn filter(fields: &Fields) -> Filter {
    let given = fields.object("Filter");
    let parsed = |name: &str| given.text(name);
    Filter {
        company_id: parsed("CompanyId").and_then(|text| text.parse().ok()),
        endpoint_id: parsed("EndpointId").and_then(|text| text.parse().ok()),
        branch_id: given.integer("BranchId"),
        work_order_id: given.integer("WorkOrderId"),
        action: parsed("Action").map(str::to_owned),
        from: parsed("From").and_then(|text| text.parse().ok()),
        to: parsed("To").and_then(|text| text.parse().ok()),
        state: parsed("State").and_then(States::named),
        error: parsed("Error").map(str::to_owned),
    }
}

/// What the shape cannot say: which members go together.
fn judge(call: &Call, faults: &mut Faults) -> Result<(), Problem> {
    let fields = &call.fields;
    let (kind, all) = (kind(fields), fields.is_set("All"));
    // By what is there, whatever its form.
    let given = fields.object("Filter");
    let names = |name: &str| matches!(given.get(name, Some), Given::Value(_));
    let are_named: Vec<&str> =
        FILTER.members.iter().map(|member| member.name).filter(|it| names(it)).collect();
    if kind == Some(Kind::Erase) {
        if all {
            faults.add("/All", NOT_ALLOWED, "an Erase is of one work order, never of all");
        }
        if are_named != ["CompanyId", "WorkOrderId"] {
            faults.add("/Filter", NOT_ALLOWED, "an Erase takes CompanyId and WorkOrderId, both and no other");
        }
    } else if are_named.is_empty() && !all && !faults.are_at("/Filter") && !faults.are_at("/Kind") {
        faults.add("/Filter", MISSING, "must name something; to mean everything, add All: true");
    }
    if let (Some(kind), Some(states)) = (kind, filter(fields).state)
        && kind.is_of_deliveries()
        && !State::ALL.into_iter().any(|state| states.takes(state) && kind.takes(state))
    {
        faults.add(
            "/Filter/State",
            NOT_ALLOWED,
            format!("nothing that is {} can be the matter of a {}", states.name(), kind.name()),
        );
    }
    if kind == Some(Kind::Replay) {
        let means_nothing = "means nothing to a Replay, which sends notifications whatever became of them";
        for name in ["State", "Error"].into_iter().filter(|name| names(name)) {
            faults.add(format!("/Filter/{name}"), NOT_ALLOWED, means_nothing);
        }
    }
    Ok(())
}

async fn list(call: Call) -> Result<Response, Problem> {
    let Ok(company) = call.company_wanted() else { return Ok(answer::nothing()) };
    let page = call.app.store.jobs(company.as_ref(), call.paging()).await?;
    Ok(answer::page(page, members))
}

async fn read(call: Call) -> Result<Response, Problem> {
    let id: JobId = call.path_id("JobId")?;
    let job = call.app.store.job(id, call.own_company()).await?;
    let job = job.ok_or_else(|| Problem::not_found(format_args!("job {}", short(call.path("JobId")))))?;
    Ok(answer::ok(&members(job)))
}

async fn cancel(call: Call) -> Result<Response, Problem> {
    let id: JobId = call.path_id("JobId")?;
    let job = call.app.store.cancel_job_by(call.author(), id, call.own_company()).await?;
    Ok(answer::ok(&members(job)))
}
