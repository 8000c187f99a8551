//! One call with its token checked.

use std::sync::Arc;

use http::request::Parts;

use super::caller::Caller;
use super::fault::{Code, Fault};
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
        Ok(Call { app, caller, query })
    }

    /// A parameter of the query; names have no case, and an empty value is the same as none.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The `MessageId` to be echoed; never a key, for public clients send a constant.
    pub(crate) fn message_id(&self) -> Option<String> {
        self.query("MessageId").map(|id| id.chars().take(LONGEST_MESSAGE_ID).collect())
    }
}
