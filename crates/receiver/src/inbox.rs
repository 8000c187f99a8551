//! Where notifications are kept between the answer to the service and the work that they cause.
//!
//! [`Inbox::keep`] commits MessageId and body together, and only then is `200` answered: a receiver that notes the
//! MessageId first and does the work later loses the notification when it is killed in between. What is kept is
//! handed over afterwards, in order per work order. A handler that fails holds up its own work order and no other.

#[cfg(feature = "sqlite")]
mod sqlite;

mod memory;
mod message;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use workbell_wire::Timestamp;

pub use memory::MemoryInbox;
pub use message::Message;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteInbox;

use crate::verified::Verified;

/// How long a MessageId should be remembered.
///
/// 45 days: a delivery is tried for at most 10 days (`delivery.max_age`), its notification is kept for 30 days after
/// that (`retention.notifications`), and until then it can be sent again by hand or by a replay; the rest is reserve.
pub const REMEMBER: Duration = Duration::from_secs(45 * 86_400);

/// Wait after a handler failed for the first time; it doubles with each further failure.
///
/// 1 s: most failures are a database that is restarted.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait between two tries of a handler.
///
/// 5 min, so that a mended handler is found soon.
pub const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Why an inbox could not do its work. Nothing was changed; do not answer `200`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[cfg(feature = "sqlite")]
    #[error("the inbox's database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row of the database holds what no inbox wrote.
    #[error("the inbox holds a record that cannot be read: {0}")]
    Broken(String),
    /// A thread panicked while it held the inbox.
    #[error("the inbox was left in the middle of a change; restart the receiver")]
    Poisoned,
}

/// What a handler says when it cannot do its work. The notification stays and is handed over again.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What became of a notification that was given to the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept and will be handed over. Answer `200`.
    Fresh,
    /// The same MessageId is known. Answer `200` as well, and do nothing.
    Repeat,
}

/// What became of one hand-over.
#[derive(Debug)]
pub enum HandOver {
    /// The handler did its work, and that is committed.
    Done(Box<Message>),
    /// The handler failed; what it wrote is undone. Its work order waits until `again`.
    Failed {
        /// What was handed over.
        message: Box<Message>,
        /// What the handler said.
        failure: Failure,
        /// When it is handed over again.
        again: Timestamp,
    },
    /// Nothing can be handed over before this time; `None`: nothing waits at all.
    Nothing(Option<Timestamp>),
}

/// Keeps notifications and hands them over.
pub trait Inbox: Send + Sync + 'static {
    /// What a handler writes through: it is committed together with the end of the hand-over.
    type Transaction<'a>;

    /// Keeps a notification, unless its MessageId is known. When this returns it is durable.
    ///
    /// # Errors
    /// When it could not be kept: answer `503`, the service tries again.
    ///
    /// # Atomicity
    /// MessageId and body are one commit.
    fn keep(&self, verified: &Verified, now: Timestamp) -> Result<Kept, Error>;

    /// Hands over the notification that is due longest of all that are first of their work order.
    ///
    /// # Errors
    /// When the inbox cannot be read or written. A failure of the handler is no error here.
    ///
    /// # Atomicity
    /// What the handler writes through its transaction and the end of the hand-over are one commit: exactly once.
    /// What it does elsewhere is done at least once.
    #[expect(
        clippy::type_complexity,
        reason = "an alias over Self's transaction does not fit the implementations"
    )]
    fn hand_over(
        &self,
        now: Timestamp,
        handler: &mut dyn FnMut(&mut Self::Transaction<'_>, &Message) -> Result<(), Failure>,
    ) -> Result<HandOver, Error>;

    /// Forgets the MessageIds of notifications that came before `before` and were handed over. Returns how many.
    ///
    /// # Errors
    /// When the inbox cannot be written.
    fn forget(&self, before: Timestamp) -> Result<u64, Error>;

    /// How many notifications wait to be handed over.
    ///
    /// # Errors
    /// When the inbox cannot be read.
    fn waiting(&self) -> Result<u64, Error>;
}

/// Calls a handler. One that panics has failed: what it wrote is undone like that of any other.
fn run(handler: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    catch_unwind(AssertUnwindSafe(handler)).unwrap_or_else(|panic| {
        let text =
            panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
        Err(format!("the handler panicked: {}", text.unwrap_or("it does not say why")).into())
    })
}

/// The wait after `failures` failures of a handler, the last one included.
fn wait_after(failures: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds: Vec<u64> = (1..=11).map(|failures| wait_after(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait_after(u32::MAX), LONGEST_WAIT);
    }
}
