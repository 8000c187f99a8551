//! The folder in which state lives: 0700, its files 0600.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Most bytes that a key file is read for.
///
/// 4 KiB: a key has 64 characters.
pub(crate) const LARGEST_KEY_FILE: u64 = 4096;

/// A data dir that exists, is ours alone and can be written to.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

/// What a private file held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// It was there.
    Found(String),
    /// It was not, and was written.
    Made(String),
}

impl DataDir {
    /// Makes the folder if it is missing, takes other users' rights away and tries whether it can be written to.
    ///
    /// # Errors
    /// [`Error::DataDir`].
    pub(crate) fn prepare(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::DataDir { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
        }
        let probe = path.join(".workbell-probe");
        let tried = private(&probe).and_then(|mut file| file.write_all(b"x"));
        // On a full disk it can be made but not filled; it is not left behind then.
        let removed = fs::remove_file(&probe);
        tried.and(removed).map_err(failed)?;
        Ok(DataDir(path.to_owned()))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What a private file holds, white space around left out; when it is missing, what `make` makes is written,
    /// and synced before it is used.
    ///
    /// # Errors
    /// [`Error::DataDir`], and what `make` says.
    pub(crate) fn read_or_make(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<String, Error>,
    ) -> Result<Text, Error> {
        let path = self.file(name);
        let failed = |source| Error::DataDir { path: path.clone(), source };
        match File::open(&path) {
            Ok(file) => {
                let mode = file.metadata().map_err(failed)?.permissions().mode();
                if mode & 0o077 != 0 {
                    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
                }
                let mut text = String::new();
                file.take(LARGEST_KEY_FILE).read_to_string(&mut text).map_err(failed)?;
                Ok(Text::Found(text.trim().to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = make()?;
                self.write_once(&path, &text).map_err(failed)?;
                Ok(Text::Made(text))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes a file whole or not at all: a crash leaves no half key behind.
    fn write_once(&self, path: &Path, text: &str) -> io::Result<()> {
        let unfinished = path.with_extension("new");
        let mut file = private(&unfinished)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(&self.0)?.sync_all()
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_are_for_their_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let dir = DataDir::prepare(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        let made = dir.read_or_make("x.key", || Ok("secret".to_owned())).unwrap();
        assert_eq!(made, Text::Made("secret".to_owned()));
        assert_eq!(mode(&path.join("x.key")), 0o600);

        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(path.join("x.key"), Permissions::from_mode(0o644)).unwrap();
        let dir = DataDir::prepare(&path).unwrap();
        let found = dir.read_or_make("x.key", || panic!("it is there")).unwrap();
        assert_eq!(found, Text::Found("secret".to_owned()));
        assert_eq!((mode(&path), mode(&path.join("x.key"))), (0o700, 0o600));
    }

    #[test]
    fn a_file_in_the_way_is_told_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "x").unwrap();
        let error = DataDir::prepare(&path).unwrap_err().to_string();
        assert!(error.contains("give another --data-dir"), "{error}");
    }
}
