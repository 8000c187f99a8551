//! `workbell queue`: deliveries and where they stand; retry and discard by hand.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use workbell_model::{DeliveryId, State, States};

use super::filter::{Filter, add};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::job::{self, Options, Wanted};
use crate::moment;
use crate::page::{Page, Paging};
use crate::question::Consent;
use crate::record::{Record, member};
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell queue list --state Retrying          what failed and will be tried again
  workbell queue list --work-order 42           the life of one work order
  workbell queue show DELIVERY_ID               one delivery with all its attempts
  workbell queue retry DELIVERY_ID              due at once; also what is dead or discarded
  workbell queue retry --state dead -e ENDPOINT_ID   all dead letters of an endpoint, as a job
  workbell queue retry -w 42 --yes              all of a work order, also what is discarded, without asking
  workbell queue discard DELIVERY_ID            the next one of its work order moves up";

const ORDER: &[&str] = &[
    "DeliveryId",
    "State",
    "Reason",
    "InFlight",
    "WaitsFor",
    "Behind",
    "BehindSequence",
    "CompanyId",
    "EndpointId",
    "MessageId",
    "Action",
    "WorkOrderId",
    "BranchId",
    "Sequence",
    "Mode",
    "AttemptCount",
    "LastStatus",
    "LastError",
    "NextAttemptAt",
    "Accepted",
    "Finished",
];

/// The queue.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Queue {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// List deliveries, newest first
    #[command(visible_alias = "ls")]
    List {
        /// In this state
        #[arg(long, short, value_parser = delivery_state, help_heading = "Filters")]
        state: Option<&'static str>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one delivery with its attempts
    Show {
        /// Its id
        #[arg(value_name = "DELIVERY_ID")]
        id: DeliveryId,
    },
    /// Make deliveries due at once; their schedule starts anew
    Retry {
        /// Their ids; without, all that the filters name, as a job
        #[arg(value_name = "DELIVERY_ID")]
        ids: Vec<DeliveryId>,
        #[command(flatten)]
        many: Many,
        #[command(flatten)]
        consent: Consent,
    },
    /// Take deliveries out of the queue; the next of the work order moves up
    Discard {
        /// Their ids; without, all that the filters name, as a job
        #[arg(value_name = "DELIVERY_ID")]
        ids: Vec<DeliveryId>,
        #[command(flatten)]
        many: Many,
        #[command(flatten)]
        consent: Consent,
    },
}

/// Many at once, as a job.
#[derive(Clone, Debug, Args)]
struct Many {
    /// In this state
    #[arg(long, short, value_parser = delivery_state, help_heading = "Filters")]
    state: Option<&'static str>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    options: Options,
}

impl Many {
    fn members(&self) -> Map<String, Value> {
        let mut members = self.filter.members();
        members.extend(self.state.map(|state| ("State".to_owned(), state.into())));
        members
    }

    fn is_given(&self) -> bool {
        self.options.all || self.options.dry_run || !self.members().is_empty()
    }
}

impl Queue {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        match &self.act {
            Act::List { state, filter, paging } => {
                let mut query = filter.query();
                add(&mut query, "State", state.as_ref());
                let page = Page::fetch(&platform, &["v1", "deliveries"], &query, paging).await?;
                if page.items.is_empty() {
                    filter.note_unknown(&platform, screen).await?;
                }
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                table(&page.values()?, moment::now()).show(screen, "no delivery is like that")?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { id } => {
                let answer = platform.get(&["v1", "deliveries", &id.to_string()], &[]).await?;
                if connection.json {
                    return connection.show(screen, &answer, ORDER);
                }
                Ok(screen.print(&whole(&answer.value()?, screen))?)
            }
            Act::Retry { ids, many, consent } if ids.is_empty() => {
                // What failed is tried again as it would be by itself; what somebody took out is another matter.
                let takes_discarded = many.state.is_none_or(|state| state == State::Discarded.name());
                let question = takes_discarded
                    .then_some(("Retry {} deliveries, also those that somebody discarded?", *consent));
                let wanted =
                    Wanted { kind: "Retry", filter: many.members(), options: &many.options, question };
                job::run(connection, screen, &wanted).await
            }
            Act::Discard { ids, many, consent } if ids.is_empty() => {
                let question = Some(("Discard {} deliveries?", *consent));
                let wanted =
                    Wanted { kind: "Discard", filter: many.members(), options: &many.options, question };
                job::run(connection, screen, &wanted).await
            }
            Act::Retry { many, .. } | Act::Discard { many, .. } if many.is_given() => {
                Err(Failure::Usage("give ids, or filters, not both".to_owned()))
            }
            Act::Retry { ids, .. } => self.each(screen, ids, "retry", "is due at once").await,
            Act::Discard { ids, consent, .. } => {
                consent.ask(&match ids.as_slice() {
                    [only] => format!("Discard delivery {only}?"),
                    several => format!("Discard {} deliveries?", several.len()),
                })?;
                self.each(screen, ids, "discard", "is discarded").await
            }
        }
    }

    /// Does `act` to each delivery; goes on past those that refuse it, and fails in the end if one did.
    async fn each(&self, screen: &Screen, ids: &[DeliveryId], act: &str, done: &str) -> Result<(), Failure> {
        let platform = self.connection.platform()?;
        let mut refused = 0_usize;
        for id in ids {
            match platform.post(&["v1", "deliveries", &id.to_string(), act], "{}".into()).await {
                Ok(answer) if self.connection.json => {
                    screen.print(&crate::json::for_screen(answer.text()?, screen))?;
                }
                Ok(answer) => {
                    // With an attempt in flight a discard takes effect at its completion, and a success wins. After a
                    // retry the attempt that the answer sees is as a rule the one that the retry began.
                    let in_flight = answer.value().is_ok_and(|it| it.get("InFlight") == Some(&true.into()));
                    let when = match act {
                        "discard" if in_flight => ", unless the attempt in flight succeeds",
                        _ => "",
                    };
                    screen.print(&format!("delivery {id} {done}{when}\n"))?;
                }
                Err(Failure::Problem(problem)) if ids.len() > 1 => {
                    refused += 1;
                    screen.note(&format!("delivery {id}: {problem}"));
                }
                Err(failure) => return Err(failure),
            }
        }
        if refused == 0 {
            Ok(())
        } else {
            Err(Failure::Failed(format!("{refused} of {} deliveries were refused", ids.len())))
        }
    }
}

fn table(deliveries: &[Value], now: workbell_wire::Timestamp) -> Table {
    let mut table = Table::new(&[
        "DELIVERY",
        "STATE",
        "WORK ORDER",
        "SEQ",
        "ACTION",
        "ATTEMPTS",
        "LAST",
        "NEXT",
        "ACCEPTED",
    ]);
    for delivery in deliveries {
        table.row(vec![
            Cell::styled(member(delivery, "DeliveryId"), Style::Accent),
            state(delivery),
            Cell::new(member(delivery, "WorkOrderId")),
            Cell::new(member(delivery, "Sequence")),
            Cell::new(member(delivery, "Action")),
            Cell::new(member(delivery, "AttemptCount")),
            Cell::new(last(delivery)),
            Cell::new(next(delivery, now)),
            Cell::moment(moment::short(&member(delivery, "Accepted"))),
        ]);
    }
    table
}

fn state(delivery: &Value) -> Cell {
    let state = member(delivery, "State");
    let style = match state.as_str() {
        "Delivered" => Some(Style::Good),
        "Retrying" => Some(Style::Warning),
        "Dead" => Some(Style::Bad),
        "Discarded" => Some(Style::Faint),
        _ => None,
    };
    let text = match delivery.get("Reason") {
        Some(Value::String(reason)) => format!("{state} ({reason})"),
        Some(_) | None => state,
    };
    match style {
        Some(style) => Cell::styled(text, style),
        None => Cell::new(text),
    }
}

/// What it waits for, or when it is tried next.
fn next(delivery: &Value, now: workbell_wire::Timestamp) -> String {
    if delivery.get("InFlight") == Some(&true.into()) {
        return "in flight".to_owned();
    }
    match delivery.get("WaitsFor").and_then(Value::as_str) {
        Some("Store") => "store takes no writes".to_owned(),
        Some("Off") => "endpoint off".to_owned(),
        Some("Paused") => "endpoint paused".to_owned(),
        Some("Down") => "endpoint down".to_owned(),
        Some("Throttled") => "endpoint throttled".to_owned(),
        Some("Earlier") => format!("behind {}", member(delivery, "BehindSequence")),
        Some(_) | None => match delivery.get("NextAttemptAt") {
            Some(Value::String(time)) => moment::due(time, now),
            Some(_) | None => "-".to_owned(),
        },
    }
}

/// The state with this name, however it is spelled.
fn delivery_state(text: &str) -> Result<&'static str, String> {
    let names: Vec<_> = [States::Undelivered.name()].into_iter().chain(State::ALL.map(State::name)).collect();
    let found = names.iter().copied().find(|name| name.eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("write one of {}", names.join(", ")))
}

/// What the last attempt ended with: the status if one came, else the class of the failure.
fn last(delivery: &Value) -> String {
    match (delivery.get("LastStatus"), delivery.get("LastError")) {
        (Some(Value::Number(status)), _) => status.to_string(),
        (_, Some(Value::String(error))) => error.clone(),
        _ => "-".to_owned(),
    }
}

fn whole(delivery: &Value, screen: &Screen) -> String {
    let attempts: &[Value] = match delivery.get("Attempts") {
        Some(Value::Array(attempts)) => attempts,
        Some(_) | None => &[],
    };
    let mut text = Record::of(delivery, ORDER, &["Attempts"]).render(screen);
    if attempts.is_empty() {
        return text;
    }
    let mut table = Table::new(&["ATTEMPT", "START", "TOOK", "RESULT", "ADDRESS"]);
    for attempt in attempts {
        table.row(super::log::attempt_cells(attempt));
    }
    text.push('\n');
    text.push_str(&table.render(screen));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[tokio::test]
    async fn filters_go_into_the_query_and_rows_come_back() {
        let list = format!(
            r#"{{"Items":[{{"DeliveryId":"{ID}","State":"Dead","Reason":"Exhausted","WorkOrderId":42,"Sequence":3,
                "Action":"Accepted","AttemptCount":200,"LastStatus":500,"LastError":"Status","NextAttemptAt":null,
                "Accepted":"2026-01-01T00:00:00Z"}}],"Next":null}}"#
        );
        let stub = Stub::start([(200, list.as_str())]).await;
        let words =
            ["queue", "list", "--state", "dead", "-w", "42", "-c", "acme", "--from", "2026-01-01T00:00:00Z"];
        let shown = stub.run(Screen::pipe(), &words).await.unwrap();
        assert_eq!(
            shown,
            format!("{ID}\tDead (Exhausted)\t42\t3\tAccepted\t200\t500\t-\t2026-01-01 00:00:00Z\n")
        );
        assert_eq!(
            stub.lines(),
            [
                "GET /v1/deliveries?CompanyId=acme&WorkOrderId=42&From=2026-01-01T00%3A00%3A00Z&State=Dead&Limit=50"
            ]
        );
    }

    #[test]
    fn a_row_says_what_its_delivery_waits_for() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let said = |text: &str| next(&serde_json::from_str(text).unwrap(), now);
        let time = r#""NextAttemptAt":"2025-12-31T23:00:00Z""#;
        assert_eq!(said(&format!(r#"{{"WaitsFor":"Earlier","BehindSequence":3,{time}}}"#)), "behind 3");
        assert_eq!(said(&format!(r#"{{"WaitsFor":"Down","BehindSequence":3,{time}}}"#)), "endpoint down");
        assert_eq!(said(&format!(r#"{{"InFlight":true,"WaitsFor":null,{time}}}"#)), "in flight");
        assert_eq!(said(&format!(r#"{{"WaitsFor":"Slot",{time}}}"#)), "due");
        assert_eq!(said(r#"{"WaitsFor":"Time","NextAttemptAt":"2026-01-01T00:04:00Z"}"#), "in 4m 0s");
        assert_eq!(said(r#"{"WaitsFor":null,"NextAttemptAt":null}"#), "-");
    }

    #[tokio::test]
    async fn an_empty_list_says_in_a_pipe_too_what_the_filters_name_and_there_is_not() {
        let empty = r#"{"Items":[],"Next":null}"#;
        let missing = r#"{"status":404,"detail":"company nobody does not exist","Code":"not_found"}"#;
        let stub = Stub::start([(200, empty), (404, missing), (200, empty), (200, "{}")]).await;
        let screen = Screen::pipe();
        assert_eq!(stub.run(screen.clone(), &["queue", "list", "-c", "nobody"]).await.unwrap(), "");
        let said = "company nobody does not exist (404 not_found)\nno delivery is like that\n";
        assert_eq!(screen.noted(), said);
        let screen = Screen::pipe();
        let json = stub.run(screen.clone(), &["queue", "list", "-c", "acme", "--json"]).await.unwrap();
        assert_eq!((json.as_str(), screen.noted().as_str()), ("{\"Items\":[],\"Next\":null}\n", ""));
        assert_eq!(stub.lines()[1], "GET /v1/companies/nobody");
    }

    #[tokio::test]
    async fn one_refusal_does_not_keep_the_others_but_fails_the_command() {
        let other = "01890a5d-ac96-774b-bcce-b302099a8058";
        let refused =
            r#"{"title":"state conflict","status":409,"detail":"it is delivered","Code":"state_conflict"}"#;
        let stub = Stub::start([(409, refused), (200, r#"{"InFlight":true}"#)]).await;
        let screen = Screen::pipe();
        let error = stub.run(screen, &["queue", "retry", ID, other]).await.unwrap_err();
        assert_eq!(error.to_string(), "1 of 2 deliveries were refused");
        assert_eq!(error.exit_status(), 1);
        assert_eq!(
            stub.lines(),
            [format!("POST /v1/deliveries/{ID}/retry"), format!("POST /v1/deliveries/{other}/retry")]
        );
    }

    #[tokio::test]
    async fn a_retry_asks_before_it_brings_back_what_somebody_discarded() {
        let counted = r#"{"JobId":"x","Kind":"Retry","DryRun":true,"State":"Finished","Total":12}"#;
        for words in [&["queue", "retry", "-w", "42"][..], &["queue", "retry", "--state", "discarded"]] {
            let stub = Stub::start([(201, counted)]).await;
            let error = stub.run(Screen::pipe(), words).await.unwrap_err();
            assert!(error.to_string().contains("Retry 12 deliveries, also those"), "{error}");
            assert_eq!(error.exit_status(), 2, "nobody is there to answer");
        }
        let ended = r#"{"JobId":"x","Kind":"Retry","DryRun":false,"State":"Finished","Total":12,"Done":12}"#;
        for words in [
            &["queue", "retry", "-w", "42", "--yes"][..],
            &["queue", "retry", "--state", "dead", "-y"],
            &["queue", "retry", "--state", "dead"],
        ] {
            let stub = Stub::start([(201, ended)]).await;
            let shown = stub.run(Screen::pipe(), words).await.unwrap();
            assert_eq!(shown, "12 of 12 are due at once\n", "{words:?}");
            assert!(!stub.requests()[0].body.contains("DryRun"), "{words:?}");
        }
    }

    #[tokio::test]
    async fn a_delivery_is_shown_with_its_attempts() {
        let delivery = format!(
            r#"{{"DeliveryId":"{ID}","State":"Retrying","Attempts":[
                {{"Attempt":1,"Start":"2026-01-01T00:00:00Z","Duration":30000000,"Status":null,"Error":"Timeout"}},
                {{"Attempt":2,"Start":"2026-01-01T00:05:00Z","Duration":2100,"Status":500,"Error":"Status","Address":"127.0.0.1:9"}}]}}"#
        );
        let stub = Stub::start([(200, delivery.as_str())]).await;
        let shown = stub.run(Screen::terminal(100), &["queue", "show", ID]).await.unwrap();
        assert_eq!(
            shown,
            format!(
                "DeliveryId  {ID}\nState       Retrying\n\n\
                 ATTEMPT  START                 TOOK    RESULT   ADDRESS\n\
                 1        2026-01-01 00:00:00Z  30s     Timeout  -\n\
                 2        2026-01-01 00:05:00Z  2.1 ms  500      127.0.0.1:9\n"
            )
        );
    }
}
