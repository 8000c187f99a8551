//! `/v1/actions`: the 28 of the contract, and those that the platform registered for itself.

use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use workbell_store::record::{Change, OwnAction};
use workbell_wire::fault::{NOT_ALLOWED, TOO_LONG};
use workbell_wire::{Action, ActionName, Timestamp};

use crate::call::{Call, short};
use crate::check::{Faults, Mode};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Shape, always, maybe};
use crate::{answer, cursor};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/actions",
        id: "registerAction",
        tag: "Actions",
        summary: "Register an action of your own, or give it another sample",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Judged(&NEW, Mode::Whole, judge),
        gives: &[(201, Gives::One(&ACTION)), (200, Gives::One(&ACTION))],
        codes: &[],
        handler: |call| Box::pin(register(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/actions",
        id: "listActions",
        tag: "Actions",
        summary: "List actions: registered ones, newest first, then the 28 of the contract",
        guard: Guard::Platform,
        query: &[PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&ACTION))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/actions/{Name}",
        id: "readAction",
        tag: "Actions",
        summary: "Read an action",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&ACTION))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Delete,
        path: "/v1/actions/{Name}",
        id: "deleteAction",
        tag: "Actions",
        summary: "Delete a registered action: it can be published no more",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(204, Gives::Nothing)],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(delete(call)),
    },
];

static NEW: Shape = Shape {
    name: "NewAction",
    note: "An action of the platform's own.",
    members: &[
        always("Name", Form::ActionName, "As it stands in `Header.Action`; none of the 28."),
        always(
            "Sample",
            Form::AnyObject,
            "The members beside `Header`, as an example; the emulator sends it.",
        ),
    ],
};

static ACTION: Shape = Shape {
    name: "Action",
    note: "An action that can be published.",
    members: &[
        always("Name", Form::ActionName, "As it stands in `Header.Action`."),
        always("Own", Form::Flag, "Whether it was registered here; else it is one of the 28."),
        always("Schema", Form::Text(1, 200), "Path of its JSON Schema."),
        maybe("Summary", Form::Text(1, 200), "What happened, for one of the 28."),
        maybe("Sample", Form::AnyObject, "The members beside `Header`, of a registered one."),
        maybe("Created", Form::Time, "When it was registered."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    name: ActionName,
    own: bool,
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
}

fn schema_path(name: &ActionName) -> String {
    format!("/schemas/{name}.json")
}

fn own(action: &OwnAction) -> Members {
    Members {
        schema: schema_path(&action.name),
        name: action.name.clone(),
        own: true,
        summary: None,
        sample: RawValue::from_string(action.sample.clone()).ok(),
        created: Some(action.created),
    }
}

fn known(action: Action) -> Members {
    let name = ActionName::from(action);
    Members {
        schema: schema_path(&name),
        name,
        own: false,
        summary: Some(action.facts().summary),
        sample: None,
        created: None,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sampled<'a> {
    #[serde(borrow)]
    sample: &'a RawValue,
}

fn judge(call: &Call, faults: &mut Faults) -> Result<(), Problem> {
    let name: Option<ActionName> = call.fields.text("Name").and_then(|name| name.parse().ok());
    if name.is_some_and(|name| name.known().is_some()) {
        faults.add(
            "/Name",
            NOT_ALLOWED,
            "is one of the 28 actions of the contract, which need no registration",
        );
    }
    for (member, _) in
        call.fields.get("Sample", crate::json::Json::as_members).or_keep(None).unwrap_or_default()
    {
        if matches!(member.as_str(), "Header" | "InitiatedBy" | "CompanyId") {
            let pointer = format!("/Sample/{member}");
            faults.add(
                pointer,
                NOT_ALLOWED,
                "the sample holds the members beside Header, and none of the reserved ones",
            );
        }
    }
    let most = call.app.limits.body;
    if serde_json::from_slice::<Sampled<'_>>(&call.body).is_ok_and(|it| it.sample.get().len() > most) {
        faults.add("/Sample", TOO_LONG, format!("has at most {most} bytes (limits.body)"));
    }
    Ok(())
}

async fn register(call: Call) -> Result<Response, Problem> {
    let name = name(call.fields.text("Name").unwrap_or_default())?;
    let sampled: Sampled<'_> = serde_json::from_slice(&call.body)
        .map_err(|error| Problem::new(Code::InvalidJson, format!("the body is no JSON: {error}")))?;
    let sample = sampled.sample.get();
    let before = call.app.store.directory().action(&name);
    let created = before.as_ref().map_or_else(|| call.app.clock.now(), |before| before.created);
    let action = OwnAction { name, sample: sample.to_owned(), created };
    call.change(Change::PutAction(action.clone())).await?;
    Ok(match before {
        Some(_) => answer::json(StatusCode::OK, &own(&action)),
        None => answer::created(&format!("/v1/actions/{}", action.name), &own(&action)),
    })
}

/// What no name is has no action.
fn name(text: &str) -> Result<ActionName, Problem> {
    text.parse().map_err(|_| Problem::not_found(format_args!("action {}", short(text))))
}

async fn list(call: Call) -> Result<Response, Problem> {
    let mut all: Vec<_> = call.app.store.directory().actions().iter().map(|action| own(action)).collect();
    all.extend(Action::ALL.map(known));
    // The 28 come last: they are older than any registration, the first of them the newest.
    let place = |members: &Members| match members.created {
        Some(created) => (created, members.name.to_string()),
        None => {
            let place = Action::ALL.iter().position(|action| Some(*action) == members.name.known());
            (Timestamp::from_ticks(i64::MIN), format!("{:02}", Action::ALL.len() - place.unwrap_or(0)))
        }
    };
    Ok(answer::page(cursor::page(all, &call.paging(), place)?, |members| members))
}

async fn read(call: Call) -> Result<Response, Problem> {
    let name = name(call.path("Name"))?;
    let members = match name.known() {
        Some(action) => known(action),
        None => {
            let action = call.app.store.directory().action(&name);
            own(&*action.ok_or_else(|| Problem::not_found(format_args!("action {name}")))?)
        }
    };
    Ok(answer::ok(&members))
}

async fn delete(call: Call) -> Result<Response, Problem> {
    let name = name(call.path("Name"))?;
    if name.known().is_some() {
        let detail = format!("{name} is one of the 28 actions of the contract, which cannot be deleted");
        return Err(Problem::new(Code::StateConflict, detail));
    }
    call.change(Change::DeleteAction(name)).await?;
    Ok(answer::gone())
}
