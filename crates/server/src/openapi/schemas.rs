//! JSON Schemas of bodies, answers and parameters, written from the shapes that bodies are checked against.

use serde_json::{Map, Value, json};

use super::SCHEMAS;
use crate::route::Gives;
use crate::shape::{Form, Member, Need, Shape};

/// The schemas that were written so far, by name.
#[derive(Default)]
pub(super) struct Schemas(pub(super) Map<String, Value>);

impl Schemas {
    /// A reference to a shape, which is written down at its first use.
    pub(super) fn shape(&mut self, shape: &Shape) -> Value {
        if !self.0.contains_key(shape.name) {
            self.0.insert(shape.name.to_owned(), Value::Null);
            let written = self.object(shape, true);
            self.0.insert(shape.name.to_owned(), written);
        }
        json!({ "$ref": format!("{SCHEMAS}{}", shape.name) })
    }

    pub(super) fn object(&mut self, shape: &Shape, demand: bool) -> Value {
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

    pub(super) fn form(&mut self, form: &Form) -> Value {
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

    pub(super) fn content(&mut self, gives: &Gives) -> Option<Value> {
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
