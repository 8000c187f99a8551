//! `workbell work-order`: work orders that Workbell holds; create them, look at their lives, act on them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;
use serde_json::value::RawValue;
use workbell_model::CompanyId;
use workbell_model::work_order::Act as Deed;
use workbell_wire::action::Starter;
use workbell_wire::{Action, Timestamp};

use super::filter::add;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::page::{Page, Paging};
use crate::platform::Answer;
use crate::record::{Record, member};
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};
use crate::{input, moment};

const EXAMPLES: &str = r#"Examples:
  workbell work-order create order.json       { "Sender": …, "Details": { "WorkOrderNumber": "RTL-1",
                                                "BranchId": 492042, "Type": "Request" } }
  workbell work-order act 42 Accepted --sender 'Jon Snow'
  workbell work-order act 42 PutOnHold --sender Dana --set 'Comment=part is ordered'
  workbell work-order act 42 NteChanged --sender Dana --set Amount=120.50
  workbell work-order show 42                 the order and its time line
  workbell work-order list --status Accepted"#;

/// Members that are shown in a table of their own, or not at all.
const LEFT_OUT: &[&str] = &["Timeline", "Details"];

const ORDER: &[&str] = &[
    "WorkOrderId",
    "WorkOrderNumber",
    "Status",
    "CompanyId",
    "BranchId",
    "CustomerId",
    "Created",
    "LastUpdate",
    "AllowedActs",
];

const ACTED: &[&str] = &["WorkOrderId", "Status", "Fate", "MessageId", "Deliveries"];

/// Work orders.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WorkOrder {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
#[expect(clippy::enum_variant_names, reason = "to act is one of the things that are done")]
enum Act {
    /// Create a work order from a file with Sender and Details, - for standard input
    Create {
        /// File with the members of NewWorkOrder
        file: PathBuf,
    },
    /// List work orders, newest first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        filter: Box<Filter>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a work order with its time line
    Show {
        /// Its id
        #[arg(value_name = "WORK_ORDER_ID")]
        id: i64,
        /// Its details too
        #[arg(long)]
        details: bool,
    },
    /// Act on a work order; its company is told of it
    Act {
        /// Its id
        #[arg(value_name = "WORK_ORDER_ID")]
        id: i64,
        /// The action, such as Accepted or NteChanged
        #[arg(value_parser = action)]
        action: Action,
        /// Name of who does it
        #[arg(long, value_name = "NAME")]
        sender: String,
        /// What they are: CorrigoPro (the provider's people), Customer, or a word of yours; as the action says when
        /// missing
        #[arg(long, value_name = "TYPE")]
        sender_type: Option<String>,
        /// Their telephone number
        #[arg(long, value_name = "NUMBER")]
        phone: Option<String>,
        /// A member of the action: JSON, or else a text; may be given many times
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
        members: Vec<Member>,
        /// Makes a repeat harmless
        #[arg(long, value_name = "MESSAGE_ID")]
        message: Option<String>,
        /// When it happened; now when missing
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
    },
}

/// Which work orders are wanted.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
struct Filter {
    /// Of this company
    #[arg(long, short, value_name = "COMPANY_ID")]
    company: Option<CompanyId>,
    /// Of this branch
    #[arg(long, short, value_name = "BRANCH_ID")]
    branch: Option<i64>,
    /// In this state, such as New or CheckedIn
    #[arg(long, short)]
    status: Option<workbell_model::work_order::Status>,
    /// Of this customer
    #[arg(long, value_name = "CUSTOMER_ID")]
    customer: Option<i64>,
    /// With this number
    #[arg(long, short, value_name = "WORK_ORDER_NUMBER")]
    number: Option<String>,
    /// Created from this time on: 2018-09-04T10:12:08Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Created before this time
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
}

/// A member of the action: name and JSON.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    value: Box<RawValue>,
}

fn action(text: &str) -> Result<Action, String> {
    let found = Action::ALL.into_iter().find(|action| action.name().eq_ignore_ascii_case(text));
    let found = found.filter(|action| Deed::of_action(*action).is_some());
    found.ok_or_else(|| {
        let names = Action::ALL.into_iter().filter(|action| Deed::of_action(*action).is_some());
        format!("write one of {}", names.map(Action::name).collect::<Vec<_>>().join(", "))
    })
}

fn assignment(text: &str) -> Result<Member, String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as Comment='on my way'")?;
    let json = RawValue::from_string(value.to_owned());
    let value =
        json.or_else(|_| serde_json::value::to_raw_value(value)).map_err(|error| error.to_string())?;
    Ok(Member { name: name.to_owned(), value })
}

impl WorkOrder {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        let platform = connection.platform()?;
        match &self.act {
            Act::Create { file } => {
                let answer = platform.post(&["v1", "work-orders"], input::read(file)?.into()).await?;
                connection.show(screen, &answer, ACTED)
            }
            Act::List { filter, paging } => {
                let page = Page::fetch(&platform, &["v1", "work-orders"], &filter.query(), paging).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                list(&page.values()?).show(screen, "no work order is like that")?;
                page.note_rest(screen);
                Ok(())
            }
            Act::Show { id, details } => {
                let answer = platform.get(&["v1", "work-orders", &id.to_string()], &[]).await?;
                self.show(screen, &answer, *details)
            }
            Act::Act { id, .. } => {
                let path = ["v1", "work-orders", &id.to_string(), "actions"];
                let answer = platform.post(&path, self.request().into()).await?;
                connection.show(screen, &answer, ACTED)
            }
        }
    }

    /// The body that acts; members keep the bytes that were given.
    fn request(&self) -> String {
        let Act::Act { action, sender, sender_type, phone, members, message, at, .. } = &self.act else {
            return String::new();
        };
        let kind = sender_type.as_deref().unwrap_or(match action.facts().starter {
            Starter::Customer => "Customer",
            Starter::Provider | Starter::Both => "CorrigoPro",
        });
        let quoted = |text: &str| Value::from(text).to_string();
        let mut sender = format!("{{\"Name\":{}", quoted(sender));
        if let Some(phone) = phone {
            sender += &format!(",\"Phone\":{}", quoted(phone));
        }
        sender += &format!(",\"Type\":{}}}", quoted(kind));
        let mut body = format!("{{\"Action\":\"{action}\",\"Sender\":{sender}");
        if let Some(message) = message {
            body += &format!(",\"MessageId\":{}", quoted(message));
        }
        if let Some(at) = at {
            body += &format!(",\"ActionDate\":\"{at}\"");
        }
        for member in members {
            body += &format!(",{}:{}", quoted(&member.name), member.value.get());
        }
        body.push('}');
        body
    }

    fn show(&self, screen: &Screen, answer: &Answer, details: bool) -> Result<(), Failure> {
        if self.connection.json {
            return self.connection.show(screen, answer, ORDER);
        }
        let order = answer.value()?;
        let mut text = Record::of(&order, ORDER, LEFT_OUT).render(screen);
        let lines = order["Timeline"].as_array().cloned().unwrap_or_default();
        text += "\n";
        text += &time_line(&lines).render(screen);
        if details {
            text += "\n";
            text += &Record::of(&order["Details"], &[], &[]).render(screen);
        }
        Ok(screen.print(&text)?)
    }
}

impl Filter {
    fn query(&self) -> Vec<crate::platform::QueryMember<'static>> {
        let mut query = Vec::new();
        add(&mut query, "CompanyId", self.company.as_ref());
        add(&mut query, "BranchId", self.branch.as_ref());
        add(&mut query, "Status", self.status.as_ref());
        add(&mut query, "CustomerId", self.customer.as_ref());
        add(&mut query, "WorkOrderNumber", self.number.as_ref());
        add(&mut query, "From", self.from.as_ref());
        add(&mut query, "To", self.to.as_ref());
        query
    }
}

fn list(orders: &[Value]) -> Table {
    let mut table = Table::new(&["WORK ORDER", "NUMBER", "STATUS", "COMPANY", "BRANCH", "LAST UPDATE"]);
    for order in orders {
        table.row(vec![
            Cell::styled(member(order, "WorkOrderId"), Style::Accent),
            Cell::new(member(order, "WorkOrderNumber")),
            Cell::new(member(order, "Status")),
            Cell::new(member(order, "CompanyId")),
            Cell::new(member(order, "BranchId")),
            Cell::moment(moment::short(&member(order, "LastUpdate"))),
        ]);
    }
    table
}

fn time_line(lines: &[Value]) -> Table {
    let mut table = Table::new(&["#", "RECORDED", "ACTION", "STATUS", "BY", "FROM", "FATE"]);
    for line in lines {
        let fate = member(line, "Fate");
        let style = match fate.as_str() {
            "Queued" => Style::Good,
            "Suppressed" => Style::Faint,
            _ => Style::Warning,
        };
        table.row(vec![
            Cell::new(member(line, "Place")),
            Cell::moment(moment::short(&member(line, "Recorded"))),
            Cell::styled(member(line, "Action"), Style::Accent),
            Cell::new(member(line, "Status")),
            Cell::new(member(&line["Sender"], "Name")),
            Cell::new(member(line, "Interface")),
            Cell::styled(fate, style),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    const DONE: &str =
        r#"{"WorkOrderId":42,"Status":"Accepted","MessageId":"m","Fate":"Queued","Deliveries":["d"]}"#;

    #[tokio::test]
    async fn an_act_is_posted_with_the_bytes_of_its_members() {
        let stub = Stub::start([(202, DONE), (202, DONE)]).await;
        let words = [
            "work-order",
            "act",
            "42",
            "ntechanged",
            "--sender",
            "Dana \"D\"",
            "--set",
            "Amount=120.50",
            "--set",
            "Comment=by hand",
            "--at",
            "2026-01-02T03:04:05Z",
        ];
        let shown = stub.run(Screen::pipe(), &words).await.unwrap();
        assert!(
            shown.starts_with("WorkOrderId  42\nStatus       Accepted\nFate         Queued\n"),
            "{shown}"
        );
        let words =
            ["work-order", "act", "42", "Accepted", "--sender", "Jon", "--phone", "+1", "--message", "m"];
        stub.run(Screen::pipe(), &words).await.unwrap();
        let requests = stub.requests();
        assert_eq!(requests[0].line, "POST /v1/work-orders/42/actions");
        assert_eq!(
            requests[0].body,
            r#"{"Action":"NteChanged","Sender":{"Name":"Dana \"D\"","Type":"Customer"},"ActionDate":"2026-01-02T03:04:05Z","Amount":120.50,"Comment":"by hand"}"#
        );
        assert_eq!(
            requests[1].body,
            r#"{"Action":"Accepted","Sender":{"Name":"Jon","Phone":"+1","Type":"CorrigoPro"},"MessageId":"m"}"#
        );
    }

    #[tokio::test]
    async fn an_order_is_shown_with_its_time_line() {
        let order = r#"{"WorkOrderId":42,"WorkOrderNumber":"R-1","CompanyId":"acme","BranchId":7,"Status":"Accepted",
            "CustomerId":null,"Created":"2026-01-02T03:04:05Z","LastUpdate":"2026-01-02T03:04:05Z",
            "AllowedActs":["Recalled","CheckedIn"],"Details":{"Type":"PMRM"},"Timeline":[
            {"Place":1,"Recorded":"2026-01-02T03:04:05Z","Action":"NewWorkOrder","Status":"New","Interface":"Platform",
             "Sender":{"Name":"Dana","Type":"Customer"},"Fate":"Queued"},
            {"Place":2,"Recorded":"2026-01-02T03:04:06Z","Action":"Accepted","Status":"Accepted","Interface":"Direct",
             "Sender":{"Name":"Jon","Type":"CorrigoPro"},"Fate":"Suppressed"}]}"#;
        let stub = Stub::start([(200, order), (200, order)]).await;
        let shown = stub.run(Screen::pipe(), &["work-order", "show", "42"]).await.unwrap();
        assert!(
            shown.contains("2\t2026-01-02 03:04:06Z\tAccepted\tAccepted\tJon\tDirect\tSuppressed\n"),
            "{shown}"
        );
        assert!(
            shown.contains("AllowedActs      Recalled, CheckedIn\n") && !shown.contains("PMRM"),
            "{shown}"
        );
        let shown = stub.run(Screen::pipe(), &["work-order", "show", "42", "--details"]).await.unwrap();
        assert!(shown.ends_with("Type  PMRM\n"), "{shown}");
    }

    #[tokio::test]
    async fn orders_are_created_from_a_file_and_listed_by_filters() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("order.json");
        std::fs::write(&file, "{\"Details\": {\"Nte\": 1.10}}").unwrap();
        let list = r#"{"Items":[{"WorkOrderId":42,"WorkOrderNumber":"R-1","Status":"New","CompanyId":"acme","BranchId":7,
            "LastUpdate":"2026-01-02T03:04:05Z"}],"Next":null}"#;
        let stub = Stub::start([(201, DONE), (200, list)]).await;
        stub.run(Screen::pipe(), &["work-order", "create", file.to_str().unwrap()]).await.unwrap();
        let shown = stub
            .run(
                Screen::pipe(),
                &["work-order", "ls", "--status", "New", "--company", "acme", "--number", "R-1"],
            )
            .await
            .unwrap();
        assert_eq!(shown, "42\tR-1\tNew\tacme\t7\t2026-01-02 03:04:05Z\n");
        assert_eq!(stub.requests()[0].body, "{\"Details\": {\"Nte\": 1.10}}");
        assert_eq!(
            stub.lines()[1],
            "GET /v1/work-orders?CompanyId=acme&Status=New&WorkOrderNumber=R-1&Limit=50"
        );
    }
}
