//! One notification that is ready to be sent: its name, its id, its bytes.

use bytes::Bytes;
use workbell_wire::samples::{SampleContext, Variant};
use workbell_wire::{Action, ActionName, MessageId, Publication, Timestamp};

use crate::Random;

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The action's name, also the `Event-Type`.
    pub action: String,
    /// The receiver's dedupe key.
    pub message_id: MessageId,
    /// The exact bytes.
    pub body: Bytes,
    /// When it happened.
    pub at: Timestamp,
}

impl Note {
    /// The note of a text that can be published.
    ///
    /// # Errors
    /// When it breaks the contract.
    pub fn publish(
        text: &[u8],
        id: MessageId,
        now: Timestamp,
    ) -> Result<Note, workbell_wire::publication::Error> {
        let publication = Publication::parse(text)?;
        let message_id = publication.message_id().unwrap_or(id);
        let at = publication.action_date().unwrap_or(now);
        Ok(Note {
            action: publication.action().as_str().to_owned(),
            message_id,
            body: publication.body(message_id, at).into(),
            at,
        })
    }
}

/// What a sample is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The work order; actions of the whole company have 0 instead.
    pub work_order_id: i64,
    /// The branch that gets it; 0 for all of a company.
    pub branch_id: i64,
}

impl About {
    /// The emulator's usual work order of this branch.
    pub const fn branch(branch_id: i64) -> About {
        About { work_order_id: 4217, branch_id }
    }
}

impl Note {
    /// The note of an action of a platform's own, with these members beside `Header`.
    ///
    /// # Errors
    /// When the members are no JSON object, or break the contract.
    pub fn own(
        action: &ActionName,
        members: &str,
        about: About,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Note, workbell_wire::publication::Error> {
        let context = SampleContext {
            company_id: (about.branch_id == 0).then_some("emulator"),
            ..SampleContext::new(about.work_order_id, about.branch_id, id, now)
        };
        Note::publish(&workbell_wire::own_sample(action, members, &context), id, now)
    }
}

/// A sample of an action for this branch, its id from `random`.
pub fn sample(action: Action, variant: Variant, branch_id: i64, random: &mut Random, now: Timestamp) -> Note {
    sample_about(action, variant, About::branch(branch_id), random, now)
}

/// A sample of an action about this work order, its id from `random`.
pub fn sample_about(
    action: Action,
    variant: Variant,
    about: About,
    random: &mut Random,
    now: Timestamp,
) -> Note {
    let About { work_order_id, branch_id } = about;
    let company_wide = action == Action::AdditionalFieldDescriptorUpdated;
    let context = SampleContext {
        // Read when it is published, and not sent on.
        company_id: (company_wide || branch_id == 0).then_some("emulator"),
        ..SampleContext::new(
            work_order_id,
            if company_wide { 0 } else { branch_id },
            random.message_id(now),
            now,
        )
    };
    let text = workbell_wire::sample(action, variant, &context);
    Note::publish(&text, context.message_id, now).expect("samples keep to the contract")
}
