//! `workbell publish`: hands notifications to the service, from a file or standard input.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::problem::Problem;
use crate::record::member;
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};
use crate::{input, json};

const EXAMPLES: &str = r#"Examples:
  workbell publish accepted.json
  echo '{"Header": {"WorkOrderId": 42, "BranchId": 492042, "Action": "Accepted",
         "Sender": {"Name": "Jon Snow", "Type": "CorrigoPro"}}, "Status": "Accepted"}' | workbell publish -

The file holds one notification as its receiver will see it, or an array of them. MessageId, ActionDate and
ApiVersion are made when missing. It is done when the service has it on disk; status 1 if one was refused."#;

/// Publish notifications from a file, - for standard input
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Publish {
    /// File with one notification or an array of them
    file: PathBuf,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl Publish {
    /// Publishes and says what became of each.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let platform = self.connection.platform()?;
        let body = input::read(&self.file)?;
        let answer = platform.post(&["v1", "notifications"], body.into()).await?;
        if self.connection.json {
            screen.print(&json::for_screen(answer.text()?, screen))?;
        }
        let value = answer.value()?;
        let items = match value {
            Value::Array(items) => items,
            one => vec![one],
        };
        let refused = items.iter().filter(|item| is_refused(item)).count();
        if !self.connection.json {
            screen.print(&table(&items, answer.is_repeat()).render(screen))?;
            for (place, item) in items.iter().enumerate().filter(|(_, item)| is_refused(item)) {
                match problem(item) {
                    Some(problem) => screen.note(&format!("{} {problem}", place + 1)),
                    None => screen.note(&format!("{} {item}", place + 1)),
                }
            }
        }
        if refused == 0 {
            Ok(())
        } else {
            Err(Failure::Failed(format!("{refused} of {} notifications were refused", items.len())))
        }
    }
}

fn is_refused(item: &Value) -> bool {
    item.get("Code").is_some()
}

fn problem(item: &Value) -> Option<Problem> {
    let status = item.get("Status").or(item.get("status"))?.as_u64()?;
    let status = hyper::StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    Problem::read(status, &item.to_string().into(), None)
}

fn table(items: &[Value], single_repeat: bool) -> Table {
    let mut table = Table::new(&["#", "FATE", "MESSAGE", "DELIVERIES"]);
    for (place, item) in items.iter().enumerate() {
        let repeated = item.get("Status").map_or(single_repeat, |status| status == 200);
        let fate = match member(item, "Fate") {
            _ if is_refused(item) => Cell::styled("Refused", Style::Bad),
            fate if repeated => Cell::styled(format!("{fate} (repeat)"), Style::Faint),
            fate if fate == "Queued" => Cell::styled(fate, Style::Good),
            fate => Cell::styled(fate, Style::Warning),
        };
        table.row(vec![
            Cell::new((place + 1).to_string()),
            fate,
            Cell::styled(member(item, "MessageId"), Style::Accent),
            Cell::new(member(item, "Deliveries")),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use crate::screen::Screen;
    use crate::stub::Stub;

    #[tokio::test]
    async fn a_notification_goes_out_byte_for_byte_and_its_fate_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accepted.json");
        std::fs::write(&file, "{\"Amount\": 1.10}").unwrap();
        let queued = r#"{"MessageId":"m1","Fate":"Queued","Deliveries":["d1","d2"]}"#;
        let stub = Stub::start([(202, queued), (200, queued)]).await;
        let words = ["publish", file.to_str().unwrap()];
        assert_eq!(stub.run(Screen::pipe(), &words).await.unwrap(), "1\tQueued\tm1\td1, d2\n");
        assert_eq!(stub.run(Screen::pipe(), &words).await.unwrap(), "1\tQueued (repeat)\tm1\td1, d2\n");
        assert_eq!(stub.requests()[0].line, "POST /v1/notifications");
        assert_eq!(stub.requests()[0].body, "{\"Amount\": 1.10}");
        assert_eq!(stub.requests()[0].header("content-type"), Some("application/json"));
    }

    #[tokio::test]
    async fn one_refused_item_of_an_array_fails_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("two.json");
        std::fs::write(&file, "[{},{}]").unwrap();
        let answer = r#"[{"Status":202,"MessageId":"m1","Fate":"NoEndpoint","Deliveries":[]},
                         {"Status":422,"status":422,"title":"The branch is not known","Code":"unknown_branch"}]"#;
        let stub = Stub::start([(200, answer)]).await;
        let error = stub.run(Screen::pipe(), &["publish", file.to_str().unwrap()]).await.unwrap_err();
        assert_eq!(error.to_string(), "1 of 2 notifications were refused");
        assert_eq!(error.exit_status(), 1);
    }
}
