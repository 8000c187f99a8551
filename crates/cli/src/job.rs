//! Jobs as commands make them: what is asked for, the question before it, and the wait for its end.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::connection::Connection;
use crate::failure::Failure;
use crate::platform::{Answer, Platform};
use crate::progress::{Progress, State};
use crate::question::Consent;
use crate::record::member;
use crate::screen::Screen;

/// Between two looks at a job.
///
/// 200 ms: the line moves, and the service hardly notices.
const LOOK: Duration = Duration::from_millis(200);

/// How a job goes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Job")]
pub(crate) struct Options {
    /// Everything, where no filter is given
    #[arg(long)]
    pub(crate) all: bool,
    /// So many per second; 50 when not given
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: Option<u32>,
    /// Only count what it would act on
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not wait for its end; `workbell jobs watch` does later
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// A job to make.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    /// `Retry`, `Discard`, `Replay`, `Erase`.
    pub(crate) kind: &'static str,
    /// Members of its filter.
    pub(crate) filter: Map<String, Value>,
    pub(crate) options: &'a Options,
    /// What is asked before it, with the number of its matches in the place of `{}`; `None`: it can be undone.
    pub(crate) question: Option<(&'static str, Consent)>,
}

impl Wanted<'_> {
    fn body(&self, dry_run: bool) -> String {
        let mut body = json!({ "Kind": self.kind, "Filter": self.filter });
        if self.options.all {
            body["All"] = true.into();
        }
        if let Some(rate) = self.options.rate {
            body["RatePerSecond"] = rate.into();
        }
        if dry_run {
            body["DryRun"] = true.into();
        }
        body.to_string()
    }
}

/// Makes a job, after the question, and waits for its end.
///
/// # Errors
/// What the service refuses; [`Failure::Declined`]; when the job was cancelled or failed for some.
pub(crate) async fn run(
    connection: &Connection,
    screen: &Screen,
    wanted: &Wanted<'_>,
) -> Result<(), Failure> {
    let platform = connection.platform()?;
    if wanted.filter.is_empty() && !wanted.options.all {
        return Err(Failure::Usage("name what is meant: ids, filters, or --all for everything".to_owned()));
    }
    if let Some((question, consent)) = wanted.question
        && !wanted.options.dry_run
    {
        // Asked with the number, which a run that changes nothing tells.
        if !consent.yes {
            let counted = platform.post(&["v1", "jobs"], wanted.body(true).into()).await?;
            let counted = wait(&platform, counted).await?.value()?;
            if counted["Total"] == 0 {
                screen.note("nothing is like that");
                return Ok(());
            }
            consent.ask(&question.replace("{}", &member(&counted, "Total")))?;
        }
    }
    let made = platform.post(&["v1", "jobs"], wanted.body(wanted.options.dry_run).into()).await?;
    let id = member(&made.value()?, "JobId");
    if wanted.options.no_wait {
        if connection.json {
            return Ok(screen.print(&crate::json::for_screen(made.text()?, screen))?);
        }
        return Ok(screen.print(&format!("job {id} is under way; see it with: workbell jobs watch {id}\n"))?);
    }
    let ended = wait(&platform, made).await?;
    tell(connection, screen, &ended)
}

/// Waits for the end of a job and shows how far it is meanwhile. Who gives up waiting does not end it.
///
/// # Errors
/// When the service does not answer.
pub(crate) async fn wait(platform: &Platform, job: Answer) -> Result<Answer, Failure> {
    let mut job = job;
    let mut progress = Progress::on_stderr();
    loop {
        let value = job.value()?;
        if value["State"] != "Running" {
            progress.clear();
            return Ok(job);
        }
        let number = |name: &str| value[name].as_u64().unwrap_or(0);
        let done = number("Done") + number("Skipped") + number("Failed");
        progress.show(State { done, total: value["Total"].as_u64() });
        tokio::time::sleep(LOOK).await;
        job = platform.get(&["v1", "jobs", &member(&value, "JobId")], &[]).await?;
    }
}

/// Says what a job that ended came to.
///
/// # Errors
/// When it was cancelled or failed for some.
pub(crate) fn tell(connection: &Connection, screen: &Screen, job: &Answer) -> Result<(), Failure> {
    let value = job.value()?;
    if connection.json {
        screen.print(&crate::json::for_screen(job.text()?, screen))?;
    } else {
        screen.print(&format!("{}\n", sentence(&value)))?;
    }
    let failed = value["Failed"].as_u64().unwrap_or(0);
    match value["State"].as_str() {
        Some("Cancelled") => Err(Failure::Failed("the job was cancelled".to_owned())),
        _ if failed > 0 => Err(Failure::Failed(format!("{failed} could not be done"))),
        _ => Ok(()),
    }
}

fn sentence(job: &Value) -> String {
    let number = |name: &str| job[name].as_u64().unwrap_or(0);
    let (done, skipped, total) = (number("Done"), number("Skipped"), number("Total"));
    if job["DryRun"] == true {
        return match job["Kind"].as_str() {
            Some("Replay") => format!("{total} would be sent again"),
            Some("Discard") => format!("{total} would be discarded"),
            Some("Erase") => format!("{total} notifications would be erased"),
            _ => format!("{total} would be due at once"),
        };
    }
    let mut text = match job["Kind"].as_str() {
        Some("Replay") => format!("{done} of {total} are sent again"),
        Some("Discard") => format!("{done} of {total} are discarded"),
        Some("Erase") => format!("{done} of {total} notifications are erased"),
        _ => format!("{done} of {total} are due at once"),
    };
    if skipped > 0 {
        text.push_str(&format!("; {skipped} had changed meanwhile"));
    }
    text
}
