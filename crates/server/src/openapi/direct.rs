//! The Direct API and the token endpoint in the document.

use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::check::describe;
use crate::direct::{self, Code, Route};
use crate::oauth;
use crate::shape::Need;

/// Writes all of it down.
pub(super) fn describe_all(paths: &mut Map<String, Value>, schemas: &mut Schemas) {
    paths.insert(oauth::PATH.to_owned(), json!({ "post": token() }));
    schemas.0.insert("DirectError".to_owned(), error());
    for route in direct::all() {
        let operation = operation(route, schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.name().to_ascii_lowercase()] = operation;
    }
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let parameters: Vec<_> = route
        .query
        .iter()
        .map(|member| {
            json!({
                "name": member.name,
                "in": "query",
                "required": member.need == Need::Always,
                "description": format!("{} Must be {}.", member.note, describe(&member.form)),
                "schema": schemas.form(&member.form),
            })
        })
        .collect();
    let given = schemas.shape(route.gives);
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({ "description": "Done.", "content": { "application/json": { "schema": given } } }),
    );
    let takes_body = |code: &Code| route.takes.is_some() || !code.is_about_bodies();
    let mut codes: Vec<_> = Code::ALL.into_iter().filter(takes_body).collect();
    codes.sort_by_key(|code| code.status());
    for code in &codes {
        let numbers: Vec<_> = codes
            .iter()
            .filter(|other| other.status() == code.status())
            .map(|other| format!("`{}`", other.number()))
            .collect();
        responses.insert(
            code.status().to_string(),
            json!({
                "description": format!("Code {}.", numbers.join(", ")),
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/DirectError" } } },
            }),
        );
    }
    let mut operation = json!({
        "operationId": route.id,
        "tags": ["Direct API"],
        "summary": route.summary,
        "description": "The path is matched without regard to case.",
        "parameters": parameters,
        "responses": responses,
        "security": [{ "AccessToken": [] }],
    });
    if let Some(shape) = route.takes {
        let mut schema = schemas.object(shape, true);
        schema["additionalProperties"] = json!(true);
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn token() -> Value {
    let text = json!({ "type": "string" });
    let refused = |description: &str| {
        json!({
            "description": description,
            "content": { "application/json": { "schema": {
                "type": "object",
                "properties": { "error": text, "error_description": text },
                "required": ["error", "error_description"],
            } } },
        })
    };
    json!({
        "operationId": "createAccessToken",
        "tags": ["Direct API"],
        "summary": "An access token for the Direct API, for a client's id and secret",
        "description": "RFC 6749 section 4.4. The secret comes in the form or as HTTP Basic. The path is matched without regard to case.",
        "requestBody": { "required": true, "content": { "application/x-www-form-urlencoded": { "schema": {
            "type": "object",
            "properties": {
                "grant_type": { "const": "client_credentials" },
                "client_id": text,
                "client_secret": text,
            },
            "required": ["grant_type"],
        } } } },
        "responses": {
            "200": { "description": "Done.", "content": { "application/json": { "schema": {
                "type": "object",
                "properties": {
                    "access_token": text,
                    "token_type": { "const": "bearer" },
                    "expires_in": { "type": "integer", "description": "Seconds." },
                },
                "required": ["access_token", "token_type", "expires_in"],
            } } } },
            "400": refused("`invalid_request`, `unsupported_grant_type`"),
            "401": refused("`invalid_client`"),
            "408": refused("`invalid_request`: the form did not arrive in time"),
            "413": refused("`invalid_request`: the form is too long"),
            "429": refused("`temporarily_unavailable`: this client asks too often; see Retry-After"),
            "500": refused("`temporarily_unavailable`: no token can be signed"),
            "503": refused("`temporarily_unavailable`: too much is in memory"),
        },
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "description": "An error of the Direct API.",
        "properties": {
            "Code": { "type": "integer" },
            "Message": { "type": "string", "maxLength": 1000 },
            "ValidationErrors": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "Pointer": { "type": "string" },
                    "Code": { "type": "string" },
                    "Message": { "type": "string" },
                },
                "required": ["Pointer", "Code", "Message"],
            }, "description": "What is wrong with the members; with 2100." },
            "AllowedActs": { "type": "array", "items": { "type": "string" }, "description": "Calls that are allowed for the work order; where an act was refused." },
            "MessageId": { "type": ["string", "null"], "description": "Echoed." },
        },
        "required": ["Code", "Message", "MessageId"],
    })
}
