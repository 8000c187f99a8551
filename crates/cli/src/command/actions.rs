//! `workbell actions`: what can be published; the 28 of the contract and the platform's own.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use workbell_wire::ActionName;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::page::{Page, Paging};
use crate::question::Consent;
use crate::record::member;
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};
use crate::{input, json};

const EXAMPLES: &str = "\
Examples:
  echo '{\"Reading\": 21.5, \"Unit\": \"C\"}' | workbell actions register TemperatureRead --sample -
  workbell actions list
  workbell actions schema NewWorkOrder > NewWorkOrder.schema.json
  workbell actions delete TemperatureRead";

const ORDER: &[&str] = &["Name", "Own", "Schema", "Summary", "Sample", "Created"];

/// Actions.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Actions {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// List the actions that can be published
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Register an action of your own; it travels like the 28
    Register {
        /// Its name: a letter, then letters and digits
        name: ActionName,
        /// File with a JSON object: the members beside Header; - for standard input
        #[arg(long, value_name = "FILE")]
        sample: PathBuf,
    },
    /// Delete an action of your own
    Delete {
        /// Its name
        name: ActionName,
        #[command(flatten)]
        consent: Consent,
    },
    /// Print the JSON Schema of an action; needs no platform key
    Schema {
        /// Its name
        name: ActionName,
    },
}

/// What registers an action; the sample keeps its bytes.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Registration<'a> {
    name: &'a str,
    sample: &'a RawValue,
}

impl Actions {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        match &self.act {
            Act::List { paging } => {
                let platform = connection.platform()?;
                let page = Page::fetch(&platform, &["v1", "actions"], &[], paging).await?;
                if connection.json {
                    return Ok(screen.print(&json::for_screen(&page.to_json()?, screen))?);
                }
                let mut table = Table::new(&["ACTION", "KIND", "WHAT HAPPENED"]);
                for action in page.values()? {
                    let own = action.get("Own") == Some(&Value::Bool(true));
                    let sample = || action.get("Sample").map_or_else(|| "-".to_owned(), Value::to_string);
                    table.row(vec![
                        Cell::styled(member(&action, "Name"), Style::Accent),
                        Cell::styled(if own { "own" } else { "contract" }, Style::Faint),
                        Cell::new(if own { sample() } else { member(&action, "Summary") }),
                    ]);
                }
                table.show(screen, "there is no action")?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Register { name, sample } => {
                let platform = connection.platform()?;
                let bytes = input::read(sample)?;
                let sample: &RawValue = serde_json::from_slice(&bytes)
                    .map_err(|error| Failure::Failed(format!("the sample is no JSON: {error}")))?;
                let body = serde_json::to_vec(&Registration { name: name.as_str(), sample })
                    .map_err(|error| Failure::Failed(format!("the sample cannot be sent: {error}")))?;
                connection.show(screen, &platform.post(&["v1", "actions"], body.into()).await?, ORDER)
            }
            Act::Delete { name, consent } => {
                let platform = connection.platform()?;
                consent.ask(&format!("Delete the action {name}? It can then no longer be published."))?;
                platform.delete(&["v1", "actions", name.as_str()], &[]).await?;
                connection.done(screen, &format!("{name} is deleted"))
            }
            Act::Schema { name } => {
                let file = format!("{name}.json");
                let answer = connection.public()?.get(&["schemas", &file], &[]).await?;
                Ok(screen.print(&json::for_screen(answer.text()?, screen))?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::screen::Screen;
    use crate::stub::Stub;

    #[tokio::test]
    async fn a_sample_goes_out_with_its_own_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sample.json");
        std::fs::write(&file, "{\"Reading\": 1.10}\n").unwrap();
        let stub = Stub::start([(201, r#"{"Name":"TemperatureRead","Sample":{"Reading":1.10}}"#)]).await;
        let words = ["actions", "register", "TemperatureRead", "--sample", file.to_str().unwrap()];
        stub.run(Screen::pipe(), &words).await.unwrap();
        assert_eq!(stub.requests()[0].body, r#"{"Name":"TemperatureRead","Sample":{"Reading": 1.10}}"#);
    }

    #[tokio::test]
    async fn a_sample_that_is_no_json_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sample.json");
        std::fs::write(&file, "{").unwrap();
        let stub = Stub::start([]).await;
        let words = ["actions", "register", "TemperatureRead", "--sample", file.to_str().unwrap()];
        let error = stub.run(Screen::pipe(), &words).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the sample is no JSON: EOF while parsing an object at line 1 column 1"
        );
        assert!(stub.lines().is_empty());
    }
}
