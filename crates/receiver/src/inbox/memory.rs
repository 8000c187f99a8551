//! An inbox in memory, for tests and for receivers that may forget.
//!
//! It loses what waits when the process ends, and so does not keep the promise of an inbox: the service was told `200`
//! and does not send again. Use the one in a file for anything that matters.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

use workbell_wire::{MessageId, Timestamp};

use super::{Error, Failure, HandOver, Inbox, Kept, Message, REMEMBER, wait_after};
use crate::order::Order;
use crate::verified::Verified;

/// Rank within a work order: the sequence, then the order of arrival.
type Rank = (u64, u64);

/// Keeps notifications in memory. Its transaction is nothing.
#[derive(Debug)]
pub struct MemoryInbox(Mutex<State>);

#[derive(Debug)]
struct State {
    known: HashMap<MessageId, (Timestamp, bool)>,
    waiting: BTreeMap<i64, BTreeMap<Rank, Waiting>>,
    arrivals: u64,
    order: Order,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    due: Timestamp,
}

impl MemoryInbox {
    /// An empty one.
    pub fn new() -> Self {
        let order = Order::new(REMEMBER);
        let (known, waiting) = (HashMap::new(), BTreeMap::new());
        MemoryInbox(Mutex::new(State { known, waiting, arrivals: 0, order }))
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, Error> {
        self.0.lock().map_err(|_| Error::Poisoned)
    }
}

impl Default for MemoryInbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Inbox for MemoryInbox {
    type Transaction<'a> = ();

    fn keep(&self, verified: &Verified, now: Timestamp) -> Result<Kept, Error> {
        let mut state = self.state()?;
        let message = Message::new(verified, now);
        if state.known.contains_key(&message.message_id) {
            return Ok(Kept::Repeat);
        }
        state.known.insert(message.message_id, (now, false));
        state.arrivals += 1;
        let arrival = state.arrivals;
        let lane = state.waiting.entry(message.work_order_id).or_default();
        // One without a number stays behind those that came before it.
        let last = lane.last_key_value().map_or(0, |((place, _), _)| *place);
        lane.insert((message.sequence.unwrap_or(last), arrival), Waiting { message, due: now });
        Ok(Kept::Fresh)
    }

    fn hand_over(
        &self,
        now: Timestamp,
        handler: &mut dyn FnMut(&mut (), &Message) -> Result<(), Failure>,
    ) -> Result<HandOver, Error> {
        let mut state = self.state()?;
        let heads = || {
            state.waiting.iter().filter_map(|(work_order_id, lane)| {
                lane.first_key_value().map(|(rank, head)| (*work_order_id, *rank, head))
            })
        };
        let first =
            heads().filter(|(_, _, head)| head.due <= now).min_by_key(|(_, (_, arrival), _)| *arrival);
        let Some((work_order_id, rank, head)) = first else {
            return Ok(HandOver::Nothing(heads().map(|(_, _, head)| head.due).min()));
        };
        let mut message = Box::new(head.message.clone());
        message.place = state.order.note(work_order_id, message.sequence, now);
        let outcome = handler(&mut (), &message);
        match outcome {
            Ok(()) => {
                if let Some(lane) = state.waiting.get_mut(&work_order_id) {
                    lane.remove(&rank);
                    if lane.is_empty() {
                        state.waiting.remove(&work_order_id);
                    }
                }
                state.known.insert(message.message_id, (message.received, true));
                Ok(HandOver::Done(message))
            }
            Err(failure) => {
                message.failures += 1;
                let again = now.plus(wait_after(message.failures));
                let waiting = state.waiting.get_mut(&work_order_id).and_then(|lane| lane.get_mut(&rank));
                if let Some(waiting) = waiting {
                    waiting.due = again;
                    waiting.message.failures = message.failures;
                }
                Ok(HandOver::Failed { message, failure, again })
            }
        }
    }

    fn forget(&self, before: Timestamp) -> Result<u64, Error> {
        let mut state = self.state()?;
        let known = state.known.len();
        state.known.retain(|_, (at, handed_over)| !*handed_over || *at >= before);
        Ok((known - state.known.len()) as u64)
    }

    fn waiting(&self) -> Result<u64, Error> {
        Ok(self.state()?.waiting.values().map(|lane| lane.len() as u64).sum())
    }
}
