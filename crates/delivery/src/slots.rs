//! The slots of this node: so many attempts at once, over all endpoints, in fair shares.
//!
//! One mutex guards who has what ([`shares`]); it is held for a few look-ups and never over an `.await`. Whoever waits
//! holds the receiving end of a channel; a slot that comes back goes at once to whose turn it is, and passes on when
//! that one does not want it any more.

mod shares;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use workbell_model::EndpointKey;

pub(crate) use shares::End;
use shares::{Asked, ShareId, Shares};

/// The slots of this node.
#[derive(Debug)]
pub(crate) struct Slots {
    desk: Mutex<Desk>,
}

#[derive(Debug)]
struct Desk {
    shares: Shares,
    /// Endpoints that are awake, and those that went to sleep in trouble: so they do not come back as if new.
    known: HashMap<EndpointKey, Known>,
    /// Those that stand in line.
    waiting: HashMap<ShareId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    member: Arc<Member>,
    sender: oneshot::Sender<Slot>,
}

#[derive(Debug)]
struct Known {
    id: ShareId,
    member: Weak<Member>,
}

/// An endpoint that takes part. The last one who holds it lets the endpoint go.
#[derive(Debug)]
struct Member {
    slots: Arc<Slots>,
    key: EndpointKey,
    id: ShareId,
}

/// What an endpoint's task asks for slots with.
#[derive(Debug)]
pub(crate) struct Share {
    member: Arc<Member>,
    in_line: Option<InLine>,
}

#[derive(Debug)]
struct InLine {
    granted: oneshot::Receiver<Slot>,
    /// What was asked for last.
    most: usize,
}

/// Room for one attempt. When this is dropped the next one has it.
#[derive(Debug)]
pub(crate) struct Slot {
    member: Arc<Member>,
    end: End,
}

impl Slots {
    /// So many, at least one.
    pub(crate) fn new(all: usize) -> Arc<Self> {
        let desk = Desk { shares: Shares::new(all), known: HashMap::new(), waiting: HashMap::new() };
        Arc::new(Slots { desk: Mutex::new(desk) })
    }

    /// The share of an endpoint.
    pub(crate) fn share(self: &Arc<Self>, key: &EndpointKey) -> Share {
        let mut desk = self.lock();
        let known = desk.known.get(key).map(|known| (known.id, known.member.upgrade()));
        let member = match known {
            Some((_, Some(member))) => member,
            // It slept in trouble, or whoever held it last is about to let it go.
            Some((id, None)) => self.admit(&mut desk, key, id),
            None => {
                let id = desk.shares.join();
                self.admit(&mut desk, key, id)
            }
        };
        Share { member, in_line: None }
    }

    /// A new share of an endpoint whose target is another one: attempts at the old one go on, but are not its own. That
    /// its last one did not get through still counts until one does, or many targets that hang would take all slots.
    pub(crate) fn share_anew(self: &Arc<Self>, key: &EndpointKey) -> Share {
        let mut desk = self.lock();
        let before = desk.known.get(key).map(|known| known.id);
        let id = match before {
            Some(before) => desk.shares.join_after(before),
            None => desk.shares.join(),
        };
        let member = self.admit(&mut desk, key, id);
        Share { member, in_line: None }
    }

    fn admit(self: &Arc<Self>, desk: &mut Desk, key: &EndpointKey, id: ShareId) -> Arc<Member> {
        let member = Arc::new(Member { slots: self.clone(), key: key.clone(), id });
        desk.known.insert(key.clone(), Known { id, member: Arc::downgrade(&member) });
        member
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something and hands on what became free by it.
    fn change<T>(&self, change: impl FnOnce(&mut Desk) -> T) -> T {
        let mut desk = self.lock();
        let answer = change(&mut desk);
        let mut grants = Vec::new();
        while let Some(id) = desk.shares.next() {
            grants.extend(desk.waiting.remove(&id));
        }
        drop(desk);
        for Waiting { member, sender } in grants {
            // Whoever does not wait any more lets it go, which hands it on.
            drop(sender.send(Slot { member, end: End::Unused }));
        }
        answer
    }
}

impl Share {
    /// A slot, if there is one now; else a place in line, for [`Share::granted`]. At most `most` of them together.
    pub(crate) fn take(&mut self, most: usize) -> Option<Slot> {
        if let Some(in_line) = &mut self.in_line {
            match in_line.granted.try_recv() {
                Ok(slot) => {
                    self.in_line = None;
                    return Some(slot);
                }
                Err(TryRecvError::Empty) if in_line.most == most => return None,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed) => self.in_line = None,
            }
        }
        let mut desk = self.member.slots.lock();
        match desk.shares.ask(self.member.id, most) {
            Asked::Granted => {
                let before = desk.waiting.remove(&self.member.id);
                drop(desk);
                drop(before);
                self.in_line = None;
                Some(Slot { member: self.member.clone(), end: End::Unused })
            }
            Asked::InLine => {
                if let Some(in_line) = &mut self.in_line {
                    in_line.most = most;
                } else {
                    let (sender, granted) = oneshot::channel();
                    desk.waiting.insert(self.member.id, Waiting { member: self.member.clone(), sender });
                    self.in_line = Some(InLine { granted, most });
                }
                None
            }
        }
    }

    /// Waits for the slot that was asked for; without a place in line for ever. `None` when the place was lost.
    ///
    /// # Cancel safety
    /// A slot is not lost, and the place in line is kept.
    pub(crate) async fn granted(&mut self) -> Option<Slot> {
        let Some(in_line) = &mut self.in_line else { return std::future::pending().await };
        let slot = (&mut in_line.granted).await.ok();
        self.in_line = None;
        slot
    }

    /// Gives up the place in line.
    pub(crate) fn withdraw(&mut self) {
        if let Some(in_line) = self.in_line.take() {
            let id = self.member.id;
            let waiting = self.member.slots.change(|desk| {
                desk.shares.withdraw(id);
                desk.waiting.remove(&id)
            });
            // What was granted meanwhile goes on with this.
            drop((in_line, waiting));
        }
    }

    /// Slots that it has.
    pub(crate) fn used(&self) -> usize {
        self.member.slots.lock().shares.used_by(self.member.id)
    }

    /// Forgets that the endpoint was in trouble: it is gone.
    pub(crate) fn forgive(&self) {
        self.member.slots.change(|desk| desk.shares.forgive(self.member.id));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Slot {
    /// Lets the next one have it.
    pub(crate) fn end(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.member.slots.change(|desk| desk.shares.end(self.member.id, self.end));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut desk = self.slots.lock();
        let known = desk.known.get(&self.key).filter(|known| known.id == self.id);
        match known.map(|known| known.member.strong_count() > 0) {
            // Another share has taken its place.
            None => desk.shares.remove(self.id),
            Some(true) => {}
            Some(false) if desk.shares.is_in_trouble(self.id) => {}
            Some(false) => {
                desk.known.remove(&self.key);
                desk.shares.remove(self.id);
            }
        }
    }
}
