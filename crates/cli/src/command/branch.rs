//! `workbell branch`: the branches of a company, to which notifications are addressed.

use clap::{Args, Subcommand};
use serde_json::json;

use super::deletion::Deletion;
use crate::connection::{Connection, OfCompany};
use crate::failure::Failure;
use crate::moment;
use crate::page::{Page, Paging};
use crate::record::member;
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell branch create 492042 --name Denver --company northwall
  workbell branch list --company northwall
  workbell branch show 492042
  workbell branch rename 492042 --name 'Denver North'
  workbell branch delete 492042";

const ORDER: &[&str] = &["CompanyId", "BranchId", "Name", "Created"];

/// Branches.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Branch {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// Create a branch
    Create {
        #[command(flatten)]
        of: OfCompany,
        /// Its id, the BranchId of notifications; unique over all companies
        #[arg(value_name = "BRANCH_ID", value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
        /// Its name, for people
        #[arg(long)]
        name: String,
    },
    /// List the branches of a company, newest first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        of: OfCompany,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one branch
    Show {
        #[command(flatten)]
        of: OfCompany,
        /// Its id
        #[arg(value_name = "BRANCH_ID")]
        id: i64,
    },
    /// Give a branch another name
    Rename {
        #[command(flatten)]
        of: OfCompany,
        /// Its id
        #[arg(value_name = "BRANCH_ID")]
        id: i64,
        /// The new name
        #[arg(long)]
        name: String,
    },
    /// Delete a branch
    Delete {
        #[command(flatten)]
        of: OfCompany,
        /// Its id
        #[arg(value_name = "BRANCH_ID")]
        id: i64,
        #[command(flatten)]
        deletion: Deletion,
    },
}

impl Branch {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        let (Act::Create { of, .. }
        | Act::List { of, .. }
        | Act::Show { of, .. }
        | Act::Rename { of, .. }
        | Act::Delete { of, .. }) = &self.act;
        let company = of.resolve(&platform).await?;
        let branches = ["v1", "companies", company.as_str(), "branches"];
        let one = |id: &i64| -> Vec<String> {
            branches.iter().map(|part| (*part).to_owned()).chain([id.to_string()]).collect()
        };
        match &self.act {
            Act::Create { id, name, .. } => {
                let body = json!({ "BranchId": id, "Name": name }).to_string();
                connection.show(screen, &platform.post(&branches, body.into()).await?, ORDER)
            }
            Act::List { paging, .. } => {
                let page = Page::fetch(&platform, &branches, &[], paging).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                let mut table = Table::new(&["BRANCH", "NAME", "CREATED"]);
                for branch in page.values()? {
                    table.row(vec![
                        Cell::styled(member(&branch, "BranchId"), Style::Accent),
                        Cell::new(member(&branch, "Name")),
                        Cell::moment(moment::short(&member(&branch, "Created"))),
                    ]);
                }
                let none = format!(
                    "{company} has no branch yet; create one: workbell branch create BRANCH_ID --name NAME"
                );
                table.show(screen, &none)?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { id, .. } => {
                connection.show(screen, &platform.get(&parts(&one(id)), &[]).await?, ORDER)
            }
            Act::Rename { id, name, .. } => {
                let body = json!({ "Name": name }).to_string();
                connection.show(screen, &platform.patch(&parts(&one(id)), body.into()).await?, ORDER)
            }
            Act::Delete { id, deletion, .. } => {
                let what = format!("branch {id} of {company}");
                deletion.run(&platform, &parts(&one(id)), &what).await?;
                connection.done(screen, &format!("branch {id} is deleted"))
            }
        }
    }
}

fn parts(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    #[tokio::test]
    async fn the_only_company_needs_no_naming() {
        let stub = Stub::start([
            (200, r#"{"Items":[{"CompanyId":"acme"}],"Next":null}"#),
            (201, r#"{"CompanyId":"acme","BranchId":7,"Name":"North"}"#),
        ])
        .await;
        let shown = stub.run(Screen::pipe(), &["branch", "create", "7", "--name", "North"]).await.unwrap();
        assert_eq!(shown, "CompanyId  acme\nBranchId   7\nName       North\n");
        assert_eq!(stub.lines(), ["GET /v1/companies?Limit=2", "POST /v1/companies/acme/branches"]);
        assert_eq!(stub.requests()[1].body, r#"{"BranchId":7,"Name":"North"}"#);
    }

    #[tokio::test]
    async fn with_several_companies_one_must_be_named() {
        let two = r#"{"Items":[{"CompanyId":"acme"},{"CompanyId":"bolt"}],"Next":null}"#;
        let stub = Stub::start([(200, two), (200, r#"{"Items":[],"Next":null}"#)]).await;
        let error = stub.run(Screen::pipe(), &["branch", "list"]).await.unwrap_err();
        assert_eq!(error.to_string(), "there are several companies; say which one: --company ID");
        assert_eq!(error.exit_status(), 2);
        let error = stub.run(Screen::pipe(), &["branch", "list"]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no company yet; create one: workbell company create ID --name NAME"
        );
        assert_eq!(error.exit_status(), 1);
    }
}
