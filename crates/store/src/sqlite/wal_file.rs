//! The write-ahead log as the writer's file: what one commit writes goes to the system in few large calls.
//!
//! SQLite writes each page of a commit in two calls, its head and the page. A commit of some fifty pages is a hundred
//! calls then, and that was a tenth of all processor time. Here what follows on each other is gathered and written
//! before the log is synced, read, measured or cut, so that whoever sees a commit finds it in the file: SQLite shows a
//! commit to others after the sync. So this is for connections that sync each commit, and for no others.
//!
//! A layer of SQLite's own kind (a "VFS shim"): it opens all files as the system's layer does, and stands between
//! SQLite and the log alone. What the system could not write stays gathered and is tried again, and SQLite is told.

#![expect(unsafe_code, reason = "SQLite's files are tables of C functions")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use rusqlite::ffi;

/// The name by which a connection asks for it.
pub(super) const NAME: &CStr = c"workbell-gathered";

/// Bytes that are gathered at most: 120 KiB. The system's layer of SQLite writes less than 128 KiB at once, and takes a
/// longer write for a full disk.
const MOST_BYTES: usize = 120 << 10;

/// A log as SQLite holds it. The system's own file stands behind it, in the same piece of memory.
#[repr(C)]
struct WalFile {
    base: ffi::sqlite3_file,
    gathered: *mut Gathered,
}

/// What was not handed to the system yet.
struct Gathered {
    /// Where in the file it begins.
    offset: i64,
    bytes: Vec<u8>,
}

/// Bytes before the system's file: a multiple of eight, as that wants.
const BEFORE: usize = size_of::<WalFile>().next_multiple_of(8);

/// The system's layer.
fn system() -> *mut ffi::sqlite3_vfs {
    // SAFETY: the default layer is there from the start of the library to the end of the process.
    unsafe { ffi::sqlite3_vfs_find(ptr::null()) }
}

/// Makes it known to SQLite, once; false when SQLite refuses it.
pub(super) fn register() -> bool {
    static DONE: OnceLock<bool> = OnceLock::new();
    *DONE.get_or_init(|| {
        // SAFETY: the copy differs from the system's layer in name, size and the way of opening, and lives as long as
        // the process. The system's functions take their own layer's data from it, which is the same.
        unsafe {
            let system = system();
            if system.is_null() {
                return false;
            }
            let Ok(before) = c_int::try_from(BEFORE) else { return false };
            let ours = ffi::sqlite3_vfs {
                szOsFile: (*system).szOsFile + before,
                pNext: ptr::null_mut(),
                zName: NAME.as_ptr(),
                xOpen: Some(open),
                ..*system
            };
            ffi::sqlite3_vfs_register(Box::into_raw(Box::new(ours)), 0) == ffi::SQLITE_OK
        }
    })
}

/// The functions of a log. Those of shared memory and mapping are asked of the database's file alone.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

// SAFETY of all that follows: SQLite calls these with a file that `open` made, one call at a time, until `close`. So
// the system's file stands `BEFORE` bytes behind it and is open, and `gathered` is what `open` put there.

unsafe extern "C" fn open(
    _ours: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    unsafe {
        let system = system();
        let Some(open) = (*system).xOpen else { return ffi::SQLITE_CANTOPEN };
        if flags & ffi::SQLITE_OPEN_WAL == 0 {
            // Any other file is the system's as it is.
            return open(system, name, file, flags, out_flags);
        }
        (*file).pMethods = ptr::null();
        let result = open(system, name, behind(file), flags, out_flags);
        if !(*behind(file)).pMethods.is_null() {
            (*file).pMethods = &raw const METHODS;
            let gathered = Gathered { offset: 0, bytes: Vec::with_capacity(MOST_BYTES) };
            (*file.cast::<WalFile>()).gathered = Box::into_raw(Box::new(gathered));
        }
        result
    }
}

/// The system's file.
unsafe fn behind(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    unsafe { file.cast::<u8>().add(BEFORE).cast() }
}

/// The system's functions for it.
unsafe fn methods(file: *mut ffi::sqlite3_file) -> &'static ffi::sqlite3_io_methods {
    unsafe { &*(*behind(file)).pMethods }
}

unsafe fn gathered<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Gathered {
    unsafe { &mut *(*file.cast::<WalFile>()).gathered }
}

/// Hands what is gathered to the system. What that refuses stays gathered.
unsafe fn flush(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        let Gathered { offset, bytes } = gathered(file);
        if bytes.is_empty() {
            return ffi::SQLITE_OK;
        }
        let (Some(write), Ok(length)) = (methods(file).xWrite, c_int::try_from(bytes.len())) else {
            return ffi::SQLITE_IOERR_WRITE;
        };
        let result = write(behind(file), bytes.as_ptr().cast(), length, *offset);
        if result == ffi::SQLITE_OK {
            bytes.clear();
        }
        result
    }
}

/// Flushes, and then does what the system does.
macro_rules! after_flush {
    ($file:ident, $method:ident ( $($argument:expr),* )) => {
        unsafe {
            let flushed = flush($file);
            if flushed != ffi::SQLITE_OK {
                return flushed;
            }
            match methods($file).$method {
                Some(method) => method(behind($file), $($argument),*),
                None => ffi::SQLITE_IOERR,
            }
        }
    };
}

/// Does what the system does.
macro_rules! as_it_is {
    ($file:ident, $method:ident ( $($argument:expr),* )) => {
        unsafe {
            match methods($file).$method {
                Some(method) => method(behind($file), $($argument),*),
                None => ffi::SQLITE_IOERR,
            }
        }
    };
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    unsafe {
        let Ok(size) = usize::try_from(length) else { return ffi::SQLITE_IOERR_WRITE };
        let known = gathered(file);
        let follows = i64::try_from(known.bytes.len()).is_ok_and(|length| known.offset + length == offset);
        if !known.bytes.is_empty() && (!follows || known.bytes.len() + size > MOST_BYTES) {
            let flushed = flush(file);
            if flushed != ffi::SQLITE_OK {
                return flushed;
            }
        }
        let known = gathered(file);
        if known.bytes.is_empty() {
            known.offset = offset;
        }
        known.bytes.extend_from_slice(std::slice::from_raw_parts(from.cast::<u8>(), size));
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    after_flush!(file, xRead(into, length, offset))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    after_flush!(file, xSync(flags))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    after_flush!(file, xTruncate(size))
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    after_flush!(file, xFileSize(size))
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        // What was not synced was not committed.
        let _uncommitted = flush(file);
        drop(Box::from_raw((*file.cast::<WalFile>()).gathered));
    }
    as_it_is!(file, xClose())
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    as_it_is!(file, xLock(level))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    as_it_is!(file, xUnlock(level))
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, is: *mut c_int) -> c_int {
    as_it_is!(file, xCheckReservedLock(is))
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    as_it_is!(file, xFileControl(what, argument))
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    as_it_is!(file, xSectorSize())
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    as_it_is!(file, xDeviceCharacteristics())
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;

    const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
        .union(OpenFlags::SQLITE_OPEN_CREATE)
        .union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

    struct Store {
        folder: tempfile::TempDir,
        writer: Connection,
    }

    impl Store {
        fn new() -> Self {
            assert!(register() && register());
            let folder = tempfile::tempdir().unwrap();
            let writer =
                Connection::open_with_flags_and_vfs(folder.path().join("it.db"), FLAGS, NAME).unwrap();
            writer.pragma_update(None, "journal_mode", "WAL").unwrap();
            writer.pragma_update(None, "synchronous", "FULL").unwrap();
            writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
            writer.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)").unwrap();
            Store { folder, writer }
        }

        fn put(&self, from: u32, to: u32) {
            for n in from..to {
                self.writer.execute("INSERT INTO t VALUES (?1, randomblob(3000))", [n]).unwrap();
            }
        }

        /// By another connection, through the system's layer.
        fn seen_by_others(&self) -> (u32, String) {
            let other = Connection::open(self.folder.path().join("it.db")).unwrap();
            let count =
                other.query_row("SELECT COUNT(*) FROM t WHERE length(b) = 3000", [], |row| row.get(0));
            let sound = other.query_row("PRAGMA integrity_check", [], |row| row.get(0));
            (count.unwrap(), sound.unwrap())
        }
    }

    #[test]
    fn who_sees_a_commit_finds_all_of_it_however_large_it_is() {
        let store = Store::new();
        let mut there = 0;
        for rows in [1, 40, 41, 1000, 3] {
            store.writer.execute_batch("BEGIN").unwrap();
            store.put(there, there + rows);
            store.writer.execute_batch("COMMIT").unwrap();
            there += rows;
            assert_eq!(store.seen_by_others(), (there, "ok".to_owned()));
        }
    }

    #[test]
    fn what_is_written_before_the_commit_is_read_back_and_can_be_undone() {
        let store = Store::new();
        store.put(0, 10);
        store.writer.pragma_update(None, "cache_size", 10).unwrap();
        store.writer.execute_batch("BEGIN").unwrap();
        store.put(10, 500);
        let count = "SELECT COUNT(*) FROM t WHERE length(b) = 3000";
        assert_eq!(store.writer.query_row(count, [], |row| row.get::<_, u32>(0)).unwrap(), 500);
        store.writer.execute_batch("ROLLBACK").unwrap();
        assert_eq!(store.seen_by_others(), (10, "ok".to_owned()));
        store.put(10, 20);
        let (busy, left): (u32, i64) = store
            .writer
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!((busy, left), (0, 0));
        store.put(20, 30);
        assert_eq!(store.seen_by_others(), (30, "ok".to_owned()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_commit_of_many_pages_is_few_calls() {
        let calls = || {
            let counted = std::fs::read_to_string("/proc/thread-self/io").unwrap();
            let line = counted.lines().find_map(|line| line.strip_prefix("syscw: ")).unwrap();
            line.parse::<u64>().unwrap()
        };
        let store = Store::new();
        store.writer.execute_batch("BEGIN").unwrap();
        store.put(0, 100);
        let before = calls();
        store.writer.execute_batch("COMMIT").unwrap();
        let made = calls() - before;
        assert!(made < 20, "{made} calls for more than 100 pages");
    }
}
