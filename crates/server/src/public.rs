//! What anybody may read: certificates, key set, schemas, the OpenAPI document, and whether the service is up.

use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use workbell_wire::ActionName;

use crate::answer;
use crate::call::{Call, short};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, Route, Takes};
use crate::shape::{Form, Shape, always};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/certificates",
        id: "readCertificates",
        tag: "Public",
        summary: "The certificates that tokens are verified with, newest first",
        guard: Guard::Open,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Text("application/x-pem-file", "One PEM bundle."))],
        codes: &[],
        handler: |call| Box::pin(certificates(call)),
    },
    Route {
        method: Method::Get,
        path: "/.well-known/jwks.json",
        id: "readKeySet",
        tag: "Public",
        summary: "The keys that the JWT form of tokens is verified with",
        guard: Guard::Open,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Json("A JWK set (RFC 7517)."))],
        codes: &[],
        handler: |call| Box::pin(key_set(call)),
    },
    Route {
        method: Method::Get,
        path: "/schemas/{File}",
        id: "readSchema",
        tag: "Public",
        summary: "The JSON Schema of an action's notifications, as `<Action>.json`",
        guard: Guard::Open,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Json("A JSON Schema (2020-12)."))],
        codes: &[],
        handler: |call| Box::pin(schema(call)),
    },
    Route {
        method: Method::Get,
        path: "/openapi.json",
        id: "readDocument",
        tag: "Public",
        summary: "This document",
        guard: Guard::Open,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Json("An OpenAPI 3.1 document."))],
        codes: &[],
        handler: |call| Box::pin(document(call)),
    },
    Route {
        method: Method::Get,
        path: "/errors/{Code}",
        id: "readErrorPage",
        tag: "Public",
        summary: "What a problem's code means and what to do: where `type` leads to",
        guard: Guard::Open,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Text("text/markdown; charset=utf-8", "The page of the documentation."))],
        codes: &[],
        handler: |call| Box::pin(error_page(call)),
    },
    Route {
        method: Method::Get,
        path: "/healthz",
        id: "isAlive",
        tag: "Public",
        summary: "Whether the process runs",
        guard: Guard::Open,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&STATUS))],
        codes: &[],
        handler: |call| Box::pin(healthz(call)),
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        id: "isReady",
        tag: "Public",
        summary: "Whether the store takes writes",
        guard: Guard::Open,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&STATUS))],
        codes: &[Code::StoreUnavailable],
        handler: |call| Box::pin(readyz(call)),
    },
];

static STATUS: Shape = Shape {
    name: "ServiceStatus",
    note: "How the service is.",
    members: &[always("Status", Form::OneOf(&["Ok"]), "All is well.")],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    status: &'static str,
}

async fn certificates(call: Call) -> Result<Response, Problem> {
    let bundle = call.app.keys.ring().certificates_pem(call.app.clock.now());
    Ok(answer::text(StatusCode::OK, HeaderValue::from_static("application/x-pem-file"), bundle.into()))
}

async fn key_set(call: Call) -> Result<Response, Problem> {
    let keys = call.app.keys.ring().jwks(call.app.clock.now());
    Ok(answer::raw_json(StatusCode::OK, keys.into()))
}

async fn schema(call: Call) -> Result<Response, Problem> {
    let file = call.path("File");
    let missing = || Problem::not_found(format_args!("schema {}", short(file)));
    let name: ActionName =
        file.strip_suffix(".json").and_then(|name| name.parse().ok()).ok_or_else(missing)?;
    if name.known().is_none() && call.app.store.directory().action(&name).is_none() {
        return Err(missing());
    }
    Ok(answer::raw_json(StatusCode::OK, crate::openapi::schema_of(&name).to_string().into()))
}

async fn document(call: Call) -> Result<Response, Problem> {
    Ok(answer::raw_json(StatusCode::OK, call.app.document()))
}

async fn error_page(call: Call) -> Result<Response, Problem> {
    let name = call.path("Code");
    let code = Code::ALL.into_iter().find(|code| code.name() == name);
    let code = code.ok_or_else(|| Problem::not_found(format_args!("the code {}", short(name))))?;
    let markdown = HeaderValue::from_static("text/markdown; charset=utf-8");
    Ok(answer::text(StatusCode::OK, markdown, code.page().into()))
}

async fn healthz(_: Call) -> Result<Response, Problem> {
    Ok(answer::ok(&Members { status: "Ok" }))
}

async fn readyz(call: Call) -> Result<Response, Problem> {
    match call.app.store.trouble() {
        None => Ok(answer::ok(&Members { status: "Ok" })),
        Some(trouble) => Err(Problem::new(
            Code::StoreUnavailable,
            format!("the store takes no writes at present: {trouble}"),
        )),
    }
}
