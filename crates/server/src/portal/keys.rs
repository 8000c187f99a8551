//! Keys: for the operator; what signs tokens, and its rotation.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::frame::Frame;
use super::list::List;
use super::moment::Moment;
use super::page::{Guard, Page, show, to};
use super::visit::Visit;
use crate::problem::Problem;
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/keys",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(page(visit)),
    },
    Page {
        method: Method::Post,
        path: "/portal/keys",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(rotate(visit)),
    },
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    key_id: String,
    kind: String,
    state: String,
    signs_from: Moment,
    retires: Option<Moment>,
    bits: Option<u32>,
    not_after: Option<Moment>,
    fingerprint: Option<String>,
}

impl Key {
    fn tone(&self) -> &'static str {
        match self.state.as_str() {
            "Current" => "good",
            "Next" => "busy",
            _ => "off",
        }
    }

    fn purpose(&self) -> &'static str {
        match self.kind.as_str() {
            "Token" => "Tokens of notifications",
            "Jwt" => "JWTs of notifications",
            _ => "Access tokens of the Direct API",
        }
    }
}

#[derive(Template)]
#[template(path = "keys.html")]
struct Keys {
    frame: Frame,
    keys: List<Key>,
}

async fn page(visit: Visit) -> Result<Response, Problem> {
    let keys = visit.read("listKeys", &[], &[("Limit", "100")]).await?;
    Ok(show(&Keys { frame: Frame::titled(&visit, "Keys"), keys }))
}

async fn rotate(visit: Visit) -> Result<Response, Problem> {
    let body = json!({ "Now": visit.form.text("Now") == "true" });
    visit.ask("rotateKeys", &[], &[], Some(body)).await?;
    Ok(to("/portal/keys?Done=changed"))
}
