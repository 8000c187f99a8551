//! What is told once it is on disk: to the subscriber, to who waits for a feed, to the log of the process.

use super::super::write::Event;
use super::Thread;
use crate::store::Fresh;

impl Thread {
    /// Tells the subscriber what was committed, in its order.
    pub(super) fn tell(&mut self) {
        let events = std::mem::take(&mut self.state.events);
        self.ring(&events);
        let Some(subscriber) = self.subscriber.get() else { return };
        let mut fresh: Vec<Fresh> = Vec::new();
        for event in events {
            if let Event::Accepted(delivery) = event {
                fresh.push(delivery);
                continue;
            }
            if !fresh.is_empty() {
                subscriber.accepted(std::mem::take(&mut fresh));
            }
            match event {
                Event::Accepted(_) | Event::Fed(_) => {}
                Event::Completed { endpoint, work_order_id, sequence, state, due } => {
                    subscriber.completed(&endpoint, work_order_id, sequence, state, due);
                }
                Event::Reopened(endpoint) => subscriber.reopened(&endpoint),
                Event::LaneChanged(endpoint, work_order_id) => {
                    subscriber.lane_changed(&endpoint, work_order_id);
                }
                Event::EndpointChanged(endpoint, change) => subscriber.endpoint_changed(&endpoint, change),
                Event::JobsChanged => subscriber.jobs_changed(),
                Event::Alerted(..) => {}
            }
        }
        if !fresh.is_empty() {
            subscriber.accepted(fresh);
        }
    }

    /// Wakes who waits for a feed.
    fn ring(&self, events: &[Event]) {
        for event in events {
            match event {
                Event::Fed(endpoint) | Event::EndpointChanged(endpoint, _) => self.feed_bells.ring(endpoint),
                Event::Accepted(_)
                | Event::Completed { .. }
                | Event::Reopened(_)
                | Event::LaneChanged(..)
                | Event::JobsChanged => {}
                Event::Alerted(kind, subject) => {
                    tracing::warn!(kind = kind.name(), %subject, "raised an alert");
                    self.counters.alerted();
                }
            }
        }
    }
}
