//! A copy of the store in one file, also while a service runs on it: for `workbell backup`.
//!
//! SQLite's `VACUUM INTO` writes what one read transaction sees, so the copy is the store at one moment: everything
//! acknowledged before the call is in it, and nothing by halves. It writes only what is in use, so nothing that was
//! erased before goes into it. The service goes on meanwhile; its write-ahead log grows as long as the copy takes.
//! Source: <https://sqlite.org/lang_vacuum.html>.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use super::open::BUSY_TIMEOUT;
use crate::error::Error;

/// A backup that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Bytes of the file.
    pub bytes: u64,
    /// Notifications in it.
    pub notifications: u64,
    /// Deliveries in it that are neither delivered nor given up.
    pub undelivered: u64,
}

/// Writes the store of a data dir into a new file, which is there whole and synced, or not at all.
///
/// # Errors
/// [`Error::Exists`] when the file is there already; [`Error::Open`] when there is no store, or the file cannot be
/// written; [`Error::Database`] when the store cannot be read.
pub fn backup(data_dir: &Path, file: &Path) -> Result<Backup, Error> {
    if file.exists() {
        return Err(Error::Exists(file.display().to_string()));
    }
    let source = data_dir.join("workbell.db");
    let source = reading(&source)?;
    let unfinished = unfinished(file);
    let cannot =
        |error: &io::Error| Error::Open { path: unfinished.display().to_string(), reason: error.to_string() };
    // VACUUM INTO takes a file that is there and empty, and leaves its rights as they are.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .map_err(|error| cannot(&error))?;
    let written = copy(&source, &unfinished).and_then(|backup| {
        publish(&unfinished, file).map_err(|error| cannot(&error))?;
        Ok(backup)
    });
    // Published, it has a second name; else it is of no use.
    let _removed = fs::remove_file(&unfinished);
    written
}

/// A connection that only reads the store of a data dir.
pub(super) fn reading(file: &Path) -> Result<Connection, Error> {
    if !file.exists() {
        let reason = "there is no store; is this the data_dir of a service that was started once?".to_owned();
        return Err(Error::Open { path: file.display().to_string(), reason });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.unfinished", std::process::id()));
    PathBuf::from(name)
}

fn copy(source: &Connection, unfinished: &Path) -> Result<Backup, Error> {
    let name = unfinished.to_str().ok_or_else(|| Error::Open {
        path: unfinished.display().to_string(),
        reason: "SQLite takes names in UTF-8 only".to_owned(),
    })?;
    source.execute("VACUUM INTO ?1", params![name])?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Nobody else knows the file: nothing is to be locked, and nothing is left beside it.
    let uri =
        format!("file:{}?immutable=1", name.replace('%', "%25").replace('?', "%3f").replace('#', "%23"));
    let copy = Connection::open_with_flags(uri, flags)?;
    let sound: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(Error::Open { path: name.to_owned(), reason: format!("the copy is broken: {sound}") });
    }
    let count = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, u64>(0));
    Ok(Backup {
        bytes: fs::metadata(unfinished).map_or(0, |metadata| metadata.len()),
        notifications: count("SELECT COUNT(*) FROM notifications")?,
        undelivered: count("SELECT COUNT(*) FROM undelivered")?,
    })
}

/// Gives the finished file its name, unless somebody else took it meanwhile.
fn publish(unfinished: &Path, file: &Path) -> io::Result<()> {
    File::open(unfinished)?.sync_all()?;
    fs::hard_link(unfinished, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
