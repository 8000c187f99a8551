//! New ids: UUIDv7, so that those made one after the other lie side by side in an index.

use std::cell::RefCell;

use uuid::{Builder, Uuid};

/// Random bytes that are asked for at once. 4 KiB: one system call for 400 ids instead of one for each.
const POOL: usize = 4096;

/// Random bytes of one id.
const RANDOM: usize = 10;

struct Pool {
    bytes: [u8; POOL],
    used: usize,
}

thread_local! {
    static RANDOMNESS: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL], used: POOL }) };
}

/// A new id.
///
/// # Panics
/// When the system has no random numbers; nothing of this service could go on then.
pub(crate) fn new() -> Uuid {
    let millis = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    RANDOMNESS.with_borrow_mut(|pool| Builder::from_unix_timestamp_millis(millis, &pool.take()).into_uuid())
}

impl Pool {
    fn take(&mut self) -> [u8; RANDOM] {
        if self.used + RANDOM > POOL {
            getrandom::fill(&mut self.bytes).expect("the system has random numbers");
            self.used = 0;
        }
        let mut taken = [0; RANDOM];
        taken.copy_from_slice(&self.bytes[self.used..self.used + RANDOM]);
        // What was given out is not kept.
        self.bytes[self.used..self.used + RANDOM].fill(0);
        self.used += RANDOM;
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_version_seven_and_never_the_same() {
        let ids: Vec<Uuid> = (0..2000).map(|_| new()).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }
}
