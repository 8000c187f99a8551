//! How a scene is done: the customer's system and the provider's desktop act through the platform interface, the
//! provider's own system through the Direct API, and what concerns no work order is published.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use serde_json::{Value, json};
use url::Url;

use crate::failure::Failure;
use crate::platform::{Platform, PlatformKey};
use crate::record::member;
use crate::transport;

/// Longest answer of the token endpoint. 64 KiB; a token has two.
const LONGEST_ANSWER: usize = 64 << 10;

/// What is asked of the service for a scene.
#[derive(Debug, PartialEq)]
pub(crate) enum Deed {
    /// A new work order.
    Create(Value),
    /// An act on one.
    Act(i64, Value),
    /// An act through the Direct API.
    Accept(i64, Value),
    /// A notification that concerns no work order.
    Publish(Value),
}

impl Deed {
    /// What leads to this notification, which is told by the provider's own system when `is_direct`.
    pub(crate) fn of(mut notification: Value, is_direct: bool) -> Self {
        let header = notification["Header"].clone();
        let order = header["WorkOrderId"].as_i64().unwrap_or_default();
        if order == 0 {
            return Deed::Publish(notification);
        }
        let Some(body) = notification.as_object_mut() else { return Deed::Publish(notification) };
        for name in ["Header", "InitiatedBy"] {
            body.remove(name);
        }
        if is_direct {
            body.remove("Status");
            body.insert("WorkOrderId".to_owned(), order.into());
            body.insert("MessageId".to_owned(), "00000000-0000-0000-0000-000000000000".into());
            let sender = &header["Sender"];
            body.insert(
                "PerformedBy".to_owned(),
                json!({ "Name": sender["Name"], "Phone": sender["Phone"] }),
            );
            body.insert("ActualActionDate".to_owned(), header["ActionDate"].clone());
            return Deed::Accept(order, notification);
        }
        for name in ["Sender", "MessageId", "ActionDate"] {
            body.insert(name.to_owned(), header[name].clone());
        }
        if header["Action"] == "NewWorkOrder" {
            return Deed::Create(notification);
        }
        body.insert("Action".to_owned(), header["Action"].clone());
        Deed::Act(order, notification)
    }

    /// Does it; the fate of the notification that follows.
    ///
    /// # Errors
    /// The service refuses it, or does not answer.
    pub(crate) async fn run(self, platform: &Platform, office: &Platform) -> Result<String, Failure> {
        let bytes = |body: &Value| Bytes::from(body.to_string());
        let answer = match self {
            Deed::Create(body) => platform.post(&["v1", "work-orders"], bytes(&body)).await?,
            Deed::Act(order, body) => {
                let path = ["v1", "work-orders", &order.to_string(), "actions"];
                platform.post(&path, bytes(&body)).await?
            }
            Deed::Publish(body) => platform.post(&["v1", "notifications"], bytes(&body)).await?,
            Deed::Accept(order, body) => {
                office.put(&["Direct", "api", "workOrder", "accept"], bytes(&body)).await?;
                return fate_of_last_act(platform, order).await;
            }
        };
        Ok(member(&answer.value()?, "Fate"))
    }
}

/// What the time line says about the notification of the last act.
async fn fate_of_last_act(platform: &Platform, order: i64) -> Result<String, Failure> {
    let order = platform.get(&["v1", "work-orders", &order.to_string()], &[]).await?.value()?;
    let last = order["Timeline"].as_array().and_then(|lines| lines.last()).cloned().unwrap_or_default();
    Ok(member(&last, "Fate"))
}

/// The provider's own system: the service, with an access token of this client.
///
/// # Errors
/// There is no token.
pub(crate) async fn office(server: &Url, client: &Value) -> Result<Platform, Failure> {
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &member(client, "ClientId"))
        .append_pair("client_secret", &member(client, "ClientSecret"))
        .finish();
    let failed = |why: String| Failure::Failed(format!("no access token is given: {why}"));
    let mut connection = transport::connect(server).await?;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/OAuth/Token")
        .header(HOST, server.authority())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))
        .map_err(|error| failed(error.to_string()))?;
    let response = connection.send_request(request).await.map_err(|error| failed(error.to_string()))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
    let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
    let answer: Value = serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))?;
    let token = member(&answer, "access_token");
    if !status.is_success() || token.is_empty() {
        return Err(failed(format!("{status}")));
    }
    Platform::new(server.clone(), Some(PlatformKey::new(&token, "an access token".to_owned())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(action: &str) -> Value {
        json!({ "Header": { "WorkOrderId": 42, "BranchId": 7, "Action": action, "ActionDate": "d", "MessageId": "m",
            "Sender": { "Name": "Jon", "Phone": "+1", "Type": "CorrigoPro" }, "ApiVersion": "1.1" },
            "InitiatedBy": { "ClientId": "c" }, "Status": "Accepted", "Comment": "x" })
    }

    #[test]
    fn a_notification_is_led_to_by_its_act() {
        let sender = json!({ "Name": "Jon", "Phone": "+1", "Type": "CorrigoPro" });
        let act = json!({ "Action": "Accepted", "Sender": sender, "MessageId": "m", "ActionDate": "d",
                          "Status": "Accepted", "Comment": "x" });
        assert_eq!(Deed::of(notification("Accepted"), false), Deed::Act(42, act));
        let direct = json!({ "MessageId": "00000000-0000-0000-0000-000000000000", "WorkOrderId": 42, "Comment": "x",
                             "PerformedBy": { "Name": "Jon", "Phone": "+1" }, "ActualActionDate": "d" });
        assert_eq!(Deed::of(notification("Accepted"), true), Deed::Accept(42, direct));
        assert!(matches!(Deed::of(notification("NewWorkOrder"), false), Deed::Create(_)));
        let mut of_company = notification("AdditionalFieldDescriptorUpdated");
        of_company["Header"]["WorkOrderId"] = 0.into();
        assert_eq!(Deed::of(of_company.clone(), false), Deed::Publish(of_company));
    }
}
