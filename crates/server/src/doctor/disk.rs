//! The disk of the data dir: room, and whether its file system can carry the store.

use std::path::Path;

use super::finding::{Check, Finding};
use crate::disk::{LEAST_BYTES, Room, in_words};

/// Fewest files that can still be made.
///
/// 100: the store makes a handful.
const FEWEST_FILES: u64 = 100;

pub(super) fn check(dir: &Path) -> Finding {
    let room = match Room::at(dir) {
        Ok(room) => room,
        Err(error) => {
            let seen = format!("the disk of {} does not say how much room it has: {error}", dir.display());
            return Finding::warning(Check::Disk, seen, "look with df");
        }
    };
    let seen = format!("{} of {} are free", in_words(room.free), in_words(room.size));
    if room.free < LEAST_BYTES || room.files < FEWEST_FILES {
        let seen = if room.files < FEWEST_FILES {
            format!("{seen}, {} files can still be made", room.files)
        } else {
            seen
        };
        return Finding::bad(Check::Disk, seen, "make room: nothing will be accepted on a full disk");
    }
    if let Some(kind) = unfit_file_system(dir) {
        return kind;
    }
    if room.is_near_its_end() {
        return Finding::warning(
            Check::Disk,
            seen,
            "make room, shorten retention.notifications and retention.log, or set retention.max_size",
        );
    }
    Finding::good(Check::Disk, seen)
}

/// File systems that lose the store, or on which its locks do not hold. Numbers from statfs(2).
#[cfg(target_os = "linux")]
fn unfit_file_system(dir: &Path) -> Option<Finding> {
    let path = dir.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the type differs by machine; the numbers have 32 bits"
    )]
    let kind = rustix::fs::statfs(path).ok()?.f_type as u32;
    match kind {
        0x6969 | 0xff53_4d42 | 0xfe53_4d42 | 0x517b | 0x0102_1997 => Some(Finding::bad(
            Check::Disk,
            format!(
                "{} lies on a network file system, on which the store's locks may not hold",
                dir.display()
            ),
            "give a --data-dir on a local disk",
        )),
        0x0102_1994 | 0x8584_58f6 => Some(Finding::warning(
            Check::Disk,
            format!("{} lies in memory: a restart of the machine loses all of it", dir.display()),
            "give a --data-dir on a disk",
        )),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn unfit_file_system(_: &Path) -> Option<Finding> {
    None
}
