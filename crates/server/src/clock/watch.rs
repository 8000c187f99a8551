//! Notices that somebody set the wall clock: it went further than time did, or less far.

use std::time::Duration;

use tokio::time::Instant;
use workbell_wire::Timestamp;

/// A difference that is worth a word.
///
/// 30 s. Source: service.md section 6, Clock.
const NOTICED: Duration = Duration::from_secs(30);

/// How the wall clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jump {
    /// Forward; also after the machine slept.
    Ahead(Duration),
    /// Back.
    Back(Duration),
}

/// Compares the wall clock with the monotonic one from look to look.
#[derive(Debug)]
pub(crate) struct Watch {
    looked: Instant,
    wall: Timestamp,
}

impl Watch {
    /// Begins now.
    pub(crate) fn new(wall: Timestamp) -> Self {
        Watch { looked: Instant::now(), wall }
    }

    /// Whether the wall clock jumped since the last look, which it is told now.
    pub(crate) fn look(&mut self, wall: Timestamp) -> Option<Jump> {
        let expected = self.wall.plus(self.looked.elapsed());
        *self = Watch::new(wall);
        let (ahead, back) = (wall.since(expected), expected.since(wall));
        if ahead > NOTICED {
            Some(Jump::Ahead(ahead))
        } else if back > NOTICED {
            Some(Jump::Back(back))
        } else {
            None
        }
    }
}

impl Jump {
    /// Tells the log.
    pub(crate) fn log(self) {
        match self {
            Jump::Ahead(by) => tracing::warn!(
                seconds = by.as_secs(),
                "the clock jumped ahead, or the machine slept; what is due by it is tried now"
            ),
            Jump::Back(by) => tracing::warn!(
                seconds = by.as_secs(),
                "the clock jumped back; waits go on as they were, and attempts are dated by the old clock until \
                 it is caught up with or the service is restarted"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_more_than_thirty_seconds_off_is_a_jump_and_a_long_wait_is_none() {
        let second = Duration::from_secs(1);
        let mut wall = Timestamp::from_unix_seconds(1_767_225_600);
        let mut watch = Watch::new(wall);
        tokio::time::advance(200_000 * second).await;
        wall = wall.plus(200_030 * second);
        assert_eq!(watch.look(wall), None);
        wall = wall.plus(31 * second);
        assert_eq!(watch.look(wall), Some(Jump::Ahead(31 * second)));
        assert_eq!(watch.look(wall), None, "it is told once");
        tokio::time::advance(second).await;
        wall = wall.minus(29 * second);
        assert_eq!(watch.look(wall), None);
        wall = wall.minus(3600 * second);
        assert_eq!(watch.look(wall), Some(Jump::Back(3600 * second)));
    }
}
