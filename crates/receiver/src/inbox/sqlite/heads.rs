//! The first of each work order that waits: what can be handed over next is found without walking what stands behind.
//!
//! One row per work order, kept with every change of `workbell_inbox_waiting` and in the same transaction.

use rusqlite::{Connection, OptionalExtension, params};
use workbell_wire::Timestamp;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS workbell_inbox_head (
    work_order_id INTEGER PRIMARY KEY,
    place         INTEGER NOT NULL,
    arrival       INTEGER NOT NULL,
    due           INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS workbell_inbox_head_by_due ON workbell_inbox_head (due, arrival);
INSERT INTO workbell_inbox_head (work_order_id, place, arrival, due)
SELECT work_order_id, place, arrival, due
FROM workbell_inbox_waiting AS head
WHERE NOT EXISTS (SELECT 1 FROM workbell_inbox_head)
  AND NOT EXISTS (SELECT 1 FROM workbell_inbox_waiting AS ahead
                  WHERE ahead.work_order_id = head.work_order_id
                    AND (ahead.place, ahead.arrival) < (head.place, head.arrival));
";

/// Uses workbell_inbox_head_by_due.
pub(super) const NEXT: &str = "
SELECT waiting.arrival, message_id, waiting.work_order_id, sequence, action, mode, received, failures, body
FROM workbell_inbox_head AS head
JOIN workbell_inbox_waiting AS waiting ON waiting.arrival = head.arrival
WHERE head.due <= ?1
ORDER BY head.due, head.arrival
LIMIT 1";

/// One that was just put to those that wait.
pub(super) fn came(
    connection: &Connection,
    order: i64,
    place: i64,
    arrival: i64,
    due: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO workbell_inbox_head (work_order_id, place, arrival, due) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (work_order_id) DO UPDATE
             SET place = excluded.place, arrival = excluded.arrival, due = excluded.due
             WHERE excluded.place < place",
        )?
        .execute(params![order, place, arrival, due.ticks()])
        .map(drop)
}

/// One of the work order left those that wait.
pub(super) fn left(connection: &Connection, order: i64) -> rusqlite::Result<()> {
    let first = connection
        .prepare_cached(
            // Uses workbell_inbox_waiting_by_place.
            "SELECT place, arrival, due FROM workbell_inbox_waiting
             WHERE work_order_id = ?1
             ORDER BY place, arrival
             LIMIT 1",
        )?
        .query_row(params![order], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })
        .optional()?;
    match first {
        None => connection
            .prepare_cached("DELETE FROM workbell_inbox_head WHERE work_order_id = ?1")?
            .execute(params![order])
            .map(drop),
        Some((place, arrival, due)) => connection
            .prepare_cached(
                "INSERT INTO workbell_inbox_head (work_order_id, place, arrival, due) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (work_order_id) DO UPDATE
                 SET place = excluded.place, arrival = excluded.arrival, due = excluded.due",
            )?
            .execute(params![order, place, arrival, due])
            .map(drop),
    }
}

/// One that waits is due later; it need not be the first any more.
pub(super) fn waits(connection: &Connection, arrival: i64, until: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE workbell_inbox_head SET due = ?2 WHERE arrival = ?1")?
        .execute(params![arrival, until.ticks()])
        .map(drop)
}

/// When the next one is due.
pub(super) fn next_due(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let due: Option<i64> =
        connection.query_row("SELECT MIN(due) FROM workbell_inbox_head", [], |row| row.get(0))?;
    Ok(due.map(Timestamp::from_ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_is_found_without_walking_what_waits_behind_others() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(super::super::SCHEMA).unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {NEXT}")).unwrap();
        let steps = plan.query_map(params![0], |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        assert_eq!(steps.len(), 2, "nothing is sorted: {steps:?}");
        assert!(steps[0].contains("workbell_inbox_head_by_due (due<?)"), "{steps:?}");
        assert!(steps[1].contains("SEARCH waiting USING INTEGER PRIMARY KEY"), "{steps:?}");
    }
}
