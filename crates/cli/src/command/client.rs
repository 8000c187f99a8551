//! `workbell client`: the OAuth clients of a company, for the Direct API.

use clap::{Args, Subcommand};
use serde_json::json;
use workbell_model::ClientId;

use crate::connection::{Connection, OfCompany};
use crate::failure::Failure;
use crate::moment;
use crate::page::{Page, Paging};
use crate::platform::Answer;
use crate::question::Consent;
use crate::record::{Record, member};
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell client create --name 'Northwall CMMS'     prints ClientId and, this once, ClientSecret
  workbell client rotate CLIENT_ID                   new secret; the old one works 24 h longer
  workbell client rotate CLIENT_ID --now             the old one has leaked: it ends at once
  workbell client list
  workbell client show CLIENT_ID
  workbell client delete CLIENT_ID                   what it did is still not told to its own company";

const ORDER: &[&str] = &["CompanyId", "ClientId", "Name", "Created", "OldSecretUntil"];

/// Clients.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Client {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// Create a client; its secret is shown this once
    Create {
        #[command(flatten)]
        of: OfCompany,
        /// Its name, for people
        #[arg(long)]
        name: String,
    },
    /// List the clients of a company, newest first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        of: OfCompany,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one client
    Show {
        #[command(flatten)]
        of: OfCompany,
        /// Its id
        #[arg(value_name = "CLIENT_ID")]
        id: ClientId,
    },
    /// Make a new secret; the old one works 24 h longer
    Rotate {
        #[command(flatten)]
        of: OfCompany,
        /// Its id
        #[arg(value_name = "CLIENT_ID")]
        id: ClientId,
        /// End the old secret and its access tokens at once
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        consent: Consent,
    },
    /// Delete a client; it still counts for the echo rule
    Delete {
        #[command(flatten)]
        of: OfCompany,
        /// Its id
        #[arg(value_name = "CLIENT_ID")]
        id: ClientId,
        #[command(flatten)]
        consent: Consent,
    },
}

impl Client {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        let (Act::Create { of, .. }
        | Act::List { of, .. }
        | Act::Show { of, .. }
        | Act::Rotate { of, .. }
        | Act::Delete { of, .. }) = &self.act;
        let company = of.resolve(&platform).await?;
        let clients = ["v1", "companies", company.as_str(), "clients"];
        match &self.act {
            Act::Create { name, .. } => {
                let body = json!({ "Name": name }).to_string();
                self.show_secret(screen, &platform.post(&clients, body.into()).await?)
            }
            Act::List { paging, .. } => {
                let page = Page::fetch(&platform, &clients, &[], paging).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                let mut table = Table::new(&["CLIENT", "NAME", "CREATED"]);
                for client in page.values()? {
                    table.row(vec![
                        Cell::styled(member(&client, "ClientId"), Style::Accent),
                        Cell::new(member(&client, "Name")),
                        Cell::moment(moment::short(&member(&client, "Created"))),
                    ]);
                }
                let none =
                    format!("{company} has no client yet; create one: workbell client create --name NAME");
                table.show(screen, &none)?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { id, .. } => {
                let id = id.to_string();
                let path = ["v1", "companies", &company, "clients", &id];
                connection.show(screen, &platform.get(&path, &[]).await?, ORDER)
            }
            Act::Rotate { id, now, consent, .. } => {
                if *now {
                    consent.ask(&format!(
                        "End the present secret of client {id} and its access tokens at once?"
                    ))?;
                }
                let id = id.to_string();
                let path = ["v1", "companies", &company, "clients", &id, "rotate"];
                let body = if *now { json!({ "Now": true }) } else { json!({}) };
                self.show_secret(screen, &platform.post(&path, body.to_string().into()).await?)
            }
            Act::Delete { id, consent, .. } => {
                consent.ask(&format!("Delete client {id} of {company}? Its access ends."))?;
                let id = id.to_string();
                platform.delete(&["v1", "companies", &company, "clients", &id], &[]).await?;
                connection.done(screen, &format!("client {id} is deleted"))
            }
        }
    }

    fn show_secret(&self, screen: &Screen, answer: &Answer) -> Result<(), Failure> {
        if self.connection.json {
            return self.connection.show(screen, answer, ORDER);
        }
        let client = answer.value()?;
        let mut record = Record::of(&client, ORDER, &["ClientSecret"]);
        record.styled("ClientSecret", member(&client, "ClientSecret"), Style::Strong);
        screen.print(&record.render(screen))?;
        screen.note("The secret is shown this once; keep it now.");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[tokio::test]
    async fn a_new_secret_is_shown_and_an_old_one_can_end_at_once() {
        let answer = format!(r#"{{"ClientId":"{ID}","Name":"CMMS","ClientSecret":"s3cret"}}"#);
        let stub = Stub::start([(201, answer.as_str()), (200, answer.as_str())]).await;
        let shown =
            stub.run(Screen::pipe(), &["client", "create", "-c", "acme", "--name", "CMMS"]).await.unwrap();
        assert_eq!(shown, format!("ClientId      {ID}\nName          CMMS\nClientSecret  s3cret\n"));
        stub.run(Screen::pipe(), &["client", "rotate", "-c", "acme", ID, "--now", "-y"]).await.unwrap();
        assert_eq!(stub.lines()[1], format!("POST /v1/companies/acme/clients/{ID}/rotate"));
        assert_eq!(stub.requests()[1].body, r#"{"Now":true}"#);
    }
}
