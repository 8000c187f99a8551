//! `GET notifications`: the feed of a pull endpoint, over a connection that its reader opens.
//!
//! A reader names the place that it has reached and gets what came after it; reading moves nothing. With `Wait` the
//! answer is held back until there is something, and meanwhile the store is asked nothing: its bell wakes us.
//! Source: service.md section 6, Feed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, HeaderName};
use serde::{Serialize, Serializer};
use serde_json::json;
use tokio::time::Instant;
use workbell_delivery::fed::{Fed, Maker};
use workbell_model::{Endpoint, EndpointId, EndpointKey, duration};
use workbell_signing::TokenCache;
use workbell_store::Error as StoreError;
use workbell_store::feed::{FeedCursor, FeedPage};

use super::call::Call;
use super::fault::{Code, Fault};
use super::journal::Shown;
use super::route::Route;
use crate::answer;
use crate::call::short;
use crate::route::Method;
use crate::shape::{Form, Shape, always, maybe};

/// Most items of one answer. Source: service.md section 6.
const LONGEST_PAGE: usize = 500;

/// Items of an answer when `Limit` does not say. 50, as for all lists.
const USUAL_PAGE: usize = 50;

/// Longest time that an answer is held back. Source: service.md section 6.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) static ROUTES: &[Route] = &[Route {
    method: Method::Get,
    path: "/Direct/api/notifications",
    id: "directNotifications",
    logged: "directNotifications",
    summary: "The feed of a pull endpoint: what was accepted for it, in that order",
    query: &[
        maybe("Endpoint", Form::Id, "The pull endpoint; not needed while the company has only one."),
        maybe(
            "After",
            Form::Text(1, 80),
            "The `Next` of the answer before, or the `Cursor` of an item; from the oldest that is kept when missing.",
        ),
        maybe("Limit", Form::Integer(1, LONGEST_PAGE as i64), "Most items; 50 when missing. More is cut."),
        maybe(
            "Wait",
            Form::Text(1, 20),
            "How long the answer may be held back while there is nothing: seconds, or a duration such as `30s`; more \
             than 60 s is cut.",
        ),
    ],
    takes: None,
    gives: &FEED,
    handler: |call| Box::pin(read(call)),
}];

static FEED: Shape = Shape {
    name: "Feed",
    note: "Some notifications of a feed, in the order of acceptance.",
    members: &[
        always("Items", Form::List(&Form::Object(&ITEM), LONGEST_PAGE), "None when nothing came in time."),
        always("Next", Form::Text(1, 80), "Ask with `After` of this for what comes next."),
    ],
};

static ITEM: Shape = Shape {
    name: "FeedItem",
    note: "A notification, as it would have been sent.",
    members: &[
        always("Cursor", Form::Text(1, 80), "The place after it."),
        always("Headers", Form::Texts(100), "The headers of the request."),
        always(
            "Body",
            Form::Text(0, usize::MAX),
            "The exact text of the body; the signature covers its bytes.",
        ),
    ],
};

/// The tokens of pull endpoints, each reused until half of its life is gone.
#[derive(Debug, Default)]
pub(crate) struct FeedTokens(Mutex<HashMap<EndpointKey, TokenCache>>);

/// What is asked for.
struct Wanted {
    endpoint: EndpointKey,
    after: Option<FeedCursor>,
    limit: usize,
    wait: Duration,
}

async fn read(call: Call) -> Result<Response, Fault> {
    let wanted = wanted(&call)?;
    let page = page(&call, &wanted).await?;
    // Looked up last: what changed while the answer was held back counts.
    let endpoint = still_there(&call, &wanted.endpoint)?;
    let now = call.app.clock.now();
    let fed = fed(&call, &endpoint).map_err(|error| failed(&error))?;
    let items = page.items.iter().map(|item| {
        let headers = fed.headers(item, now).map_err(|error| failed(&error))?;
        let body = std::str::from_utf8(&item.body).map_err(|error| failed(&error))?;
        Ok(Item { cursor: item.cursor().to_string(), headers: Headers(headers), body })
    });
    let items: Vec<Item<'_>> = items.collect::<Result<_, Fault>>()?;
    let mut response = answer::ok(&Feed { items, next: page.next.to_string() });
    response.extensions_mut().insert(Shown(shown(&page)));
    Ok(response)
}

/// What the log keeps: which ones were read, without tokens, custom headers and what stands in the store already.
fn shown(page: &FeedPage) -> String {
    let items = page.items.iter();
    let items =
        items.map(|item| json!({ "Cursor": item.cursor().to_string(), "MessageId": item.message_id }));
    json!({ "Items": items.collect::<Vec<_>>(), "Next": page.next.to_string() }).to_string()
}

/// The page that is asked for: at once when there is something, else when something comes or the time is over.
async fn page(call: &Call, wanted: &Wanted) -> Result<FeedPage, Fault> {
    let store = &call.app.store;
    let until = Instant::now() + wanted.wait;
    // Listened to before the first look, so that nothing comes in between unheard.
    let mut bell = store.feed_bells().listen(&wanted.endpoint);
    loop {
        still_there(call, &wanted.endpoint)?;
        let page = store.feed(&wanted.endpoint, wanted.after, wanted.limit).await.map_err(refused)?;
        if !page.items.is_empty() || wanted.wait.is_zero() {
            return Ok(page);
        }
        tokio::select! {
            rung = bell.changed() => match rung {
                Ok(()) => {}
                // The bell is gone with the store.
                Err(_) => return Ok(page),
            },
            () = tokio::time::sleep_until(until) => return Ok(page),
            () = call.app.stopping.cancelled() => return Ok(page),
        }
    }
}

fn wanted(call: &Call) -> Result<Wanted, Fault> {
    let endpoint = match call.query("Endpoint") {
        Some(text) => named(call, text)?,
        None => the_only_one(call)?,
    };
    let after = call.query("After").map(str::parse).transpose().map_err(refused)?;
    let limit = match call.query("Limit") {
        None => USUAL_PAGE,
        Some(text) => match text.parse::<u64>() {
            Ok(limit) if limit > 0 => usize::try_from(limit).unwrap_or(LONGEST_PAGE).min(LONGEST_PAGE),
            Ok(_) | Err(_) => return Err(bad("Limit", text, "a whole number from 1 to 500")),
        },
    };
    let wait = match call.query("Wait") {
        None => Duration::ZERO,
        Some(text) => {
            let seconds = text.parse().map(Duration::from_secs).ok();
            let wait = seconds.or_else(|| duration::parse(text).ok());
            wait.ok_or_else(|| bad("Wait", text, "seconds, or a duration such as 30s"))?.min(LONGEST_WAIT)
        }
    };
    Ok(Wanted { endpoint: endpoint.key.clone(), after, limit, wait })
}

fn bad(name: &str, text: &str, must_be: &str) -> Fault {
    Fault::new(Code::InvalidModel, format!("{name} must be {must_be}, not {:?}", short(text)))
}

fn named(call: &Call, text: &str) -> Result<Arc<Endpoint>, Fault> {
    let company = &call.caller.company;
    let found = text.parse::<EndpointId>().ok().and_then(|id| company.endpoints.get(&id));
    let missing = || Fault::new(Code::NotFound, format!("endpoint {} does not exist", short(text)));
    let endpoint = found.ok_or_else(missing)?;
    if endpoint.settings.url.is_some() {
        let why =
            format!("endpoint {} is pushed to and has no feed; only pull endpoints have one", short(text));
        return Err(Fault::new(Code::NotFound, why));
    }
    Ok(endpoint.clone())
}

fn the_only_one(call: &Call) -> Result<Arc<Endpoint>, Fault> {
    let endpoints = call.caller.company.endpoints.values();
    let mut pulled = endpoints.filter(|endpoint| endpoint.settings.url.is_none());
    match (pulled.next(), pulled.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(_), Some(_)) => {
            Err(Fault::new(Code::InvalidModel, "there are several pull endpoints; name one with Endpoint"))
        }
        (None, _) => {
            let why =
                "there is no pull endpoint; create one with Url: null (workbell endpoint create --pull)";
            Err(Fault::new(Code::NotFound, why))
        }
    }
}

fn still_there(call: &Call, key: &EndpointKey) -> Result<Arc<Endpoint>, Fault> {
    let found = call.app.store.directory().endpoint(key);
    found.ok_or_else(|| Fault::new(Code::NotFound, format!("endpoint {} does not exist", key.endpoint_id)))
}

/// What all headers of this endpoint have in common.
fn fed(call: &Call, endpoint: &Endpoint) -> Result<Fed, workbell_delivery::Unusable> {
    let directory = call.app.store.directory();
    let company = directory.company(&endpoint.key.company_id);
    let company = company.as_ref().unwrap_or(&call.caller.company);
    let maker = Maker {
        ring: &call.app.keys.ring(),
        master: &call.app.master_key,
        default_client: &company.default_client_name(),
        now: call.app.clock.now(),
    };
    let mut tokens = call.app.feed_tokens.0.lock().unwrap_or_else(PoisonError::into_inner);
    if !tokens.contains_key(&endpoint.key) {
        tokens.retain(|key, _| directory.endpoint(key).is_some());
    }
    Fed::new(endpoint, maker, tokens.entry(endpoint.key.clone()).or_default())
}

fn refused(error: StoreError) -> Fault {
    match error {
        StoreError::CursorExpired => Fault::new(
            Code::Expired,
            "cursor_expired: the notification of this place is not kept any more; start without After, from the \
             oldest that is",
        ),
        StoreError::BadCursor(text) => bad("After", &text, "a Next or Cursor of this feed"),
        StoreError::Unavailable(_) | StoreError::Closed | StoreError::QueueFull | StoreError::DiskFull => {
            Fault::new(Code::Unavailable, error.to_string())
        }
        StoreError::NotFound(_)
        | StoreError::Exists(_)
        | StoreError::BranchTaken(_)
        | StoreError::StateConflict(_)
        | StoreError::UndeliveredExist(_)
        | StoreError::TooMany(_)
        | StoreError::Locked(_)
        | StoreError::InUse { .. }
        | StoreError::Open { .. }
        | StoreError::TooNew { .. }
        | StoreError::Database(_) => failed(&error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Fault {
    tracing::error!(error, "a feed could not be read");
    Fault::new(Code::Internal, "the feed cannot be read; the service's log says why")
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Feed<'a> {
    items: Vec<Item<'a>>,
    next: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    cursor: String,
    headers: Headers,
    body: &'a str,
}

/// Headers with their names as they would be on the wire.
struct Headers(HeaderMap);

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        serializer.collect_map(self.0.iter().map(|(name, value)| (title_case(name), text(value.as_bytes()))))
    }
}

/// `webhook-id` is written `Webhook-Id`.
fn title_case(name: &HeaderName) -> String {
    let mut is_first = true;
    let letters = name.as_str().chars().map(|letter| {
        let letter_now = if is_first { letter.to_ascii_uppercase() } else { letter };
        is_first = letter == '-';
        letter_now
    });
    letters.collect()
}
