//! `workbell person`: the people of a company, who sign in to the portal.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use workbell_model::PersonId;

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
  workbell person create jo@example.com --role admin   prints, this once, the link that Jo signs in with
  workbell person link PERSON_ID                       another link, for a forgotten password
  workbell person change PERSON_ID --role reader       holds at once, also for who is signed in
  workbell person list
  workbell person show PERSON_ID
  workbell person delete PERSON_ID                     their sessions end";

const ORDER: &[&str] = &["CompanyId", "PersonId", "Email", "Role", "HasPassword", "Created", "LinkUntil"];

/// People.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Person {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Changes endpoints, clients, people and the queue of the company
    Admin,
    /// Reads them
    Reader,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Role::Admin => "Admin",
            Role::Reader => "Reader",
        }
    }
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// Let somebody sign in; prints their one-time link, this once
    Create {
        #[command(flatten)]
        of: OfCompany,
        /// What they sign in with
        email: String,
        /// What they may do
        #[arg(long, value_enum, default_value = "reader")]
        role: Role,
    },
    /// List the people of a company, newest first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        of: OfCompany,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one person
    Show {
        #[command(flatten)]
        of: OfCompany,
        /// Their id
        #[arg(value_name = "PERSON_ID")]
        id: PersonId,
    },
    /// Give a person another email or role; it holds at once
    Change {
        #[command(flatten)]
        of: OfCompany,
        /// Their id
        #[arg(value_name = "PERSON_ID")]
        id: PersonId,
        /// Another email
        #[arg(long, required_unless_present = "role")]
        email: Option<String>,
        /// Another role
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
    /// Make a new one-time link, shown this once; the one before ends
    Link {
        #[command(flatten)]
        of: OfCompany,
        /// Their id
        #[arg(value_name = "PERSON_ID")]
        id: PersonId,
    },
    /// Delete a person; they are signed out everywhere
    Delete {
        #[command(flatten)]
        of: OfCompany,
        /// Their id
        #[arg(value_name = "PERSON_ID")]
        id: PersonId,
        #[command(flatten)]
        consent: Consent,
    },
}

impl Person {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        let (Act::Create { of, .. }
        | Act::List { of, .. }
        | Act::Show { of, .. }
        | Act::Change { of, .. }
        | Act::Link { of, .. }
        | Act::Delete { of, .. }) = &self.act;
        let company = of.resolve(&platform).await?;
        let people = ["v1", "companies", company.as_str(), "people"];
        match &self.act {
            Act::Create { email, role, .. } => {
                let body = json!({ "Email": email, "Role": role.name() }).to_string();
                self.show_link(screen, &platform.post(&people, body.into()).await?)
            }
            Act::List { paging, .. } => {
                let page = Page::fetch(&platform, &people, &[], paging).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                self.table(screen, &company, &page)
            }
            Act::Show { id, .. } => {
                let id = id.to_string();
                let path = ["v1", "companies", &company, "people", &id];
                connection.show(screen, &platform.get(&path, &[]).await?, ORDER)
            }
            Act::Change { id, email, role, .. } => {
                let id = id.to_string();
                let path = ["v1", "companies", &company, "people", &id];
                let mut body = serde_json::Map::new();
                if let Some(email) = email {
                    body.insert("Email".to_owned(), json!(email));
                }
                if let Some(role) = role {
                    body.insert("Role".to_owned(), json!(role.name()));
                }
                let body = serde_json::Value::Object(body).to_string();
                connection.show(screen, &platform.patch(&path, body.into()).await?, ORDER)
            }
            Act::Link { id, .. } => {
                let id = id.to_string();
                let path = ["v1", "companies", &company, "people", &id, "link"];
                self.show_link(screen, &platform.post(&path, "{}".into()).await?)
            }
            Act::Delete { id, consent, .. } => {
                consent.ask(&format!("Delete person {id} of {company}? They are signed out everywhere."))?;
                let id = id.to_string();
                platform.delete(&["v1", "companies", &company, "people", &id], &[]).await?;
                connection.done(screen, &format!("person {id} is deleted"))
            }
        }
    }

    fn table(&self, screen: &Screen, company: &str, page: &Page) -> Result<(), Failure> {
        let mut table = Table::new(&["PERSON", "EMAIL", "ROLE", "PASSWORD", "CREATED"]);
        for person in page.values()? {
            let has_password = person["HasPassword"].as_bool().unwrap_or_default();
            table.row(vec![
                Cell::styled(member(&person, "PersonId"), Style::Accent),
                Cell::new(member(&person, "Email")),
                Cell::new(member(&person, "Role")),
                Cell::new(if has_password { "set" } else { "not set" }),
                Cell::moment(moment::short(&member(&person, "Created"))),
            ]);
        }
        let none = format!("nobody signs in for {company} yet; let somebody: workbell person create EMAIL");
        table.show(screen, &none)?;
        page.note_rest(screen);
        Ok(())
    }

    fn show_link(&self, screen: &Screen, answer: &Answer) -> Result<(), Failure> {
        if self.connection.json {
            return self.connection.show(screen, answer, ORDER);
        }
        let person = answer.value()?;
        let mut record = Record::of(&person, ORDER, &["Link"]);
        record.styled("Link", member(&person, "Link"), Style::Strong);
        screen.print(&record.render(screen))?;
        screen.note("The link is shown this once and is valid for 24 hours; send it to them.");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[tokio::test]
    async fn a_link_is_shown_and_a_role_changed() {
        let answer =
            format!(r#"{{"PersonId":"{ID}","Email":"jo@example.com","Link":"http://x/portal/link/s"}}"#);
        let stub =
            Stub::start([(201, answer.as_str()), (200, answer.as_str()), (200, answer.as_str())]).await;
        let create = ["person", "create", "-c", "acme", "jo@example.com", "--role", "admin"];
        let shown = stub.run(Screen::pipe(), &create).await.unwrap();
        assert_eq!(
            shown,
            format!("PersonId  {ID}\nEmail     jo@example.com\nLink      http://x/portal/link/s\n")
        );
        stub.run(Screen::pipe(), &["person", "change", "-c", "acme", ID, "--role", "reader"]).await.unwrap();
        stub.run(Screen::pipe(), &["person", "link", "-c", "acme", ID]).await.unwrap();
        assert_eq!(stub.lines()[0], "POST /v1/companies/acme/people");
        assert_eq!(stub.lines()[1], format!("PATCH /v1/companies/acme/people/{ID}"));
        assert_eq!(stub.lines()[2], format!("POST /v1/companies/acme/people/{ID}/link"));
        let bodies: Vec<_> = stub.requests().into_iter().map(|request| request.body).collect();
        assert_eq!(bodies[0], r#"{"Email":"jo@example.com","Role":"Admin"}"#);
        assert_eq!(bodies[1], r#"{"Role":"Reader"}"#);
    }
}
