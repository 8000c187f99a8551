//! Maps for the writer, whose keys are made here or by the platform: nobody picks them to collide.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map that spends a few instructions on a key where the standard one spends a few hundred.
pub(super) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<QuickHasher>>;

/// Multiplies and folds eight bytes at a time.
#[derive(Debug, Default)]
pub(super) struct QuickHasher(u64);

impl QuickHasher {
    fn add(&mut self, word: u64) {
        // 2^64 / golden ratio: spreads neighbours. The high half of the product comes back in, so that no bits of
        // the key are lost to the table, which looks at the low ones.
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.add(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_i64(&mut self, value: i64) {
        self.add(value.cast_unsigned());
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn neighbours_do_not_meet() {
        let hash = BuildHasherDefault::<QuickHasher>::default();
        for shift in [0, 3, 20, 50] {
            let low: std::collections::HashSet<u64> =
                (0..1000u64).map(|key| hash.hash_one((7u8, key << shift)) & 0xffff).collect();
            assert!(low.len() > 900, "{} of 1000 places at {shift}", low.len());
            let high: std::collections::HashSet<u64> =
                (0..1000u64).map(|key| hash.hash_one((7u8, key << shift)) >> 48).collect();
            assert!(high.len() > 900, "{} of 1000 tags at {shift}", high.len());
        }
    }
}
