//! `/v1/companies/{CompanyId}/clients`: credentials for the Direct API, and what the echo rule goes by.

use std::time::Duration;

use axum::response::Response;
use serde::Serialize;
use workbell_model::{Client, ClientId, CompanyId};
use workbell_signing::{hash_secret, new_client_secret};
use workbell_store::record::Change;
use workbell_wire::Timestamp;

use super::companies::RENAMED;
use crate::call::{Call, short};
use crate::problem::{Code, Problem};
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, NAME, Shape, always, maybe};
use crate::{answer, cursor};

/// How long the secret before the last rotation is still taken.
///
/// 24 hours. Source: service.md section 4.
pub(super) const OLD_SECRET_LIFE: Duration = Duration::from_secs(24 * 3600);

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/clients",
        id: "createClient",
        tag: "Clients",
        summary: "Create a client; its secret is shown this once",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Maybe(&NEW),
        gives: &[(201, Gives::One(&CLIENT))],
        codes: &[],
        handler: |call| Box::pin(create(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/clients",
        id: "listClients",
        tag: "Clients",
        summary: "List clients, newest first",
        guard: Guard::Company,
        query: &[PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&CLIENT))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/clients/{ClientId}",
        id: "readClient",
        tag: "Clients",
        summary: "Read a client",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&CLIENT))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
    Route {
        method: Method::Patch,
        path: "/v1/companies/{CompanyId}/clients/{ClientId}",
        id: "changeClient",
        tag: "Clients",
        summary: "Give a client another name",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Partial(&RENAMED),
        gives: &[(200, Gives::One(&CLIENT))],
        codes: &[],
        handler: |call| Box::pin(change(call)),
    },
    Route {
        method: Method::Post,
        path: "/v1/companies/{CompanyId}/clients/{ClientId}/rotate",
        id: "rotateClientSecret",
        tag: "Clients",
        summary: "Give a client a new secret, shown this once; the old one is taken for another 24 hours",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Maybe(&ROTATION),
        gives: &[(200, Gives::One(&CLIENT))],
        codes: &[],
        handler: |call| Box::pin(rotate(call)),
    },
    Route {
        method: Method::Delete,
        path: "/v1/companies/{CompanyId}/clients/{ClientId}",
        id: "deleteClient",
        tag: "Clients",
        summary: "Delete a client; it still counts for the echo rule",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(204, Gives::Nothing)],
        codes: &[Code::StateConflict],
        handler: |call| Box::pin(delete(call)),
    },
];

static NEW: Shape = Shape {
    name: "NewClient",
    note: "A client to create.",
    members: &[maybe("Name", NAME, "For people; `Client` when missing.")],
};

/// How a secret is rotated.
pub(super) static ROTATION: Shape = Shape {
    name: "SecretRotation",
    note: "How a secret is rotated.",
    members: &[maybe("Now", Form::Flag, "For a leaked secret: the old one ends at once.")],
};

static CLIENT: Shape = Shape {
    name: "Client",
    note: "Credentials of a company for the Direct API.",
    members: &[
        always("CompanyId", Form::CompanyId, "Whose it is."),
        always("ClientId", Form::Id, "Its id."),
        always("Name", NAME, "For people."),
        always("Created", Form::Time, "When it was created."),
        always(
            "OldSecretUntil",
            Form::Nullable(&Form::Time),
            "Until when the secret before the last rotation is taken as well.",
        ),
        maybe("ClientSecret", Form::Text(1, 200), "The secret; only when it was just made."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    company_id: CompanyId,
    client_id: ClientId,
    name: String,
    created: Timestamp,
    old_secret_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

fn members(client: &Client, now: Timestamp) -> Members {
    Members {
        company_id: client.company_id.clone(),
        client_id: client.client_id,
        name: client.name.clone(),
        created: client.created,
        old_secret_until: client.previous_secret.map(|(_, until)| until).filter(|until| *until > now),
        client_secret: None,
    }
}

fn client(call: &Call) -> Result<Client, Problem> {
    let company = call.company()?;
    let text = call.path("ClientId");
    let found = text.parse::<ClientId>().ok().and_then(|id| company.clients.get(&id).cloned());
    found
        .filter(|client| client.deleted.is_none())
        .ok_or_else(|| Problem::not_found(format_args!("client {}", short(text))))
}

fn new_secret() -> Result<String, Problem> {
    new_client_secret().map_err(|error| {
        tracing::error!(%error, "cannot make a client secret");
        Problem::new(Code::InternalError, "no secret can be made; the service's log says why")
    })
}

async fn create(call: Call) -> Result<Response, Problem> {
    let now = call.app.clock.now();
    let secret = new_secret()?;
    let client = Client {
        company_id: call.company()?.company.company_id.clone(),
        client_id: ClientId::from_uuid(crate::id::new()),
        name: call.fields.text("Name").unwrap_or("Client").to_owned(),
        secret_hash: hash_secret(&secret),
        previous_secret: None,
        tokens_from: now,
        created: now,
        deleted: None,
    };
    call.change(Change::CreateClient(client.clone())).await?;
    let location = format!("/v1/companies/{}/clients/{}", client.company_id, client.client_id);
    Ok(answer::created(&location, &Members { client_secret: Some(secret), ..members(&client, now) }))
}

async fn list(call: Call) -> Result<Response, Problem> {
    let company = call.company()?;
    let clients = company.clients.values().filter(|client| client.deleted.is_none()).cloned().collect();
    let page =
        cursor::page(clients, &call.paging(), |client| (client.created, client.client_id.to_string()))?;
    let now = call.app.clock.now();
    Ok(answer::page(page, |client| members(&client, now)))
}

async fn read(call: Call) -> Result<Response, Problem> {
    Ok(answer::ok(&members(&client(&call)?, call.app.clock.now())))
}

async fn change(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let mut client = client(&call)?;
    if let Some(name) = call.fields.text("Name") {
        client.name = name.to_owned();
        call.change(Change::UpdateClient(client.clone())).await?;
    }
    Ok(answer::ok(&members(&client, call.app.clock.now())))
}

async fn rotate(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let now = call.app.clock.now();
    let mut client = client(&call)?;
    let secret = new_secret()?;
    let old = std::mem::replace(&mut client.secret_hash, hash_secret(&secret));
    if call.fields.is_set("Now") {
        client.previous_secret = None;
        // Later than before even when the clock was set back: tokens of the old secret must end.
        client.tokens_from = now.max(Timestamp::from_ticks(client.tokens_from.ticks() + 1));
    } else {
        client.previous_secret = Some((old, now.plus(OLD_SECRET_LIFE)));
    }
    call.change(Change::UpdateClient(client.clone())).await?;
    Ok(answer::ok(&Members { client_secret: Some(secret), ..members(&client, now) }))
}

async fn delete(call: Call) -> Result<Response, Problem> {
    let _changing = call.app.changing.lock().await;
    let client = client(&call)?;
    let id = client.client_id.to_string();
    if let Some(user) =
        call.company()?.endpoints.values().find(|endpoint| endpoint.settings.client_id.as_ref() == Some(&id))
    {
        let detail =
            format!("endpoint {} names this client; change its ClientId first", user.key.endpoint_id);
        return Err(Problem::new(Code::StateConflict, detail));
    }
    let change = Change::DeleteClient(client.company_id, client.client_id, call.app.clock.now());
    call.change(change).await?;
    Ok(answer::gone())
}
