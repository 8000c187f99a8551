//! Passwords of people: argon2id, two at once, away from the threads that serve.
//!
//! A hash takes 19 MiB and some tens of milliseconds on purpose. Who comes when too many wait is told to come again,
//! so that nobody can fill the memory by signing in. Source: service.md section 7; OWASP's figures for argon2id.

use std::sync::{Arc, OnceLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::problem::{Code, Problem};

/// Hashes at once. Source: service.md section 7.
const AT_ONCE: usize = 2;

/// Hashes that may wait or be made; more are turned away.
///
/// 32: at 50 ms each, the last of them waits less than a second. The value is our choice.
const MOST: usize = 32;

/// Bytes of salt. 16: RFC 9106 section 3.1.
const SALT: usize = 16;

/// Where passwords are hashed.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords { turns: Arc::new(Semaphore::new(AT_ONCE)), room: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Passwords {
    /// What is kept of a password: a PHC string.
    ///
    /// # Errors
    /// `queue_full` when too many wait; `internal_error` without randomness.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        self.turn(move || hash(&password)).await?.ok_or_else(|| {
            tracing::error!("cannot hash a password");
            Problem::new(Code::InternalError, "the password cannot be hashed; the service's log says why")
        })
    }

    /// Which of these hashes are of this password, by place. Takes as long for none as for one, so the time does not
    /// tell whether somebody has this name.
    ///
    /// # Errors
    /// `queue_full` when too many wait.
    pub(crate) async fn matching(
        &self,
        password: String,
        hashes: Vec<Option<String>>,
    ) -> Result<Vec<usize>, Problem> {
        self.turn(move || {
            let mut right: Vec<usize> = Vec::new();
            let mut looked_at = 0;
            for (place, kept) in hashes.iter().enumerate() {
                let Some(kept) = kept else { continue };
                looked_at += 1;
                if is_of(&password, kept) {
                    right.push(place);
                }
            }
            if looked_at == 0 {
                // The outcome does not matter, the time does.
                let _in_vain = is_of(&password, nobody());
            }
            right
        })
        .await
    }

    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| {
            Problem::new(Code::QueueFull, "too many people sign in at this moment; try again in a second")
        })?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("the semaphore is never closed");
        let made = tokio::task::spawn_blocking(move || {
            let made = work();
            drop((turn, room));
            made
        });
        Ok(made.await.expect("hashing does not panic"))
    }
}

fn hash(password: &str) -> Option<String> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).ok()?;
    Some(Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).ok()?.to_string())
}

fn is_of(password: &str, kept: &str) -> bool {
    PasswordHash::new(kept)
        .is_ok_and(|kept| Argon2::default().verify_password(password.as_bytes(), &kept).is_ok())
}

/// The hash of a password that nobody knows.
fn nobody() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash(&crate::id::new().to_string()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only_and_hashes_never_repeat() {
        let passwords = Passwords::default();
        let right = passwords.hash("correct horse".to_owned()).await.unwrap();
        let other = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(right.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{right}");
        assert_ne!(right, other);
        let kept = vec![None, Some(right), Some("no hash".to_owned()), Some(other)];
        assert_eq!(passwords.matching("correct horse".to_owned(), kept.clone()).await.unwrap(), [1, 3]);
        assert!(passwords.matching("Correct horse".to_owned(), kept).await.unwrap().is_empty());
        assert!(passwords.matching("correct horse".to_owned(), Vec::new()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_told_to_come_again() {
        let passwords = Passwords::default();
        let _all = passwords.room.acquire_many(u32::try_from(MOST).unwrap()).await.unwrap();
        let refused = passwords.hash("correct horse".to_owned()).await.unwrap_err();
        assert_eq!(refused.code(), Code::QueueFull);
    }
}
