//! `workbell customer`: what customers demand of those who do their work.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::page::{Page, Paging};
use crate::record::member;
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell customer put 7781 --name 'Golden Crust Bakeries' --repair-info --custom-field 11
  workbell customer put 7802 --name 'Harbor Fresh Markets' --no-quotes
  workbell customer list
  workbell customer show 7781";

const ORDER: &[&str] =
    &["CustomerId", "Name", "DemandsRepairInfo", "DemandedCustomFields", "AllowsQuotes", "AllowsBackDating"];

/// Customers.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Customer {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// Say what a customer demands; all that was said before is replaced
    Put {
        /// Its id, as work orders name it in Details.Customer.Id
        #[arg(value_name = "CUSTOMER_ID", value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
        /// Its name, for people
        #[arg(long)]
        name: String,
        /// A check out must give RepairInfo
        #[arg(long)]
        repair_info: bool,
        /// A check out must give this custom field; may be given many times
        #[arg(long = "custom-field", value_name = "FIELD_ID")]
        custom_fields: Vec<i64>,
        /// The provider may submit no quotes
        #[arg(long)]
        no_quotes: bool,
        /// Acts through the Direct API may not lie in the past
        #[arg(long)]
        no_back_dating: bool,
    },
    /// List the customers that were described, highest id first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Show what a customer demands
    Show {
        /// Its id
        #[arg(value_name = "CUSTOMER_ID")]
        id: i64,
    },
}

impl Customer {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        match &self.act {
            Act::Put { id, name, repair_info, custom_fields, no_quotes, no_back_dating } => {
                let body = json!({
                    "Name": name,
                    "DemandsRepairInfo": repair_info,
                    "DemandedCustomFields": custom_fields,
                    "AllowsQuotes": !no_quotes,
                    "AllowsBackDating": !no_back_dating,
                });
                let path = ["v1", "customers", &id.to_string()];
                connection.show(screen, &platform.put(&path, body.to_string().into()).await?, ORDER)
            }
            Act::List { paging } => {
                let page = Page::fetch(&platform, &["v1", "customers"], &[], paging).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                let mut table =
                    Table::new(&["CUSTOMER", "NAME", "REPAIR INFO", "FIELDS", "QUOTES", "BACK-DATING"]);
                for customer in page.values()? {
                    table.row(vec![
                        Cell::styled(member(&customer, "CustomerId"), Style::Accent),
                        Cell::new(member(&customer, "Name")),
                        Cell::new(member(&customer, "DemandsRepairInfo")),
                        Cell::new(member(&customer, "DemandedCustomFields")),
                        Cell::new(member(&customer, "AllowsQuotes")),
                        Cell::new(member(&customer, "AllowsBackDating")),
                    ]);
                }
                table.show(screen, "no customer was described; one that is not demands nothing")?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { id } => {
                let path = ["v1", "customers", &id.to_string()];
                connection.show(screen, &platform.get(&path, &[]).await?, ORDER)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    #[tokio::test]
    async fn what_is_not_said_is_not_demanded_and_allowed() {
        let kept = r#"{"CustomerId":7,"Name":"Bakery","DemandsRepairInfo":true,"DemandedCustomFields":[3],
            "AllowsQuotes":false,"AllowsBackDating":true}"#;
        let list = format!(r#"{{"Items":[{kept}],"Next":null}}"#);
        let stub = Stub::start([(201, kept), (200, list.as_str())]).await;
        let words = [
            "customer",
            "put",
            "7",
            "--name",
            "Bakery",
            "--repair-info",
            "--custom-field",
            "3",
            "--no-quotes",
        ];
        let shown = stub.run(Screen::pipe(), &words).await.unwrap();
        assert!(shown.starts_with("CustomerId            7\nName                  Bakery\n"), "{shown}");
        let shown = stub.run(Screen::pipe(), &["customer", "ls"]).await.unwrap();
        assert_eq!(shown, "7\tBakery\tyes\t3\tno\tyes\n");
        assert_eq!(stub.requests()[0].line, "PUT /v1/customers/7");
        let sent: serde_json::Value = serde_json::from_str(&stub.requests()[0].body).unwrap();
        let expected = json!({"Name": "Bakery", "DemandsRepairInfo": true, "DemandedCustomFields": [3],
                              "AllowsQuotes": false, "AllowsBackDating": true});
        assert_eq!(sent, expected);
    }
}
