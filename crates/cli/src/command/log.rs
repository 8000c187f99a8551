//! `workbell log`: the communication log, both sides of every attempt.

mod whole;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;
use workbell_model::DeliveryId;
use workbell_model::log::Direction;

use super::filter::{Filter, add};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::follower::Followed;
use crate::moment;
use crate::page::{Page, Paging};
use crate::record::member;
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell log list --work-order 42           what was said about one work order
  workbell log list --status 500              attempts that were answered so
  workbell log list --follow                  as it happens, until Ctrl-C
  workbell log show LOG_ID                    one record whole: headers, body, answer, times";

/// The communication log.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Log {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// List records, newest first; with --follow oldest first
    #[command(visible_alias = "ls")]
    List {
        /// Of this delivery
        #[arg(long, value_name = "DELIVERY_ID", help_heading = "Filters")]
        delivery: Option<DeliveryId>,
        /// Of this notification
        #[arg(long, short, value_name = "MESSAGE_ID", help_heading = "Filters")]
        message: Option<String>,
        /// About work orders with this number
        #[arg(long, short, value_name = "WORK_ORDER_NUMBER", help_heading = "Filters")]
        number: Option<String>,
        /// Answered with this status
        #[arg(long, short, help_heading = "Filters")]
        status: Option<u16>,
        /// Which way: Outbound to endpoints, Inbound from Direct API clients
        #[arg(long, value_parser = log_direction, help_heading = "Filters")]
        direction: Option<&'static str>,
        #[command(flatten)]
        filter: Box<Filter>,
        /// Show what is new as it happens, until Ctrl-C; --limit is how many of the past stand before it
        #[arg(long, short, conflicts_with_all = ["all", "after"])]
        follow: bool,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one record whole; bodies of JSON are indented, with --json they are as they were sent
    Show {
        /// Its LogId, the first column of the list
        #[arg(value_name = "LOG_ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        id: String,
    },
}

impl Log {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        match &self.act {
            Act::List { delivery, message, number, status, direction, filter, follow, paging } => {
                let mut query = filter.query();
                add(&mut query, "DeliveryId", delivery.as_ref());
                add(&mut query, "MessageId", message.as_ref());
                add(&mut query, "WorkOrderNumber", number.as_ref());
                add(&mut query, "Status", status.as_ref());
                add(&mut query, "Direction", direction.as_ref());
                if *follow {
                    return FOLLOWED.follow(&platform, &query, paging, connection.json, screen).await;
                }
                let page = Page::fetch(&platform, &["v1", "log"], &query, paging).await?;
                if page.items.is_empty() {
                    filter.note_unknown(&platform, screen).await?;
                }
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                table(&page.values()?).show(screen, "no record is like that")?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { id } => {
                let answer = platform.get(&["v1", "log", id], &[]).await?;
                if connection.json {
                    return connection.show(screen, &answer, &[]);
                }
                Ok(screen.print(&whole::render(&answer.value()?, &answer.read()?, screen))?)
            }
        }
    }
}

/// The direction with this name, however it is spelled.
fn log_direction(text: &str) -> Result<&'static str, String> {
    let names = [Direction::Outbound, Direction::Inbound].map(Direction::name);
    let found = names.into_iter().find(|name| name.eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("write one of {}", names.join(", ")))
}

const FOLLOWED: Followed = Followed { path: &["v1", "log"], id: "LogId", table };

fn id(record: &Value) -> String {
    member(record, "LogId")
}

fn table(records: &[Value]) -> Table {
    let mut table =
        Table::new(&["LOG", "START", "WORK ORDER", "ACTION", "ATTEMPT", "RESULT", "TOOK", "NEXT", "URL"]);
    for record in records {
        table.row(vec![
            Cell::styled(id(record), Style::Accent),
            Cell::moment(moment::short(&member(record, "Start"))),
            Cell::new(member(record, "WorkOrderId")),
            Cell::new(member(record, "Action")),
            Cell::new(member(record, "Attempt")),
            result(record),
            Cell::new(took(record)),
            Cell::moment(moment::short(&member(record, "NextAttemptAt"))),
            Cell::url(member(record, "Url")),
        ]);
    }
    table
}

/// Attempt, start, duration, result and address of a record, for the attempts of a delivery.
pub(crate) fn attempt_cells(record: &Value) -> Vec<Cell> {
    vec![
        Cell::new(member(record, "Attempt")),
        Cell::moment(moment::short(&member(record, "Start"))),
        Cell::new(took(record)),
        result(record),
        Cell::new(member(record, "Address")),
    ]
}

/// The status if an answer came, else the class of the failure.
fn result(record: &Value) -> Cell {
    match (record.get("Status"), record.get("Error")) {
        (Some(Value::Number(status)), error) => {
            let failed = error.is_some_and(Value::is_string);
            Cell::styled(status.to_string(), if failed { Style::Warning } else { Style::Good })
        }
        (_, Some(Value::String(error))) => Cell::styled(error, Style::Warning),
        _ => Cell::new("-"),
    }
}

/// The duration; the interface writes microseconds.
fn took(record: &Value) -> String {
    match record.get("Duration").and_then(Value::as_u64) {
        Some(micros) => moment::span(Duration::from_micros(micros)),
        None => member(record, "Duration"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follower::Follower;
    use crate::platform::Platform;
    use crate::stub::Stub;

    fn record(id: u32, status: u16) -> String {
        format!(
            r#"{{"LogId":{id},"Start":"2026-01-01T00:00:00Z","Duration":1500,"WorkOrderId":42,"Action":"Accepted",
                "Attempt":1,"Status":{status},"Url":"http://127.0.0.1:9/","NextAttemptAt":null}}"#
        )
    }

    fn page(records: &[String]) -> String {
        format!(r#"{{"Items":[{}],"Next":"older"}}"#, records.join(","))
    }

    #[tokio::test]
    async fn a_list_shows_what_each_attempt_ended_with() {
        let stub = Stub::start([(200, page(&[record(7, 200)]).as_str())]).await;
        let words = ["log", "list", "--limit", "1", "--status", "200", "--direction", "outbound"];
        let shown = stub.run(Screen::pipe(), &words).await.unwrap();
        assert_eq!(shown, "7\t2026-01-01 00:00:00Z\t42\tAccepted\t1\t200\t1.5 ms\t-\thttp://127.0.0.1:9/\n");
        assert_eq!(stub.lines(), ["GET /v1/log?Status=200&Direction=Outbound&Limit=1"]);
    }

    #[tokio::test]
    async fn following_shows_each_record_once_and_oldest_first() {
        let pages = [
            page(&[record(2, 200), record(1, 200)]),
            page(&[record(5, 200), record(4, 500)]),
            page(&[record(3, 200), record(2, 200)]),
        ];
        let stub =
            Stub::start([(200, pages[0].as_str()), (200, pages[1].as_str()), (200, pages[2].as_str())]).await;
        let platform = Platform::new(stub.url().parse().unwrap(), None).unwrap();
        let paging = Paging { limit: 2, all: false, after: None };
        let mut follower = Follower::of(&FOLLOWED, false);
        let mut shown = Vec::new();
        for _ in 0..2 {
            let text = follower.look(&platform, &[], &paging, &Screen::pipe()).await.unwrap();
            shown.push(
                text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>(),
            );
        }
        assert_eq!(shown, [vec!["1", "2"], vec!["3", "4", "5"]]);
        assert_eq!(
            stub.lines(),
            ["GET /v1/log?Limit=2", "GET /v1/log?Limit=2", "GET /v1/log?Limit=2&After=older"]
        );
    }
}
