//! `workbell company`: the providers who want to be told.

use clap::{Args, Subcommand};
use serde_json::json;
use workbell_model::CompanyId;

use super::deletion::Deletion;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::moment;
use crate::page::{Page, Paging};
use crate::record::member;
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell company create northwall --name 'Northwall Mechanical'
  workbell branch create 492042 --name Denver
  workbell company list
  workbell company show northwall
  workbell company rename northwall --name 'Northwall Mechanical Ltd'
  workbell company delete northwall --discard-undelivered      also what still waits for it";

const ORDER: &[&str] = &["CompanyId", "Name", "Created"];

/// Companies.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Company {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// Create a company
    Create {
        /// Its id, chosen by you for life: letters, digits, _ and -
        id: CompanyId,
        /// Its name, for people
        #[arg(long)]
        name: String,
    },
    /// List the companies, newest first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one company
    Show {
        /// Its id
        id: CompanyId,
    },
    /// Give a company another name
    Rename {
        /// Its id
        id: CompanyId,
        /// The new name
        #[arg(long)]
        name: String,
    },
    /// Delete a company with its branches, clients and endpoints
    Delete {
        /// Its id
        id: CompanyId,
        #[command(flatten)]
        deletion: Deletion,
    },
}

impl Company {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        match &self.act {
            Act::Create { id, name } => {
                let body = json!({ "CompanyId": id, "Name": name }).to_string();
                let answer = platform.post(&["v1", "companies"], body.into()).await?;
                connection.show(screen, &answer, ORDER)
            }
            Act::List { paging } => {
                let page = Page::fetch(&platform, &["v1", "companies"], &[], paging).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                let mut table = Table::new(&["COMPANY", "NAME", "CREATED"]);
                for company in page.values()? {
                    table.row(vec![
                        Cell::styled(member(&company, "CompanyId"), Style::Accent),
                        Cell::new(member(&company, "Name")),
                        Cell::moment(moment::short(&member(&company, "Created"))),
                    ]);
                }
                table.show(screen, "no company yet; create one: workbell company create ID --name NAME")?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { id } => {
                connection.show(screen, &platform.get(&["v1", "companies", id.as_str()], &[]).await?, ORDER)
            }
            Act::Rename { id, name } => {
                let body = json!({ "Name": name }).to_string();
                let answer = platform.patch(&["v1", "companies", id.as_str()], body.into()).await?;
                connection.show(screen, &answer, ORDER)
            }
            Act::Delete { id, deletion } => {
                let whole = format!("company {id} with its branches, clients and endpoints");
                deletion.run(&platform, &["v1", "companies", id.as_str()], &whole).await?;
                connection.done(screen, &format!("{id} is deleted"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    #[tokio::test]
    async fn a_new_company_is_posted_and_shown() {
        let stub =
            Stub::start([(201, r#"{"CompanyId":"acme","Name":"Acme","Created":"2026-01-02T03:04:05Z"}"#)])
                .await;
        let shown = stub.run(Screen::pipe(), &["company", "create", "acme", "--name", "Acme"]).await.unwrap();
        assert_eq!(shown, "CompanyId  acme\nName       Acme\nCreated    2026-01-02T03:04:05Z\n");
        let requests = stub.requests();
        assert_eq!(requests[0].line, "POST /v1/companies");
        assert_eq!(requests[0].body, r#"{"CompanyId":"acme","Name":"Acme"}"#);
    }

    #[tokio::test]
    async fn a_list_is_a_table_for_people_and_the_interfaces_json_for_programs() {
        let list = r#"{"Items":[{"CompanyId":"acme","Name":"Acme","Created":"2026-01-02T03:04:05.5Z"}],"Next":null}"#;
        let stub = Stub::start([(200, list), (200, list), (200, list)]).await;
        let people = stub.run(Screen::terminal(80), &["company", "list"]).await.unwrap();
        assert_eq!(people, "COMPANY  NAME  CREATED\nacme     Acme  2026-01-02 03:04:05Z\n");
        let pipe = stub.run(Screen::pipe(), &["company", "ls"]).await.unwrap();
        assert_eq!(pipe, "acme\tAcme\t2026-01-02 03:04:05Z\n");
        let json = stub.run(Screen::pipe(), &["company", "list", "--json"]).await.unwrap();
        assert_eq!(json, format!("{list}\n"));
    }

    #[tokio::test]
    async fn deleting_what_has_undelivered_deliveries_names_the_way_out() {
        let problem = r#"{"title":"undelivered exist","status":409,"detail":"3 deliveries of acme are undelivered","Code":"undelivered_exist"}"#;
        let stub = Stub::start([(409, problem), (204, "")]).await;
        let error = stub.run(Screen::pipe(), &["company", "delete", "acme", "--yes"]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "3 deliveries of acme are undelivered (409 undelivered_exist)\n  \
             --discard-undelivered deletes it all the same"
        );
        let words = ["company", "delete", "acme", "--yes", "--discard-undelivered"];
        assert_eq!(stub.run(Screen::pipe(), &words).await.unwrap(), "acme is deleted\n");
        assert_eq!(
            stub.lines(),
            ["DELETE /v1/companies/acme", "DELETE /v1/companies/acme?Undelivered=Discard"]
        );
    }
}
