//! Lists and single records for people: notifications, deliveries, the communication log. Newest first.
//!
//! Each list walks one index (or two, merged) from the newest row backwards and checks the rest of the filter on each
//! row, at most [`LONGEST_WALK`] rows a page. A page that ends early gives the place where it stopped as its cursor.

mod ahead;
mod deliveries;
mod log;
mod notifications;
mod work_orders;

use rusqlite::Connection;

pub(super) use ahead::ahead;
pub(super) use deliveries::{deliveries, delivery};
pub(super) use log::{attempts, log, log_record};
pub(super) use notifications::{notification, notifications};
pub(super) use work_orders::{customer, customers, order_with_entries, time_line, work_order, work_orders};

use crate::error::Error;
use crate::filter::{LONGEST_WALK, Page, Paging};
use crate::record::StoredKey;

pub(super) fn keys(connection: &Connection) -> Result<Vec<StoredKey>, Error> {
    let mut statement = connection.prepare("SELECT key_id, record FROM signing_keys ORDER BY key_id")?;
    let rows = statement.query_map([], |row| Ok(StoredKey { key_id: row.get(0)?, record: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Where a list goes on: below this number. Opaque to callers.
pub(super) fn start_of(paging: &Paging) -> Result<i64, Error> {
    match &paging.after {
        None => Ok(i64::MAX),
        Some(cursor) => {
            let well_formed = cursor.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
            let number = if well_formed { i64::from_str_radix(cursor, 36).ok() } else { None };
            number.ok_or_else(|| Error::BadCursor(cursor.chars().take(80).collect()))
        }
    }
}

pub(super) fn cursor(below: i64) -> String {
    let mut rest = below.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((rest % 36) as u32, 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// Collects what matches from a walk over numbered rows.
pub(super) struct Walk<T> {
    items: Vec<T>,
    limit: usize,
    walked: usize,
    last: i64,
}

impl<T> Walk<T> {
    pub(super) fn new(paging: &Paging) -> Self {
        Walk { items: Vec::new(), limit: paging.limit.max(1), walked: 0, last: 0 }
    }

    /// Counts a row; true while the walk may go on after it.
    pub(super) fn step(&mut self, number: i64, matching: Option<T>) -> bool {
        self.walked += 1;
        self.last = number;
        self.items.extend(matching);
        self.items.len() < self.limit && self.walked < LONGEST_WALK
    }

    /// The page, when the walk was stopped (`ended` is false) or came to its end.
    pub(super) fn page(self, ended: bool) -> Page<T> {
        let next = if ended { None } else { Some(cursor(self.last)) };
        Page { items: self.items, next }
    }
}
