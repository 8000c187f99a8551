//! Who may have the next slot: pure, told what happens and asked whose turn it is.
//!
//! Each endpoint has a share. Those that wait stand in one of three lines, by what they have and how they fare; each
//! keeps its place when it changes lines. A slot goes to whoever came first of those that have none; among them,
//! endpoints in trouble (the last attempt did not reach them, or not in time) share half of the slots. Only then, and
//! only from the part above the reserve, it goes to one that has some already.
//!
//! A share begins with one slot, may have twice as many after each success, and goes back to one in trouble.
//! Source: service.md section 6, "Nobody else suffers".

use std::collections::{BTreeMap, HashMap};

/// Which share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ShareId(u64);

/// How the use of a slot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was not used, or its attempt was cut off: nothing is learnt.
    Unused,
    /// The attempt succeeded.
    Succeeded,
    /// The endpoint was not reached, or not in time.
    Unreached,
    /// The attempt failed otherwise.
    Failed,
}

/// What [`Shares::ask`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A slot.
    Granted,
    /// A place in line: [`Shares::next`] will name the share.
    InLine,
}

/// The slots of this node and who has them.
#[derive(Debug)]
pub(crate) struct Shares {
    /// All slots.
    all: usize,
    /// Those in use.
    used: usize,
    /// Those in use by endpoints in trouble.
    used_in_trouble: usize,
    shares: HashMap<ShareId, Share>,
    /// Those that have none and are not in trouble, by ticket; the lines hold nobody who may not have one more.
    without: BTreeMap<u64, ShareId>,
    /// Those that have none and are in trouble.
    in_trouble: BTreeMap<u64, ShareId>,
    /// Those that have some and may have more.
    with_some: BTreeMap<u64, ShareId>,
    last_id: u64,
    last_ticket: u64,
}

#[derive(Debug)]
struct Share {
    used: usize,
    /// How many it may have as far as it fares well: 1, 2, 4, …
    width: usize,
    /// How many it may have as far as others say, as of when it last asked.
    most: usize,
    in_trouble: bool,
    /// It waits, and since when.
    ticket: Option<u64>,
    line: Option<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Without,
    InTrouble,
    WithSome,
}

impl Share {
    /// Where it is to stand.
    fn place(&self) -> Option<(Line, u64)> {
        let ticket = self.ticket.filter(|_| self.used < self.width.min(self.most))?;
        match (self.used, self.in_trouble) {
            (0, false) => Some((Line::Without, ticket)),
            (0, true) => Some((Line::InTrouble, ticket)),
            (_, _) => Some((Line::WithSome, ticket)),
        }
    }
}

impl Shares {
    /// So many slots, at least one.
    pub(crate) fn new(all: usize) -> Self {
        Shares {
            all: all.max(1),
            used: 0,
            used_in_trouble: 0,
            shares: HashMap::new(),
            without: BTreeMap::new(),
            in_trouble: BTreeMap::new(),
            with_some: BTreeMap::new(),
            last_id: 0,
            last_ticket: 0,
        }
    }

    /// A new share.
    pub(crate) fn join(&mut self) -> ShareId {
        self.last_id += 1;
        let share = Share { used: 0, width: 1, most: 1, in_trouble: false, ticket: None, line: None };
        self.shares.insert(ShareId(self.last_id), share);
        ShareId(self.last_id)
    }

    /// A new share in place of another one: it begins with one slot, and is in trouble if that is.
    pub(crate) fn join_after(&mut self, other: ShareId) -> ShareId {
        let in_trouble = self.is_in_trouble(other);
        let id = self.join();
        self.change(id, |share| share.in_trouble = in_trouble);
        id
    }

    /// Forgets a share that has no slot.
    pub(crate) fn remove(&mut self, id: ShareId) {
        self.withdraw(id);
        if self.shares.get(&id).is_some_and(|share| share.used == 0) {
            self.shares.remove(&id);
        }
    }

    /// Whether its last attempt did not reach the endpoint, or not in time.
    pub(crate) fn is_in_trouble(&self, id: ShareId) -> bool {
        self.shares.get(&id).is_some_and(|share| share.in_trouble)
    }

    /// The slots that it has.
    pub(crate) fn used_by(&self, id: ShareId) -> usize {
        self.shares.get(&id).map_or(0, |share| share.used)
    }

    /// Asks for one more slot, at most `most` together. Who asks again keeps its place.
    pub(crate) fn ask(&mut self, id: ShareId, most: usize) -> Asked {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.change(id, |share| {
            share.most = most;
            share.ticket.get_or_insert(ticket);
        });
        if self.turn() == Some(id) {
            self.give(id);
            Asked::Granted
        } else {
            Asked::InLine
        }
    }

    /// Gives up its place in line.
    pub(crate) fn withdraw(&mut self, id: ShareId) {
        self.change(id, |share| share.ticket = None);
    }

    /// A slot comes back.
    pub(crate) fn end(&mut self, id: ShareId, end: End) {
        self.used = self.used.saturating_sub(1);
        self.change(id, |share| {
            share.used = share.used.saturating_sub(1);
            match end {
                End::Unused => {}
                End::Succeeded => {
                    share.in_trouble = false;
                    share.width = share.width.saturating_mul(2).min(share.most.max(1));
                }
                End::Unreached => {
                    share.in_trouble = true;
                    share.width = 1;
                }
                End::Failed => share.in_trouble = false,
            }
        });
    }

    /// Forgets that it was in trouble.
    pub(crate) fn forgive(&mut self, id: ShareId) {
        self.change(id, |share| share.in_trouble = false);
    }

    /// Gives the next slot to whose turn it is, if anybody can have one now. To be asked until it is nobody.
    pub(crate) fn next(&mut self) -> Option<ShareId> {
        let id = self.turn()?;
        self.give(id);
        Some(id)
    }

    /// Whose turn it is.
    fn turn(&self) -> Option<ShareId> {
        let free = self.all.saturating_sub(self.used);
        if free == 0 {
            return None;
        }
        let half = (self.all / 2).max(1);
        let in_trouble = self.in_trouble.first_key_value().filter(|_| self.used_in_trouble < half);
        let first = match (self.without.first_key_value(), in_trouble) {
            (Some(well), Some(ill)) => Some(well.min(ill)),
            (one, other) => one.or(other),
        };
        // Below the reserve nobody gets a second one.
        let more = self.with_some.first_key_value().filter(|_| free.saturating_mul(4) >= self.all);
        first.or(more).map(|(_, id)| *id)
    }

    fn give(&mut self, id: ShareId) {
        self.used += 1;
        self.change(id, |share| {
            share.used += 1;
            share.ticket = None;
        });
    }

    /// Changes a share and puts it where it belongs then.
    fn change(&mut self, id: ShareId, change: impl FnOnce(&mut Share)) {
        let Some(share) = self.shares.get_mut(&id) else { return };
        let before = (share.ticket, share.line);
        if share.in_trouble {
            self.used_in_trouble -= share.used;
        }
        change(share);
        if share.in_trouble {
            self.used_in_trouble += share.used;
        }
        let place = share.place();
        share.line = place.map(|(line, _)| line);
        if let (Some(ticket), Some(line)) = before
            && place != Some((line, ticket))
        {
            self.line(line).remove(&ticket);
        }
        if let Some((line, ticket)) = place
            && before != (Some(ticket), Some(line))
        {
            self.line(line).insert(ticket, id);
        }
    }

    fn line(&mut self, line: Line) -> &mut BTreeMap<u64, ShareId> {
        match line {
            Line::Without => &mut self.without,
            Line::InTrouble => &mut self.in_trouble,
            Line::WithSome => &mut self.with_some,
        }
    }
}

#[cfg(test)]
impl Shares {
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn used_in_trouble(&self) -> usize {
        self.used_in_trouble
    }

    pub(crate) fn width(&self, id: ShareId) -> usize {
        self.shares[&id].width
    }
}
