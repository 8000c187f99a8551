//! An inbox in memory, for tests and for receivers that may forget.
//!
//! It loses what waits when the process ends, and so does not keep the promise of an inbox: the service was told `200`
//! and does not send again. Use the one in a file for anything that matters.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

use workbell_wire::{MessageId, Timestamp};

use super::{Error, Failure, HandOver, Inbox, Kept, Message, REMEMBER, run, wait_after};
use crate::order::Order;
use crate::verified::Verified;

/// Rank within a work order: the sequence, then the order of arrival.
type Rank = (u64, u64);

/// Keeps notifications in memory. Its transaction is nothing.
#[derive(Debug)]
pub struct MemoryInbox {
    state: Mutex<State>,
    /// Held during a hand-over, so that there is one at a time; what comes meanwhile is kept all the same.
    handing: Mutex<()>,
}

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
        let state = Mutex::new(State { known, waiting, arrivals: 0, order });
        MemoryInbox { state, handing: Mutex::new(()) }
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, Error> {
        self.state.lock().map_err(|_| Error::Poisoned)
    }
}

impl State {
    /// The head that is due longest, with its rank; else when the next one is due.
    fn next(&self, now: Timestamp) -> Result<(Rank, Box<Message>), Option<Timestamp>> {
        let heads = || self.waiting.values().filter_map(BTreeMap::first_key_value);
        let due = heads().filter(|(_, head)| head.due <= now);
        match due.min_by_key(|((_, arrival), head)| (head.due, *arrival)) {
            Some((rank, head)) => Ok((*rank, Box::new(head.message.clone()))),
            None => Err(heads().map(|(_, head)| head.due).min()),
        }
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
        let _one_at_a_time = self.handing.lock().map_err(|_| Error::Poisoned)?;
        let next = self.state()?.next(now);
        let (rank, mut message) = match next {
            Ok(found) => found,
            Err(due) => return Ok(HandOver::Nothing(due)),
        };
        message.place = self.state()?.order.look(message.work_order_id, message.sequence, now);
        let outcome = run(|| handler(&mut (), &message));
        let mut state = self.state()?;
        let state = &mut *state;
        let Some(lane) = state.waiting.get_mut(&message.work_order_id) else {
            return Err(Error::Broken("what was handed over no longer waits".to_owned()));
        };
        match outcome {
            Ok(()) => {
                lane.remove(&rank);
                if lane.is_empty() {
                    state.waiting.remove(&message.work_order_id);
                }
                state.order.note(message.work_order_id, message.sequence, now);
                state.known.insert(message.message_id, (message.received, true));
                Ok(HandOver::Done(message))
            }
            Err(failure) => {
                message.failures = message.failures.saturating_add(1);
                let again = now.plus(wait_after(message.failures));
                if let Some(waiting) = lane.get_mut(&rank) {
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
