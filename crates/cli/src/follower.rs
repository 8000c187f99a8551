//! A list of the interface as it grows: each item once, oldest first.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::failure::Failure;
use crate::page::{Page, Paging};
use crate::platform::{Platform, QueryMember};
use crate::record::member;
use crate::screen::Screen;
use crate::table::Table;

/// Time between two looks at the list.
///
/// 500 ms: an item shows up before a person has turned the head, and two requests a second cost nothing.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(500);

/// Most items that are remembered as shown.
///
/// 10,000. Older ones can only come back if that many newer ones stand before them in the list.
const MOST_REMEMBERED: usize = 10_000;

/// A list that can be followed.
#[derive(Debug)]
pub(crate) struct Followed {
    /// Where it is.
    pub(crate) path: &'static [&'static str],
    /// The member that tells its items apart.
    pub(crate) id: &'static str,
    /// Its rows.
    pub(crate) table: fn(&[Value]) -> Table,
}

impl Followed {
    /// Shows what is new as it happens, for good.
    ///
    /// # Errors
    /// When a request fails, or nobody reads any more.
    pub(crate) async fn follow(
        &'static self,
        platform: &Platform,
        query: &[QueryMember<'_>],
        paging: &Paging,
        json: bool,
        screen: &Screen,
    ) -> Result<(), Failure> {
        let mut follower = Follower::of(self, json);
        loop {
            let text = follower.look(platform, query, paging, screen).await?;
            screen.print(&text)?;
            tokio::time::sleep(FOLLOW_INTERVAL).await;
        }
    }
}

/// Shows each item once, oldest first.
#[derive(Debug)]
pub(crate) struct Follower {
    followed: &'static Followed,
    json: bool,
    started: bool,
    shown: HashSet<String>,
    order: VecDeque<String>,
}

impl Follower {
    /// One that has shown nothing yet; with `json` the text of the interface, a line each.
    pub(crate) fn of(followed: &'static Followed, json: bool) -> Self {
        Follower { followed, json, started: false, shown: HashSet::new(), order: VecDeque::new() }
    }

    /// Reads the list back to what was shown before and gives the new records as text.
    pub(crate) async fn look(
        &mut self,
        platform: &Platform,
        query: &[QueryMember<'_>],
        paging: &Paging,
        screen: &Screen,
    ) -> Result<String, Failure> {
        let id = |value: &Value| member(value, self.followed.id);
        let mut fresh: Vec<(String, Value)> = Vec::new();
        let mut paging = paging.clone();
        'pages: loop {
            let page = Page::fetch(platform, self.followed.path, query, &paging).await?;
            for (item, value) in page.items.iter().zip(page.values()?) {
                if self.shown.contains(&id(&value)) {
                    break 'pages;
                }
                fresh.push((item.get().to_owned(), value));
            }
            paging.after = page.next;
            // The first look shows the newest records only; later ones go back to where the last ended.
            if !self.started || paging.after.is_none() || fresh.len() >= MOST_REMEMBERED {
                break;
            }
        }
        fresh.reverse();
        let first = !std::mem::replace(&mut self.started, true);
        let ids: Vec<String> = fresh.iter().map(|(_, value)| id(value)).collect();
        ids.into_iter().for_each(|id| self.remember(id));
        if self.json {
            return Ok(fresh.iter().map(|(text, _)| format!("{text}\n")).collect());
        }
        let values: Vec<Value> = fresh.into_iter().map(|(_, value)| value).collect();
        let table = (self.followed.table)(&values);
        Ok(if first { table.render(screen) } else { table.render_rows(screen) })
    }

    fn remember(&mut self, id: String) {
        if self.order.len() == MOST_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.shown.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.shown.insert(id);
    }
}
