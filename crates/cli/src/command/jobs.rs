//! `workbell jobs`: what is under way over many deliveries.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use workbell_model::{CompanyId, JobId};

use super::filter::add;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::job::{self, Options, Wanted};
use crate::moment;
use crate::page::{Page, Paging};
use crate::question::Consent;
use crate::record::member;
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell queue retry --state dead --endpoint ENDPOINT_ID   makes one
  workbell jobs list                                         newest first
  workbell jobs watch JOB_ID                                 how far it is, until it ends
  workbell jobs cancel JOB_ID                                what it did stays done
  workbell jobs erase --company acme --work-order 42         all texts of a work order go, for good
  workbell jobs show JOB_ID                                  how far it is now";

const ORDER: &[&str] = &[
    "JobId",
    "Kind",
    "State",
    "Filter",
    "RatePerSecond",
    "DryRun",
    "Total",
    "Done",
    "Skipped",
    "Failed",
    "Created",
    "Finished",
];

/// Jobs.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Jobs {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// List jobs, newest first
    #[command(visible_alias = "ls")]
    List {
        /// Of this company
        #[arg(long, short, value_name = "COMPANY_ID")]
        company: Option<CompanyId>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one job
    Show {
        /// Its id
        #[arg(value_name = "JOB_ID")]
        id: JobId,
    },
    /// Show how far a job is until it ends
    Watch {
        /// Its id
        #[arg(value_name = "JOB_ID")]
        id: JobId,
    },
    /// End a job; what it did stays done, and replays that wait are discarded
    Cancel {
        /// Its id
        #[arg(value_name = "JOB_ID")]
        id: JobId,
    },
    /// Erase all texts of a work order, for good
    Erase {
        /// Whose it is
        #[arg(long, short, value_name = "COMPANY_ID")]
        company: CompanyId,
        /// Which one
        #[arg(long, short, value_name = "WORK_ORDER_ID", allow_negative_numbers = true)]
        work_order: i64,
        #[command(flatten)]
        consent: Consent,
    },
}

impl Jobs {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        match &self.act {
            Act::List { company, paging } => {
                let mut query = Vec::new();
                add(&mut query, "CompanyId", company.as_ref());
                let page = Page::fetch(&platform, &["v1", "jobs"], &query, paging).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                table(&page.values()?).show(screen, "no job was made yet")?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { id } => {
                let answer = platform.get(&["v1", "jobs", &id.to_string()], &[]).await?;
                connection.show(screen, &answer, ORDER)
            }
            Act::Watch { id } => {
                let job = platform.get(&["v1", "jobs", &id.to_string()], &[]).await?;
                let ended = job::wait(&platform, job).await?;
                job::tell(connection, screen, &ended)
            }
            Act::Cancel { id } => {
                let answer = platform.post(&["v1", "jobs", &id.to_string(), "cancel"], "{}".into()).await?;
                if connection.json {
                    return connection.show(screen, &answer, ORDER);
                }
                let job = answer.value()?;
                Ok(screen.print(&format!("job {id} is cancelled after {}\n", member(&job, "Done")))?)
            }
            Act::Erase { company, work_order, consent } => {
                let filter = json!({ "CompanyId": company, "WorkOrderId": work_order });
                let options = Options::default();
                let wanted = Wanted {
                    kind: "Erase",
                    filter: filter.as_object().cloned().unwrap_or_default(),
                    options: &options,
                    question: None,
                };
                // Not only when there are notifications: the order itself may have texts.
                consent.ask(&format!(
                    "Erase all texts of work order {work_order} of {company}? They cannot be brought back."
                ))?;
                job::run(connection, screen, &wanted).await
            }
        }
    }
}

fn table(jobs: &[Value]) -> Table {
    let mut table = Table::new(&["JOB", "KIND", "STATE", "TOTAL", "DONE", "SKIPPED", "FAILED", "CREATED"]);
    for job in jobs {
        let state = member(job, "State");
        let kind = member(job, "Kind");
        table.row(vec![
            Cell::styled(member(job, "JobId"), Style::Accent),
            Cell::new(if job["DryRun"] == true { format!("{kind} (dry run)") } else { kind }),
            match state.as_str() {
                "Finished" => Cell::styled(state, Style::Good),
                "Cancelled" => Cell::styled(state, Style::Faint),
                _ => Cell::styled(state, Style::Warning),
            },
            Cell::new(member(job, "Total")),
            Cell::new(member(job, "Done")),
            Cell::new(member(job, "Skipped")),
            Cell::new(member(job, "Failed")),
            Cell::moment(moment::short(&member(job, "Created"))),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn job(state: &str, total: &str, done: u64) -> String {
        format!(
            r#"{{"JobId":"{ID}","Kind":"Retry","Filter":{{"State":"Dead"}},"DryRun":false,"State":"{state}","Total":{total},
                "Done":{done},"Skipped":1,"Failed":0,"Created":"2026-01-01T00:00:00Z","Finished":null}}"#
        )
    }

    #[tokio::test]
    async fn a_retry_by_filter_makes_a_job_and_waits_for_its_end() {
        let (first, second, third) =
            (job("Running", "null", 0), job("Running", "3", 1), job("Finished", "3", 2));
        let stub = Stub::start([(201, first.as_str()), (200, second.as_str()), (200, third.as_str())]).await;
        let words = ["queue", "retry", "--state", "dead", "-w", "42", "--rate", "7"];
        let shown = stub.run(Screen::pipe(), &words).await.unwrap();
        assert_eq!(shown, "2 of 3 are due at once; 1 had changed meanwhile\n");
        let look = format!("GET /v1/jobs/{ID}");
        assert_eq!(stub.lines(), ["POST /v1/jobs".to_owned(), look.clone(), look]);
        let asked: Value = serde_json::from_str(&stub.requests()[0].body).unwrap();
        let expected =
            json!({ "Kind": "Retry", "Filter": { "State": "Dead", "WorkOrderId": 42 }, "RatePerSecond": 7 });
        assert_eq!(asked, expected);
    }

    #[tokio::test]
    async fn what_cannot_be_undone_is_asked_for_with_its_number_first() {
        let counted = r#"{"JobId":"x","Kind":"Replay","DryRun":true,"State":"Finished","Total":12}"#;
        let stub = Stub::start([(201, counted)]).await;
        let error = stub.run(Screen::pipe(), &["replay", "--all"]).await.unwrap_err();
        assert!(error.to_string().contains("Send 12 notifications again?"), "{error}");
        assert_eq!(error.exit_status(), 2, "nobody is there to answer");
        let asked: Value = serde_json::from_str(&stub.requests()[0].body).unwrap();
        assert_eq!(asked, json!({ "Kind": "Replay", "Filter": {}, "All": true, "DryRun": true }));
    }

    #[tokio::test]
    async fn neither_ids_nor_filters_is_wrong_usage_and_both_too() {
        for words in [
            &["queue", "retry"][..],
            &["queue", "discard", "--yes"],
            &["replay", "--yes"],
            &["queue", "retry", ID, "--all"],
            &["queue", "discard", ID, "--state", "dead", "--yes"],
        ] {
            let stub = Stub::start([]).await;
            let error = stub.run(Screen::pipe(), words).await.unwrap_err();
            assert_eq!(error.exit_status(), 2, "{words:?}: {error}");
            assert!(stub.lines().is_empty(), "{words:?}");
        }
    }

    #[tokio::test]
    async fn jobs_are_listed_cancelled_and_erase_asks() {
        let list = format!(r#"{{"Items":[{}],"Next":null}}"#, job("Running", "3", 1));
        let cancelled = job("Cancelled", "3", 1);
        let stub = Stub::start([(200, list.as_str()), (200, cancelled.as_str())]).await;
        let shown = stub.run(Screen::pipe(), &["jobs", "list", "-c", "acme"]).await.unwrap();
        assert_eq!(shown, format!("{ID}\tRetry\tRunning\t3\t1\t1\t0\t2026-01-01 00:00:00Z\n"));
        let shown = stub.run(Screen::pipe(), &["jobs", "cancel", ID]).await.unwrap();
        assert_eq!(shown, format!("job {ID} is cancelled after 1\n"));
        assert_eq!(
            stub.lines(),
            ["GET /v1/jobs?CompanyId=acme&Limit=50".to_owned(), format!("POST /v1/jobs/{ID}/cancel")]
        );
        let error = stub.run(Screen::pipe(), &["jobs", "erase", "-c", "acme", "-w", "42"]).await.unwrap_err();
        assert!(error.to_string().contains("cannot be brought back"), "{error}");
    }
}
