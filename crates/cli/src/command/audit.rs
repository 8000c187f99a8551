//! `workbell audit`: who changed what, when, from where.

use clap::{Args, Subcommand};
use serde_json::Value;
use workbell_model::CompanyId;
use workbell_wire::Timestamp;

use super::filter::add;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::moment;
use crate::page::{Page, Paging};
use crate::record::{member, shown};
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell audit list                              the last changes
  workbell audit list --company acme               those of one company
  workbell audit list --subject ENDPOINT_ID        the history of one endpoint
  workbell audit list --act SignedIn --json        who signed in, for programs";

/// The audit.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// List changes, newest first
    #[command(visible_alias = "ls")]
    List {
        /// About this company
        #[arg(long, short, value_name = "COMPANY_ID", help_heading = "Filters")]
        company: Option<CompanyId>,
        /// About this: the id of an endpoint, client, person, delivery or key, or the name of an action
        #[arg(long, short, value_name = "ID", help_heading = "Filters")]
        subject: Option<String>,
        /// Of this kind, such as EndpointChanged
        #[arg(long, value_name = "ACT", help_heading = "Filters")]
        act: Option<String>,
        /// From this time on: 2018-09-04T10:12:08Z
        #[arg(long, value_name = "TIME", help_heading = "Filters")]
        from: Option<Timestamp>,
        /// Before this time
        #[arg(long, value_name = "TIME", help_heading = "Filters")]
        to: Option<Timestamp>,
        #[command(flatten)]
        paging: Paging,
    },
}

impl Audit {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let Act::List { company, subject, act, from, to, paging } = &self.act;
        let mut query = Vec::new();
        add(&mut query, "CompanyId", company.as_ref());
        add(&mut query, "Subject", subject.as_ref());
        add(&mut query, "Act", act.as_ref());
        add(&mut query, "From", from.as_ref());
        add(&mut query, "To", to.as_ref());
        let page = Page::fetch(&self.connection.platform()?, &["v1", "audit"], &query, paging).await?;
        if self.connection.json {
            return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
        }
        table(&page.values()?).show(screen, "no change is like that")?;
        page.note_rest(screen);
        Ok(())
    }
}

fn table(records: &[Value]) -> Table {
    let mut table = Table::new(&["CHANGED", "BY", "FROM", "ACT", "COMPANY", "SUBJECT", "WHAT"]);
    for record in records {
        let by = match record.get("ActorName").and_then(Value::as_str) {
            Some(name) => name.to_owned(),
            None => member(record, "Actor"),
        };
        table.row(vec![
            Cell::moment(moment::short(&member(record, "Changed"))),
            Cell::styled(by, Style::Accent),
            Cell::new(member(record, "Address")),
            Cell::new(member(record, "Act")),
            Cell::new(member(record, "CompanyId")),
            Cell::styled(member(record, "Subject"), Style::Faint),
            Cell::new(difference(record)),
        ]);
    }
    table
}

/// `Url: http://a → http://b`; of what was made or is gone, its members.
fn difference(record: &Value) -> String {
    let members = |side: &str| record.get(side).and_then(Value::as_object);
    let pair = |name: &str, value: &Value| format!("{name}: {}", shown(value));
    match (members("Before"), members("After")) {
        (Some(before), Some(after)) => {
            let both = after.iter().map(|(name, value)| {
                let was = before.get(name).map_or_else(|| "-".to_owned(), shown);
                format!("{name}: {was} → {}", shown(value))
            });
            both.collect::<Vec<_>>().join("; ")
        }
        (Some(one), None) | (None, Some(one)) => {
            one.iter().map(|(name, value)| pair(name, value)).collect::<Vec<_>>().join("; ")
        }
        (None, None) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::screen::Screen;
    use crate::stub::Stub;

    #[tokio::test]
    async fn a_change_is_one_line_with_before_and_after() {
        let page = r#"{"Items":[{"AuditId":2,"Changed":"2026-01-02T03:04:05.1Z","Act":"CompanyChanged",
            "CompanyId":"acme","Subject":"acme","Actor":"Person","ActorId":"x","ActorName":"jon@acme.example",
            "Address":"192.0.2.7","Before":{"Name":"Acme"},"After":{"Name":"Acme & Sons"}}],"Next":null}"#;
        let stub = Stub::start([(200, page)]).await;
        let words = ["audit", "list", "--company", "acme", "--act", "CompanyChanged"];
        let text = stub.run(Screen::pipe(), &words).await.unwrap();
        assert_eq!(
            text,
            "2026-01-02 03:04:05Z\tjon@acme.example\t192.0.2.7\tCompanyChanged\tacme\tacme\tName: Acme → Acme & Sons\n"
        );
        assert_eq!(stub.requests()[0].line, "GET /v1/audit?CompanyId=acme&Act=CompanyChanged&Limit=50");
    }
}
