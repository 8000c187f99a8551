//! `GET health`, `GET heartbeat`: whether the service is up, and whether the token is good.

use serde::Serialize;

use super::call::Call;
use super::fault::{Code, Fault};
use super::route::{Answer, Route};
use crate::answer;
use crate::route::Method;
use crate::shape::{Form, Member, Shape, always, maybe};

pub(super) static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/Direct/api/heartbeat",
        id: "directHeartbeat",
        logged: "directHeartbeat",
        summary: "Whether the service answers and the token is good",
        query: MESSAGE_ID,
        takes: None,
        gives: &UP,
        handler: |call| heartbeat(&call),
    },
    Route {
        method: Method::Get,
        path: "/Direct/api/health",
        id: "directHealth",
        logged: "directHealth",
        summary: "Whether the service takes acts at present",
        query: MESSAGE_ID,
        takes: None,
        gives: &UP,
        handler: |call| health(&call),
    },
];

const MESSAGE_ID: &[Member] = &[maybe("MessageId", Form::Text(1, 100), "Echoed.")];

static UP: Shape = Shape {
    name: "DirectStatus",
    note: "The service is up.",
    members: &[
        always("Status", Form::OneOf(&["Ok"]), "All is well."),
        maybe("MessageId", Form::Text(0, 100), "Echoed."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    status: &'static str,
    message_id: Option<String>,
}

fn up(call: &Call) -> axum::response::Response {
    answer::ok(&Members { status: "Ok", message_id: call.message_id() })
}

fn heartbeat(call: &Call) -> Answer {
    let answer = up(call);
    Box::pin(std::future::ready(Ok(answer)))
}

fn health(call: &Call) -> Answer {
    let answer = match call.app.store.trouble() {
        None => Ok(up(call)),
        Some(trouble) => {
            Err(Fault::new(Code::Unavailable, format!("no act can be stored at present: {trouble}")))
        }
    };
    Box::pin(std::future::ready(answer))
}
