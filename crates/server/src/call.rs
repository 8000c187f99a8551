//! One call of a route, with everything checked that its entry in the table says: what handlers work on.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use workbell_model::CompanyId;
use workbell_store::audit::{Actor, Author};
use workbell_store::directory::CompanyEntry;
use workbell_store::filter::Paging;
use workbell_store::record::{Change, IfUndelivered, SignedIn};

use crate::app::App;
use crate::fields::Fields;
use crate::problem::Problem;

/// Items of a page when nobody asks for a number.
const USUAL_PAGE: usize = 50;

/// Most items of a page; who asks for more gets these.
const LONGEST_PAGE: usize = 500;

/// A checked call.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    /// Who calls; `None` where anybody may.
    pub(crate) caller: Option<SignedIn>,
    /// Where the call comes from; `None` without a connection.
    pub(crate) address: Option<IpAddr>,
    /// Path parameters by name, decoded.
    pub(crate) path: Vec<(String, String)>,
    /// Query parameters by name, decoded; only known ones, each once, none empty, all of the right form.
    pub(crate) query: Vec<(String, String)>,
    /// The members of the body; none when there was no body.
    pub(crate) fields: Fields,
    /// The body as it came.
    pub(crate) body: Bytes,
}

impl Call {
    /// A path parameter that the route's path has.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The path parameter as an id.
    ///
    /// # Errors
    /// What is no id does not exist.
    pub(crate) fn path_id<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let text = self.path(name);
        text.parse().map_err(|_| Problem::not_found(short(text)))
    }

    /// A query parameter of the form that the table promises; `None` when it was not given.
    pub(crate) fn query<T: FromStr>(&self, name: &str) -> Option<T> {
        self.query_text(name).and_then(|text| text.parse().ok())
    }

    /// A query parameter as it was given.
    pub(crate) fn query_text(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Who makes the changes of this call.
    pub(crate) fn author(&self) -> Author {
        Author {
            actor: self.caller.as_ref().map_or(Actor::Service, Actor::from),
            address: self.address,
            at: self.app.clock.now(),
        }
    }

    /// Changes the configuration in the name of who calls.
    ///
    /// # Errors
    /// As of [`Store::change_by`](workbell_store::Store::change_by).
    pub(crate) async fn change(&self, change: Change) -> Result<(), workbell_store::Error> {
        self.app.store.change_by(self.author(), change).await
    }

    /// Which part of a list is asked for.
    pub(crate) fn paging(&self) -> Paging {
        let limit = self.query::<i64>("Limit").map_or(USUAL_PAGE, |asked| {
            usize::try_from(asked).unwrap_or(LONGEST_PAGE).clamp(1, LONGEST_PAGE)
        });
        Paging { after: self.query("After"), limit }
    }

    /// What a `DELETE` does with undelivered deliveries.
    pub(crate) fn if_undelivered(&self) -> IfUndelivered {
        match self.query_text("Undelivered") {
            Some(_) => IfUndelivered::Discard,
            None => IfUndelivered::Refuse,
        }
    }

    /// The only company that the caller can see; `None` for the operator, who sees all.
    pub(crate) fn own_company(&self) -> Option<&CompanyId> {
        match self.caller.as_ref()? {
            SignedIn::Operator => None,
            SignedIn::Person { company_id, .. } => Some(company_id),
        }
    }

    /// The company that a list is cut to: the one that the query names, or the caller's own; `None` for all.
    ///
    /// # Errors
    /// [`Unseen`] when the query names another than the caller's own.
    pub(crate) fn company_wanted(&self) -> Result<Option<CompanyId>, Unseen> {
        let asked: Option<CompanyId> = self.query("CompanyId");
        match (self.own_company(), asked) {
            (None, asked) => Ok(asked),
            (Some(own), Some(asked)) if asked != *own => Err(Unseen),
            (Some(own), _) => Ok(Some(own.clone())),
        }
    }

    /// The company that the path names, with all that belongs to it.
    ///
    /// # Errors
    /// It does not exist.
    pub(crate) fn company(&self) -> Result<Arc<CompanyEntry>, Problem> {
        let text = self.path("CompanyId");
        let missing = || Problem::not_found(format_args!("company {}", short(text)));
        let id: CompanyId = text.parse().map_err(|_| missing())?;
        if self.own_company().is_some_and(|own| *own != id) {
            return Err(missing());
        }
        self.app.store.directory().company(&id).ok_or_else(missing)
    }
}

/// A list is asked for of a company that the caller cannot see: it is empty, as of one that does not exist.
#[derive(Debug)]
pub(crate) struct Unseen;

/// At most 80 characters of what a caller sent, for a message.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
