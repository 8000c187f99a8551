//! One call with its token checked.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;

use super::caller::Caller;
use super::fault::{Code, Fault};
use super::journal::Noted;
use crate::act::{Given, Unreadable};
use crate::app::App;

/// Most characters of a `MessageId` that is echoed.
///
/// 100: a GUID has 36, and it is never a key.
const LONGEST_MESSAGE_ID: usize = 100;

/// A checked call.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Caller,
    /// Parameters of the query, decoded, in their order.
    pub(crate) query: Vec<(String, String)>,
    /// The body, where the call takes one.
    pub(crate) body: Bytes,
    /// What the log is told.
    pub(super) noted: Arc<Noted>,
}

impl Call {
    /// Lets the caller in.
    ///
    /// # Errors
    /// 401.
    pub(crate) fn read(app: Arc<App>, parts: &Parts) -> Result<Self, Fault> {
        let caller = Caller::of(&app, &parts.headers)
            .map_err(|refusal| Fault::new(Code::Unauthorized, refusal.to_string()))?;
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Call { app, caller, query, body: Bytes::new(), noted: Arc::default() })
    }

    /// A parameter of the query; names have no case, and an empty value is the same as none.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The `MessageId` to be echoed, of the query or of the body; never a key, for public clients send a constant.
    pub(crate) fn message_id(&self) -> Option<String> {
        let of_query = self.query("MessageId").map(str::to_owned);
        let id = of_query.or_else(|| Given::read(&self.body).ok()?.value("MessageId"));
        id.map(|id| id.chars().take(LONGEST_MESSAGE_ID).collect())
    }

    /// The members of the body.
    ///
    /// # Errors
    /// 2100.
    pub(crate) fn given(&self) -> Result<Given<'_>, Fault> {
        Given::read(&self.body).map_err(|error| match error {
            Unreadable::Json(_) => Fault::new(Code::InvalidModel, error.to_string()),
            Unreadable::Faults(faults) => Fault::invalid(faults),
        })
    }
}
