//! What a step does to its items.

use workbell_model::job::Kind;
use workbell_model::{DeliveryNo, Reason};

use super::super::by_hand::Row;
use super::super::write::Write;
use super::Tally;
use crate::error::Error;
use crate::job::{Item, JobRecord, Step, Walk};

impl Write {
    /// Acts on each item as it is now. What does not match any more is passed by.
    pub(super) fn carry_out(&mut self, job: &JobRecord, walk: &Walk, step: &Step) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        for item in &step.items {
            match (*item, &walk.target) {
                (Item::Delivery(no), _) => self.act_by_hand(job, step, no, &mut tally)?,
                (Item::Notification(no), Some(target)) => {
                    self.replay(job, target, no, step.now, &mut tally)?;
                }
                (Item::Notification(no), None) => self.erase(job, no, step.now, &mut tally)?,
            }
        }
        Ok(tally)
    }

    fn act_by_hand(
        &mut self,
        job: &JobRecord,
        step: &Step,
        no: DeliveryNo,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let kind = job.job.kind;
        let Some(row) = self.row(no)?.filter(|row| still_matches(row, job)) else {
            tally.skipped += 1;
            return Ok(());
        };
        let in_flight = step.in_flight.contains(&no);
        let acted = match kind {
            Kind::Discard => self.discard_row(no, &row, in_flight, step.now),
            Kind::Retry | Kind::Replay | Kind::Erase => self.retry_row(no, &row, in_flight, step.now),
        };
        match acted {
            Ok(()) => tally.done += 1,
            // Delivered, discarded or without its endpoint by now.
            Err(Error::StateConflict(_)) => tally.skipped += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn still_matches(row: &Row, job: &JobRecord) -> bool {
    job.job.kind.takes(row.state)
        && job.job.filter.state.is_none_or(|states| states.takes(row.state))
        && row.finished.is_none_or(|finished| finished <= job.job.created)
        && row.reason != Some(Reason::Erased)
}
