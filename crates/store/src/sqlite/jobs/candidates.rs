//! What a walk meets next. Read outside of the writer, a bounded stretch at a time.

use rusqlite::{Connection, Row, params};
use workbell_model::job::Kind;
use workbell_model::{CompanyId, DeliveryNo, Endpoint, Fate, Mode, NotificationNo, Reason, State};

use super::super::by_hand::endpoint_key;
use super::super::code;
use crate::directory::Directory;
use crate::error::Error;
use crate::job::{Candidates, Item, JobRecord, Look, Walk};

const WAITING: &str =
    "SELECT d.delivery_no, d.company_id, d.endpoint_id, d.attempts, d.last_error, d.mode, d.since,
                              n.work_order_id, n.branch_id, n.action, n.accepted, NULL, NULL
                       FROM undelivered AS d
                       JOIN notifications AS n ON n.notification_no = d.delivery_no >> 12
                       WHERE d.delivery_no > ?1 AND d.delivery_no < ?2
                       ORDER BY d.delivery_no
                       LIMIT ?3";

/// Uses finished_undone.
const UNDONE: &str =
    "SELECT d.delivery_no, d.company_id, d.endpoint_id, d.attempts, d.last_error, d.mode, NULL,
                             n.work_order_id, n.branch_id, n.action, n.accepted, d.finished, d.reason
                      FROM finished AS d
                      JOIN notifications AS n ON n.notification_no = d.delivery_no >> 12
                      WHERE d.state = {state} AND d.state <> 0 AND d.delivery_no > ?1 AND d.delivery_no < ?2
                      ORDER BY d.delivery_no
                      LIMIT ?3";

/// A stretch of the walk behind `after`.
pub(in super::super) fn candidates(
    connection: &Connection,
    directory: &Directory,
    job: &JobRecord,
    walk: &Walk,
    after: u64,
    look: Look,
) -> Result<Candidates, Error> {
    match job.job.kind {
        Kind::Retry | Kind::Discard => deliveries(connection, directory, job, after, look),
        Kind::Replay | Kind::Erase => notifications(connection, directory, job, walk, after, look),
    }
}

/// Those that wait and those that came to nothing stand in two tables: each is read as far as it goes, and what all of
/// them were read up to is taken.
fn deliveries(
    connection: &Connection,
    directory: &Directory,
    job: &JobRecord,
    after: u64,
    look: Look,
) -> Result<Candidates, Error> {
    let wants = |state: State| {
        job.job.kind.takes(state) && job.job.filter.state.is_none_or(|wanted| wanted.takes(state))
    };
    let mut sources = Vec::new();
    if wants(State::Pending) || wants(State::Retrying) {
        sources.push((WAITING.to_owned(), None));
    }
    if wants(State::Dead) {
        sources.push((UNDONE.replace("{state}", "1"), Some(State::Dead)));
    }
    if wants(State::Discarded) {
        sources.push((UNDONE.replace("{state}", "2"), Some(State::Discarded)));
    }
    let mut found = Vec::new();
    let mut horizon = None;
    for (sql, state) in sources {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, job.below, look.rows])?;
        let (mut read, mut last) = (0, after);
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            read += 1;
            if matches(row, state, job, directory)? {
                found.push(last);
            }
        }
        if read == look.rows {
            horizon = Some(horizon.map_or(last, |known: u64| known.min(last)));
        }
    }
    found.sort_unstable();
    found.retain(|no| horizon.is_none_or(|horizon| *no <= horizon));
    if found.len() > look.matches {
        found.truncate(look.matches);
        horizon = found.last().copied();
    }
    Ok(Candidates {
        items: found.into_iter().map(|no| Item::Delivery(DeliveryNo(no))).collect(),
        reached: horizon.unwrap_or(job.below),
        ended: horizon.is_none(),
    })
}

/// Kept notifications that a Replay sends to the endpoint of this walk.
fn notifications(
    connection: &Connection,
    directory: &Directory,
    job: &JobRecord,
    walk: &Walk,
    after: u64,
    look: Look,
) -> Result<Candidates, Error> {
    let filter = &job.job.filter;
    let ended = Candidates { ended: true, reached: job.below, items: Vec::new() };
    let endpoint = match &walk.target {
        None => None,
        Some(target) => match directory.endpoint(target) {
            None => return Ok(ended),
            Some(endpoint) => Some(endpoint),
        },
    };
    // With a work order: notifications_by_work_order; else the primary key.
    let of_order = if filter.work_order_id.is_some() { "work_order_id = ?4 AND" } else { "?4 IS NULL AND" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT notification_no, company_id, branch_id, action, fate, accepted, length(body)
         FROM notifications
         WHERE {of_order} notification_no > ?1 AND notification_no < ?2
         ORDER BY notification_no
         LIMIT ?3"
    ))?;
    let mut rows = statement.query(params![after, job.below, look.rows, filter.work_order_id])?;
    let (mut items, mut read, mut last) = (Vec::new(), 0, after);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        read += 1;
        if is_wanted(row, job, endpoint.as_deref())? {
            items.push(Item::Notification(NotificationNo(last)));
        }
        if items.len() == look.matches {
            break;
        }
    }
    if read < look.rows && items.len() < look.matches {
        return Ok(Candidates { items, ..ended });
    }
    Ok(Candidates { items, reached: last, ended: false })
}

fn is_wanted(row: &Row<'_>, job: &JobRecord, endpoint: Option<&Endpoint>) -> rusqlite::Result<bool> {
    let filter = &job.job.filter;
    let company = row.get_ref(1)?.as_str()?;
    let (branch, accepted): (i64, i64) = (row.get(2)?, row.get(5)?);
    let action = row.get_ref(3)?.as_str()?;
    let is_replayed = match (job.job.kind, endpoint) {
        (Kind::Replay, Some(endpoint)) => {
            // The echo rule holds for jobs too, and what was erased cannot be sent.
            let may_be_sent = code::fate(row.get(4)?)? != Fate::Suppressed && row.get::<_, u64>(6)? > 0;
            let named = filter.endpoint_id.is_some();
            may_be_sent
                && company == endpoint.key.company_id.as_str()
                && (named || endpoint.wants(action, branch))
        }
        (Kind::Replay, None) => false,
        (Kind::Retry | Kind::Discard | Kind::Erase, _) => true,
    };
    Ok(is_replayed
        && filter.company_id.as_ref().map(CompanyId::as_str).is_none_or(|wanted| wanted == company)
        && filter.branch_id.is_none_or(|wanted| wanted == branch)
        && filter.action.as_deref().is_none_or(|wanted| wanted == action)
        && filter.from.is_none_or(|from| accepted >= from.ticks())
        && filter.to.is_none_or(|to| accepted < to.ticks()))
}

fn matches(
    row: &Row<'_>,
    state: Option<State>,
    job: &JobRecord,
    directory: &Directory,
) -> rusqlite::Result<bool> {
    let filter = &job.job.filter;
    let created = job.job.created.ticks();
    let attempts: u16 = row.get(3)?;
    let state = state.unwrap_or(if attempts == 0 { State::Pending } else { State::Retrying });
    let error = row.get_ref(4)?.as_str_or_null()?;
    // A delivery that another job made since is not this one's, nor one that came to its fate since.
    let is_replay = code::mode(row.get(5)?)? == Mode::Replay;
    let came_later = match row.get::<_, Option<i64>>(6)? {
        // A reading of the endpoint's clock of age.
        Some(since) if is_replay => {
            let clock = directory.health(&endpoint_key(row, 1, 2)?).age;
            since > clock.reading(job.job.created).ticks()
        }
        Some(_) | None => false,
    };
    let changed = row.get::<_, Option<i64>>(11)?.is_some_and(|finished| finished > created);
    let erased = row.get::<_, Option<i64>>(12)? == Some(code::of_reason(Reason::Erased));
    if came_later || changed || erased {
        return Ok(false);
    }
    let (work_order, branch, accepted): (i64, i64, i64) = (row.get(7)?, row.get(8)?, row.get(10)?);
    let company = row.get_ref(1)?.as_str()?;
    let endpoint = row.get_ref(2)?.as_blob()?;
    let wanted = filter.state.is_none_or(|wanted| wanted.takes(state))
        && filter.company_id.as_ref().map(CompanyId::as_str).is_none_or(|wanted| wanted == company)
        && filter.endpoint_id.as_ref().is_none_or(|wanted| wanted.as_bytes() == endpoint)
        && filter.work_order_id.is_none_or(|wanted| wanted == work_order)
        && filter.branch_id.is_none_or(|wanted| wanted == branch)
        && filter
            .action
            .as_deref()
            .is_none_or(|wanted| row.get_ref(9).is_ok_and(|it| it.as_str() == Ok(wanted)))
        && filter.error.as_deref().is_none_or(|wanted| error == Some(wanted))
        && filter.from.is_none_or(|from| accepted >= from.ticks())
        && filter.to.is_none_or(|to| accepted < to.ticks());
    // Nothing of a deleted endpoint can be retried.
    Ok(wanted && (job.job.kind != Kind::Retry || directory.endpoint(&endpoint_key(row, 1, 2)?).is_some()))
}
