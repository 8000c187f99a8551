//! From one key to the next, without a moment in which a receiver cannot verify.
//!
//! A rotation publishes the next keys at once and signs with them after a lead time, in which receivers fetch
//! the new certificate. The old ones stay published until the last token signed with them has expired. For a
//! leaked key there is [`KeyRing::rotate_now`], which takes the old keys away at once.
//!
//! All kinds rotate together: one thing to do, one thing to remember, and what leaked one key leaked all.

use std::sync::Arc;
use std::time::Duration;

use workbell_wire::Timestamp;
use workbell_wire::token::SKEW;

use super::{Key, KeyRing};
use crate::stored_key::one_of_each;
use crate::{Error, KeyKind, MasterKey, StoredKey};

/// What a rotation changes in the store: one transaction, then [`KeyRing::after`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Keys to write: new ones, and known ones that got a time at which they retire.
    pub put: Vec<StoredKey>,
    /// Ids of keys to delete.
    pub removed: Vec<String>,
}

impl Change {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.removed.is_empty()
    }
}

impl KeyRing {
    /// Publishes next keys, which sign `lead` from now. Costs as much as [`StoredKey::generate`], twice.
    ///
    /// # Errors
    /// When next keys are published already, or none can be made.
    pub fn rotate(
        &self,
        now: Timestamp,
        lead: Duration,
        bits: u32,
        master: &MasterKey,
    ) -> Result<Change, Error> {
        let next = self.keys.iter().find(|key| key.stored.signs_from > now && !key.is_retired(now));
        if let Some(next) = next.filter(|_| self.keys.iter().any(|key| key.stored.signs_from <= now)) {
            return Err(Error::RotationUnderWay { signs_from: next.stored.signs_from });
        }
        let mut put = one_of_each(now, lead, bits, master)?;
        let last_token_ends = now.plus(lead).plus(self.options.lifetime).plus(SKEW);
        let retiring = self.keys.iter().filter(|key| key.stored.retired_at.is_none());
        put.extend(retiring.map(|key| StoredKey { retired_at: Some(last_token_ends), ..key.stored.clone() }));
        Ok(Change { put, removed: Vec::new() })
    }

    /// Replaces all keys at once, for a leaked one: what was signed with the old ones verifies no more.
    ///
    /// # Errors
    /// When no keys can be made.
    pub fn rotate_now(&self, now: Timestamp, bits: u32, master: &MasterKey) -> Result<Change, Error> {
        Ok(Change {
            put: one_of_each(now, Duration::ZERO, bits, master)?,
            removed: self.keys.iter().map(|key| key.stored.key_id.clone()).collect(),
        })
    }

    /// What time alone has made due: keys that have retired are deleted.
    pub fn due_changes(&self, now: Timestamp) -> Change {
        let removed = self.keys.iter().filter(|key| key.is_retired(now)).map(|key| key.stored.key_id.clone());
        Change { removed: removed.collect(), ..Change::default() }
    }

    /// When the next key retires and [`KeyRing::due_changes`] will have something; `None` when none will.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.keys.iter().filter_map(|key| key.stored.retired_at).min()
    }

    /// When the first certificate that signs now ends; `None` when the ring has none.
    pub fn certificate_ends(&self, now: Timestamp) -> Option<Timestamp> {
        [KeyKind::Token, KeyKind::Access]
            .into_iter()
            .filter_map(|kind| self.current(kind, now).ok()?.certificate.as_ref().map(|it| it.not_after()))
            .min()
    }

    /// The ring after a change. Keys that stay as they are are not parsed again.
    ///
    /// # Errors
    /// When a key to write cannot be used.
    pub fn after(&self, change: &Change, master: &MasterKey) -> Result<KeyRing, Error> {
        let stays = |key: &&Arc<Key>| {
            let key_id = &key.stored.key_id;
            !change.removed.contains(key_id) && change.put.iter().all(|put| put.key_id != *key_id)
        };
        let mut keys: Vec<_> = self.keys.iter().filter(stays).cloned().collect();
        for put in &change.put {
            keys.push(Key::load(put.clone(), master)?);
        }
        Ok(KeyRing::sorted(keys, self.options.clone()))
    }
}
