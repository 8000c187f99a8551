//! What goes to receivers, by `wire`'s schemas: one webhook per action of the contract, and `GET /schemas/{Action}.json`.

use serde_json::{Map, Value, json};
use workbell_wire::{Action, ActionName, schema};

use super::SCHEMAS;
use super::schemas::Schemas;

/// Beginning of the names of what `wire` defines, so that its `Attachment` or `Action` cannot meet one of ours.
const WIRE: &str = "Notification.";

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

/// What receivers get: one webhook per action of the contract.
pub(super) fn webhooks(schemas: &mut Schemas) -> Map<String, Value> {
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
