//! What can go wrong in a store, named by what failed.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The writer's channel is full.
    #[error("too many writes are waiting; try again in a second")]
    QueueFull,
    /// No room on the disk.
    #[error("no room is left for the store on its disk; free some and try again")]
    DiskFull,
    /// Nothing can be written at present.
    #[error("the store takes no writes at present: {0}")]
    Unavailable(String),
    /// It is shut down.
    #[error("the store is closed")]
    Closed,
    /// What was named does not exist (or belongs to another company).
    #[error("{0} does not exist")]
    NotFound(String),
    /// What was to be created is there already.
    #[error("{0} exists already")]
    Exists(String),
    /// This BranchId is taken, by this company or another.
    #[error("branch {0} exists already; branch ids are unique over all companies")]
    BranchTaken(i64),
    /// The state of a delivery does not allow it.
    #[error("{0}")]
    StateConflict(String),
    /// What was to be deleted still has undelivered deliveries.
    #[error("{0} undelivered deliveries still wait here")]
    UndeliveredExist(u64),
    /// A limit on how many there may be.
    #[error("a company has at most {0} of these (limits.endpoints)")]
    TooMany(usize),
    /// Too many wrong passwords.
    #[error("too many wrong passwords; try again at {0}")]
    Locked(workbell_wire::Timestamp),
    /// A list's cursor was not made here.
    #[error("the cursor {0:?} is not one that a list gave out")]
    BadCursor(String),
    /// The notification of a feed's cursor was removed.
    #[error("the cursor has expired: its notification is not kept any more")]
    CursorExpired,
    /// Another process holds the store.
    #[error(
        "{path} is in use by another workbell (process {holder}); stop that one or give another data_dir"
    )]
    InUse {
        /// The folder.
        path: String,
        /// Its process id, as far as known.
        holder: String,
    },
    /// The store cannot be opened.
    #[error("cannot open the store {path}: {reason}")]
    Open {
        /// The file.
        path: String,
        /// What the system said, and what to do.
        reason: String,
    },
    /// The store was written by a newer version.
    #[error(
        "the store has schema version {found}, this workbell knows up to {known}; use the newer workbell"
    )]
    TooNew {
        /// Version found.
        found: u32,
        /// Latest version known.
        known: u32,
    },
    /// The database refused a statement.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
}
