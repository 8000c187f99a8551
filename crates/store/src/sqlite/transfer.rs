//! Moving a store: what is configured, what is undelivered and what was counted, row by row, as JSON.
//!
//! A row is `{"Table": name, "Row": {column: value}}`; bytes are `{"Hex": …}`. The columns are those of the schema, so
//! both sides must have the same version of it. What only tells of the past stays behind: delivered notifications, the
//! communication log, traffic; and sessions. Numbers go on where they stood, for none is ever given out twice.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, Transaction, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use workbell_model::job::Kind;

use super::backup::reading;
use super::code;
use super::open::{self, Options, Synchronous, known_version};
use super::write::{LOG, NOTIFICATION, keep_removed, next_number};
use crate::error::Error as StoreError;

/// Why a store cannot be moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows cannot be written or read.
    #[error("the rows cannot be written or read: {0}")]
    Rows(#[from] io::Error),
    /// A row that no store has written.
    #[error("row {number} is none of this schema: {reason}")]
    Row {
        /// Which one, from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Another schema.
    #[error(
        "the store has schema version {found}, this workbell works with {known}; start this version once on it, and \
         it is brought up to date"
    )]
    Schema {
        /// Version found.
        found: u32,
        /// Version known.
        known: u32,
    },
    /// There is something that would be mixed with what comes.
    #[error("the store in {0} is in use already; give a data_dir in which no service was started yet")]
    NotEmpty(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Error::Store(error.into())
    }
}

/// How many rows of each table were moved.
pub type Rows = BTreeMap<String, u64>;

/// The notifications that go along: something of them is undelivered or dead, or stands in a feed, or a Replay that is
/// under way comes to them.
const KEPT: &str = "SELECT delivery_no >> 12 FROM undelivered
                    UNION SELECT delivery_no >> 12 FROM finished WHERE state <> 0 AND state = 1
                    UNION SELECT delivery_no >> 12 FROM feed
                    UNION SELECT n.notification_no
                          FROM jobs AS j
                          JOIN job_walks AS w ON w.job_no = j.job_no
                          JOIN notifications AS n ON n.notification_no > w.after AND n.notification_no < j.below
                                                 AND n.company_id = w.company_id
                          WHERE j.open = 1 AND j.kind = REPLAY AND j.dry_run = 0";

/// What is moved: table, which of its rows, in which order. The order is that of a good import, too.
const TABLES: [(&str, &str, &str); 24] = [
    ("meta", "WHERE name = 'check_value'", "name"),
    ("companies", "", "company_id"),
    ("branches", "", "company_id, branch_id"),
    ("clients", "", "company_id, client_id"),
    ("endpoints", "", "company_id, endpoint_id"),
    ("health", "", "company_id, endpoint_id"),
    ("branch_discards", "", "company_id, branch_id, below"),
    ("actions", "", "name"),
    ("signing_keys", "", "key_id"),
    ("customers", "", "customer_id"),
    ("work_orders", "", "order_no"),
    ("time_line", "", "entry_no"),
    ("people", "", "company_id, person_id"),
    ("audit", "", "audit_no"),
    ("alerts", "", "alert_no"),
    ("jobs", "", "job_no"),
    ("job_walks", "", "job_no, walk"),
    ("notifications", "WHERE notification_no IN (KEPT)", "notification_no"),
    ("labels", "", "company_id, work_order_id"),
    ("undelivered", "", "delivery_no"),
    ("finished", "WHERE delivery_no >> 12 IN (KEPT)", "delivery_no"),
    ("lanes", "", "company_id, endpoint_id, work_order_id"),
    ("feed", "", "company_id, endpoint_id, delivery_no"),
    ("feed_removed", "", "company_id, endpoint_id"),
];

/// What stays behind: it tells of the past, or ends with the move.
#[cfg(test)]
pub(super) const LEFT: [&str; 6] = ["backlog", "log", "log_orders", "traffic", "sessions", "sign_in_tries"];

/// The tables that are moved.
#[cfg(test)]
pub(super) fn moved() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().map(|(name, _, _)| name)
}

/// The table of numbers that were given out. It is no table of the schema: each engine keeps them in its own way.
const NUMBERS: &str = "numbers";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Line {
    table: String,
    row: Map<String, Value>,
}

/// Hands each row of a store's move to `take`, all as of one moment. A service may run on it, but what that does
/// later is not in it.
///
/// # Errors
/// [`Error::Schema`]; what `take` says; the store cannot be read.
pub fn export(data_dir: &Path, take: &mut dyn FnMut(&str) -> io::Result<()>) -> Result<Rows, Error> {
    let mut connection = reading(&data_dir.join("workbell.db"))?;
    let snapshot = connection.transaction()?;
    let found = snapshot.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = known_version();
    if found != known {
        return Err(Error::Schema { found, known });
    }
    let mut rows = Rows::new();
    let mut put = |table: &str, row: Map<String, Value>| -> Result<(), Error> {
        let line = serde_json::to_string(&Line { table: table.to_owned(), row }).map_err(io::Error::from)?;
        take(&line)?;
        *rows.entry(table.to_owned()).or_default() += 1;
        Ok(())
    };
    for (name, numbered) in [("notification", NOTIFICATION), ("log", LOG)] {
        let last = next_number(&snapshot, numbered)? - 1;
        put(NUMBERS, Map::from_iter([("name".to_owned(), json!(name)), ("last".to_owned(), json!(last))]))?;
    }
    for (table, condition, order) in TABLES {
        let kept = KEPT.replace("REPLAY", &code::of_job_kind(Kind::Replay).to_string());
        let condition = condition.replace("KEPT", &kept);
        let mut statement =
            snapshot.prepare(&format!("SELECT * FROM {table} {condition} ORDER BY {order}"))?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let mut members = Map::new();
            for (place, name) in names.iter().enumerate() {
                members.insert(name.clone(), to_json(row.get_ref(place)?)?);
            }
            put(table, members)?;
        }
    }
    Ok(rows)
}

/// Puts such rows into the store of a data dir that was never used; all in one commit, after `sound` agreed to what
/// was read.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::Row`], what `sound` says; the store is as empty as before then.
pub fn import(
    data_dir: &Path,
    lines: &mut dyn Iterator<Item = io::Result<String>>,
    sound: &mut dyn FnMut(&Rows) -> io::Result<()>,
) -> Result<Rows, Error> {
    let options = Options {
        data_dir: data_dir.to_owned(),
        synchronous: Synchronous::Full,
        waiting_limit: u64::MAX,
        defaults: workbell_model::Defaults::default(),
        #[cfg(test)]
        hooks: super::tests::Hooks::default(),
    };
    let (_lock, mut connection) = open::open_alone(&options)?;
    let used = "SELECT (SELECT COUNT(*) FROM meta WHERE name = 'check_value')
                     + (SELECT COUNT(*) FROM companies) + (SELECT COUNT(*) FROM signing_keys)";
    if connection.query_row(used, [], |row| row.get::<_, u64>(0))? > 0 {
        return Err(Error::NotEmpty(data_dir.display().to_string()));
    }
    let transaction = connection.transaction()?;
    let mut rows = Rows::new();
    for (place, line) in lines.enumerate() {
        let line = line?;
        let refused = |reason: String| Error::Row { number: place as u64 + 1, reason };
        let Line { table, row } = serde_json::from_str(&line).map_err(|error| refused(error.to_string()))?;
        insert(&transaction, &table, row).map_err(refused)?;
        *rows.entry(table).or_default() += 1;
    }
    sound(&rows)?;
    transaction.commit()?;
    Ok(rows)
}

fn insert(transaction: &Transaction<'_>, table: &str, row: Map<String, Value>) -> Result<(), String> {
    if table == NUMBERS {
        return insert_number(transaction, &row);
    }
    if !TABLES.iter().any(|(name, _, _)| *name == table) {
        return Err(format!("there is no table {table:?} that is moved"));
    }
    let failed = |error: rusqlite::Error| format!("table {table}: {error}");
    let columns = columns(transaction, table).map_err(failed)?;
    if columns.len() != row.len() || !columns.iter().all(|column| row.contains_key(column)) {
        return Err(format!("table {table} has the columns {}", columns.join(", ")));
    }
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
    let sql = format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", "));
    let cells = columns.iter().map(|column| from_json(row.get(column).unwrap_or(&Value::Null)));
    let cells = cells.collect::<Option<Vec<Cell>>>().ok_or("a value has an unknown form")?;
    transaction
        .prepare_cached(&sql)
        .and_then(|mut insert| insert.execute(params_from_iter(cells)))
        .map_err(failed)?;
    Ok(())
}

/// Numbers go on where they stood. What was counted of the log stays behind with it.
fn insert_number(transaction: &Transaction<'_>, row: &Map<String, Value>) -> Result<(), String> {
    let last = row.get("last").and_then(Value::as_u64).ok_or("a number has no last one")?;
    let numbered = match row.get("name").and_then(Value::as_str) {
        Some("notification") => NOTIFICATION,
        Some("log") => {
            let rolled_up = "INSERT INTO meta (name, value) VALUES ('rolled_up', ?1)";
            transaction
                .execute(rolled_up, [last.to_be_bytes()])
                .map_err(|error| format!("the position in the log: {error}"))?;
            LOG
        }
        Some(_) | None => return Err("there are numbers of notifications and of the log only".to_owned()),
    };
    keep_removed(transaction, numbered, last).map_err(|error| format!("a number: {error}"))
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

fn to_json(cell: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text);
            text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?.into()
        }
        // Bodies are JSON: as text they take half the room, and can be read.
        ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.starts_with('{') => json!({ "Utf8": text }),
            Ok(_) | Err(_) => json!({ "Hex": hex(bytes) }),
        },
    })
}

/// `None` for what [`to_json`] never writes.
fn from_json(value: &Value) -> Option<Cell> {
    match value {
        Value::Null => Some(Cell::Null),
        Value::Number(number) => {
            number.as_i64().map(Cell::Integer).or_else(|| number.as_f64().map(Cell::Real))
        }
        Value::String(text) => Some(Cell::Text(text.clone())),
        Value::Object(bytes) if bytes.len() == 1 => match bytes.iter().next()? {
            (form, Value::String(text)) if form == "Utf8" => Some(Cell::Blob(text.clone().into_bytes())),
            (form, Value::String(text)) if form == "Hex" => unhex(text).map(Cell::Blob),
            _ => None,
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
