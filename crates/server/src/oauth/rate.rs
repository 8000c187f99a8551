//! How often one client gets a token: each costs a signature, and a client needs one in twenty minutes.
//!
//! Only clients that showed the right secret are counted, so nobody can lock another one out, and there are never
//! more buckets than clients.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use workbell_model::ClientId;
use workbell_wire::Timestamp;

/// Tokens that a client may take at once.
///
/// 60: a client of many processes that all start together, or one that takes a token per request for a while.
const BURST: i64 = 60;

/// Time in which one more comes.
///
/// 1 s. A signature costs a third of a millisecond, so a client takes at most that share of one core.
const PER_TOKEN: Duration = Duration::from_secs(1);

/// Ticks of 100 ns in [`PER_TOKEN`].
const TICKS: i64 = (PER_TOKEN.as_nanos() / 100) as i64;

/// For each client the moment at which its bucket is full again.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<ClientId, Timestamp>>);

impl Rates {
    /// Takes one token, or says how long to wait for it.
    pub(crate) fn take(&self, client: ClientId, now: Timestamp) -> Result<(), Duration> {
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = now.ticks() + BURST * TICKS;
        // A clock that went back must not lock a client out.
        let full = rates.get(&client).map_or(now.ticks(), |full| full.ticks().clamp(now.ticks(), longest));
        let after = full + TICKS;
        if after > longest {
            return Err(Timestamp::from_ticks(after).since(Timestamp::from_ticks(longest)));
        }
        rates.insert(client, Timestamp::from_ticks(after));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_a_client_gets_one_per_second_and_others_do_not_notice() {
        let (rates, now) = (Rates::default(), Timestamp::from_unix_seconds(1_000_000));
        let client = |n| ClientId::from_uuid(uuid::Uuid::from_u128(n));
        for _ in 0..60 {
            assert_eq!(rates.take(client(1), now), Ok(()));
        }
        assert_eq!(rates.take(client(1), now), Err(PER_TOKEN));
        assert_eq!(rates.take(client(2), now), Ok(()));
        let later = now.plus(Duration::from_millis(1500));
        assert_eq!(rates.take(client(1), later), Ok(()));
        assert_eq!(rates.take(client(1), later), Err(Duration::from_millis(500)));
        // The clock went back by a day.
        assert!(rates.take(client(1), now.minus(Duration::from_secs(86_400))).is_err());
        assert_eq!(rates.take(client(1), later.plus(PER_TOKEN)), Ok(()));
    }
}
