//! Every problem code with its exact answer: status, headers, document.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use workbell_model::Role;
use workbell_server::{Code, Problem};
use workbell_store::{Error, Store};

use crate::house::{House, Reply, accepted, accepted_as};
use crate::rights::{SAME, sign_in, with_cookie};

const ID: &str = "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47";
const ENDPOINTS: &str = "/v1/companies/acme/endpoints";
const JSON: (&str, &str) = ("content-type", "application/json");

/// What the answer to a problem holds beside `type`, `status` and `Code`, which follow from the code.
struct Exact {
    title: &'static str,
    detail: &'static str,
    /// Members behind `Code`.
    more: Value,
    /// `Retry-After`.
    wait: &'static str,
}

fn exact(title: &'static str, detail: &'static str) -> Exact {
    Exact { title, detail, more: json!({}), wait: "" }
}

/// One fault, of which `detail` says the same with its place in front.
fn at(title: &'static str, detail: &'static str, pointer: &str, fault: &str, message: &str) -> Exact {
    let errors = json!([{ "Pointer": pointer, "Code": fault, "Message": message }]);
    Exact { more: json!({ "Errors": errors }), ..exact(title, detail) }
}

fn busy(title: &'static str, detail: &'static str, wait: &'static str) -> Exact {
    Exact { wait, ..exact(title, detail) }
}

/// A body of which nothing arrives.
struct Silent;

impl HttpBody for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// What the store says, as a caller hears it; for what no test can bring about from outside.
async fn of_store(error: Error) -> Reply {
    let (parts, body) = Problem::from(error).into_response().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Reply { status: parts.status.as_u16(), headers: parts.headers, text }
}

/// Brings a problem about, and says what its answer must be. A code without an arm here does not compile.
async fn provoked(code: Code) -> (Reply, Exact) {
    let (house, endpoint) = House::furnished().await;
    match code {
        Code::InvalidJson => (
            house.text("POST", "/v1/companies", "{\n \"CompanyId\" 5}").await,
            exact("The body is not valid JSON", "the body is no JSON: expected `:` at line 2 column 14"),
        ),
        Code::Unauthorized => {
            let reply = house.send_bare("GET", "/v1/companies", &[], Body::empty()).await;
            assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"workbell\"");
            let detail = "send the platform key as Authorization: Bearer <key>; serve keeps it in <data-dir>/platform.key";
            (reply, exact("The platform key is missing or wrong", detail))
        }
        Code::Forbidden => {
            let cookie = sign_in(&house, Role::Reader).await;
            let new = Some(json!({"Kind": "Retry", "All": true}));
            let detail = "a Reader changes nothing; ask an Admin of the company";
            (
                with_cookie(&house, &cookie, ("POST", "/v1/jobs"), &[SAME], new).await,
                exact("This is not yours to do", detail),
            )
        }
        Code::NotFound => (
            house.get("/v1/companies/nobody").await,
            exact("There is no such thing here", "company nobody does not exist"),
        ),
        Code::MethodNotAllowed => {
            let reply = house.send("PUT", "/v1/companies/acme", &[], Body::empty()).await;
            assert_eq!(reply.header("allow"), "GET,HEAD,PATCH,DELETE");
            (
                reply,
                exact("This path does not take this method", "PUT is not a method of this path; see Allow"),
            )
        }
        Code::RequestTimeout => {
            tokio::time::pause();
            let body = Body::new(Silent);
            let reply =
                house.send("POST", "/v1/companies", &[JSON, ("transfer-encoding", "chunked")], body).await;
            tokio::time::resume();
            let detail = "the body did not arrive in time; send it again, in one go";
            (reply, exact("The request did not arrive in time", detail))
        }
        Code::MessageIdConflict => {
            house.post("/v1/notifications", accepted_as(ID, "one")).await.with(202);
            let detail = "MessageId 01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47 was accepted before with other content; send the \
                          same content for a repeat, or a new MessageId for a new notification";
            (
                house.post("/v1/notifications", accepted_as(ID, "two")).await,
                exact("The MessageId was used before with other content", detail),
            )
        }
        Code::StateConflict => (
            house.post("/v1/companies", json!({"CompanyId": "acme", "Name": "Again"})).await,
            exact("The present state does not allow this", "company acme exists already"),
        ),
        Code::BranchTaken => {
            let detail = "branch 492042 exists already; branch ids are unique over all companies";
            (
                house.post("/v1/companies/acme/branches", json!({"BranchId": 492042, "Name": "x"})).await,
                exact("This BranchId is taken", detail),
            )
        }
        Code::UndeliveredExist => {
            house.post("/v1/notifications", accepted("ok")).await.with(202);
            let detail = "1 undelivered deliveries still wait here; deliver them first, or discard them with the deletion";
            let title = "Undelivered notifications still wait here";
            let exact = Exact { more: json!({ "Undelivered": 1 }), ..exact(title, detail) };
            (house.delete(&format!("{ENDPOINTS}/{endpoint}")).await, exact)
        }
        Code::BodyTooLarge => {
            let headers = [JSON, ("content-length", "262145")];
            (
                house.send("POST", "/v1/companies", &headers, Body::from("{}")).await,
                exact("The body is larger than the limit", "this body has at most 262144 bytes"),
            )
        }
        Code::UnsupportedMediaType => {
            let headers = [("content-type", "text/plain"), ("content-length", "2")];
            (
                house.send("POST", "/v1/companies", &headers, Body::from("{}")).await,
                exact("The body must be application/json", "Content-Type must be application/json"),
            )
        }
        Code::SchemaViolation => (
            house.post("/v1/companies", json!({"CompanyId": "new"})).await,
            at(
                "The request is not what is asked for",
                "/Name: must be there",
                "/Name",
                "missing",
                "must be there",
            ),
        ),
        Code::UnknownBranch => {
            let mut notification = accepted("ok");
            notification["Header"]["BranchId"] = 7.into();
            let (pointer, said) = ("/Header/BranchId", "no branch 7 is known");
            (
                house.post("/v1/notifications", notification).await,
                at(
                    "The branch is not known",
                    "/Header/BranchId: no branch 7 is known",
                    pointer,
                    "unknown_branch",
                    said,
                ),
            )
        }
        Code::UnknownAction => {
            let mut notification = accepted("ok");
            notification["Header"]["Action"] = "Sung".into();
            let said = "Sung is neither of the 28 nor registered; register it with POST /v1/actions";
            let detail =
                "/Header/Action: Sung is neither of the 28 nor registered; register it with POST /v1/actions";
            (
                house.post("/v1/notifications", notification).await,
                at("The action is not known", detail, "/Header/Action", "unknown_action", said),
            )
        }
        Code::UnknownClient => {
            let mut notification = accepted("ok");
            notification["InitiatedBy"] = json!({ "ClientId": ID });
            let said = "client 01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47 is not one of this company";
            let detail = "/InitiatedBy/ClientId: client 01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47 is not one of this company";
            (
                house.post("/v1/notifications", notification).await,
                at("The client is not known", detail, "/InitiatedBy/ClientId", "unknown_client", said),
            )
        }
        Code::AddressRefused => {
            let said =
                "10.0.0.1 is a private address; the setting `egress.allow` with 10.0.0.1/32 would allow it";
            let detail = "/Url: 10.0.0.1 is a private address; the setting `egress.allow` with 10.0.0.1/32 would allow it";
            (
                house.post(ENDPOINTS, json!({"Url": "https://10.0.0.1/"})).await,
                at("The address policy refuses this host", detail, "/Url", "address_refused", said),
            )
        }
        Code::InvalidHeader => {
            let said = "is sent by Workbell itself or rules the connection, so it cannot be set";
            let detail =
                "/Headers/Host: is sent by Workbell itself or rules the connection, so it cannot be set";
            (
                house.post(ENDPOINTS, json!({"Url": "https://example.com/", "Headers": {"Host": "x"}})).await,
                at("A custom header is not allowed", detail, "/Headers/Host", "invalid_header", said),
            )
        }
        Code::RateLimited => (
            of_store(Error::Locked(house.now())).await,
            exact(
                "Too many tries in a short time",
                "too many wrong passwords; try again at 2026-01-01T00:00:00Z",
            ),
        ),
        Code::InternalError => {
            let error = Error::Open { path: "/secret/place".to_owned(), reason: "x".to_owned() };
            let detail = "the store failed to answer; the service's log says why";
            (of_store(error).await, exact("Something failed inside", detail))
        }
        Code::QueueFull => (
            of_store(Error::QueueFull).await,
            busy(
                "Too much is waiting to be written",
                "too many writes are waiting; try again in a second",
                "1",
            ),
        ),
        Code::StoreUnavailable => {
            house.store.close().await;
            (
                house.post("/v1/notifications", accepted("ok")).await,
                busy("The store takes no writes at present", "the store is closed", "5"),
            )
        }
        Code::DiskFull => {
            let detail = "no room is left for the store on its disk; free some and try again";
            (of_store(Error::DiskFull).await, busy("No room is left on the disk", detail, "30"))
        }
    }
}

#[tokio::test]
async fn each_has_its_exact_answer() {
    let mut wrong = Vec::new();
    for code in Code::ALL {
        let (reply, exact) = provoked(code).await;
        let mut expected = json!({
            "type": format!("/errors/{}", code.name()), "title": exact.title, "status": code.status(),
            "detail": exact.detail, "Code": code.name()
        });
        expected.as_object_mut().unwrap().extend(exact.more.as_object().unwrap().clone());
        if reply.json() != expected {
            wrong.push(format!("{}\nis not\n{expected}", reply.text));
        }
        assert_eq!(reply.status, code.status(), "{}", code.name());
        assert_eq!(reply.header("content-type"), "application/problem+json", "{}", code.name());
        assert_eq!(reply.header("retry-after"), exact.wait, "{}", code.name());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn they_are_those_of_the_description_with_their_statuses() {
    // `cursor_expired` (410) is of the feed alone, which answers in the form of the Direct API: see `feed`.
    let described = [
        ("invalid_json", 400),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("method_not_allowed", 405),
        ("message_id_conflict", 409),
        ("state_conflict", 409),
        ("branch_taken", 409),
        ("undelivered_exist", 409),
        ("body_too_large", 413),
        ("unsupported_media_type", 415),
        ("schema_violation", 422),
        ("unknown_branch", 422),
        ("unknown_action", 422),
        ("unknown_client", 422),
        ("address_refused", 422),
        ("invalid_header", 422),
        ("rate_limited", 429),
        ("queue_full", 503),
        ("store_unavailable", 503),
        ("disk_full", 503),
    ];
    let ours = [("request_timeout", 408), ("internal_error", 500)];
    let mut expected: Vec<_> = described.into_iter().chain(ours).collect();
    let mut found = Code::ALL.map(|code| (code.name(), code.status())).to_vec();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}
