//! Outcomes that the database refuses for another reason than the disk: a constraint, a value that it cannot take.
//!
//! None is given up: that would hold its work order until the next start, which would send it once more. First the
//! outcome is written without what was answered, for that is the part that others have a hand in. If that is refused
//! as well, it is kept and tried again after 1, 2, 4, … seconds; everything else goes on meanwhile. At most as many as
//! attempts were in flight, for their work orders wait.

use std::time::{Duration, Instant};

use bytes::Bytes;
use workbell_model::log;

use super::command::Command;
use crate::error::Error;
use crate::record::Completion;

/// The first wait. 1 s: what refused it may be gone soon.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait. 1 min, so that a log that says the same again and again stays readable.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Those that are kept.
#[derive(Debug, Default)]
pub(super) struct Refused {
    outcomes: Vec<Outcome>,
}

#[derive(Debug)]
struct Outcome {
    completion: Box<Completion>,
    wait: Duration,
    again: Instant,
}

/// What is to be done about a refusal.
pub(super) enum Remedy {
    /// This is to be written in its place, at once.
    Write(Command),
    /// It is kept.
    Kept,
}

impl Refused {
    pub(super) fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// An outcome was refused.
    pub(super) fn refused(&mut self, mut completion: Box<Completion>, error: &Error) -> Remedy {
        let delivery = completion.delivery.id();
        let source = error as &dyn std::error::Error;
        let bare = without_answer(&completion, error);
        if completion.attempt.detail != bare {
            tracing::error!(
                %delivery,
                error = source,
                "the outcome of an attempt was refused by the store; writing it without what was answered"
            );
            completion.attempt.detail = bare;
            return Remedy::Write(Command::Complete(completion));
        }
        let known = self.outcomes.iter_mut().find(|one| one.completion.delivery.no == completion.delivery.no);
        let wait = match known {
            Some(known) => {
                known.wait = known.wait.saturating_mul(2).min(LONGEST_WAIT);
                known.again = Instant::now() + known.wait;
                known.wait
            }
            None => {
                let again = Instant::now() + FIRST_WAIT;
                self.outcomes.push(Outcome { completion, wait: FIRST_WAIT, again });
                FIRST_WAIT
            }
        };
        tracing::error!(
            %delivery,
            error = source,
            again_in_seconds = wait.as_secs(),
            "the outcome of an attempt is refused by the store; its work order waits until it is written"
        );
        Remedy::Kept
    }

    /// One whose time has come, to be written; it stays here until [`Refused::written`].
    pub(super) fn due(&self) -> Option<Box<Completion>> {
        let now = Instant::now();
        self.outcomes.iter().find(|one| one.again <= now).map(|one| one.completion.clone())
    }

    /// All that is kept, for the last try.
    pub(super) fn all(&self) -> Vec<Command> {
        self.outcomes.iter().map(|one| Command::Complete(one.completion.clone())).collect()
    }

    /// An outcome is on disk.
    pub(super) fn written(&mut self, completion: &Completion) {
        self.outcomes.retain(|one| one.completion.delivery.no != completion.delivery.no);
    }
}

/// The record of an attempt with no more than where it went and why the rest is missing.
fn without_answer(completion: &Completion, error: &Error) -> Bytes {
    let url = serde_json::from_slice::<log::Detail>(&completion.attempt.detail)
        .map_or_else(|_| String::new(), |detail| detail.url);
    let explanation = Some(format!("the store refused the record of this attempt: {error}"));
    let bare = log::Detail { url, explanation, ..log::Detail::default() };
    serde_json::to_vec(&bare).map_or_else(|_| Bytes::from_static(b"{}"), Bytes::from)
}
