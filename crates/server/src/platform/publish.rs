//! `POST /v1/notifications`: one notification or an array, from the published bytes to the store's answer.
//!
//! Each text is scanned once, its values are copied once, into the body that is sent. A call is one
//! `store.accept`, so an array is one commit, and what is wrong with one item is told to that item alone.

use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde::ser::SerializeMap;
use workbell_model::{ClientId, DeliveryId, Fate};
use workbell_store::record::{Acceptance, AcceptanceResult, Accepted, Refused};
use workbell_wire::publication::{self, is_array, split_array};
use workbell_wire::{Fault, MessageId, Publication, Timestamp, fault};

use super::strangers;
use crate::answer;
use crate::app::App;
use crate::call::Call;
use crate::problem::{Code, Problem};

/// After so many items of an array other tasks get their turn.
///
/// 64: below a millisecond for notifications of 1 KiB.
const ITEMS_IN_A_ROW: usize = 64;

/// Accepts what the body holds.
pub(super) async fn publish(call: Call) -> Result<Response, Problem> {
    if is_array(&call.body) { array(&call).await } else { one(&call).await }
}

async fn one(call: &Call) -> Result<Response, Problem> {
    let told = |problem| match std::str::from_utf8(&call.body) {
        Ok(text) => strangers::told(problem, text, &call.app),
        Err(_) => problem,
    };
    let publication = Publication::parse(&call.body).map_err(refused_text);
    let acceptance =
        publication.and_then(|publication| acceptance(&publication, &call.app, call.app.clock.now()));
    let mut results = call.app.store.accept(vec![acceptance.map_err(told)?]).await?;
    let result = results.pop().expect("the store answers every notification");
    let accepted = result.map_err(|why| told(refused(why)))?;
    let status = if accepted.repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(answer::json(status, &Members::from(&accepted)))
}

async fn array(call: &Call) -> Result<Response, Problem> {
    let limits = call.app.limits;
    let texts = split_array(&call.body).map_err(refused_text)?;
    if texts.len() > limits.batch {
        let detail = format!(
            "{} notifications are more than an array may have: {} (limits.batch)",
            texts.len(),
            limits.batch
        );
        return Err(Problem::new(Code::BodyTooLarge, detail));
    }
    let now = call.app.clock.now();
    let mut acceptances = Vec::with_capacity(texts.len());
    // What is wrong with an item, or None for one that the store answers.
    let mut problems = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        if place % ITEMS_IN_A_ROW == ITEMS_IN_A_ROW - 1 {
            tokio::task::yield_now().await;
        }
        match item(text, &call.app, now) {
            Ok(acceptance) => {
                acceptances.push(acceptance);
                problems.push(None);
            }
            Err(problem) => problems.push(Some(strangers::told(problem, text, &call.app))),
        }
    }
    let results =
        if acceptances.is_empty() { Vec::new() } else { call.app.store.accept(acceptances).await? };
    Ok(answer::raw_json(StatusCode::OK, items(&texts, problems, results, &call.app)))
}

fn item(text: &str, app: &App, now: Timestamp) -> Result<Acceptance, Problem> {
    if text.len() > app.limits.body {
        let detail = format!("a notification has at most {} bytes (limits.body)", app.limits.body);
        return Err(Problem::new(Code::BodyTooLarge, detail));
    }
    acceptance(&Publication::parse_text(text).map_err(refused_text)?, app, now)
}

/// One answer per item, in order.
fn items(texts: &[&str], problems: Vec<Option<Problem>>, results: Vec<AcceptanceResult>, app: &App) -> Bytes {
    let mut written = Vec::with_capacity(problems.len() * 160 + 2);
    let mut results = results.into_iter();
    written.push(b'[');
    for (place, (problem, text)) in problems.into_iter().zip(texts).enumerate() {
        if place > 0 {
            written.push(b',');
        }
        let outcome = match problem {
            Some(problem) => Err(problem),
            None => {
                let result = results.next().expect("the store answers every notification");
                result.map_err(|why| strangers::told(refused(why), text, app))
            }
        };
        serde_json::to_writer(&mut written, &Item(outcome)).expect("answers are plain data");
    }
    written.push(b']');
    written.into()
}

/// What the store is asked to accept: everything is checked that needs the configuration but not the store.
fn acceptance(publication: &Publication<'_>, app: &App, now: Timestamp) -> Result<Acceptance, Problem> {
    let mut faults = Vec::new();
    if publication.known().is_none() && app.store.directory().action(publication.action()).is_none() {
        faults.push(Fault {
            pointer: "/Header/Action".to_owned(),
            code: Code::UnknownAction.name(),
            message: format!(
                "{} is neither of the 28 nor registered; register it with POST /v1/actions",
                publication.action()
            ),
        });
    }
    let initiated_by = publication.initiated_by().map(str::parse::<ClientId>).transpose();
    let initiated_by = initiated_by.unwrap_or_else(|_| {
        faults.push(Fault {
            pointer: "/InitiatedBy/ClientId".to_owned(),
            code: Code::UnknownClient.name(),
            message: "is not the id of a client".to_owned(),
        });
        None
    });
    let company_id = publication.company_id().map(str::parse).transpose().unwrap_or_else(|_| {
        faults.push(Fault {
            pointer: "/CompanyId".to_owned(),
            code: fault::BAD_ID,
            message: "must be a company id: 1 to 64 of A-Z a-z 0-9 _ -".to_owned(),
        });
        None
    });
    if !faults.is_empty() {
        return Err(Problem::of_faults(faults));
    }
    let message_id = publication.message_id().unwrap_or_else(|| MessageId::from(crate::id::new()));
    Ok(Acceptance {
        company_id,
        branch_id: publication.branch_id(),
        work_order_id: publication.work_order_id(),
        action: publication.action().clone(),
        message_id,
        content_hash: publication.content_hash(),
        initiated_by,
        body: publication.body(message_id, now).into(),
        accepted: now,
    })
}

pub(super) fn refused_text(error: publication::Error) -> Problem {
    match error {
        publication::Error::InvalidJson { .. } => Problem::new(Code::InvalidJson, error.to_string()),
        publication::Error::Schema(faults) => Problem::of_faults(faults),
    }
}

pub(super) fn refused(refused: Refused) -> Problem {
    let message = refused.to_string();
    match refused {
        Refused::UnknownBranch(_) => Problem::at(Code::UnknownBranch, "/Header/BranchId", message),
        Refused::UnknownCompany(_) => Problem::at(Code::UnknownBranch, "/CompanyId", message),
        Refused::CompanyMissing => {
            let fault = Fault { pointer: "/CompanyId".to_owned(), code: fault::MISSING, message };
            Problem::of_faults(vec![fault])
        }
        Refused::UnknownClient(_) => Problem::at(Code::UnknownClient, "/InitiatedBy/ClientId", message),
        Refused::MessageIdConflict(_) => Problem::new(
            Code::MessageIdConflict,
            format!(
                "{message}; send the same content for a repeat, or a new MessageId for a new notification"
            ),
        ),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    message_id: MessageId,
    fate: Fate,
    deliveries: &'a [DeliveryId],
}

impl<'a> From<&'a Accepted> for Members<'a> {
    fn from(accepted: &'a Accepted) -> Self {
        Members { message_id: accepted.message_id, fate: accepted.fate, deliveries: &accepted.deliveries }
    }
}

struct Item(Result<Accepted, Problem>);

impl Serialize for Item {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.0 {
            Ok(accepted) => {
                map.serialize_entry("Status", if accepted.repeated { &200 } else { &202 })?;
                map.serialize_entry("MessageId", &accepted.message_id)?;
                map.serialize_entry("Fate", &accepted.fate)?;
                map.serialize_entry("Deliveries", &accepted.deliveries)?;
            }
            Err(problem) => {
                map.serialize_entry("Status", &problem.code().status())?;
                problem.write_members(&mut map)?;
            }
        }
        map.end()
    }
}
