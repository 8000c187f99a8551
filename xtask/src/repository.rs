//! The checkout: where it is, which files belong to it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders and files that are made, not written. They stand in `.gitignore` too.
const NOT_OURS: [&str; 6] = [".git", "target", "node_modules", "__pycache__", "workbell-data", "book"];

/// The checkout that this binary was built from.
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// Finds the checkout.
    ///
    /// # Errors
    /// When the folder that this task was built in is gone.
    pub(crate) fn here() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.join("..").canonicalize().context("the checkout of this task is gone")?;
        Ok(Self { root })
    }

    /// The folder with the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// All files of the checkout as paths relative to the root, sorted, with `/` between the parts.
    ///
    /// It walks the folders itself, so that it works on a checkout without `git`.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        self.walk(&self.root, &mut files)?;
        files.sort();
        Ok(files)
    }

    fn walk(&self, folder: &Path, files: &mut Vec<String>) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name();
            if NOT_OURS.iter().any(|other| name == *other) {
                continue;
            }
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                self.walk(&path, files)?;
            } else if let Ok(relative) = path.strip_prefix(&self.root) {
                files.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
        Ok(())
    }

    /// The text of a file, `None` when it is not UTF-8 (a picture, a key).
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>> {
        let bytes = fs::read(self.root.join(path)).with_context(|| format!("cannot read {path}"))?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// Whether a file or folder of this name is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}
