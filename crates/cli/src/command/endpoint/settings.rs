//! The settings of an endpoint as options of the command line, and as members of the interface.

use clap::{ArgAction, Args, ValueEnum};
use serde_json::{Map, Value, json};

/// Word that takes a setting back to what the service's settings say.
const DEFAULT: &str = "default";

/// What can be set; what is not given stays as it is.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Endpoint settings")]
pub(crate) struct Settings {
    /// Off: no delivery is created, those that wait keep waiting
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    enabled: Option<bool>,

    /// Which actions, separated by commas; * for all, nothing between the quotes for none
    #[arg(long, value_name = "LIST")]
    actions: Option<String>,

    /// Which branches, separated by commas; * for all
    #[arg(long, value_name = "LIST", value_parser = branch_ids)]
    branches: Option<Value>,

    /// Name claim of the token; `default` is the company's oldest client
    #[arg(long, value_name = "CLIENT_ID")]
    client_id: Option<String>,

    /// Form of the bearer token
    #[arg(long, value_enum)]
    authorization: Option<Authorization>,

    /// Whether requests carry a Standard Webhooks signature
    #[arg(long, value_enum)]
    signature: Option<Signature>,

    /// Whether requests carry Expect: 100-continue
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    expect_continue: Option<bool>,

    /// A header of your own, `Name: value`; repeat for several. They replace those before
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<(String, String)>,

    /// Take away all headers of your own
    #[arg(long, conflicts_with = "headers")]
    no_headers: bool,

    /// How long a refused notification holds back the later ones of its work order, such as 1h; or `default`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    hold_limit: Option<Value>,

    /// Attempts at once; or `default`
    #[arg(long, value_name = "N", value_parser = number)]
    max_concurrency: Option<Value>,

    /// Attempts started per second; or `default`
    #[arg(long, value_name = "N", value_parser = number)]
    rate_per_second: Option<Value>,

    /// Waits between attempts, such as 5m,10m,20m; the last repeats; or `default`
    #[arg(long, value_name = "LIST", value_parser = schedule)]
    retry_schedule: Option<Value>,

    /// Counted attempts until a delivery is dead; or `default`
    #[arg(long, value_name = "N", value_parser = number)]
    max_attempts: Option<Value>,

    /// Longest attempt, such as 30s; or `default`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Value>,

    /// What a 410 Gone does
    #[arg(long, value_enum)]
    on_410: Option<On410>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Authorization {
    /// The token of CorrigoPro Direct
    Token,
    /// A JWT as in RFC 9068
    Jwt,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Signature {
    /// HMAC-SHA256 with the endpoint's secret
    Hmac,
    /// None
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum On410 {
    /// A failed attempt like any other
    Retry,
    /// The endpoint is paused
    Pause,
}

impl Settings {
    /// The members that were given, named as in the interface.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        set("Enabled", self.enabled.map(Value::from));
        set("Actions", self.actions.as_deref().map(|list| words(list).collect::<Vec<_>>().into()));
        set("BranchIds", self.branches.clone());
        let client_id = self.client_id.as_deref();
        set("ClientId", client_id.map(|id| if id == DEFAULT { Value::Null } else { id.into() }));
        set(
            "Authorization",
            self.authorization.map(|form| match form {
                Authorization::Token => "Token".into(),
                Authorization::Jwt => "Jwt".into(),
            }),
        );
        set(
            "Signature",
            self.signature.map(|form| match form {
                Signature::Hmac => "Hmac".into(),
                Signature::None => "None".into(),
            }),
        );
        set("ExpectContinue", self.expect_continue.map(Value::from));
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        set("Headers", (self.no_headers || !headers.is_empty()).then_some(Value::Object(headers)));
        set("HoldLimit", self.hold_limit.clone());
        set("MaxConcurrency", self.max_concurrency.clone());
        set("RatePerSecond", self.rate_per_second.clone());
        set("RetrySchedule", self.retry_schedule.clone());
        set("MaxAttempts", self.max_attempts.clone());
        set("Timeout", self.timeout.clone());
        set(
            "On410",
            self.on_410.map(|what| match what {
                On410::Retry => "Retry".into(),
                On410::Pause => "Pause".into(),
            }),
        );
        members
    }
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn branch_ids(list: &str) -> Result<Value, String> {
    words(list)
        .map(|word| match word {
            "*" => Ok(Value::from("*")),
            number => {
                number.parse::<i64>().map(Value::from).map_err(|_| format!("{number:?} is no BranchId"))
            }
        })
        .collect()
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        Some(_) | None => Err("write it as 'Name: value'".to_owned()),
    }
}

fn duration(text: &str) -> Result<Value, String> {
    if text == DEFAULT {
        return Ok(Value::Null);
    }
    workbell_model::duration::parse(text).map(|_| text.into()).map_err(|error| error.to_string())
}

fn schedule(text: &str) -> Result<Value, String> {
    if text == DEFAULT {
        return Ok(Value::Null);
    }
    words(text).map(duration).collect()
}

fn number(text: &str) -> Result<Value, String> {
    if text == DEFAULT {
        return Ok(Value::Null);
    }
    text.parse::<u32>().map(|number| json!(number)).map_err(|_| format!("{text:?} is no whole number"))
}
