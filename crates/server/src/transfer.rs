//! The files of `workbell backup`, `export` and `import`.
//!
//! A backup is a whole store. An export is text, a row per line: first a line that says what it is, last one with the
//! number of rows of each table and the SHA-256 of all lines between, so that a file that was cut off or changed is
//! refused whole. Neither holds the master key, and secrets in them stay sealed with it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{self, SHA256};
use serde::{Deserialize, Serialize};
use workbell_store::sqlite::{self, transfer};
use workbell_wire::Timestamp;

pub use workbell_store::sqlite::transfer::Rows;
pub use workbell_store::sqlite::{Backup, Compacted};

use crate::data_dir::DataDir;

/// What the first line of an export says that it is.
const FORMAT: &str = "workbell export";

/// The version of that form.
const VERSION: u32 = 1;

/// Longest line that is read.
///
/// 64 MiB: the largest notification, and then some.
const LONGEST_LINE: usize = 64 << 20;

/// Why a store cannot be copied or moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data dir of the import.
    #[error(transparent)]
    DataDir(#[from] crate::Error),
    /// The store, when it is copied.
    #[error(transparent)]
    Store(#[from] workbell_store::Error),
    /// The store, when it is moved.
    #[error(transparent)]
    Transfer(#[from] transfer::Error),
    /// The file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no export, or not a whole one.
    #[error("{} is no whole export: {reason}", path.display())]
    Form {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Rows of each table.
    pub rows: Rows,
    /// SHA-256 of the rows, in hexadecimal.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Head {
    format: String,
    version: u32,
    made: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct End {
    rows: Rows,
    sha256: String,
}

/// Writes the store of a data dir, also of a running service, into a new file.
///
/// # Errors
/// The file is there, or cannot be written; the store cannot be read.
pub fn backup(data_dir: &Path, file: &Path) -> Result<Backup, Error> {
    Ok(sqlite::backup(data_dir, file)?)
}

/// Writes the store of a stopped service anew, so that what was removed or erased leaves its file.
///
/// # Errors
/// A service runs on it, there is none, or there is no room.
pub fn compact(data_dir: &Path) -> Result<Compacted, Error> {
    Ok(sqlite::compact(data_dir)?)
}

/// Writes what moves of the store of a data dir into a new file.
///
/// # Errors
/// The file is there, or cannot be written; the store cannot be read.
pub fn export(data_dir: &Path, file: &Path, now: Timestamp) -> Result<Moved, Error> {
    let failed = |source| Error::File { path: file.to_owned(), source };
    let target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    let written = write(data_dir, target, now, file);
    if written.is_err() {
        // Half an export is of no use to anybody.
        let _removed = fs::remove_file(file);
    }
    written
}

fn write(data_dir: &Path, target: File, now: Timestamp, file: &Path) -> Result<Moved, Error> {
    let failed = |source| Error::File { path: file.to_owned(), source };
    let mut target = BufWriter::new(target);
    let mut digest = digest::Context::new(&SHA256);
    let head = Head { format: FORMAT.to_owned(), version: VERSION, made: now };
    writeln!(target, "{}", to_line(&head)).map_err(failed)?;
    let rows = transfer::export(data_dir, &mut |line| {
        digest.update(line.as_bytes());
        digest.update(b"\n");
        writeln!(target, "{line}")
    })?;
    let moved = Moved { rows, sha256: hexadecimal(digest) };
    let end = End { rows: moved.rows.clone(), sha256: moved.sha256.clone() };
    writeln!(target, "{}", to_line(&end)).map_err(failed)?;
    let target = target.into_inner().map_err(|error| failed(error.into_error()))?;
    target.sync_all().map_err(failed)?;
    Ok(moved)
}

/// Puts an export into a data dir in which no service was started yet.
///
/// # Errors
/// The file is no whole export, or of another schema; the store is in use. Nothing of it is there then.
pub fn import(data_dir: &Path, file: &Path) -> Result<Moved, Error> {
    // Read once for its sum before anything is written, and once more for its rows.
    let moved = check(file)?;
    let mut lines = open(file)?;
    read_head(file, &mut lines)?;
    let dir = DataDir::prepare(data_dir)?;
    let number: u64 = moved.rows.values().sum();
    let mut rows = lines.take(usize::try_from(number).unwrap_or(usize::MAX));
    let expected = moved.rows.clone();
    transfer::import(dir.path(), &mut rows, &mut |rows| {
        if *rows == expected {
            Ok(())
        } else {
            Err(io::Error::other("the file was changed while it was read"))
        }
    })?;
    Ok(moved)
}

fn check(file: &Path) -> Result<Moved, Error> {
    let broken = |reason: &str| Error::Form { path: file.to_owned(), reason: reason.to_owned() };
    let failed = |source| Error::File { path: file.to_owned(), source };
    let mut lines = open(file)?;
    read_head(file, &mut lines)?;
    let mut digest = digest::Context::new(&SHA256);
    let mut rows = Rows::new();
    let mut last: Option<String> = None;
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Row {
        table: String,
    }
    for line in lines {
        let line = line.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => broken("it was cut off within a line"),
            _ => failed(error),
        })?;
        if let Some(row) = last.replace(line) {
            let Row { table } = serde_json::from_str(&row).map_err(|_| broken("a line is no row"))?;
            *rows.entry(table).or_default() += 1;
            digest.update(row.as_bytes());
            digest.update(b"\n");
        }
    }
    let end: End = last
        .and_then(|line| serde_json::from_str(&line).ok())
        .ok_or_else(|| broken("its last line is missing; it was cut off"))?;
    let sha256 = hexadecimal(digest);
    if end.rows != rows || end.sha256 != sha256 {
        return Err(broken("its rows are not those that its last line counts; it was changed or damaged"));
    }
    Ok(Moved { rows, sha256 })
}

/// The lines of a file, each of bounded length.
fn open(file: &Path) -> Result<impl Iterator<Item = io::Result<String>> + use<>, Error> {
    let source = File::open(file).map_err(|source| Error::File { path: file.to_owned(), source })?;
    let mut reader = BufReader::new(source);
    Ok(std::iter::from_fn(move || {
        let mut line = Vec::new();
        let mut bounded = io::Read::take(&mut reader, LONGEST_LINE as u64);
        match bounded.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) if line.pop() == Some(b'\n') => Some(
                String::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
            ),
            Ok(_) => Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a line does not end"))),
            Err(error) => Some(Err(error)),
        }
    }))
}

fn read_head(file: &Path, lines: &mut impl Iterator<Item = io::Result<String>>) -> Result<(), Error> {
    let broken = |reason: String| Error::Form { path: file.to_owned(), reason };
    let head = lines.next().and_then(Result::ok).and_then(|line| serde_json::from_str::<Head>(&line).ok());
    match head {
        Some(head) if head.format == FORMAT && head.version == VERSION => Ok(()),
        Some(head) if head.format == FORMAT => {
            Err(broken(format!("it has form {}, this workbell reads form {VERSION}", head.version)))
        }
        Some(_) | None => Err(broken("its first line is not that of an export".to_owned())),
    }
}

fn to_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("names and numbers are always JSON")
}

fn hexadecimal(digest: digest::Context) -> String {
    digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
