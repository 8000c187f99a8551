//! `workbell endpoint`: where a company wants to be told, of what, and how.

mod settings;

use clap::{Args, Subcommand};
use serde_json::Value;
use workbell_model::EndpointId;

use self::settings::Settings;
use super::deletion::Deletion;
use crate::connection::{Connection, OfCompany};
use crate::failure::Failure;
use crate::page::{Page, Paging};
use crate::platform::Answer;
use crate::question::Consent;
use crate::record::{Record, member};
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell endpoint create https://cmms.example/hooks
  workbell endpoint create http://127.0.0.1:9000/ --actions NewWorkOrder,Recalled --branches 492042
  workbell endpoint update ENDPOINT_ID --url https://cmms.example/new    what waits goes there at once, in order
  workbell endpoint update ENDPOINT_ID --retry-schedule 1m,5m,1h --timeout default
  workbell endpoint pause ENDPOINT_ID                                    deliveries wait, none is dropped
  workbell endpoint resume ENDPOINT_ID                                   what waits goes out at once, in order
  workbell endpoint rotate-secret ENDPOINT_ID                            both secrets sign for another 24 h
  workbell endpoint list --company northwall
  workbell endpoint show ENDPOINT_ID
  workbell endpoint delete ENDPOINT_ID";

const ORDER: &[&str] = &[
    "CompanyId",
    "EndpointId",
    "Url",
    "Enabled",
    "Paused",
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
    "Created",
    "OldSecretUntil",
];

/// Endpoints.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Endpoint {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// Create an endpoint; its secret is shown this once
    #[command(override_usage = "workbell endpoint create [OPTIONS] --company <COMPANY_ID> <URL | --pull>")]
    Create {
        #[command(flatten)]
        of: OfCompany,
        /// Where to post
        #[arg(required_unless_present = "pull")]
        url: Option<String>,
        /// No URL: the company pulls the feed
        #[arg(long, conflicts_with = "url")]
        pull: bool,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// List the endpoints of a company, newest first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        of: OfCompany,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one endpoint with all its settings
    Show {
        #[command(flatten)]
        one: One,
    },
    /// Change an endpoint; what is not named stays as it is
    Update {
        #[command(flatten)]
        one: One,
        /// Where to post from now on; what waits goes there at once
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Start no attempts; deliveries are created and wait, none is dropped
    Pause {
        #[command(flatten)]
        one: One,
    },
    /// End a pause; what waits is due at once, in order
    Resume {
        #[command(flatten)]
        one: One,
    },
    /// Make a new signing secret; requests are signed with both for another 24 h
    RotateSecret {
        #[command(flatten)]
        one: One,
        /// For a leaked secret: the old one ends at once
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        consent: Consent,
    },
    /// Delete an endpoint
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        deletion: Deletion,
    },
}

/// Which endpoint.
#[derive(Clone, Debug, Args)]
struct One {
    #[command(flatten)]
    of: OfCompany,
    /// Its id
    #[arg(value_name = "ENDPOINT_ID")]
    id: EndpointId,
}

impl Act {
    fn of(&self) -> &OfCompany {
        match self {
            Act::Create { of, .. } | Act::List { of, .. } => of,
            Act::Show { one }
            | Act::Update { one, .. }
            | Act::Pause { one }
            | Act::Resume { one }
            | Act::RotateSecret { one, .. }
            | Act::Delete { one, .. } => &one.of,
        }
    }
}

impl Endpoint {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        let company = self.act.of().resolve(&platform).await?;
        let list = ["v1", "companies", company.as_str(), "endpoints"];
        let path = |one: &One, act: Option<&str>| -> Vec<String> {
            let parts = list.iter().map(|part| (*part).to_owned()).chain([one.id.to_string()]);
            parts.chain(act.map(str::to_owned)).collect()
        };
        match &self.act {
            Act::Create { url, settings, .. } => {
                let mut members = settings.members();
                members.insert("Url".to_owned(), url.clone().map_or(Value::Null, Value::from));
                let answer = platform.post(&list, Value::Object(members).to_string().into()).await?;
                self.show_secret(screen, &answer)
            }
            Act::List { paging, .. } => {
                let page = Page::fetch(&platform, &list, &[], paging).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                let none = format!("{company} has no endpoint yet; create one: workbell endpoint create URL");
                table(&page.values()?).show(screen, &none)?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { one } => {
                let answer = platform.get(&parts(&path(one, None)), &[]).await?;
                connection.show(screen, &answer, ORDER)
            }
            Act::Update { one, url, settings } => {
                let mut members = settings.members();
                if let Some(url) = url {
                    members.insert("Url".to_owned(), url.as_str().into());
                }
                if members.is_empty() {
                    return Err(Failure::Usage(
                        "nothing to change was named; see workbell endpoint update --help".to_owned(),
                    ));
                }
                let body = Value::Object(members).to_string();
                let answer = platform.patch(&parts(&path(one, None)), body.into()).await?;
                connection.show(screen, &answer, ORDER)
            }
            Act::Pause { one } => {
                platform.post(&parts(&path(one, Some("pause"))), "{}".into()).await?;
                connection.done(screen, &format!("endpoint {} is paused; deliveries wait", one.id))
            }
            Act::Resume { one } => {
                platform.post(&parts(&path(one, Some("resume"))), "{}".into()).await?;
                connection.done(screen, &format!("endpoint {} goes on; what waits is due at once", one.id))
            }
            Act::RotateSecret { one, now, consent } => {
                if *now {
                    consent.ask(&format!("End the present secret of endpoint {} at once?", one.id))?;
                }
                let body = if *now { serde_json::json!({ "Now": true }) } else { serde_json::json!({}) };
                let path = path(one, Some("rotate-secret"));
                let answer = platform.post(&parts(&path), body.to_string().into()).await?;
                self.show_secret(screen, &answer)
            }
            Act::Delete { one, deletion } => {
                let what = format!("endpoint {} of {company}", one.id);
                deletion.run(&platform, &parts(&path(one, None)), &what).await?;
                connection.done(screen, &format!("endpoint {} is deleted", one.id))
            }
        }
    }

    fn show_secret(&self, screen: &Screen, answer: &Answer) -> Result<(), Failure> {
        if self.connection.json {
            return self.connection.show(screen, answer, ORDER);
        }
        let endpoint = answer.value()?;
        let mut record = Record::of(&endpoint, ORDER, &["Secret"]);
        record.styled("Secret", member(&endpoint, "Secret"), Style::Strong);
        screen.print(&record.render(screen))?;
        screen.note("The secret is shown this once; keep it now.");
        Ok(())
    }
}

fn table(endpoints: &[Value]) -> Table {
    let mut table = Table::new(&["ENDPOINT", "STATE", "URL", "ACTIONS", "BRANCHES"]);
    for endpoint in endpoints {
        let url = match endpoint.get("Url") {
            Some(Value::String(url)) => url.clone(),
            Some(_) | None => "(pulled)".to_owned(),
        };
        table.row(vec![
            Cell::styled(member(endpoint, "EndpointId"), Style::Accent),
            state(endpoint),
            Cell::new(url),
            Cell::new(member(endpoint, "Actions")),
            Cell::new(member(endpoint, "BranchIds")),
        ]);
    }
    table
}

fn state(endpoint: &Value) -> Cell {
    let paused = endpoint.get("Paused").is_some_and(|paused| !paused.is_null() && paused != false);
    if endpoint.get("Enabled") == Some(&Value::Bool(false)) {
        Cell::styled("Off", Style::Faint)
    } else if paused {
        Cell::styled("Paused", Style::Warning)
    } else {
        Cell::styled("On", Style::Good)
    }
}

fn parts(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[tokio::test]
    async fn an_endpoint_is_created_with_what_was_named_and_its_secret_is_shown() {
        let answer = format!(
            r#"{{"EndpointId":"{ID}","CompanyId":"acme","Url":"http://127.0.0.1:9/","Secret":"whsec_x"}}"#
        );
        let stub = Stub::start([(201, answer.as_str())]).await;
        let words = [
            "endpoint",
            "create",
            "http://127.0.0.1:9/",
            "-c",
            "acme",
            "--actions",
            "Accepted, Recalled",
            "--branches",
            "7,8",
            "--header",
            "X-Key: a:b",
            "--retry-schedule",
            "1s,5m",
            "--timeout",
            "default",
            "--expect-continue",
            "false",
            "--on-410",
            "pause",
            "--max-attempts",
            "9",
            "--authorization",
            "jwt",
        ];
        let shown = stub.run(Screen::pipe(), &words).await.unwrap();
        assert_eq!(
            shown,
            format!(
                "CompanyId   acme\nEndpointId  {ID}\nUrl         http://127.0.0.1:9/\nSecret      whsec_x\n"
            )
        );
        let body: Value = serde_json::from_str(&stub.requests()[0].body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "Url": "http://127.0.0.1:9/", "Actions": ["Accepted", "Recalled"], "BranchIds": [7, 8],
                "Headers": { "X-Key": "a:b" }, "RetrySchedule": ["1s", "5m"], "Timeout": null,
                "ExpectContinue": false, "On410": "Pause", "MaxAttempts": 9, "Authorization": "Jwt"
            })
        );
    }

    #[tokio::test]
    async fn a_change_sends_only_what_was_named_and_nothing_named_is_wrong_usage() {
        let stub = Stub::start([(200, "{}")]).await;
        let update = ["endpoint", "update", ID, "-c", "acme"];
        let error = stub.run(Screen::pipe(), &update).await.unwrap_err();
        assert_eq!(error.to_string(), "nothing to change was named; see workbell endpoint update --help");
        assert_eq!(error.exit_status(), 2);
        let words = [&update[..], &["--actions", "", "--no-headers"]].concat();
        stub.run(Screen::pipe(), &words).await.unwrap();
        assert_eq!(stub.lines(), [format!("PATCH /v1/companies/acme/endpoints/{ID}")]);
        assert_eq!(stub.requests()[0].body, r#"{"Actions":[],"Headers":{}}"#);
    }

    #[tokio::test]
    async fn the_list_shows_which_ones_are_off_or_paused() {
        let list = r#"{"Items":[
            {"EndpointId":"e3","Url":null,"Enabled":true,"Paused":null,"Actions":["*"],"BranchIds":["*"]},
            {"EndpointId":"e2","Url":"http://b/","Enabled":true,"Paused":"2026-01-01T00:00:00Z","Actions":[],"BranchIds":[7]},
            {"EndpointId":"e1","Url":"http://a/","Enabled":false,"Actions":["Accepted"],"BranchIds":["*"]}],"Next":null}"#;
        let stub = Stub::start([(200, list)]).await;
        let shown = stub.run(Screen::pipe(), &["endpoint", "list", "-c", "acme"]).await.unwrap();
        assert_eq!(
            shown,
            "e3\tOn\t(pulled)\t*\t*\ne2\tPaused\thttp://b/\tnone\t7\ne1\tOff\thttp://a/\tAccepted\t*\n"
        );
    }
}
