//! A notification as the inbox hands it over.

use bytes::Bytes;
use workbell_wire::models;
use workbell_wire::{MessageId, Notification, Timestamp};

use crate::order::Place;
use crate::verified::{Mode, Verified};

/// A verified notification that was kept.
#[derive(Clone, Debug)]
pub struct Message {
    /// The key by which repeats are recognised.
    pub message_id: MessageId,
    /// The work order; 0 when it is not about one.
    pub work_order_id: i64,
    /// What happened: the name of the action.
    pub action: String,
    /// Place among the deliveries of the work order; `None` for samples and some replays.
    pub sequence: Option<u64>,
    /// Where it stands among what was handed over of its work order before.
    pub place: Place,
    /// Why it was sent.
    pub mode: Mode,
    /// When it was kept.
    pub received: Timestamp,
    /// How often a handler failed on it.
    pub failures: u32,
    /// The exact bytes of the body.
    pub body: Bytes,
}

impl Message {
    pub(super) fn new(verified: &Verified, now: Timestamp) -> Self {
        Message {
            message_id: verified.message_id(),
            work_order_id: verified.header().work_order_id,
            action: verified.header().action.to_string(),
            sequence: verified.sequence(),
            place: Place::Unnumbered,
            mode: verified.mode(),
            received: now,
            failures: 0,
            body: verified.body().bytes(),
        }
    }

    /// The whole notification as typed values.
    ///
    /// # Errors
    /// When what the action demands is missing or of the wrong type.
    pub fn notification(&self) -> Result<Notification, models::Error> {
        Notification::from_slice(&self.body)
    }
}
