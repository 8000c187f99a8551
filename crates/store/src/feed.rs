//! The feed of a pull endpoint: what its company reads instead of being called.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;
use workbell_model::{DeliveryNo, EndpointKey, Sequence, WorkOrderId};
use workbell_wire::{ActionName, MessageId, Timestamp};

use crate::error::Error;

/// Most bytes of bodies on one page; the item that exceeds it is the last one.
///
/// 4 MiB: 500 typical notifications have half of it, 500 of the largest would have 125 MiB.
pub const LARGEST_PAGE: usize = 4 << 20;

/// A place in a feed: after the item that has it. Opaque to readers.
///
/// It holds the time of acceptance too: after a backup was put back, numbers that were given out before come again,
/// and a reader must not take another notification for the one that it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedCursor {
    pub(crate) no: u64,
    /// The epoch where no item has this place.
    pub(crate) accepted: Timestamp,
}

impl fmt::Display for FeedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{:x}-{:x}", self.no, self.accepted.ticks())
    }
}

impl FromStr for FeedCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // Neither is ever negative, nor beyond what a column can hold.
        let number = |digits: &str| -> Option<i64> {
            let is_hex = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            if is_hex { i64::from_str_radix(digits, 16).ok() } else { None }
        };
        let read = || {
            let (no, accepted) = text.strip_prefix('f')?.split_once('-')?;
            let no = u64::try_from(number(no)?).ok()?;
            Some(FeedCursor { no, accepted: Timestamp::from_ticks(number(accepted)?) })
        };
        read().ok_or_else(|| Error::BadCursor(text.chars().take(80).collect()))
    }
}

/// A notification as a feed has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// Its delivery.
    pub no: DeliveryNo,
    /// The work order.
    pub work_order_id: WorkOrderId,
    /// Place in the lane.
    pub sequence: Sequence,
    /// What happened.
    pub action: ActionName,
    /// The receiver's dedupe key.
    pub message_id: MessageId,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// The exact bytes.
    pub body: Bytes,
}

impl FeedItem {
    /// The place after it.
    pub const fn cursor(&self) -> FeedCursor {
        FeedCursor { no: self.no.0, accepted: self.accepted }
    }
}

/// Some items of a feed, in the order of acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// Perhaps none.
    pub items: Vec<FeedItem>,
    /// The place after the last of them; where there is none, the place that was asked for.
    pub next: FeedCursor,
}

/// Tells who waits for a feed that something was added to it. A hint, after the commit; what is there says the store.
#[derive(Debug, Default)]
pub struct FeedBells {
    bells: Mutex<HashMap<EndpointKey, watch::Sender<()>>>,
}

impl FeedBells {
    /// Changes with each commit that adds to the feed, or changes its endpoint, from now on.
    pub fn listen(&self, endpoint: &EndpointKey) -> watch::Receiver<()> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(endpoint.clone()).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Something was added. A bell that nobody hears is taken down.
    pub(crate) fn ring(&self, endpoint: &EndpointKey) {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if bells.get(endpoint).is_some_and(|bell| bell.send(()).is_err()) {
            bells.remove(endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_others_are_refused() {
        for no in [0, 1, 4096, i64::MAX as u64] {
            let cursor = FeedCursor { no, accepted: Timestamp::from_ticks(no as i64 / 3) };
            assert_eq!(cursor.to_string().parse::<FeedCursor>().unwrap(), cursor);
        }
        for text in [
            "",
            "f",
            "f-",
            "f1",
            "f1-",
            "f-1",
            "f+1-1",
            "1-1",
            "g1-1",
            "f8000000000000000-0",
            "f1-1 ",
            "fé-1",
            "f1-2-3",
        ] {
            assert!(matches!(text.parse::<FeedCursor>(), Err(Error::BadCursor(_))), "{text}");
        }
    }
}
