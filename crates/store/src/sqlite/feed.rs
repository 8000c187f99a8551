//! Feeds: what is created for a pull endpoint is delivered at once and stands in its feed until retention lets it go.
//!
//! The number of the delivery is its place in the feed: it grows with acceptance and is never used again, so there is
//! no counter that would have to outlive the sweep.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::{DeliveryNo, Endpoint, EndpointKey, Mode};
use workbell_wire::{MessageId, Timestamp};

use super::code;
use super::complete::{Finished, insert_finished};
use super::lane;
use super::write::{Event, Write};
use crate::error::Error;
use crate::feed::{FeedCursor, FeedItem, FeedPage, LARGEST_PAGE};
use crate::record::Acceptance;

impl Write {
    /// Adds a delivery to the feed of a pull endpoint. It takes its place in the sequence and waits for nobody.
    pub(super) fn create_fed(
        &mut self,
        no: DeliveryNo,
        endpoint: &Arc<Endpoint>,
        acceptance: &Acceptance,
    ) -> rusqlite::Result<()> {
        let key = (endpoint.key.clone(), acceptance.work_order_id);
        let lane = self.lanes.get(&self.connection, &key)?;
        lane.sequence += 1;
        let sequence = lane.sequence;
        let now = acceptance.accepted;
        let delivery = Finished {
            no,
            key: &key,
            sequence,
            state: code::DELIVERED,
            reason: None,
            attempts: 0,
            mode: Mode::Live,
            finished: now,
            first_epoch: None,
            last_error: None,
            last_status: None,
        };
        insert_finished(&self.connection, &delivery)?;
        self.connection
            .prepare_cached("INSERT INTO feed (company_id, endpoint_id, delivery_no) VALUES (?1, ?2, ?3)")?
            .execute(params![key.0.company_id.as_str(), key.0.endpoint_id.as_bytes(), no.0])?;
        let mark = self.health(&key.0).mark;
        lane::put_empty(&self.connection, &key, sequence, mark, now.ticks())?;
        self.events.push(Event::Fed(key.0));
        Ok(())
    }

    /// Takes the deliveries of a notification that is removed out of the feeds, and keeps how far those went.
    pub(super) fn remove_from_feeds(&self, first: u64, last: u64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                // Uses the primary keys of both.
                "INSERT INTO feed_removed (company_id, endpoint_id, delivery_no)
                 SELECT f.company_id, f.endpoint_id, f.delivery_no
                 FROM finished AS d
                 JOIN feed AS f
                   ON f.company_id = d.company_id AND f.endpoint_id = d.endpoint_id AND f.delivery_no = d.delivery_no
                 WHERE d.delivery_no BETWEEN ?1 AND ?2
                 ON CONFLICT (company_id, endpoint_id) DO UPDATE
                 SET delivery_no = MAX(delivery_no, excluded.delivery_no)",
            )?
            .execute(params![first, last])?;
        self.connection
            .prepare_cached(
                "DELETE FROM feed
                 WHERE (company_id, endpoint_id, delivery_no) IN
                       (SELECT company_id, endpoint_id, delivery_no FROM finished
                        WHERE delivery_no BETWEEN ?1 AND ?2)",
            )?
            .execute(params![first, last])
            .map(drop)
    }
}

/// The items after a cursor, or from the oldest one that is kept.
pub(super) fn feed(
    connection: &Connection,
    endpoint: &EndpointKey,
    after: Option<FeedCursor>,
    limit: usize,
) -> Result<FeedPage, Error> {
    let start = start_of(connection, endpoint)?;
    match after {
        Some(cursor) if cursor != start && !is_kept(connection, endpoint, cursor)? => {
            return Err(Error::CursorExpired);
        }
        Some(_) | None => {}
    }
    let mut statement = connection.prepare_cached(
        // Uses the primary key of each.
        "SELECT f.delivery_no, d.work_order_id, d.sequence, n.action, n.message_id, n.accepted, n.body
         FROM feed AS f
         JOIN finished AS d ON d.delivery_no = f.delivery_no
         JOIN notifications AS n ON n.notification_no = f.delivery_no >> 12
         WHERE f.company_id = ?1 AND f.endpoint_id = ?2 AND f.delivery_no > ?3 AND length(n.body) > 0
         ORDER BY f.delivery_no
         LIMIT ?4",
    )?;
    let from = after.map_or(0, |cursor| cursor.no);
    let mut rows = statement.query(params![
        endpoint.company_id.as_str(),
        endpoint.endpoint_id.as_bytes(),
        from,
        limit
    ])?;
    let (mut items, mut bytes): (Vec<FeedItem>, usize) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let item = item(row)?;
        bytes += item.body.len();
        items.push(item);
        if bytes > LARGEST_PAGE {
            break;
        }
    }
    let next = items.last().map_or(after.unwrap_or(start), FeedItem::cursor);
    Ok(FeedPage { items, next })
}

/// The place of a reader that has seen all that was removed and nothing that is kept; no item has it.
fn start_of(connection: &Connection, endpoint: &EndpointKey) -> rusqlite::Result<FeedCursor> {
    let removed: Option<u64> = connection
        .prepare_cached("SELECT delivery_no FROM feed_removed WHERE company_id = ?1 AND endpoint_id = ?2")?
        .query_row(params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes()], |row| row.get(0))
        .optional()?;
    // A notification has one delivery for each endpoint, so this feed has no item with the next number.
    Ok(FeedCursor { no: removed.map_or(0, |removed| removed + 1), accepted: Timestamp::EPOCH })
}

fn is_kept(connection: &Connection, endpoint: &EndpointKey, cursor: FeedCursor) -> rusqlite::Result<bool> {
    let accepted: Option<i64> = connection
        .prepare_cached(
            "SELECT n.accepted
             FROM feed AS f
             JOIN notifications AS n ON n.notification_no = f.delivery_no >> 12
             WHERE f.company_id = ?1 AND f.endpoint_id = ?2 AND f.delivery_no = ?3",
        )?
        .query_row(params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), cursor.no], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(accepted == Some(cursor.accepted.ticks()))
}

fn item(row: &Row<'_>) -> rusqlite::Result<FeedItem> {
    let action = row.get_ref(3)?.as_str()?.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(FeedItem {
        no: DeliveryNo(row.get(0)?),
        work_order_id: row.get(1)?,
        sequence: row.get(2)?,
        action,
        message_id: MessageId::from_bytes(row.get(4)?),
        accepted: Timestamp::from_ticks(row.get(5)?),
        body: Bytes::copy_from_slice(row.get_ref(6)?.as_blob()?),
    })
}
