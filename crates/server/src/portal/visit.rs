//! Somebody opens a page: who, which, with what; and what the page asks of the interface for them.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use workbell_model::{CompanyId, Role};
use workbell_store::audit::{Actor, Author};
use workbell_store::directory::CompanyEntry;
use workbell_store::record::SignedIn;

use super::banner::Alert;
use super::pairs::Pairs;
use crate::app::App;
use crate::call::short;
use crate::dispatch::{Inquiry, within};
use crate::problem::{Code, Problem};

/// A request for a page, understood.
pub(super) struct Visit {
    pub(super) app: Arc<App>,
    /// Who signed in; always somebody where the page's guard says so.
    pub(super) caller: Option<SignedIn>,
    /// What the cookie holds.
    pub(super) token: Option<String>,
    /// Where they come from; `None` without a connection.
    pub(super) from: Option<std::net::IpAddr>,
    /// The same, as tries to sign in are counted.
    pub(super) address: String,
    /// They came by https, as `public_url` or a trusted proxy says.
    pub(super) is_secure: bool,
    /// The path as it was asked for.
    pub(super) place: String,
    pub(super) path: Vec<(String, String)>,
    pub(super) query: Pairs,
    pub(super) form: Pairs,
    /// htmx asks for a part of a page.
    pub(super) is_part: bool,
    /// What the page says on top.
    pub(super) alerts: Vec<Alert>,
}

impl Visit {
    /// A parameter of the path.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    /// Who signed in.
    ///
    /// # Errors
    /// `unauthorized` when nobody did.
    pub(super) fn caller(&self) -> Result<&SignedIn, Problem> {
        self.caller.as_ref().ok_or_else(|| Problem::new(Code::Unauthorized, "sign in first"))
    }

    /// Who signs in or uses a one-time link is told by the change itself; this says from where.
    pub(super) fn author(&self) -> Author {
        let actor = self.caller.as_ref().map_or(Actor::Service, Actor::from);
        Author { actor, address: self.from, at: self.app.clock.now() }
    }

    /// Whether they are the operator.
    pub(super) fn is_operator(&self) -> bool {
        matches!(self.caller, Some(SignedIn::Operator))
    }

    /// Whether they may change what is the company's.
    pub(super) fn may_change(&self) -> bool {
        match &self.caller {
            Some(SignedIn::Operator) => true,
            Some(SignedIn::Person { role, .. }) => *role == Role::Admin,
            None => false,
        }
    }

    /// The company of the path, with what belongs to it.
    ///
    /// # Errors
    /// It does not exist, or is not the caller's.
    pub(super) fn company(&self) -> Result<Arc<CompanyEntry>, Problem> {
        let text = self.path("CompanyId");
        let missing = || Problem::not_found(format_args!("company {}", short(text)));
        let id: CompanyId = text.parse().map_err(|_| missing())?;
        match self.caller()? {
            SignedIn::Operator => {}
            SignedIn::Person { company_id, .. } if *company_id == id => {}
            SignedIn::Person { .. } => return Err(missing()),
        }
        self.app.store.directory().company(&id).ok_or_else(missing)
    }

    /// Asks a route of the interface, by its operation id, with the rights of who signed in. Parameters of the path
    /// that are not given are those of the page.
    ///
    /// # Errors
    /// What the route refuses.
    pub(super) async fn ask(
        &self,
        id: &'static str,
        path: &[(&str, &str)],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Value, Problem> {
        let mut parameters: Vec<_> = self.path.clone();
        parameters.extend(path.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let given = query.iter().filter(|(_, value)| !value.is_empty());
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        let caller = self.caller()?.clone();
        let response = within(
            self.app.clone(),
            caller,
            Inquiry { id, path: parameters, query, body, address: self.from },
        )
        .await?;
        let bytes = response.into_body().collect().await.map_err(|error| {
            tracing::error!(%error, route = id, "an answer of our own cannot be read");
            Problem::new(Code::InternalError, "the answer cannot be read; the service's log says why")
        })?;
        Ok(serde_json::from_slice(&bytes.to_bytes()).unwrap_or(Value::Null))
    }

    /// The same, as what the page works on.
    ///
    /// # Errors
    /// What the route refuses.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        id: &'static str,
        path: &[(&str, &str)],
        query: &[(&str, &str)],
    ) -> Result<T, Problem> {
        let value = self.ask(id, path, query, None).await?;
        serde_json::from_value(value).map_err(|error| {
            tracing::error!(%error, route = id, "a page expects another answer");
            Problem::new(Code::InternalError, "the page cannot be made; the service's log says why")
        })
    }
}
