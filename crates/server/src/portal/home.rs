//! `/portal`: leads to the first page that who signed in has; and signing out.

use axum::response::Response;
use workbell_signing::hash_secret;
use workbell_store::record::{Change, SignedIn};

use super::cookie;
use super::page::{Guard, Page, to};
use super::visit::Visit;
use crate::problem::Problem;
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(async move { home(&visit) }),
    },
    Page {
        method: Method::Get,
        path: "/portal/",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(async move { home(&visit) }),
    },
    Page {
        method: Method::Get,
        path: "/portal/{*Rest}",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(async move { Err(nowhere(&visit)) }),
    },
    Page {
        method: Method::Post,
        path: "/portal/sign-out",
        guard: Guard::Open,
        handler: |visit| Box::pin(sign_out(visit)),
    },
];

fn home(visit: &Visit) -> Result<Response, Problem> {
    Ok(to(&match visit.caller()? {
        SignedIn::Operator => format!("{}/companies", super::ROOT),
        SignedIn::Person { company_id, .. } => {
            format!("{}/companies/{company_id}/configuration", super::ROOT)
        }
    }))
}

/// A page that does not exist.
fn nowhere(visit: &Visit) -> Problem {
    Problem::not_found(format_args!("the page {}", crate::call::short(&visit.place)))
}

async fn sign_out(visit: Visit) -> Result<Response, Problem> {
    if let Some(token) = &visit.token {
        visit.app.store.change(Change::CloseSession(hash_secret(token))).await?;
    }
    let mut response = to("/portal/sign-in?Done=signed-out");
    cookie::clear(&mut response, &visit);
    Ok(response)
}
