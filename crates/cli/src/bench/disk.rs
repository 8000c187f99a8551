//! The file system that the store lies on: its folder, and what an fdatasync costs there.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;

/// A folder that goes when the value does.
pub(super) struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    pub(super) fn new(parent: Option<&Path>) -> anyhow::Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let path = parent.join(format!("workbell-bench-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(TemporaryFolder { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A fresh folder inside.
    pub(super) fn fresh(&self) -> anyhow::Result<PathBuf> {
        let path = self.path.join(uuid::Uuid::now_v7().to_string());
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's folder for temporary things.
        let _left = std::fs::remove_dir_all(&self.path);
    }
}

/// Median of so many appends of 4 KiB, each followed by an fdatasync.
pub(super) fn fdatasync(folder: &TemporaryFolder, times: usize) -> anyhow::Result<Duration> {
    let path = folder.path().join("fdatasync");
    let mut file = File::create(&path)?;
    let block = vec![7_u8; 4096];
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        file.write_all(&block)?;
        let before = Instant::now();
        file.sync_data()?;
        taken.push(before.elapsed());
    }
    std::fs::remove_file(&path)?;
    taken.sort_unstable();
    Ok(taken[taken.len() / 2])
}
