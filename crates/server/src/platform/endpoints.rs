//! `/v1/companies/{CompanyId}/endpoints`: where a company wants to be told.

use std::sync::Arc;

use axum::response::Response;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use workbell_model::{Endpoint, EndpointId, EndpointKey, EndpointSettings, SealedText, duration};
use workbell_signing::new_webhook_secret;
use workbell_store::record::{Change, EndpointChange};
use workbell_wire::Timestamp;

use super::clients::{OLD_SECRET_LIFE, ROTATION};
use super::endpoint_settings::{
    ACTIONS, AUTHORIZATION, BRANCH_IDS, ON_410, SCHEDULE, SETTINGS, SIGNATURE, URL, changed, judge,
};
use super::headers::MASK;
use crate::call::{Call, short};
use crate::check::{Faults, Mode};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes, UNDELIVERED};
use crate::shape::{Form, Shape, always, maybe};
use crate::{answer, cursor};

/// Problems of creating and changing.
const CODES: &[Code] = &[
    Code::StateConflict,
    Code::AddressRefused,
    Code::InvalidHeader,
    Code::UnknownAction,
    Code::UnknownBranch,
    Code::UnknownClient,
];

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/endpoints",
        id: "createEndpoint",
        tag: "Endpoints",
        summary: "Create an endpoint; its signing secret is shown this once",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Judged(&SETTINGS, Mode::Whole, judge_new),
        gives: &[(201, Gives::One(&ENDPOINT))],
        codes: CODES,
        handler: |call| Box::pin(create(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/endpoints",
        id: "listEndpoints",
        tag: "Endpoints",
        summary: "List endpoints, newest first",
        guard: Guard::Company,
        query: &[PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&ENDPOINT))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}",
        id: "readEndpoint",
        tag: "Endpoints",
        summary: "Read an endpoint",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&ENDPOINT))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Patch,
        path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}",
        id: "changeEndpoint",
        tag: "Endpoints",
        summary: "Change an endpoint: only the members given",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Judged(&SETTINGS, Mode::Partial, judge_change),
        gives: &[(200, Gives::One(&ENDPOINT))],
        codes: CODES,
        handler: |call| Box::pin(change(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}/pause",
        id: "pauseEndpoint",
        tag: "Endpoints",
        summary: "Pause an endpoint: deliveries are created and wait",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Maybe(&EMPTY),
        gives: &[(200, Gives::One(&ENDPOINT))],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(pause(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}/resume",
        id: "resumeEndpoint",
        tag: "Endpoints",
        summary: "Resume an endpoint: all that waits is due at once, in order",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Maybe(&EMPTY),
        gives: &[(200, Gives::One(&ENDPOINT))],
        codes: &[],
        handler: |call| Box::pin(resume(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}/rotate-secret",
        id: "rotateEndpointSecret",
        tag: "Endpoints",
        summary: "Give an endpoint a new signing secret, shown this once; both sign for another 24 hours",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Maybe(&ROTATION),
        gives: &[(200, Gives::One(&ENDPOINT))],
        codes: &[],
        handler: |call| Box::pin(rotate(call)),
    },
    Route {
        method: Method::Delete,
        path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}",
        id: "deleteEndpoint",
        tag: "Endpoints",
        summary: "Delete an endpoint for good",
        guard: Guard::Company,
        query: &[UNDELIVERED],
        takes: Takes::Nothing,
        gives: &[(204, Gives::Nothing)],
        codes: &[Code::UndeliveredExist],
        handler: |call| Box::pin(delete(call)),
    },
];

/// The body of what needs none.
pub(super) static EMPTY: Shape = Shape { name: "Empty", note: "Nothing.", members: &[] };

static ENDPOINT: Shape = Shape {
    name: "Endpoint",
    note: "Where a company wants to be told. `null` means: as the service's settings say.",
    members: &[
        always("CompanyId", Form::CompanyId, "Whose it is."),
        always("EndpointId", Form::Id, "Its id."),
        always("Url", Form::Nullable(&URL), "Where to post; `null` of a pull endpoint."),
        always("Enabled", Form::Flag, "Whether deliveries are created and sent."),
        always("Actions", ACTIONS, "Names of actions, or `*`."),
        always("BranchIds", BRANCH_IDS, "Branches, or `*`."),
        always("ClientId", Form::Nullable(&Form::Id), "The token's name claim."),
        always("Authorization", AUTHORIZATION, "Form of the bearer token."),
        always("Signature", SIGNATURE, "Whether requests are signed."),
        always("ExpectContinue", Form::Flag, "Whether requests carry `Expect: 100-continue`."),
        always("Headers", Form::Texts(super::headers::MOST), "Custom headers; each value is shown as `***`."),
        always(
            "HoldLimit",
            Form::Nullable(&Form::Duration),
            "How long a refused notification holds its lane.",
        ),
        always("MaxConcurrency", Form::Nullable(&Form::Integer(1, u16::MAX as i64)), "Attempts at once."),
        always(
            "RatePerSecond",
            Form::Nullable(&Form::Integer(1, u32::MAX as i64)),
            "Attempts started per second.",
        ),
        always("RetrySchedule", Form::Nullable(&SCHEDULE), "Waits between attempts."),
        always(
            "MaxAttempts",
            Form::Nullable(&Form::Integer(1, u16::MAX as i64)),
            "Counted attempts until `Dead`.",
        ),
        always("Timeout", Form::Nullable(&Form::Duration), "Longest attempt."),
        always("On410", ON_410, "What a `410 Gone` does."),
        always("Paused", Form::Nullable(&Form::Time), "Since when it is paused."),
        always(
            "OldSecretUntil",
            Form::Nullable(&Form::Time),
            "Until when the secret before the last rotation signs as well.",
        ),
        always("Created", Form::Time, "When it was created."),
        maybe("Secret", Form::Text(1, 200), "The signing secret, `whsec_…`; only when it was just made."),
    ],
};

/// An endpoint as it is shown, with the secret that was just made for it.
struct Shown<'a>(&'a Endpoint, Timestamp, Option<&'a str>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shown(endpoint, now, secret) = self;
        let settings = &endpoint.settings;
        let wait = |wait: Option<std::time::Duration>| wait.map(duration::format);
        let schedule = settings.retry_schedule.as_ref();
        let schedule =
            schedule.map(|it| it.waits().iter().map(|it| duration::format(*it)).collect::<Vec<_>>());
        let previous = endpoint.previous_secret.as_ref().map(|(_, until)| *until);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("CompanyId", &endpoint.key.company_id)?;
        map.serialize_entry("EndpointId", &endpoint.key.endpoint_id)?;
        map.serialize_entry("Url", &settings.url)?;
        map.serialize_entry("Enabled", &settings.enabled)?;
        map.serialize_entry("Actions", &settings.actions)?;
        match &settings.branch_ids {
            Some(ids) => map.serialize_entry("BranchIds", ids)?,
            None => map.serialize_entry("BranchIds", &["*"])?,
        }
        map.serialize_entry("ClientId", &settings.client_id)?;
        map.serialize_entry("Authorization", &settings.authorization)?;
        map.serialize_entry("Signature", &settings.signature)?;
        map.serialize_entry("ExpectContinue", &settings.expect_continue)?;
        map.serialize_entry("Headers", &Masked(&settings.headers))?;
        map.serialize_entry("HoldLimit", &wait(settings.hold_limit))?;
        map.serialize_entry("MaxConcurrency", &settings.max_concurrency)?;
        map.serialize_entry("RatePerSecond", &settings.rate_per_second)?;
        map.serialize_entry("RetrySchedule", &schedule)?;
        map.serialize_entry("MaxAttempts", &settings.max_attempts)?;
        map.serialize_entry("Timeout", &wait(settings.timeout))?;
        map.serialize_entry("On410", &settings.on_410)?;
        map.serialize_entry("Paused", &endpoint.paused)?;
        map.serialize_entry("OldSecretUntil", &previous.filter(|until| until > now))?;
        map.serialize_entry("Created", &endpoint.created)?;
        if let Some(secret) = secret {
            map.serialize_entry("Secret", secret)?;
        }
        map.end()
    }
}

struct Masked<'a>(&'a [(String, SealedText)]);

impl Serialize for Masked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, _)| (name, MASK)))
    }
}

/// The endpoint that the path names.
pub(super) fn endpoint(call: &Call) -> Result<Arc<Endpoint>, Problem> {
    let company = call.company()?;
    let text = call.path("EndpointId");
    let found = text.parse::<EndpointId>().ok().and_then(|id| company.endpoints.get(&id).cloned());
    found.ok_or_else(|| Problem::not_found(format_args!("endpoint {}", short(text))))
}

/// A new signing secret: its text, and the same sealed.
fn new_secret(call: &Call, endpoint: &EndpointKey) -> Result<(String, SealedText), Problem> {
    let text = new_webhook_secret().map_err(cannot_seal)?.to_text();
    let sealed = call.app.master_key.seal(&endpoint.secret_record(), text.as_bytes()).map_err(cannot_seal)?;
    Ok((text, SealedText(sealed)))
}

/// The problem of a system without randomness.
pub(super) fn cannot_seal(error: workbell_signing::Error) -> Problem {
    tracing::error!(%error, "cannot make or seal a secret");
    Problem::new(Code::InternalError, "no secret can be made or sealed; the service's log says why")
}

fn judge_new(call: &Call, faults: &mut Faults) -> Result<(), Problem> {
    judge(&call.fields, None, &*call.company()?, &call.app, faults);
    Ok(())
}

fn judge_change(call: &Call, faults: &mut Faults) -> Result<(), Problem> {
    let before = endpoint(call)?;
    judge(&call.fields, Some(&before.settings), &*call.company()?, &call.app, faults);
    Ok(())
}

async fn create(call: Call) -> Result<Response, Problem> {
    let company = call.company()?;
    let now = call.app.clock.now();
    let endpoint_id = EndpointId::from_uuid(crate::id::new());
    let key = EndpointKey { company_id: company.company.company_id.clone(), endpoint_id };
    let settings = changed(&call.fields, None, &key, &company, &call.app)?;
    let (text, secret) = new_secret(&call, &key)?;
    let endpoint =
        Endpoint { key, settings, secret, previous_secret: None, paused: None, created: now, generation: 0 };
    call.change(Change::CreateEndpoint(endpoint.clone(), call.app.limits.endpoints)).await?;
    let location = format!("/v1/companies/{}/endpoints/{endpoint_id}", endpoint.key.company_id);
    Ok(answer::created(&location, &Shown(&endpoint, now, Some(&text))))
}

async fn list(call: Call) -> Result<Response, Problem> {
    let endpoints: Vec<_> = call.company()?.endpoints.values().cloned().collect();
    let page = cursor::page(endpoints, &call.paging(), |it| (it.created, it.key.endpoint_id.to_string()))?;
    let now = call.app.clock.now();
    let items: Vec<_> = page.items.iter().map(|endpoint| Shown(endpoint, now, None)).collect();
    Ok(answer::page(workbell_store::filter::Page { items, next: page.next }, |shown| shown))
}

async fn read(call: Call) -> Result<Response, Problem> {
    Ok(answer::ok(&Shown(&*endpoint(&call)?, call.app.clock.now(), None)))
}

async fn change(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let before = endpoint(&call)?;
    let company = call.company()?;
    let settings = changed(&call.fields, Some(&before.settings), &before.key, &company, &call.app)?;
    let switched_on = settings.enabled && !before.settings.enabled;
    let kind = if alters_request(&before.settings, &settings) {
        EndpointChange::Reopened
    } else if switched_on {
        EndpointChange::Resumed
    } else {
        EndpointChange::Adjusted
    };
    update(&call, Endpoint { settings, ..Endpoint::clone(&before) }, kind, None).await
}

/// Whether requests, or where they go, are others than before.
fn alters_request(before: &EndpointSettings, after: &EndpointSettings) -> bool {
    before.url != after.url
        || before.client_id != after.client_id
        || before.authorization != after.authorization
        || before.signature != after.signature
        || before.expect_continue != after.expect_continue
        || before.headers != after.headers
}

async fn pause(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let before = endpoint(&call)?;
    if before.settings.url.is_none() {
        let why = "this is a pull endpoint: nothing is sent, so there is nothing to pause; its reader decides when \
                   it reads, and with Enabled: false nothing new is added";
        return Err(Problem::new(Code::StateConflict, why));
    }
    let paused = before.paused.or(Some(call.app.clock.now()));
    update(&call, Endpoint { paused, ..Endpoint::clone(&before) }, EndpointChange::Adjusted, None).await
}

async fn resume(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let before = endpoint(&call)?;
    update(&call, Endpoint { paused: None, ..Endpoint::clone(&before) }, EndpointChange::Resumed, None).await
}

async fn rotate(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let before = endpoint(&call)?;
    let (text, secret) = new_secret(&call, &before.key)?;
    let until = call.app.clock.now().plus(OLD_SECRET_LIFE);
    let after = Endpoint {
        previous_secret: (!call.fields.is_set("Now")).then(|| (before.secret.clone(), until)),
        secret,
        ..Endpoint::clone(&before)
    };
    update(&call, after, EndpointChange::Reopened, Some(&text)).await
}

async fn update(
    call: &Call,
    after: Endpoint,
    kind: EndpointChange,
    secret: Option<&str>,
) -> Result<Response, Problem> {
    let now = call.app.clock.now();
    call.change(Change::UpdateEndpoint(after.clone(), kind, now)).await?;
    Ok(answer::ok(&Shown(&after, now, secret)))
}

async fn delete(call: Call) -> Result<Response, Problem> {
    let endpoint = endpoint(&call)?;
    let (mode, now) = (call.if_undelivered(), call.app.clock.now());
    call.change(Change::DeleteEndpoint(endpoint.key.clone(), mode, now)).await?;
    Ok(answer::gone())
}
