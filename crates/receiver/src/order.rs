//! Order by `Workbell-Sequence`: what came in its place, what is missing, what came late.
//!
//! The service counts the deliveries of each work order from 1. A hole means that one is dead, discarded or still on
//! its way; a lower number than the highest seen means a repeat or one that was sent again by hand. This only tells;
//! what to do about it is up to the receiver.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use workbell_wire::Timestamp;

/// Most missing numbers that are remembered for one work order.
///
/// 1,000: a work order has some tens of notifications in its life.
pub const MOST_MISSING: usize = 1000;

/// Where a notification stands among those of its work order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It has no number: a sample, or a replay of what was never delivered first.
    Unnumbered,
    /// The first that is seen of this work order. Its number need not be 1: the receiver may be younger.
    First,
    /// The one after the highest.
    Next,
    /// Later than the next one.
    Gap {
        /// The first number that is missing.
        from: u64,
        /// The last number that is missing.
        to: u64,
    },
    /// One that was missing until now.
    Late,
    /// Not higher than the highest, and not known to be missing: a repeat, a replay, or the counter began anew.
    Earlier {
        /// The highest number that was seen.
        highest: u64,
    },
}

impl Place {
    /// The place of `sequence` when `highest` is the highest that was seen.
    pub(crate) fn after(highest: u64, sequence: u64, is_missing: impl FnOnce() -> bool) -> Place {
        if sequence > highest {
            let from = highest + 1;
            return if sequence == from { Place::Next } else { Place::Gap { from, to: sequence - 1 } };
        }
        if is_missing() { Place::Late } else { Place::Earlier { highest } }
    }
}

#[derive(Debug)]
struct Seen {
    highest: u64,
    missing: BTreeSet<u64>,
    at: Timestamp,
}

/// What was seen of each work order.
#[derive(Debug)]
pub struct Order {
    seen: BTreeMap<i64, Seen>,
    remember: Duration,
}

impl Order {
    /// Remembers a work order for `remember` after its last notification. The service's counter begins anew when
    /// nothing was kept for `retention.notifications` (30 days), so take that.
    pub fn new(remember: Duration) -> Self {
        Order { seen: BTreeMap::new(), remember }
    }

    /// Says where a notification stands, and notes nothing.
    pub fn look(&self, work_order_id: i64, sequence: Option<u64>, now: Timestamp) -> Place {
        let Some(sequence) = sequence else { return Place::Unnumbered };
        match self.seen.get(&work_order_id).filter(|seen| now.since(seen.at) <= self.remember) {
            None => Place::First,
            Some(seen) => Place::after(seen.highest, sequence, || seen.missing.contains(&sequence)),
        }
    }

    /// Notes that a notification came and says where it stands.
    pub fn note(&mut self, work_order_id: i64, sequence: Option<u64>, now: Timestamp) -> Place {
        let place = self.look(work_order_id, sequence, now);
        let Some(sequence) = sequence else { return place };
        if place == Place::First {
            self.seen.retain(|_, seen| now.since(seen.at) <= self.remember);
            self.seen.insert(work_order_id, Seen { highest: sequence, missing: BTreeSet::new(), at: now });
        } else if let Some(seen) = self.seen.get_mut(&work_order_id) {
            seen.at = now;
            seen.highest = seen.highest.max(sequence);
            seen.missing.remove(&sequence);
            if let Place::Gap { from, to } = place {
                seen.missing.extend((from..=to).take(MOST_MISSING));
            }
            while seen.missing.len() > MOST_MISSING {
                seen.missing.pop_first();
            }
        }
        place
    }

    /// The numbers that are missing of a work order, ascending.
    pub fn missing(&self, work_order_id: i64) -> Vec<u64> {
        self.seen.get(&work_order_id).map(|seen| seen.missing.iter().copied().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn order() -> Order {
        Order::new(30 * DAY)
    }

    #[test]
    fn numbers_that_follow_each_other_are_in_place_and_work_orders_do_not_mix() {
        let (mut order, now) = (order(), Timestamp::EPOCH);
        assert_eq!(order.note(42, Some(7), now), Place::First);
        assert_eq!(order.note(42, Some(8), now), Place::Next);
        assert_eq!(order.note(43, Some(1), now), Place::First);
        assert_eq!(order.note(42, None, now), Place::Unnumbered);
        assert_eq!(order.note(42, Some(9), now), Place::Next);
        assert_eq!(order.note(42, Some(9), now), Place::Earlier { highest: 9 });
    }

    #[test]
    fn a_hole_is_told_with_its_numbers_and_closes_when_they_come() {
        let (mut order, now) = (order(), Timestamp::EPOCH);
        order.note(42, Some(1), now);
        assert_eq!(order.note(42, Some(5), now), Place::Gap { from: 2, to: 4 });
        assert_eq!(order.missing(42), [2, 3, 4]);
        assert_eq!(order.note(42, Some(3), now), Place::Late);
        assert_eq!(order.note(42, Some(3), now), Place::Earlier { highest: 5 });
        assert_eq!(order.missing(42), [2, 4]);
        assert_eq!(order.note(42, Some(6), now), Place::Next);
        assert_eq!(order.missing(43), [0u64; 0]);
    }

    #[test]
    fn after_the_time_of_retention_a_counter_may_begin_anew() {
        let mut order = order();
        order.note(42, Some(9), Timestamp::EPOCH);
        assert_eq!(order.note(42, Some(1), Timestamp::EPOCH.plus(30 * DAY)), Place::Earlier { highest: 9 });
        assert_eq!(order.note(42, Some(1), Timestamp::EPOCH.plus(61 * DAY)), Place::First);
    }

    #[test]
    fn a_huge_jump_costs_bounded_memory() {
        let (mut order, now) = (order(), Timestamp::EPOCH);
        order.note(1, Some(1), now);
        assert_eq!(order.note(1, Some(u64::MAX), now), Place::Gap { from: 2, to: u64::MAX - 1 });
        assert_eq!(order.missing(1).len(), MOST_MISSING);
    }
}
