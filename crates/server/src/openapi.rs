//! The OpenAPI document, written from the table of routes, the shapes that bodies are checked against, and `wire`'s
//! schemas of the notifications.

use serde_json::{Map, Value, json};
use workbell_wire::{Action, ActionName, schema};

use crate::check::describe;
use crate::problem::Code;
use crate::route::{self, Gives, Guard, Route, Takes};
use crate::shape::{Form, Member, Need, Shape};

/// Where schemas stand in the document.
const SCHEMAS: &str = "#/components/schemas/";

/// Beginning of the names of what `wire` defines, so that its `Attachment` or `Action` cannot meet one of ours.
const WIRE: &str = "Notification.";

/// The document.
pub(crate) fn document(public_url: &str) -> Value {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    for route in route::all() {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.name().to_ascii_lowercase()] = operation;
    }
    let webhooks = webhooks(&mut schemas);
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
                "WorkbellToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "How Workbell shows who it is: verified with GET /certificates.",
                },
            },
        },
    })
}

/// The schema of an action's notifications; one that a platform registered may have any members.
pub(crate) fn schema_of(name: &ActionName) -> Value {
    if let Some(action) = name.known() {
        return schema::of(action);
    }
    // Every schema has the same Header; only what stands beside it is the action's own.
    let mut of_another = schema::of(Action::AttachmentRemoved);
    let header = of_another["properties"]["Header"]["$ref"].clone();
    let reserved = |name: &str| of_another["properties"][name].clone();
    let properties = json!({
        "Header": { "$ref": header, "properties": { "Action": { "const": name.as_str() } } },
        "InitiatedBy": reserved("InitiatedBy"),
        "CompanyId": reserved("CompanyId"),
    });
    json!({
        "$schema": of_another["$schema"].take(),
        "$id": format!("/schemas/{name}.json"),
        "title": name.as_str(),
        "description": "An action that this platform registered; it may have any members beside Header.",
        "type": "object",
        "properties": properties,
        "required": ["Header"],
        "$defs": of_another["$defs"].take(),
    })
}

#[derive(Default)]
struct Schemas(Map<String, Value>);

impl Schemas {
    /// A reference to a shape, which is written down at its first use.
    fn shape(&mut self, shape: &Shape) -> Value {
        if !self.0.contains_key(shape.name) {
            self.0.insert(shape.name.to_owned(), Value::Null);
            let written = self.object(shape, true);
            self.0.insert(shape.name.to_owned(), written);
        }
        json!({ "$ref": format!("{SCHEMAS}{}", shape.name) })
    }

    fn object(&mut self, shape: &Shape, demand: bool) -> Value {
        let mut properties = Map::new();
        for member in shape.members {
            properties.insert(member.name.to_owned(), self.member(member));
        }
        let required: Vec<_> =
            shape.members.iter().filter(|it| it.need == Need::Always).map(|it| it.name).collect();
        let mut object = json!({
            "type": "object",
            "description": shape.note,
            "properties": properties,
            "additionalProperties": false,
        });
        if demand && !required.is_empty() {
            object["required"] = json!(required);
        }
        object
    }

    fn member(&mut self, member: &Member) -> Value {
        let form = self.form(&member.form);
        let mut written = if member.need == Need::Maybe { or_null(form) } else { form };
        written["description"] = member.note.into();
        written
    }

    fn form(&mut self, form: &Form) -> Value {
        match form {
            Form::Flag => json!({ "type": "boolean" }),
            Form::Integer(least, most) => {
                let mut written = json!({ "type": "integer", "format": "int64" });
                if *least != i64::MIN {
                    written["minimum"] = json!(least);
                }
                if *most != i64::MAX {
                    written["maximum"] = json!(most);
                }
                written
            }
            Form::Text(least, most) => {
                let mut written = json!({ "type": "string" });
                if *least > 0 {
                    written["minLength"] = json!(least);
                }
                if *most != usize::MAX {
                    written["maxLength"] = json!(most);
                }
                written
            }
            Form::CompanyId => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }),
            Form::Id | Form::MessageId => json!({ "type": "string", "format": "uuid" }),
            Form::ActionName => json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9]{0,63}$" }),
            Form::Time => json!({ "type": "string", "format": "date-time" }),
            Form::Duration => {
                json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$", "examples": ["500ms", "30s", "5m"] })
            }
            Form::OneOf(values) => json!({ "type": "string", "enum": values }),
            Form::List(inner, most) => {
                let mut written = json!({ "type": "array", "items": self.form(inner) });
                if *most != usize::MAX {
                    written["maxItems"] = json!(most);
                }
                written
            }
            Form::Texts(most) => {
                let mut written = json!({ "type": "object", "additionalProperties": { "type": "string" } });
                if *most != usize::MAX {
                    written["maxProperties"] = json!(most);
                }
                written
            }
            Form::Object(shape) => self.shape(shape),
            Form::AnyObject => json!({ "type": "object" }),
            Form::Nullable(inner) => or_null(self.form(inner)),
            Form::StarOr(inner) => json!({ "anyOf": [{ "const": "*" }, self.form(inner)] }),
        }
    }

    fn content(&mut self, gives: &Gives) -> Option<Value> {
        let schema = match gives {
            Gives::Nothing => return None,
            Gives::One(shape) => self.shape(shape),
            Gives::Page(shape) => {
                let item = self.shape(shape);
                json!({
                    "type": "object",
                    "properties": {
                        "Items": { "type": "array", "items": item, "description": "Newest first." },
                        "Next": { "type": ["string", "null"], "description": "`After` of the next page; null at the end." },
                    },
                    "required": ["Items", "Next"],
                    "additionalProperties": false,
                })
            }
            Gives::PerItem(shape) => {
                let one = self.shape(shape);
                let status = json!({
                    "type": "object",
                    "properties": { "Status": { "type": "integer" } },
                    "required": ["Status"],
                });
                let mut item = self.object(shape, true);
                item["properties"]["Status"] =
                    json!({ "type": "integer", "description": "202, or 200 for a repeat." });
                let problem = json!({ "allOf": [status, { "$ref": format!("{SCHEMAS}Problem") }] });
                // One alone is answered with the object itself: 200 when it is a repeat.
                json!({ "anyOf": [one, { "type": "array", "items": { "anyOf": [item, problem] } }] })
            }
            Gives::Json(note) => json!({ "type": "object", "description": note }),
            Gives::Text(media_type, note) => {
                return Some(json!({ *media_type: { "schema": { "type": "string", "description": note } } }));
            }
        };
        Some(json!({ "application/json": { "schema": schema } }))
    }
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
    if route.guard == Guard::Platform {
        operation["security"] = json!([{ "PlatformKey": [] }]);
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
        Takes::Whole(shape) => (schemas.shape(shape), true),
        Takes::Partial(shape) => (schemas.object(shape, false), true),
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

/// What receivers get: one webhook per action of the contract.
fn webhooks(schemas: &mut Schemas) -> Map<String, Value> {
    let mut webhooks = Map::new();
    for action in Action::ALL {
        let mut schema = schema::of(action);
        if let Some(Value::Object(definitions)) = schema.as_object_mut().and_then(|it| it.remove("$defs")) {
            for (name, mut definition) in definitions {
                rename_references(&mut definition);
                schemas.0.insert(format!("{WIRE}{name}"), definition);
            }
        }
        rename_references(&mut schema);
        if let Some(members) = schema.as_object_mut() {
            members.remove("$schema");
            members.remove("$id");
        }
        let summary = action.facts().summary;
        let mut post = json!({
            "operationId": format!("on{action}"),
            "tags": ["Notifications to receivers"],
            "summary": summary,
            "security": [{ "WorkbellToken": [] }],
            "parameters": webhook_headers(action.name()),
            "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": { "$ref": format!("{SCHEMAS}{WIRE}on{action}") } } },
            },
            "responses": { "2XX": { "description": "It arrived. Any other status, and it is sent again." } },
        });
        if let Some(call) = action.facts().direct_call {
            post["description"] =
                format!("What the company's own client does with {call} is not told to it.").into();
        }
        schemas.0.insert(format!("{WIRE}on{action}"), schema);
        webhooks.insert(action.name().to_owned(), json!({ "post": post }));
    }
    webhooks
}

fn webhook_headers(action: &str) -> Value {
    let header = |name: &str, description: &str, required: bool, schema: Value| json!({ "name": name, "in": "header", "required": required, "description": description, "schema": schema });
    let text = || json!({ "type": "string" });
    json!([
        header("Event-Type", "The action.", true, json!({ "const": action })),
        header("Webhook-Id", "The MessageId.", false, text()),
        header("Webhook-Timestamp", "Seconds since 1970 of this attempt.", false, text()),
        header("Webhook-Signature", "Standard Webhooks signature of the exact body.", false, text()),
        header("Workbell-Attempt", "Number of the attempt, from 1.", true, text()),
        header("Workbell-Sequence", "Place among what this endpoint gets of this work order.", false, text()),
        header("Workbell-Mode", "What it is.", true, json!({ "enum": ["live", "test", "replay"] })),
    ])
}

/// `#/$defs/X` becomes `#/components/schemas/Notification.X`.
fn rename_references(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(target) if name == "$ref" => {
                        if let Some(definition) = target.strip_prefix("#/$defs/") {
                            *target = format!("{SCHEMAS}{WIRE}{definition}");
                        }
                    }
                    other => rename_references(other),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(rename_references),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The same, or null.
fn or_null(mut schema: Value) -> Value {
    if let Some(Value::String(kind)) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.push(Value::Null);
        }
        schema
    } else {
        json!({ "anyOf": [schema, { "type": "null" }] })
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        201 => "Created.",
        202 => "Accepted; it is on disk.",
        204 => "Deleted.",
        _ => "Done.",
    }
}
