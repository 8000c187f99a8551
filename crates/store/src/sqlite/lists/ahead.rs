//! Which delivery of its lane one waits behind.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::hold::Step;
use workbell_model::{Defaults, DeliveryNo, Sequence};
use workbell_wire::Timestamp;

use super::super::by_hand::endpoint_key;
use super::super::lane::{LaneKey, View, waits};
use super::deliveries::waiting;
use crate::directory::Directory;
use crate::error::Error;
use crate::record::Ahead;

/// Most heads at the front of a lane that are looked at.
///
/// 1,000: so many that failed and hold nobody any more stand there only where `HoldLimit` is next to nothing, and there
/// nobody waits behind another.
const MOST_HEADS: usize = 1000;

/// For each of these that waits behind another one of its lane: which.
pub(in super::super) fn ahead(
    connection: &Connection,
    directory: &Directory,
    defaults: &Defaults,
    numbers: &[DeliveryNo],
    now: Timestamp,
) -> Result<BTreeMap<DeliveryNo, Ahead>, Error> {
    let mut barriers: HashMap<LaneKey, Option<(Sequence, Ahead)>> = HashMap::new();
    let mut found = BTreeMap::new();
    for no in numbers {
        let place: Option<(LaneKey, Sequence)> = connection
            .prepare_cached(
                "SELECT company_id, endpoint_id, work_order_id, sequence FROM undelivered WHERE delivery_no = ?1",
            )?
            .query_row(params![no.0], |row| Ok(((endpoint_key(row, 0, 1)?, row.get(2)?), row.get(3)?)))
            .optional()?;
        let Some((lane, sequence)) = place else { continue };
        if !barriers.contains_key(&lane) {
            let view = View::new(directory, defaults, &lane.0, directory.health(&lane.0));
            let barrier = barrier(connection, directory, &lane, view, now)?;
            barriers.insert(lane.clone(), barrier);
        }
        if let Some(Some((last, ahead))) = barriers.get(&lane)
            && sequence > *last
        {
            found.insert(*no, *ahead);
        }
    }
    Ok(found)
}

/// The head of a lane behind which all others wait, and its place there; `None` when nobody does.
fn barrier(
    connection: &Connection,
    directory: &Directory,
    (endpoint, work_order_id): &LaneKey,
    view: View,
    now: Timestamp,
) -> Result<Option<(Sequence, Ahead)>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses undelivered_by_lane.
        "SELECT delivery_no, sequence, due, mark, own, first_epoch, held_epoch, held_from, refused_from, wish
         FROM undelivered
         WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3
         ORDER BY sequence
         LIMIT ?4",
    )?;
    let company = endpoint.company_id.as_str();
    let mut rows =
        statement.query(params![company, endpoint.endpoint_id.as_bytes(), work_order_id, MOST_HEADS])?;
    let mut walk = view.walk(now);
    let mut last_tried = None;
    let mut stops = None;
    while let Some(row) = rows.next()? {
        let here = (DeliveryNo(row.get(0)?), row.get::<_, Sequence>(1)?);
        match walk.step(&waits(row, 2)?) {
            Step::Pass => {}
            Step::Try => last_tried = Some(here),
            Step::Stop => stops = Some(here),
            Step::Behind => stops = last_tried,
        }
        if stops.is_some() {
            break;
        }
    }
    let Some((no, sequence)) = stops else { return Ok(None) };
    let record = waiting(connection, directory, no)?;
    Ok(record.map(|it| (sequence, Ahead { delivery_id: it.delivery_id, sequence: it.sequence })))
}
