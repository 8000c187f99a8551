//! Looking at a store from outside, also while a service runs on it: for `workbell doctor`.
//!
//! Reads only. The connection is its own, opened read-only; a running service goes on writing meanwhile, and its
//! write-ahead log grows a little as long as the look lasts.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use workbell_model::{EndpointKey, EndpointSettings};
use workbell_wire::Timestamp;

use super::by_hand::endpoint_key;
use super::open::{BUSY_TIMEOUT, known_version};
use crate::error::Error;
use crate::record::StoredKey;

/// Most faults of a broken file that are told.
///
/// 20: one says that it is broken; more only say how far.
const MOST_FAULTS: u32 = 20;

/// How closely the file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every page and row, but not whether each index agrees with its table.
    Quick,
    /// Indexes too. Takes several times as long.
    Whole,
}

/// What a store looks like from outside.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The version of its schema.
    pub schema: u32,
    /// The version that this program knows.
    pub known: u32,
    /// What is broken in the file; empty when it is sound.
    pub faults: Vec<String>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of the write-ahead log.
    pub log_bytes: u64,
    /// What tells the right master key; `None` before the first start was over.
    pub check_value: Option<Vec<u8>>,
    /// Sealed signing keys.
    pub keys: Vec<StoredKey>,
    /// Endpoints that are not deleted, with what was set of them.
    pub endpoints: Vec<(EndpointKey, EndpointSettings)>,
    /// The latest time that the store knows of something that happened.
    pub newest: Option<Timestamp>,
}

/// Who has a store open: the process id as it stands in the lock file, `unknown` when none does; `None` when nobody.
///
/// # Errors
/// [`Error::Open`] when the lock cannot be looked at.
pub fn holder(data_dir: &Path) -> Result<Option<String>, Error> {
    let path = data_dir.join("workbell.lock");
    let failed =
        |error: &std::io::Error| Error::Open { path: path.display().to_string(), reason: error.to_string() };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    match file.try_lock_shared() {
        // It goes with the file, at once.
        Ok(()) => Ok(None),
        Err(std::fs::TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(|error| failed(&error))?;
            let text = text.trim();
            Ok(Some(if text.is_empty() { "unknown".to_owned() } else { text.to_owned() }))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// Looks at the store of a data dir; `None` when there is none yet.
///
/// # Errors
/// [`Error::Open`] and [`Error::Database`] when it cannot be read.
pub fn inspect(data_dir: &Path, depth: Depth) -> Result<Option<Inspection>, Error> {
    let file = data_dir.join("workbell.db");
    // A start that was cut off leaves an empty file, which the next one fills.
    if !std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() > 0) {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let schema = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = known_version();
    let faults = faults(&connection, depth)?;
    let size = |name: &str| std::fs::metadata(data_dir.join(name)).map_or(0, |metadata| metadata.len());
    let mut inspection = Inspection {
        schema,
        known,
        faults,
        bytes: size("workbell.db"),
        log_bytes: size("workbell.db-wal"),
        check_value: None,
        keys: Vec::new(),
        endpoints: Vec::new(),
        newest: None,
    };
    // Of a newer schema nothing more is known, and an empty one has no tables.
    if schema > 0 && schema <= known {
        contents(&connection, &mut inspection)?;
    }
    Ok(Some(inspection))
}

fn faults(connection: &Connection, depth: Depth) -> Result<Vec<String>, Error> {
    let pragma = match depth {
        Depth::Quick => format!("PRAGMA quick_check({MOST_FAULTS})"),
        Depth::Whole => format!("PRAGMA integrity_check({MOST_FAULTS})"),
    };
    let mut statement = connection.prepare(&pragma)?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

fn contents(connection: &Connection, inspection: &mut Inspection) -> Result<(), Error> {
    let check_value = "SELECT value FROM meta WHERE name = 'check_value'";
    inspection.check_value = connection.query_row(check_value, [], |row| row.get(0)).optional()?;
    let mut keys = connection.prepare("SELECT key_id, record FROM signing_keys ORDER BY key_id")?;
    inspection.keys = keys
        .query_map([], |row| Ok(StoredKey { key_id: row.get(0)?, record: row.get(1)? }))?
        .collect::<Result<_, _>>()?;
    let mut endpoints = connection.prepare(
        "SELECT company_id, endpoint_id, settings
         FROM endpoints
         WHERE deleted IS NULL",
    )?;
    inspection.endpoints = endpoints
        .query_map([], |row| {
            let settings = serde_json::from_str(row.get_ref(2)?.as_str()?).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
            })?;
            Ok((endpoint_key(row, 0, 1)?, settings))
        })?
        .collect::<Result<_, _>>()?;
    let newest = "SELECT max((SELECT accepted FROM notifications ORDER BY notification_no DESC LIMIT 1),
                             coalesce((SELECT start FROM log ORDER BY log_no DESC LIMIT 1), 0))";
    let newest: Option<i64> = connection.query_row(newest, [], |row| row.get(0))?;
    inspection.newest = newest.map(Timestamp::from_ticks);
    Ok(())
}
