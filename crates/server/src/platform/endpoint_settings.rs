//! What can be set of an endpoint: its shape, and the checks that need the service's settings or the company.

use std::time::Duration;

use workbell_egress::{Failure, Target};
use workbell_model::{
    Authorization, ClientId, EndpointKey, EndpointSettings, On410, RetrySchedule, SignatureForm, duration,
};
use workbell_store::directory::CompanyEntry;
use workbell_wire::ActionName;

use super::headers;
use crate::app::App;
use crate::check::{BAD_URL, FOR_LIFE, Faults, OUT_OF_RANGE};
use crate::fields::{Fields, Given};
use crate::json::Json;
use crate::problem::{Code, Problem};
use crate::shape::{Form, Shape, always, maybe};

/// Most actions or branches that a filter names.
///
/// 10,000: more than any company has. The value is our choice.
const MOST_NAMED: usize = 10_000;

/// Most attempts started per second that can be asked for.
const FASTEST: i64 = 100_000;

pub(super) static SETTINGS: Shape = Shape {
    name: "EndpointSettings",
    note: "What can be set of an endpoint. But for `Url`, `null` and a missing member are the same: as the service's \
           settings say.",
    members: &[
        always(
            "Url",
            Form::Nullable(&URL),
            "Where to post: `https://…`, or `http://…` where `egress.http` allows it; `null` makes a pull endpoint, \
             whose feed the company reads. Push or pull is for life.",
        ),
        maybe(
            "Enabled",
            Form::Flag,
            "Off: no delivery is created, those that wait keep waiting. `true` when missing.",
        ),
        maybe(
            "Actions",
            ACTIONS,
            "Names of actions, or `*` for all, which holds when missing. Empty is nothing.",
        ),
        maybe(
            "BranchIds",
            BRANCH_IDS,
            "Branches, or `*` for all, which holds when missing. Empty is nothing.",
        ),
        maybe("ClientId", Form::Id, "The token's name claim; the company's oldest client when missing."),
        maybe("Authorization", AUTHORIZATION, "Form of the bearer token; `Token` when missing."),
        maybe(
            "Signature",
            SIGNATURE,
            "Whether requests are signed (Standard Webhooks); `Hmac` when missing.",
        ),
        maybe(
            "ExpectContinue",
            Form::Flag,
            "Whether requests carry `Expect: 100-continue`. `true` when missing.",
        ),
        maybe(
            "Headers",
            Form::Texts(headers::MOST),
            "Custom headers. A value `***` keeps the one that is there.",
        ),
        maybe("HoldLimit", Form::Duration, "How long a refused notification holds its lane."),
        maybe("MaxConcurrency", Form::Integer(1, u16::MAX as i64), "Attempts at once."),
        maybe(
            "RatePerSecond",
            Form::Integer(1, FASTEST),
            "Attempts started per second; without a bound when missing.",
        ),
        maybe("RetrySchedule", SCHEDULE, "Waits after attempt 1, 2, …; the last repeats."),
        maybe("MaxAttempts", Form::Integer(1, u16::MAX as i64), "Counted attempts until `Dead`."),
        maybe("Timeout", Form::Duration, "Longest attempt."),
        maybe("On410", ON_410, "What a `410 Gone` does; `Retry` when missing."),
    ],
};

pub(super) const URL: Form = Form::Text(1, workbell_egress::url::MAX_URL);
pub(super) const ACTIONS: Form = Form::List(&Form::StarOr(&Form::ActionName), MOST_NAMED);
pub(super) const BRANCH_IDS: Form = Form::List(&Form::StarOr(&Form::Integer(1, i64::MAX)), MOST_NAMED);
pub(super) const SCHEDULE: Form = Form::List(&Form::Duration, RetrySchedule::LONGEST);
pub(super) const AUTHORIZATION: Form = Form::OneOf(&["Token", "Jwt"]);
pub(super) const SIGNATURE: Form = Form::OneOf(&["Hmac", "None"]);
pub(super) const ON_410: Form = Form::OneOf(&["Retry", "Pause"]);

/// The settings `before` (`None`: of a new endpoint) with what the fields change.
///
/// # Errors
/// All faults at once; also those that the configuration has made since [`judge`] was asked.
pub(super) fn changed(
    fields: &Fields,
    before: Option<&EndpointSettings>,
    endpoint: &EndpointKey,
    company: &CompanyEntry,
    app: &App,
) -> Result<EndpointSettings, Problem> {
    let mut faults = Faults::default();
    let (mut settings, wanted_headers) = judged(fields, before, company, app, &mut faults);
    faults.into_result()?;
    if let Some(wanted) = wanted_headers {
        settings.headers = headers::seal(wanted, endpoint, &app.master_key)?;
    }
    Ok(settings)
}

/// What is wrong with the fields beyond their form.
pub(super) fn judge(
    fields: &Fields,
    before: Option<&EndpointSettings>,
    company: &CompanyEntry,
    app: &App,
    faults: &mut Faults,
) {
    judged(fields, before, company, app, faults);
}

/// The settings, with headers yet to be sealed.
fn judged(
    fields: &Fields,
    before: Option<&EndpointSettings>,
    company: &CompanyEntry,
    app: &App,
    faults: &mut Faults,
) -> (EndpointSettings, Option<Vec<headers::Wanted>>) {
    let usual = EndpointSettings::default();
    let now = before.unwrap_or(&usual).clone();
    let wanted_headers = match fields.get("Headers", Json::as_members) {
        Given::Not => None,
        Given::Null => Some(Vec::new()),
        Given::Value(members) => Some(headers::check(members, &now.headers, faults)),
    };
    let settings = EndpointSettings {
        url: url(fields, before, app, faults).or_keep(now.url),
        enabled: fields.get("Enabled", Json::as_flag).or(now.enabled, usual.enabled),
        actions: actions(fields, app, faults).or(now.actions, usual.actions),
        branch_ids: branch_ids(fields, company, faults).or(now.branch_ids, usual.branch_ids),
        client_id: client_id(fields, company, faults).or_keep(now.client_id),
        authorization: fields.get("Authorization", authorization).or(now.authorization, usual.authorization),
        signature: fields.get("Signature", signature).or(now.signature, usual.signature),
        expect_continue: fields
            .get("ExpectContinue", Json::as_flag)
            .or(now.expect_continue, usual.expect_continue),
        headers: now.headers,
        hold_limit: wait(fields, "HoldLimit").or_keep(now.hold_limit),
        max_concurrency: small(fields, "MaxConcurrency").or_keep(now.max_concurrency),
        rate_per_second: fields.get("RatePerSecond", integer).or_keep(now.rate_per_second),
        retry_schedule: retry_schedule(fields, faults).or_keep(now.retry_schedule),
        max_attempts: small(fields, "MaxAttempts").or_keep(now.max_attempts),
        timeout: wait(fields, "Timeout").or_keep(now.timeout),
        on_410: fields.get("On410", on_410).or(now.on_410, usual.on_410),
    };
    keep_to_limits(fields, app, faults);
    (settings, wanted_headers)
}

fn url(fields: &Fields, before: Option<&EndpointSettings>, app: &App, faults: &mut Faults) -> Given<String> {
    let given = fields.get("Url", |json| json.as_text().map(str::to_owned));
    if let Given::Value(text) = &given
        && !faults.are_at("/Url")
    {
        match Target::parse(text) {
            Err(error) => faults.add("/Url", BAD_URL, error.to_string()),
            Ok(target) => match app.policy.judge_target(&target) {
                Ok(()) => {}
                Err(Failure::SchemeRefused) => faults.add(
                    "/Url",
                    Code::AddressRefused.name(),
                    "plain http:// is refused here; use https://, or set egress.http = true",
                ),
                Err(Failure::AddressRefused(refusal)) => {
                    faults.add("/Url", Code::AddressRefused.name(), refusal.to_string());
                }
                Err(other) => faults.add("/Url", Code::AddressRefused.name(), other.to_string()),
            },
        }
    }
    let for_life = match (before.map(|before| before.url.is_some()), fields.get("Url", Some)) {
        (Some(true), Given::Null) => {
            Some("this endpoint is pushed to, for life; create another one that pulls")
        }
        (Some(false), Given::Value(_)) => {
            Some("this is a pull endpoint, for life; create another one with a URL")
        }
        (Some(_) | None, Given::Not | Given::Null | Given::Value(_)) => None,
    };
    if let Some(why) = for_life {
        faults.add("/Url", FOR_LIFE, why);
    }
    given
}

fn actions(fields: &Fields, app: &App, faults: &mut Faults) -> Given<Vec<String>> {
    fields.get("Actions", |json| {
        let list = json.as_list()?;
        for (place, name) in list.iter().enumerate() {
            let Some(name) = name.as_text().and_then(|name| name.parse::<ActionName>().ok()) else {
                continue;
            };
            if name.known().is_none() && app.store.directory().action(&name).is_none() {
                let message =
                    format!("{name} is neither of the 28 nor registered; register it with POST /v1/actions");
                faults.add(format!("/Actions/{place}"), Code::UnknownAction.name(), message);
            }
        }
        Some(list.iter().filter_map(Json::as_text).map(str::to_owned).collect())
    })
}

fn branch_ids(fields: &Fields, company: &CompanyEntry, faults: &mut Faults) -> Given<Option<Vec<i64>>> {
    fields.get("BranchIds", |json| {
        let list = json.as_list()?;
        for (place, id) in list.iter().enumerate() {
            let id = id.as_integer().filter(|id| *id >= 1);
            if let Some(id) = id.filter(|id| !company.branches.contains_key(id)) {
                let message = format!("branch {id} is not one of this company");
                faults.add(format!("/BranchIds/{place}"), Code::UnknownBranch.name(), message);
            }
        }
        let all = list.iter().any(|id| id.as_text() == Some("*"));
        Some(if all { None } else { Some(list.iter().filter_map(Json::as_integer).collect()) })
    })
}

fn client_id(fields: &Fields, company: &CompanyEntry, faults: &mut Faults) -> Given<String> {
    fields.get("ClientId", |json| {
        let id: ClientId = json.as_text()?.parse().ok()?;
        if company.clients.get(&id).is_none_or(|client| client.deleted.is_some()) {
            let message = format!("client {id} is not one of this company");
            faults.add("/ClientId", Code::UnknownClient.name(), message);
        }
        Some(id.to_string())
    })
}

fn retry_schedule(fields: &Fields, faults: &mut Faults) -> Given<RetrySchedule> {
    fields.get("RetrySchedule", |json| {
        if faults.are_at("/RetrySchedule") {
            return None;
        }
        let waits = json.as_list()?.iter().filter_map(|wait| duration::parse(wait.as_text()?).ok()).collect();
        RetrySchedule::new(waits)
            .map_err(|unusable| faults.add("/RetrySchedule", OUT_OF_RANGE, unusable.to_string()))
            .ok()
    })
}

/// An endpoint never gets more than the service's settings give.
fn keep_to_limits(fields: &Fields, app: &App, faults: &mut Faults) {
    let most = &app.defaults;
    let mut refuse = |name: &str, most: String, setting: &str| {
        faults.add(format!("/{name}"), OUT_OF_RANGE, format!("must be at most {most} ({setting})"));
    };
    let exceeds = |name, most: u16| matches!(small(fields, name), Given::Value(asked) if asked > most);
    let outlasts = |name, most: Duration| matches!(wait(fields, name), Given::Value(asked) if asked > most);
    if exceeds("MaxConcurrency", most.endpoint_concurrency) {
        refuse("MaxConcurrency", most.endpoint_concurrency.to_string(), "delivery.endpoint_concurrency");
    }
    if exceeds("MaxAttempts", most.max_attempts) {
        refuse("MaxAttempts", most.max_attempts.to_string(), "delivery.max_attempts");
    }
    if outlasts("Timeout", most.timeout) {
        refuse("Timeout", duration::format(most.timeout), "delivery.timeout");
    }
    if outlasts("HoldLimit", most.hold_limit) {
        refuse("HoldLimit", duration::format(most.hold_limit), "delivery.hold_limit");
    }
    if wait(fields, "Timeout") == Given::Value(Duration::ZERO) {
        faults.add("/Timeout", OUT_OF_RANGE, "must be longer than nothing");
    }
}

fn wait(fields: &Fields, name: &str) -> Given<Duration> {
    fields.get(name, |json| duration::parse(json.as_text()?).ok())
}

fn small(fields: &Fields, name: &str) -> Given<u16> {
    fields.get(name, integer)
}

fn integer<T: TryFrom<i64>>(json: &Json) -> Option<T> {
    T::try_from(json.as_integer()?).ok()
}

fn authorization(json: &Json) -> Option<Authorization> {
    Some(if json.as_text()? == "Jwt" { Authorization::Jwt } else { Authorization::Token })
}

fn signature(json: &Json) -> Option<SignatureForm> {
    Some(if json.as_text()? == "None" { SignatureForm::None } else { SignatureForm::Hmac })
}

fn on_410(json: &Json) -> Option<On410> {
    Some(if json.as_text()? == "Pause" { On410::Pause } else { On410::Retry })
}
