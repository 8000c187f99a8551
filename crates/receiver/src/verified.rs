//! A request that passed all checks.

use workbell_wire::models::{self, MessageHeader};
use workbell_wire::{MessageId, Notification};

use crate::raw_body::RawBody;

/// Why the service sends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It happened.
    Live,
    /// A sample; nothing happened.
    Test,
    /// It happened earlier and is sent once more because somebody asked for it.
    Replay,
}

impl Mode {
    /// As the header `Workbell-Mode` says it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Test => "test",
            Mode::Replay => "replay",
        }
    }

    /// Reads the header's value; `None` when it is none of the three.
    pub fn read(text: &str) -> Option<Mode> {
        [Mode::Live, Mode::Test, Mode::Replay].into_iter().find(|mode| mode.name() == text)
    }
}

/// A notification whose sender and bytes are proven. Only [`Verifier`](crate::Verifier) makes one.
#[derive(Clone, Debug)]
pub struct Verified {
    pub(crate) header: MessageHeader,
    pub(crate) sequence: Option<u64>,
    pub(crate) attempt: Option<u32>,
    pub(crate) mode: Mode,
    pub(crate) body: RawBody,
}

impl Verified {
    /// The key by which to recognise a repeat.
    pub fn message_id(&self) -> MessageId {
        self.header.message_id
    }

    /// The `Header` of the body.
    pub fn header(&self) -> &MessageHeader {
        &self.header
    }

    /// Place among the deliveries of this work order, from 1; `None` for samples and some replays.
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Number of the attempt, from 1; `None` when the sender does not say.
    pub fn attempt(&self) -> Option<u32> {
        self.attempt
    }

    /// Why it is sent. A sender that does not say sends what happened.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The exact bytes.
    pub fn body(&self) -> &RawBody {
        &self.body
    }

    /// The whole notification as typed values.
    ///
    /// # Errors
    /// When what the action demands is missing or of the wrong type.
    pub fn notification(&self) -> Result<Notification, models::Error> {
        Notification::from_slice(self.body.as_bytes())
    }
}
