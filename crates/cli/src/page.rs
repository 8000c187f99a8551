//! Lists of the interface, walked page by page until enough was seen.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::platform::{Platform, QueryMember};
use crate::screen::Screen;

/// Most items that one request may ask for. Source: service.md section 4.
pub(crate) const MOST_PER_REQUEST: usize = 500;

/// How much of a list is wanted.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Pages")]
pub(crate) struct Paging {
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = positive)]
    pub(crate) limit: usize,

    /// All there are
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,

    /// Go on behind this cursor, the `Next` of the list before
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

/// A part of a list, each item with the bytes of the interface.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Page {
    /// Newest first.
    pub(crate) items: Vec<Box<RawValue>>,
    /// Where it goes on; `None` at the end.
    pub(crate) next: Option<String>,
}

impl Page {
    /// Reads the list at `path`, as many pages as it takes: one can be short, or empty, and still go on.
    ///
    /// # Errors
    /// When a request fails.
    pub(crate) async fn fetch(
        platform: &Platform,
        path: &[&str],
        filter: &[QueryMember<'_>],
        paging: &Paging,
    ) -> Result<Page, Failure> {
        let mut whole = Page { items: Vec::new(), next: paging.after.clone() };
        loop {
            let limit = if paging.all { MOST_PER_REQUEST } else { paging.limit - whole.items.len() };
            let part = Paging { limit, all: false, after: whole.next.take() };
            let page = Page::request(platform, path, filter, &part).await?;
            whole.items.extend(page.items);
            whole.next = page.next;
            let enough = !paging.all && whole.items.len() >= paging.limit;
            if whole.next.is_none() || enough {
                return Ok(whole);
            }
        }
    }

    /// One page of the list at `path`, as the service gives it: short or empty, it can still go on.
    ///
    /// # Errors
    /// When the request fails.
    pub(crate) async fn request(
        platform: &Platform,
        path: &[&str],
        filter: &[QueryMember<'_>],
        paging: &Paging,
    ) -> Result<Page, Failure> {
        let mut query = filter.to_vec();
        query.push(("Limit", paging.limit.min(MOST_PER_REQUEST).to_string()));
        if let Some(after) = &paging.after {
            query.push(("After", after.clone()));
        }
        platform.get(path, &query).await?.read()
    }

    /// The items as JSON values.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn values(&self) -> Result<Vec<Value>, Failure> {
        self.items
            .iter()
            .map(|item| serde_json::from_str(item.get()))
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::Failed(format!("the list cannot be read: {error}")))
    }

    /// The list as the interface writes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string(self)
            .map_err(|error| Failure::Failed(format!("the list cannot be written: {error}")))
    }

    /// Says how to see the rest, if there is one.
    pub(crate) fn note_rest(&self, screen: &Screen) {
        if let (true, Some(next)) = (screen.is_terminal(), &self.next) {
            screen.note(&format!("there are more: --all, or --after {next}"));
        }
    }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "write a whole number from 1 on".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    #[tokio::test]
    async fn pages_are_walked_until_enough_was_seen_even_over_empty_ones() {
        let stub = Stub::start([
            (200, r#"{"Items":[{"A":1.10}],"Next":"c1"}"#),
            (200, r#"{"Items":[],"Next":"c2"}"#),
            (200, r#"{"Items":[{"A":2},{"A":3}],"Next":"c3"}"#),
        ])
        .await;
        let platform = Platform::new(stub.url().parse().unwrap(), None).unwrap();
        let paging = Paging { limit: 3, all: false, after: None };
        let page = Page::fetch(&platform, &["v1", "log"], &[], &paging).await.unwrap();
        assert_eq!(page.to_json().unwrap(), r#"{"Items":[{"A":1.10},{"A":2},{"A":3}],"Next":"c3"}"#);
        let lines: Vec<_> = stub.requests().into_iter().map(|request| request.line).collect();
        assert_eq!(
            lines,
            ["GET /v1/log?Limit=3", "GET /v1/log?Limit=2&After=c1", "GET /v1/log?Limit=2&After=c2"]
        );
    }

    #[tokio::test]
    async fn all_goes_on_to_the_end() {
        let stub =
            Stub::start([(200, r#"{"Items":[1],"Next":"c1"}"#), (200, r#"{"Items":[2],"Next":null}"#)]).await;
        let platform = Platform::new(stub.url().parse().unwrap(), None).unwrap();
        let paging = Paging { limit: 50, all: true, after: None };
        let page = Page::fetch(&platform, &["v1", "log"], &[], &paging).await.unwrap();
        assert_eq!(page.to_json().unwrap(), r#"{"Items":[1,2],"Next":null}"#);
        assert_eq!(stub.requests()[1].line, "GET /v1/log?Limit=500&After=c1");
    }
}
