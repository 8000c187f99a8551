//! Holds answers against the OpenAPI document: the status must stand there, and the body must fit its schema.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::house::{House, Reply};

static DOCUMENT: OnceLock<Value> = OnceLock::new();

/// Panics when the document does not say that this can be answered.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, reply: &Reply) {
    if path == "/openapi.json" {
        let _first = DOCUMENT.set(reply.json());
        return;
    }
    if path.starts_with("/portal") {
        // Pages for people are no part of the interface.
        return;
    }
    let document = DOCUMENT.get().expect("every house reads the document first");
    let path = path.split('?').next().unwrap_or_default();
    let operation =
        operation(document, method, path).unwrap_or_else(|| panic!("{method} {path} is not documented"));
    let response = &operation["responses"][reply.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not documented: {}", reply.status, reply.text);
    let Some(content) = response["content"].as_object() else {
        assert_eq!(reply.text, "", "{method} {path}");
        return;
    };
    let media_type = reply.header("content-type");
    let schema =
        &content.get(media_type).unwrap_or_else(|| panic!("{method} {path}: {media_type}"))["schema"];
    if media_type.ends_with("json") {
        fits(document, schema, &reply.json(), &format!("{method} {path}: {}", reply.text));
    }
}

#[track_caller]
fn fits(document: &Value, schema: &Value, value: &Value, what: &str) {
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&whole).unwrap();
    let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{what}\n{errors:#?}");
}

fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let parts: Vec<_> = path.split('/').collect();
    let paths = document["paths"].as_object()?;
    let is_caseless =
        parts.get(1).is_some_and(|it| ["direct", "oauth"].contains(&it.to_ascii_lowercase().as_str()));
    let same = |template: &str| {
        let template: Vec<_> = template.split('/').collect();
        template.len() == parts.len()
            && template.iter().zip(&parts).all(|(wanted, given)| {
                wanted.starts_with('{')
                    || wanted == given
                    || (is_caseless && wanted.eq_ignore_ascii_case(given))
            })
    };
    // A literal path goes before one with parameters, as the router has it.
    let (_, item) = paths
        .iter()
        .filter(|(template, _)| same(template))
        .min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.to_ascii_lowercase())
}

/// The document, read once for all tests.
pub(crate) async fn read(house: &House) -> &'static Value {
    house.get("/openapi.json").await.with(200);
    DOCUMENT.get().expect("it was just read")
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let house = House::new().await;
    let document = read(&house).await;
    let mut references = Vec::new();
    collect(document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer =
            reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leaves the document"));
        assert!(document.pointer(pointer).is_some_and(|target| !target.is_null()), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(target) if name == "$ref" => references.push(target.clone()),
                    other => collect(other, references),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, references)),
        _ => {}
    }
}

#[tokio::test]
async fn webhooks_are_described_for_all_28_actions_by_the_schemas_of_the_contract() {
    let house = House::new().await;
    let document = read(&house).await;
    for action in workbell_wire::Action::ALL {
        let post = &document["webhooks"][action.name()]["post"];
        let schema = &post["requestBody"]["content"]["application/json"]["schema"];
        let context = workbell_wire::SampleContext::new(
            42,
            492_042,
            workbell_wire::MessageId::from_bytes([7; 16]),
            house.now(),
        );
        let sample = workbell_wire::sample(action, workbell_wire::Variant::Maximal, &context);
        let mut sample: Value = serde_json::from_slice(&sample).unwrap();
        fits(document, schema, &sample, action.name());
        sample["Header"]["WorkOrderId"] = "42".into();
        let whole = json!({ "allOf": [schema], "components": document["components"] });
        assert!(!jsonschema::is_valid(&whole, &sample), "{action}");
    }
}

#[tokio::test]
async fn every_operation_says_who_may_call_and_what_can_go_wrong() {
    let house = House::new().await;
    let document = read(&house).await;
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            // The token endpoint answers as RFC 6749 says: it lets nobody in, and a wrong media type is 400.
            let is_token = path == "/OAuth/Token";
            let guarded = path.starts_with("/v1/") || path.starts_with("/Direct/");
            assert_eq!(operation["security"].is_array(), guarded, "{method} {path}");
            assert_eq!(responses.contains_key("401"), guarded || is_token, "{method} {path}");
            assert_eq!(
                responses.contains_key("415"),
                operation["requestBody"].is_object() && !is_token,
                "{method} {path}"
            );
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(
                    parameters.iter().any(|it| it["name"] == name && it["in"] == "path"),
                    "{method} {path}"
                );
            }
        }
    }
}

/// The table is not seen from outside; that each documented path is served is.
#[tokio::test]
async fn every_documented_path_is_served_with_exactly_its_methods() {
    let house = House::new().await;
    let document = read(&house).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path.replace("{CompanyId}", "nobody").replace(['{', '}'], "");
        let reply = house.send_bare("TRACE", &concrete, &[], axum::body::Body::empty()).await;
        assert_eq!(reply.status, 405, "{path}");
        let mut allowed: Vec<_> = reply.header("allow").split(',').filter(|it| *it != "HEAD").collect();
        let mut documented: Vec<_> =
            item.as_object().unwrap().keys().map(|it| it.to_ascii_uppercase()).collect();
        allowed.sort_unstable();
        documented.sort_unstable();
        assert_eq!(allowed, documented, "{path}");
    }
}

/// Which routes there are: a new one shows here, and in the document, or nowhere.
#[tokio::test]
async fn the_routes_are_those_of_the_description() {
    let house = House::new().await;
    let document = read(&house).await;
    let mut routes = String::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            routes += &format!("{} {path}\n", method.to_ascii_uppercase());
        }
    }
    let mut routes: Vec<_> = routes.lines().collect();
    routes.sort_unstable();
    insta::assert_snapshot!(routes.join("\n"));
}
