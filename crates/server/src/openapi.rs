//! The OpenAPI document, written from the table of routes, the shapes that bodies are checked against, and `wire`'s
//! schemas of the notifications.

mod direct;
mod notifications;
mod schemas;

use serde_json::{Map, Value, json};

use crate::check::Mode;
use crate::check::describe;
use crate::problem::Code;
use crate::route::{self, Guard, Route, Takes};
use crate::shape::Need;

pub(crate) use notifications::schema_of;
use schemas::Schemas;

/// Where schemas stand in the document.
const SCHEMAS: &str = "#/components/schemas/";

/// The document.
pub(crate) fn document(public_url: &str) -> Value {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    for route in route::all() {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.name().to_ascii_lowercase()] = operation;
    }
    direct::describe_all(&mut paths, &mut schemas);
    let webhooks = notifications::webhooks(&mut schemas);
    schemas.0.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Workbell",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Work-order notifications, delivered: durable, in order, verifiable",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": public_url }],
        "security": [],
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas.0,
            "securitySchemes": {
                "PlatformKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The key that serve keeps in <data-dir>/platform.key.",
                },
                "AccessToken": {
                    "type": "oauth2",
                    "description": "An access token of the Direct API.",
                    "flows": { "clientCredentials": { "tokenUrl": crate::oauth::PATH, "scopes": {} } },
                },
                "Session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": crate::caller::COOKIE,
                    "description": "A session of somebody who signed in. Writes need Sec-Fetch-Site: same-origin, or \
                                    the Origin of public_url.",
                },
                "WorkbellToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "How Workbell shows who it is: verified with GET /certificates.",
                },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut parameters: Vec<Value> = route
        .path_parameters()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    for member in route.parameters() {
        parameters.push(json!({
            "name": member.name,
            "in": "query",
            "required": member.need == Need::Always,
            "description": format!("{} Must be {}.", member.note, describe(&member.form)),
            "schema": schemas.form(&member.form),
        }));
    }
    let mut responses = Map::new();
    for (status, gives) in route.gives {
        let mut response = json!({ "description": reason(*status) });
        if let Some(content) = schemas.content(gives) {
            response["content"] = content;
        }
        if *status == 201 {
            response["headers"] = json!({ "Location": { "description": "Where it is from now on.", "schema": { "type": "string" } } });
        }
        responses.insert(status.to_string(), response);
    }
    problems(route, &mut responses);
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses,
    });
    match route.guard {
        Guard::Open => {}
        Guard::Platform | Guard::Company => {
            operation["security"] = json!([{ "PlatformKey": [] }, { "Session": [] }]);
        }
    }
    if let Some(body) = request_body(&route.takes, schemas) {
        operation["requestBody"] = body;
    }
    operation
}

fn request_body(takes: &Takes, schemas: &mut Schemas) -> Option<Value> {
    let (schema, required) = match takes {
        Takes::Nothing => return None,
        Takes::Maybe(shape) => (schemas.shape(shape), false),
        Takes::Whole(shape) | Takes::Judged(shape, Mode::Whole, _) => (schemas.shape(shape), true),
        Takes::Partial(shape) | Takes::Judged(shape, Mode::Partial, _) => {
            (schemas.object(shape, false), true)
        }
        Takes::Open(shape) => {
            let mut object = schemas.object(shape, true);
            object["additionalProperties"] = json!(true);
            (object, true)
        }
        Takes::Notifications => {
            let one = json!({
                "type": "object",
                "description": "A notification as the receiver will see it; see webhooks for what each action holds.",
                "properties": { "Header": { "type": "object" } },
                "required": ["Header"],
            });
            (json!({ "anyOf": [one, { "type": "array", "items": one }] }), true)
        }
    };
    Some(json!({ "required": required, "content": { "application/json": { "schema": schema } } }))
}

/// One response per status; several codes can share it.
fn problems(route: &Route, responses: &mut Map<String, Value>) {
    let codes = route.problems();
    let mut statuses: Vec<u16> = codes.iter().map(|code| code.status()).collect();
    statuses.dedup();
    for status in statuses {
        let here: Vec<Code> = codes.iter().copied().filter(|code| code.status() == status).collect();
        let names: Vec<_> = here.iter().map(|code| format!("`{}`", code.name())).collect();
        let mut response = json!({
            "description": names.join(", "),
            "content": { "application/problem+json": { "schema": { "allOf": [
                { "$ref": format!("{SCHEMAS}Problem") },
                { "properties": { "Code": { "enum": here.iter().map(|code| code.name()).collect::<Vec<_>>() } } },
            ] } } },
        });
        if here.iter().any(|code| code.retry_after().is_some()) {
            response["headers"] = json!({
                "Retry-After": { "description": "Seconds to wait.", "schema": { "type": "integer" } },
            });
        }
        responses.insert(status.to_string(), response);
    }
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A problem document (RFC 9457).",
        "properties": {
            "type": { "type": "string", "description": "Path of the documentation's page." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "Code": { "type": "string", "enum": Code::ALL.map(Code::name) },
            "AllowedActs": { "type": "array", "items": { "type": "string" }, "description": "With `state_conflict` of a work order: actions that are allowed." },
            "Undelivered": { "type": "integer", "description": "How many still wait; with `undelivered_exist`." },
            "Errors": {
                "type": "array",
                "description": "All faults at once; with 422.",
                "items": {
                    "type": "object",
                    "properties": {
                        "Pointer": {
                            "type": "string",
                            "description": "JSON Pointer into the body, or `?Name` of a query parameter.",
                        },
                        "Code": { "type": "string" },
                        "Message": { "type": "string" },
                    },
                    "required": ["Pointer", "Code", "Message"],
                },
            },
        },
        "required": ["type", "title", "status", "detail", "Code"],
    })
}

const fn reason(status: u16) -> &'static str {
    match status {
        201 => "Created.",
        202 => "Accepted; it is on disk.",
        204 => "Deleted.",
        _ => "Done.",
    }
}
