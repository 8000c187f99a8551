//! The form in which an endpoint is set: its fields as texts, and the body that they come to.

use serde_json::{Map, Value, json};

use super::endpoint_view::{EndpointView, text};
use super::pairs::Pairs;

/// Members that the form has a place for.
pub(super) const MEMBERS: [&str; 16] = [
    "Url",
    "Enabled",
    "Actions",
    "BranchIds",
    "ClientId",
    "Authorization",
    "Signature",
    "ExpectContinue",
    "Headers",
    "HoldLimit",
    "MaxConcurrency",
    "RatePerSecond",
    "RetrySchedule",
    "MaxAttempts",
    "Timeout",
    "On410",
];

/// An endpoint's settings as they stand in the form.
#[derive(Clone, Debug)]
pub(super) struct EndpointForm {
    /// Its receiver reads the feed: there is no URL.
    pub(super) pulls: bool,
    pub(super) url: String,
    pub(super) enabled: bool,
    /// Each action, also future ones.
    pub(super) all_actions: bool,
    pub(super) actions: Vec<String>,
    pub(super) all_branches: bool,
    pub(super) branch_ids: Vec<String>,
    pub(super) client_id: String,
    pub(super) jwt: bool,
    pub(super) signed: bool,
    pub(super) expect_continue: bool,
    /// `Name: value`, one a line.
    pub(super) headers: String,
    pub(super) hold_limit: String,
    pub(super) max_concurrency: String,
    pub(super) rate_per_second: String,
    /// Durations, parted by commas.
    pub(super) retry_schedule: String,
    pub(super) max_attempts: String,
    pub(super) timeout: String,
    pub(super) pause_on_410: bool,
}

impl EndpointForm {
    /// Of a new endpoint.
    pub(super) fn new() -> Self {
        EndpointForm {
            pulls: false,
            url: String::new(),
            enabled: true,
            all_actions: true,
            actions: Vec::new(),
            all_branches: true,
            branch_ids: Vec::new(),
            client_id: String::new(),
            jwt: false,
            signed: true,
            expect_continue: true,
            headers: String::new(),
            hold_limit: String::new(),
            max_concurrency: String::new(),
            rate_per_second: String::new(),
            retry_schedule: String::new(),
            max_attempts: String::new(),
            timeout: String::new(),
            pause_on_410: false,
        }
    }

    /// Of one that is there.
    pub(super) fn of(endpoint: &EndpointView) -> Self {
        let number = |number: Option<u32>| number.map(|it| it.to_string()).unwrap_or_default();
        let line = |(name, value): (&String, &String)| format!("{name}: {value}\n");
        EndpointForm {
            pulls: endpoint.url.is_none(),
            url: endpoint.url.clone().unwrap_or_default(),
            enabled: endpoint.enabled,
            all_actions: endpoint.actions.iter().any(|name| name == "*"),
            actions: endpoint.actions.clone(),
            all_branches: endpoint.branch_ids.iter().any(|id| id == "*"),
            branch_ids: endpoint.branch_ids.iter().map(text).collect(),
            client_id: endpoint.client_id.clone().unwrap_or_default(),
            jwt: endpoint.authorization == "Jwt",
            signed: endpoint.signature == "Hmac",
            expect_continue: endpoint.expect_continue,
            headers: endpoint.headers.iter().map(line).collect(),
            hold_limit: endpoint.hold_limit.clone().unwrap_or_default(),
            max_concurrency: number(endpoint.max_concurrency.map(u32::from)),
            rate_per_second: number(endpoint.rate_per_second),
            retry_schedule: endpoint.retry_schedule.clone().unwrap_or_default().join(", "),
            max_attempts: number(endpoint.max_attempts.map(u32::from)),
            timeout: endpoint.timeout.clone().unwrap_or_default(),
            pause_on_410: endpoint.on_410 == "Pause",
        }
    }

    /// As it was sent.
    pub(super) fn sent(form: &Pairs) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        EndpointForm {
            pulls: form.text("Kind") == "pull",
            url: text("Url"),
            enabled: form.text("Enabled") == "true",
            all_actions: form.text("WhichActions") != "some",
            actions: form.all("Actions"),
            all_branches: form.text("WhichBranches") != "some",
            branch_ids: form.all("BranchIds"),
            client_id: text("ClientId"),
            jwt: form.text("Authorization") == "Jwt",
            signed: form.text("Signature") == "Hmac",
            expect_continue: form.text("ExpectContinue") == "true",
            headers: form.as_sent("Headers").to_owned(),
            hold_limit: text("HoldLimit"),
            max_concurrency: text("MaxConcurrency"),
            rate_per_second: text("RatePerSecond"),
            retry_schedule: text("RetrySchedule"),
            max_attempts: text("MaxAttempts"),
            timeout: text("Timeout"),
            pause_on_410: form.text("On410") == "Pause",
        }
    }

    /// The body that sets all of it. An empty field means: as the service's settings say.
    pub(super) fn body(&self) -> Value {
        let actions = if self.all_actions { json!(["*"]) } else { json!(self.actions) };
        let ids = self.branch_ids.iter().map(|id| number(id)).collect::<Vec<_>>();
        let branch_ids = if self.all_branches { json!(["*"]) } else { json!(ids) };
        let or_null = |text: &str, value: Value| if text.is_empty() { Value::Null } else { value };
        let schedule = self.retry_schedule.split(',').map(str::trim).collect::<Vec<_>>();
        json!({
            "Url": if self.pulls { Value::Null } else { json!(self.url) },
            "Enabled": self.enabled,
            "Actions": actions,
            "BranchIds": branch_ids,
            "ClientId": or_null(&self.client_id, json!(self.client_id)),
            "Authorization": if self.jwt { "Jwt" } else { "Token" },
            "Signature": if self.signed { "Hmac" } else { "None" },
            "ExpectContinue": self.expect_continue,
            "Headers": self.headers(),
            "HoldLimit": or_null(&self.hold_limit, json!(self.hold_limit)),
            "MaxConcurrency": or_null(&self.max_concurrency, number(&self.max_concurrency)),
            "RatePerSecond": or_null(&self.rate_per_second, number(&self.rate_per_second)),
            "RetrySchedule": or_null(&self.retry_schedule, json!(schedule)),
            "MaxAttempts": or_null(&self.max_attempts, number(&self.max_attempts)),
            "Timeout": or_null(&self.timeout, json!(self.timeout)),
            "On410": if self.pause_on_410 { "Pause" } else { "Retry" },
        })
    }

    fn headers(&self) -> Map<String, Value> {
        let lines = self.headers.lines().map(str::trim).filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                (name.trim().to_owned(), json!(value.trim()))
            })
            .collect()
    }
}

/// A number, or the text for the check to refuse.
fn number(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_becomes_a_body_in_which_empty_fields_reset() {
        let form = "Url=https%3A%2F%2Fexample.com&Enabled=true&WhichActions=some&Actions=Accepted&Actions=Paused\
                    &WhichBranches=some&BranchIds=7&Signature=Hmac&Headers=X-Key%3A+a%3Ab%0D%0A%0D%0AX-B%3A***\
                    &RetrySchedule=5m%2C+1h&MaxAttempts=x&Timeout=";
        let body = EndpointForm::sent(&Pairs::read(form.as_bytes())).body();
        assert_eq!(body["Actions"], json!(["Accepted", "Paused"]));
        assert_eq!(body["BranchIds"], json!([7]));
        assert_eq!(body["Headers"], json!({"X-Key": "a:b", "X-B": "***"}));
        assert_eq!(body["RetrySchedule"], json!(["5m", "1h"]));
        assert_eq!((&body["MaxAttempts"], &body["Timeout"]), (&json!("x"), &Value::Null));
        assert_eq!((&body["ExpectContinue"], &body["Authorization"]), (&json!(false), &json!("Token")));
        assert_eq!(body.as_object().unwrap().keys().len(), MEMBERS.len());
    }
}
