//! `workbell keys`: the keys that sign tokens, and the certificates that receivers trust.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::failure::Failure;
use crate::moment;
use crate::page::{Page, Paging};
use crate::question::Consent;
use crate::record::member;
use crate::screen::{Screen, Style};
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell keys certificates > workbell.pem     what receivers verify tokens with
  workbell keys rotate                          publish the next certificate now, sign with it later
  workbell keys rotate --now                    the key has leaked: it ends at once
  workbell keys list                            which key signs, until when";

/// Signing keys.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Keys {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    act: Act,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// List the keys, newest first
    #[command(visible_alias = "ls")]
    List,
    /// Publish the next certificate; it signs once receivers had time to fetch it
    Rotate {
        /// For a leaked key: sign with the new one at once, and drop the old one
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        consent: Consent,
    },
    /// Print the certificates, one PEM bundle, newest first; needs no platform key
    Certificates,
}

impl Keys {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let connection = &self.connection;
        match &self.act {
            Act::List => {
                let platform = connection.platform()?;
                let all = Paging { limit: 0, all: true, after: None };
                let page = Page::fetch(&platform, &["v1", "keys"], &[], &all).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(&page.to_json()?, screen))?);
                }
                Ok(table(&page.values()?).show(screen, "there is no key")?)
            }
            Act::Rotate { now, consent } => {
                let platform = connection.platform()?;
                if *now {
                    consent.ask(
                        "End the present key at once? Receivers refuse all tokens until they fetch /certificates.",
                    )?;
                }
                let body = if *now { json!({ "Now": true }) } else { json!({}) };
                let answer = platform.post(&["v1", "keys"], body.to_string().into()).await?;
                if connection.json {
                    return Ok(screen.print(&crate::json::for_screen(answer.text()?, screen))?);
                }
                // All keys come back, for what changed is where each of them stands.
                Ok(table(&answer.read::<Page>()?.values()?).show(screen, "there is no key")?)
            }
            Act::Certificates => {
                let answer = connection.public()?.get(&["certificates"], &[]).await?;
                Ok(screen.print(answer.text()?)?)
            }
        }
    }
}

fn table(keys: &[Value]) -> Table {
    let mut table =
        Table::new(&["KEY", "SIGNS", "STATE", "SIGNS FROM", "RETIRES", "SHA-256 OF THE CERTIFICATE"]);
    for key in keys {
        table.row(vec![
            Cell::styled(member(key, "KeyId"), Style::Accent),
            Cell::new(member(key, "Kind")),
            match member(key, "State").as_str() {
                "Current" => Cell::styled("Current", Style::Good),
                state => Cell::new(state),
            },
            Cell::moment(moment::short(&member(key, "SignsFrom"))),
            Cell::moment(moment::short(&member(key, "Retires"))),
            Cell::styled(member(key, "Fingerprint"), Style::Faint),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use crate::screen::Screen;
    use crate::stub::Stub;

    #[tokio::test]
    async fn certificates_are_printed_byte_for_byte_and_asked_for_without_the_key() {
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let stub = Stub::start([(200, pem)]).await;
        assert_eq!(stub.run(Screen::pipe(), &["keys", "certificates"]).await.unwrap(), pem);
        let requests = stub.requests();
        assert_eq!(requests[0].line, "GET /certificates");
        assert_eq!(requests[0].header("authorization"), None);
    }

    #[tokio::test]
    async fn a_leaked_key_is_replaced_at_once() {
        let keys = r#"{"Items":[{"KeyId":"k2","Kind":"Token","State":"Current","SignsFrom":"2026-01-02T03:04:05.1Z",
            "Retires":null,"Fingerprint":"ab12"}],"Next":null}"#;
        let stub = Stub::start([(201, keys)]).await;
        let shown = stub.run(Screen::pipe(), &["keys", "rotate", "--now", "--yes"]).await.unwrap();
        assert_eq!(shown, "k2\tToken\tCurrent\t2026-01-02 03:04:05Z\t-\tab12\n");
        assert_eq!(stub.requests()[0].body, r#"{"Now":true}"#);
    }
}
