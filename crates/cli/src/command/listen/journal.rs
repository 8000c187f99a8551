//! Where a reader stands in a feed, and what it has forwarded: one line for each notification, in a file of its own.
//!
//! A line is written when its notification is done with. After a kill the one in hand is taken again; a line that
//! was torn is none.

use std::collections::{HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// MessageIds that are remembered, for the case that the place itself has expired.
///
/// 10,000, some 500 KiB: a place expires after 30 days, and then only what was held up elsewhere is read twice.
const REMEMBERED: usize = if cfg!(test) { 4 } else { 10_000 };

/// The open file, locked against a second reader.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    cursor: Option<String>,
    ids: VecDeque<String>,
    known: HashSet<String>,
    lines: usize,
}

impl Journal {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| Failure::Failed(format!("{}: {error}", path.display()));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(cannot)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let why = "another workbell listen reads this feed; stop it, or give another --state";
                return Err(Failure::Failed(format!("{}: {why}", path.display())));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        let mut journal = Journal {
            file,
            path: path.to_owned(),
            cursor: None,
            ids: VecDeque::new(),
            known: HashSet::new(),
            lines: 0,
        };
        let text = String::from_utf8_lossy(&bytes);
        // What stands behind the last line end was torn off by a kill.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        for line in whole.lines() {
            if let Some((cursor, id)) = line.split_once(' ') {
                journal.remember(cursor, id);
            }
        }
        journal.rewrite().map_err(cannot)?;
        Ok(journal)
    }

    /// The place after the last notification that is done with.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Whether this notification is done with.
    pub(super) fn knows(&self, message_id: &str) -> bool {
        self.known.contains(message_id)
    }

    /// A notification is done with.
    pub(super) fn done(&mut self, cursor: &str, message_id: &str) -> Result<(), Failure> {
        self.remember(cursor, message_id);
        let written = if self.lines > 2 * REMEMBERED {
            self.rewrite()
        } else {
            self.lines += 1;
            self.file.write_all(format!("{cursor} {message_id}\n").as_bytes())
        };
        written.map_err(|error| Failure::Failed(format!("{}: {error}", self.path.display())))
    }

    fn remember(&mut self, cursor: &str, message_id: &str) {
        self.cursor = Some(cursor.to_owned());
        if self.known.insert(message_id.to_owned()) {
            self.ids.push_back(message_id.to_owned());
        }
        while self.ids.len() > REMEMBERED {
            if let Some(oldest) = self.ids.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// Writes only what is remembered, in place: the lock is on this file. A kill in between leaves a shorter one,
    /// whose last whole line is an earlier place.
    fn rewrite(&mut self) -> std::io::Result<()> {
        let cursor = self.cursor.as_deref().unwrap_or_default();
        let text: String = self.ids.iter().map(|id| format!("{cursor} {id}\n")).collect();
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        let length = self.file.stream_position()?;
        self.file.set_len(length)?;
        self.lines = self.ids.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_ids_are_found_again_and_a_torn_line_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/feed");
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.cursor(), None);
        journal.done("f1", "a").unwrap();
        journal.done("f2", "b").unwrap();
        assert!(Journal::open(&path).unwrap_err().to_string().contains("another workbell listen"));
        drop(journal);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"f3 c").unwrap();
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.cursor(), Some("f2"));
        assert!(journal.knows("a") && journal.knows("b") && !journal.knows("c"));
    }

    #[test]
    fn the_file_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed");
        let mut journal = Journal::open(&path).unwrap();
        for number in 0..100 {
            journal.done(&format!("f{number}"), &format!("id{number}")).unwrap();
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 2 * REMEMBERED + 1, "{lines}");
        }
        drop(journal);
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.cursor(), Some("f99"));
        assert!(journal.knows("id99") && !journal.knows("id0"));
    }
}
