//! `workbell alerts`: what somebody should know of, and whether they were told.

use clap::{Args, Subcommand};
use serde_json::Value;
use workbell_model::CompanyId;
use workbell_store::alert::AlertKind;

use super::filter::add;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::follower::Followed;
use crate::moment;
use crate::page::{Page, Paging};
use crate::record::{member, shown};
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell alerts list                          the last ones
  workbell alerts list --lasting                what is not over
  workbell alerts list --company acme           about the endpoints of one company
  workbell alerts list --kind EndpointDown --json
  workbell alerts list --follow                 as they are raised, until Ctrl-C";

/// The alerts.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Alerts {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// List alerts, newest first; with --follow oldest first
    #[command(visible_alias = "ls")]
    List {
        /// About this company
        #[arg(long, short, value_name = "COMPANY_ID", help_heading = "Filters")]
        company: Option<CompanyId>,
        /// Of this kind, such as EndpointDown
        #[arg(long, short, value_parser = alert_kind, help_heading = "Filters")]
        kind: Option<&'static str>,
        /// Only those that are not over
        #[arg(long, short, help_heading = "Filters")]
        lasting: bool,
        /// Show what is new as it happens, until Ctrl-C; --limit is how many of the past stand before it
        #[arg(long, short, conflicts_with_all = ["all", "after"])]
        follow: bool,
        #[command(flatten)]
        paging: Paging,
    },
}

impl Alerts {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let Act::List { company, kind, lasting, follow, paging } = &self.act;
        let platform = self.connection.platform()?;
        let mut query = Vec::new();
        add(&mut query, "CompanyId", company.as_ref());
        add(&mut query, "Kind", kind.as_ref());
        add(&mut query, "Lasting", lasting.then_some("true").as_ref());
        if *follow {
            return FOLLOWED.follow(&platform, &query, paging, self.connection.json, screen).await;
        }
        let page = Page::fetch(&platform, FOLLOWED.path, &query, paging).await?;
        if self.connection.json {
            return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
        }
        table(&page.values()?).show(screen, "no alert is like that")?;
        page.note_rest(screen);
        Ok(())
    }
}

const FOLLOWED: Followed = Followed { path: &["v1", "alerts"], id: "AlertId", table };

/// The kind with this name, however it is spelled.
fn alert_kind(text: &str) -> Result<&'static str, String> {
    let found = AlertKind::NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("write one of {}", AlertKind::NAMES.join(", ")))
}

fn table(alerts: &[Value]) -> Table {
    let mut table =
        Table::new(&["ALERT", "RAISED", "KIND", "COMPANY", "SUBJECT", "COUNT", "OVER", "TOLD", "WHAT"]);
    for alert in alerts {
        let lasts = alert.get("Ended").is_none_or(Value::is_null);
        table.row(vec![
            Cell::styled(member(alert, "AlertId"), Style::Accent),
            Cell::moment(moment::short(&member(alert, "Raised"))),
            Cell::styled(member(alert, "Kind"), if lasts { Style::Bad } else { Style::Faint }),
            Cell::new(member(alert, "CompanyId")),
            Cell::new(member(alert, "Subject")),
            Cell::new(member(alert, "Count")),
            moment_or(alert, "Ended", "lasts"),
            moment_or(alert, "Sent", "no"),
            Cell::new(detail(alert)),
        ]);
    }
    table
}

/// The time of this member, or what its absence means.
fn moment_or(alert: &Value, name: &str, missing: &str) -> Cell {
    match alert.get(name) {
        Some(Value::String(time)) => Cell::moment(moment::short(time)),
        Some(_) | None => Cell::new(missing),
    }
}

/// `Reason: Exhausted`.
fn detail(alert: &Value) -> String {
    let members = alert.get("Detail").and_then(Value::as_object);
    let pairs: Vec<String> =
        members.into_iter().flatten().map(|(name, value)| format!("{name}: {}", shown(value))).collect();
    if pairs.is_empty() { "-".to_owned() } else { pairs.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    const PAGE: &str = r#"{"Items":[
        {"AlertId":2,"Kind":"DeliveriesDying","CompanyId":"acme","Subject":"e","Detail":{"Reason":"Exhausted"},
         "Raised":"2026-01-02T03:04:05.1Z","Last":"2026-01-02T03:04:05.1Z","Count":3,"Ended":null,"Sent":null,"Attempts":1},
        {"AlertId":1,"Kind":"DiskEnding","CompanyId":null,"Subject":"disk","Detail":{},
         "Raised":"2026-01-01T00:00:00Z","Last":"2026-01-01T00:00:00Z","Count":1,"Ended":"2026-01-01T01:00:00Z",
         "Sent":"2026-01-01T00:00:01Z","Attempts":1}],"Next":null}"#;

    #[tokio::test]
    async fn an_alert_is_one_line_with_whether_it_lasts_and_was_told() {
        let stub = Stub::start([(200, PAGE)]).await;
        let words = ["alerts", "list", "--company", "acme", "--kind", "deliveriesdying", "--lasting"];
        let text = stub.run(Screen::pipe(), &words).await.unwrap();
        assert_eq!(
            text,
            "2\t2026-01-02 03:04:05Z\tDeliveriesDying\tacme\te\t3\tlasts\tno\tReason: Exhausted\n\
             1\t2026-01-01 00:00:00Z\tDiskEnding\t-\tdisk\t1\t2026-01-01 01:00:00Z\t2026-01-01 00:00:01Z\t-\n"
        );
        assert_eq!(
            stub.lines(),
            ["GET /v1/alerts?CompanyId=acme&Kind=DeliveriesDying&Lasting=true&Limit=50"]
        );
    }
}
