//! What time it is, as an argument: tests say it themselves.

pub(crate) mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use workbell_wire::Timestamp;

/// Tells the wall clock's time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Clock::from_fn(|| Timestamp::from_system(SystemTime::now()))
    }

    /// A clock that says what `tell` says.
    pub fn from_fn(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Clock(Arc::new(tell))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
