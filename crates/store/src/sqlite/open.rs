//! Opening: the lock on the data dir, the file, its schema, and the threads.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use workbell_model::Defaults;

use super::checkpoint::FORCED_BYTES;
use super::readers::Readers;
use super::write::Write as WriteState;
use super::writer::Writer;
use super::{SqliteStore, configuration, wal_file};
use crate::counters::Counters;
use crate::directory::Directory;
use crate::error::Error;
use crate::feed::FeedBells;
use crate::work_order::HIGHEST_MADE_ID;

/// How sure a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// Each commit is synced to the disk before it is answered.
    Full,
    /// Nothing is synced. Only to prove that the tests notice.
    Off,
}

impl Synchronous {
    /// Value of the pragma.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Synchronous::Full => "FULL",
            Synchronous::Off => "OFF",
        }
    }
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder; it exists.
    pub data_dir: PathBuf,
    /// How sure a commit is.
    pub synchronous: Synchronous,
    /// `limits.waiting`: undelivered deliveries of one endpoint; what exceeds it is created `Dead`.
    pub waiting_limit: u64,
    /// What endpoints leave open: how long a hold is, when one is down.
    pub defaults: Defaults,
    /// What a test does to the disk and wants to see of the statements.
    #[cfg(test)]
    pub(crate) hooks: super::tests::Hooks,
}

/// Migrations in order; the schema version is how many of them have run.
const MIGRATIONS: [&str; 13] = [
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/sqlite/0002_traffic.sql"),
    include_str!("../../migrations/sqlite/0003_people.sql"),
    include_str!("../../migrations/sqlite/0004_feed.sql"),
    include_str!("../../migrations/sqlite/0005_jobs.sql"),
    include_str!("../../migrations/sqlite/0006_audit.sql"),
    include_str!("../../migrations/sqlite/0007_work_orders.sql"),
    include_str!("../../migrations/sqlite/0008_log_by_message.sql"),
    include_str!("../../migrations/sqlite/0009_alerts.sql"),
    include_str!("../../migrations/sqlite/0010_labels.sql"),
    include_str!("../../migrations/sqlite/0011_log_orders.sql"),
    include_str!("../../migrations/sqlite/0012_backlog.sql"),
    include_str!("../../migrations/sqlite/0013_log_stretches.sql"),
];

/// What the database makes beside its file: the write-ahead log and its index.
const BESIDE: [&str; 2] = ["workbell.db-wal", "workbell.db-shm"];

/// Bytes of a page. 4 KiB: smaller writes per commit than 16 KiB, measured.
const PAGE_BYTES: u32 = 4096;

/// Longest wait for another process that has the file locked, such as a shell that somebody left open.
pub(super) const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// Memory for pages that the writer keeps: 8 MiB. With 32 MiB a commit costs more, not less: SQLite walks its whole
/// table of pages after each commit in which a tree was balanced. The system keeps the file in memory anyway.
const WRITER_CACHE_KIB: i64 = 8 << 10;

/// The same for each of the others: 2 MiB.
const CACHE_KIB: i64 = 2 << 10;

/// Connections for reading: queries are short, and two cores do not run more at once.
const READERS: usize = 4;

pub(super) fn open(options: Options) -> Result<SqliteStore, Error> {
    let (lock, connection) = open_alone(&options)?;
    let file = options.data_dir.join("workbell.db");
    let directory = Arc::new(Directory::default());
    configuration::load(&connection, &directory)?;
    let subscriber = Arc::new(OnceLock::new());
    let highest_order = Arc::new(AtomicI64::new(highest_order(&connection)?));
    let state = WriteState::new(connection, directory.clone(), &options, highest_order.clone())?;
    let counters = Arc::new(Counters::default());
    let readers = Readers::new(READERS, counters.clone(), || {
        let reader = connect(&file, &options, Role::Other)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(reader)
    })?;
    let feed_bells = Arc::new(FeedBells::default());
    let checkpoints = connect(&file, &options, Role::Other)?;
    let writer = Writer::start(state, checkpoints, subscriber.clone(), counters.clone(), feed_bells.clone())?;
    let defaults = options.defaults;
    Ok(SqliteStore {
        directory,
        defaults,
        counters,
        feed_bells,
        subscriber,
        writer,
        readers,
        highest_order,
        _lock: lock,
    })
}

/// Highest id of a work order that could have been made here. Uses work_orders_by_id.
fn highest_order(connection: &Connection) -> Result<i64, Error> {
    let sql = "SELECT MAX(work_order_id) FROM work_orders WHERE work_order_id <= ?1";
    let highest: Option<i64> = connection.query_row(sql, [HIGHEST_MADE_ID], |row| row.get(0))?;
    Ok(highest.unwrap_or(0).max(0))
}

/// The lock on the data dir, and a connection to its store, made or brought up to date.
pub(super) fn open_alone(options: &Options) -> Result<(File, Connection), Error> {
    let lock = lock(&options.data_dir)?;
    let file = options.data_dir.join("workbell.db");
    create_private(&file)?;
    for name in BESIDE {
        check_writable(&options.data_dir.join(name))?;
    }
    let mut connection = connect(&file, options, Role::Writer)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    migrate(&mut connection, &file)?;
    Ok((lock, connection))
}

/// Takes the lock that keeps a second process away, and leaves our process id for its error message.
fn lock(data_dir: &Path) -> Result<File, Error> {
    let path = data_dir.join("workbell.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| cannot_open(&path, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // What cannot be read is only missing from a message.
            let _read = file.read_to_string(&mut holder);
            let holder =
                if holder.trim().is_empty() { "unknown".to_owned() } else { holder.trim().to_owned() };
            return Err(Error::InUse { path: data_dir.display().to_string(), holder });
        }
        Err(std::fs::TryLockError::Error(error)) => return Err(cannot_open(&path, &error)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|error| cannot_open(&path, &error))?;
    Ok(file)
}

fn create_private(path: &Path) -> Result<(), Error> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| cannot_open(path, &error))?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(|error| cannot_open(path, &error))
}

/// A file that is there must be writable: the database itself would only say "readonly", and late.
fn check_writable(path: &Path) -> Result<(), Error> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(cannot_open(path, &error)),
    }
}

fn cannot_open(path: &Path, error: &std::io::Error) -> Error {
    let advice = match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; make it writable for this user, or give another data_dir"
        }
        std::io::ErrorKind::StorageFull => "; free some room on this disk",
        std::io::ErrorKind::NotFound => "; the folder must exist",
        _ => "",
    };
    Error::Open { path: path.display().to_string(), reason: format!("{error}{advice}") }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The one that commits.
    Writer,
    /// Reading, or checkpoints.
    Other,
}

fn connect(file: &Path, options: &Options, role: Role) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match role {
        Role::Writer if options.synchronous == Synchronous::Full && wal_file::register() => {
            Connection::open_with_flags_and_vfs(file, flags, wal_file::NAME)?
        }
        Role::Writer | Role::Other => Connection::open_with_flags(file, flags)?,
    };
    let set = |connection: &Connection| -> rusqlite::Result<()> {
        // A plan depends on the statement alone: otherwise those that a partial index might serve are planned anew each
        // time, for what is bound to them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "synchronous", options.synchronous.name())?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // After a reader held it open the log is cut back to this.
        connection.pragma_update(None, "journal_size_limit", FORCED_BYTES)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    };
    set(&connection).map_err(|error| Error::Open {
        path: file.display().to_string(),
        reason: format!("{error}; is it a workbell store, and writable for this user?"),
    })?;
    #[cfg(test)]
    let connection = options.hooks.watch(connection);
    Ok(connection)
}

/// The version of the schema that this program knows.
pub(super) fn known_version() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

fn migrate(connection: &mut Connection, file: &Path) -> Result<(), Error> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = known_version();
    if found > known {
        return Err(Error::TooNew { found, known });
    }
    for (place, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)?;
        transaction
            .execute_batch(sql)
            .and_then(|()| {
                transaction.pragma_update(None, "user_version", u32::try_from(place + 1).unwrap_or(known))
            })
            .and_then(|()| transaction.commit())
            .map_err(|error| Error::Open {
                path: file.display().to_string(),
                reason: format!("its schema cannot be brought to version {}: {error}", place + 1),
            })?;
    }
    Ok(())
}
