//! How much room the disk of the data dir has.

use std::io;
use std::path::Path;

/// Room left below which the disk counts as near its end, in bytes; or [`NEAR_PERCENT`], whichever is less.
///
/// 1 GiB: at 1,000 notifications a second of 1 KiB it lasts some five minutes. Our choice.
pub(crate) const NEAR_BYTES: u64 = 1 << 30;

/// The same in percent of the disk, so that a small disk is not near its end from the start.
pub(crate) const NEAR_PERCENT: u64 = 10;

/// Room left below which nothing should be accepted any more, in bytes.
///
/// 64 MiB: the write-ahead log alone may grow to that before it is written back.
pub(crate) const LEAST_BYTES: u64 = 64 << 20;

/// The room of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes that we may still write.
    pub(crate) free: u64,
    /// Bytes in all.
    pub(crate) size: u64,
    /// Files that can still be made; `u64::MAX` where the file system does not count them.
    pub(crate) files: u64,
}

impl Room {
    /// The room where this path lies, or the nearest folder above it that exists.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn at(path: &Path) -> io::Result<Room> {
        let path = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
        let stat = rustix::fs::statvfs(path)?;
        let files = if stat.f_files == 0 { u64::MAX } else { stat.f_favail };
        Ok(Room {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            size: stat.f_blocks.saturating_mul(stat.f_frsize),
            files,
        })
    }

    /// Whether it is near its end.
    pub(crate) fn is_near_its_end(&self) -> bool {
        self.free < self.near()
    }

    /// Whether it has come away from its end: a quarter more than near it, so that what goes up and down around the
    /// bound is one event.
    pub(crate) fn is_well_again(&self) -> bool {
        self.free >= self.near() / 4 * 5
    }

    fn near(&self) -> u64 {
        NEAR_BYTES.min(self.size / 100 * NEAR_PERCENT)
    }
}

/// A number of bytes as people say it: three digits and a unit.
pub(crate) fn in_words(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = bytes.saturating_mul(10);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if unit == 0 || tenths >= 1000 {
        format!("{} {}", tenths / 10, UNITS[unit])
    } else {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_its_end_is_a_gibibyte_or_a_tenth() {
        let room = |free, size| Room { free, size, files: 1 }.is_near_its_end();
        assert!(!room(2 << 30, 100 << 30));
        assert!(room((1 << 30) - 1, 100 << 30));
        assert!(!room(600 << 20, 1 << 30), "a small disk may have little");
        assert!(room(100 << 20, 1 << 30));
    }

    #[test]
    fn sizes_are_said_with_three_digits() {
        assert_eq!(in_words(512), "512 B");
        assert_eq!(in_words(1536), "1.5 KiB");
        assert_eq!(in_words(200 << 20), "200 MiB");
        assert_eq!(in_words(3 << 40), "3.0 TiB");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above() {
        let home = tempfile::tempdir().unwrap();
        let room = Room::at(&home.path().join("not/yet")).unwrap();
        assert!(room.size > 0 && room.free <= room.size, "{room:?}");
    }
}
