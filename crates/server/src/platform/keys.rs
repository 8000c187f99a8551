//! `/v1/keys`: the signing keys and their rotation.

use axum::response::Response;
use serde::Serialize;
use workbell_signing::{KeyInfo, KeyState};
use workbell_wire::Timestamp;

use crate::call::Call;
use crate::key_room::{Error, Start};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, Shape, always, maybe};
use crate::{answer, cursor};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/v1/keys",
        id: "listKeys",
        tag: "Keys",
        summary: "List signing keys, newest first",
        guard: Guard::Platform,
        query: &[PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&KEY))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/keys",
        id: "rotateKeys",
        tag: "Keys",
        summary: "Publish the next keys, which sign after `token.rotation_lead`; or replace leaked ones now",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Maybe(&ROTATION),
        gives: &[(201, Gives::Page(&KEY))],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(rotate(call)),
    },
];

static ROTATION: Shape = Shape {
    name: "KeyRotation",
    note: "How keys are rotated.",
    members: &[maybe(
        "Now",
        Form::Flag,
        "For a leaked key: the new ones sign at once, the old ones and all tokens of theirs end at once.",
    )],
};

static KEY: Shape = Shape {
    name: "Key",
    note: "A signing key; its private half never leaves the process.",
    members: &[
        always("KeyId", Form::Id, "Its id; also the `kid` of a JWT."),
        always("Kind", Form::OneOf(&["Token", "Jwt", "Access"]), "What it signs."),
        always(
            "State",
            Form::OneOf(&["Next", "Current", "Previous", "Retired"]),
            "Where it stands in its life.",
        ),
        always("Created", Form::Time, "When it was made."),
        always("SignsFrom", Form::Time, "From when it signs."),
        always(
            "Retires",
            Form::Nullable(&Form::Time),
            "When it is published no more; null without a successor.",
        ),
        always("Bits", Form::Nullable(&Form::Integer(0, 16_384)), "Length of an RSA key."),
        always("NotAfter", Form::Nullable(&Form::Time), "When its certificate ends."),
        always("Fingerprint", Form::Nullable(&Form::Text(0, 200)), "SHA-256 of its certificate."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    key_id: String,
    kind: &'static str,
    state: KeyState,
    created: Timestamp,
    signs_from: Timestamp,
    retires: Option<Timestamp>,
    bits: Option<usize>,
    not_after: Option<Timestamp>,
    fingerprint: Option<String>,
}

fn members(key: KeyInfo) -> Members {
    Members {
        key_id: key.key_id,
        kind: key.kind.name(),
        state: key.state,
        created: key.created,
        signs_from: key.signs_from,
        retires: key.retired_at,
        bits: key.bits,
        not_after: key.not_after,
        fingerprint: key.fingerprint,
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let keys = call.app.keys.ring().keys(call.app.clock.now());
    let page = cursor::page(keys, &call.paging(), |key| (key.signs_from, key.key_id.clone()))?;
    Ok(answer::page(page, members))
}

async fn rotate(call: Call) -> Result<Response, Problem> {
    let start = if call.fields.is_set("Now") { Start::Now } else { Start::AfterLead };
    call.app.keys.rotate(start, call.author()).await.map_err(problem)?;
    let mut response = list(call).await?;
    *response.status_mut() = http::StatusCode::CREATED;
    response.headers_mut().insert(http::header::LOCATION, http::HeaderValue::from_static("/v1/keys"));
    Ok(response)
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Store(error) => error.into(),
        Error::Signing(error @ workbell_signing::Error::RotationUnderWay { .. }) => {
            Problem::new(Code::StateConflict, error.to_string())
        }
        Error::Signing(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the signing keys cannot be rotated");
            Problem::new(Code::InternalError, "the keys cannot be rotated; the service's log says why")
        }
    }
}
