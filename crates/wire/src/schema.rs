//! JSON Schemas (draft 2020-12), written from the tables of [`crate::contract`].
//!
//! They say what the validator checks, with three exceptions that JSON Schema cannot express: names that stand
//! twice, integers that are written with a fraction or an exponent, and days that a month does not have. They
//! are open: members that they do not list are allowed everywhere.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::action::Action;
use crate::contract::models::{HEADER, RESERVED};
use crate::contract::{Form, Member, Model, Rigour};

/// Times of the contract. JSON Schema's `format` is a remark only, so the form is a pattern as well.
const TIME: &str = concat!(
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,7})?Z$"
);
const GUID: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
const ACTION_NAME: &str = "^[A-Za-z][A-Za-z0-9]{0,63}$";
const COMPANY_ID: &str = "^[A-Za-z0-9_-]{1,64}$";

/// The path at which the service shows an action's schema, and the schema's `$id`.
pub fn path(action: Action) -> String {
    format!("/schemas/{action}.json")
}

/// The schema of the notification of an action: what may be published, and so what a receiver gets.
///
/// `Header.MessageId`, `ActionDate` and `ApiVersion` are optional in it, because they may be missing when it is
/// published; a receiver always finds them.
pub fn of(action: Action) -> Value {
    let mut writer = Writer::default();
    let header = writer.reference(&HEADER, Rigour::Full);
    let mut properties = Map::new();
    properties.insert(
        "Header".to_owned(),
        json!({ "$ref": header, "properties": { "Action": { "const": action.name() } } }),
    );
    let mut required = vec!["Header"];
    for member in action.members() {
        properties.insert(member.name.to_owned(), writer.member(member, Rigour::Full));
        if member.demanded {
            required.push(member.name);
        }
    }
    for member in RESERVED {
        let mut schema = writer.member(member, Rigour::Full);
        schema["description"] = "Read at publishing and never sent on.".into();
        properties.insert(member.name.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": path(action),
        "title": action.name(),
        "description": action.facts().summary,
        "type": "object",
        "properties": properties,
        "required": required,
        "$defs": writer.definitions,
    })
}

/// Collects the definitions that it has referred to.
#[derive(Default)]
struct Writer {
    definitions: Map<String, Value>,
    begun: BTreeSet<String>,
}

impl Writer {
    fn member(&mut self, member: &Member, rigour: Rigour) -> Value {
        let rigour = if member.rigour == Rigour::TypeOnly { Rigour::TypeOnly } else { rigour };
        let schema = self.form(&member.form, rigour);
        if member.demanded && rigour == Rigour::Full { schema } else { or_null(schema) }
    }

    fn form(&mut self, form: &Form, rigour: Rigour) -> Value {
        match form {
            Form::Known(values) => json!({ "type": "string", "examples": values }),
            Form::Time => json!({ "type": "string", "format": "date-time", "pattern": TIME }),
            Form::Integer => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
            Form::Number => json!({ "type": "number" }),
            Form::Flag => json!({ "type": "boolean" }),
            Form::Model(model) => json!({ "$ref": self.reference(model, rigour) }),
            Form::List(element) => json!({ "type": "array", "items": self.form(element, rigour) }),
            _ if rigour == Rigour::TypeOnly => json!({ "type": "string" }),
            Form::Text => json!({ "type": "string" }),
            Form::LimitedText(most) => json!({ "type": "string", "maxLength": most }),
            Form::Constant(value) => json!({ "type": "string", "const": value }),
            Form::OneOf(values) => json!({ "type": "string", "enum": values }),
            Form::ActionName => json!({ "type": "string", "pattern": ACTION_NAME }),
            Form::Guid => json!({ "type": "string", "format": "uuid", "pattern": GUID }),
            Form::CompanyId => json!({ "type": "string", "pattern": COMPANY_ID }),
        }
    }

    /// A reference to a model's definition, which is written at its first use.
    fn reference(&mut self, model: &Model, rigour: Rigour) -> String {
        let loose =
            rigour == Rigour::TypeOnly && model.members.iter().any(|member| member.rigour == Rigour::Full);
        let name = if loose { format!("{}.TypeOnly", model.name) } else { model.name.to_owned() };
        if self.begun.insert(name.clone()) {
            let definition = self.definition(model, rigour);
            self.definitions.insert(name.clone(), definition);
        }
        format!("#/$defs/{name}")
    }

    fn definition(&mut self, model: &Model, rigour: Rigour) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for member in model.members {
            properties.insert(member.name.to_owned(), self.member(member, rigour));
            if member.demanded && rigour == Rigour::Full {
                required.push(member.name);
            }
        }
        let mut definition = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            definition["required"] = json!(required);
        }
        definition
    }
}

/// The same, or null.
fn or_null(mut schema: Value) -> Value {
    if let Some(name) = schema.get("type").cloned() {
        schema["type"] = json!([name, "null"]);
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.push(Value::Null);
        }
        if let Some(only) = schema.as_object_mut().and_then(|schema| schema.remove("const")) {
            schema["enum"] = json!([only, null]);
        }
        schema
    } else {
        json!({ "anyOf": [schema, { "type": "null" }] })
    }
}
