//! Numbers by chance, and the same ones again from the same seed.

/// A generator (SplitMix64). A test that uses one says its seed when it fails.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// A seed that is another one each time, or the number in `WORKBELL_TEST_SEED`.
    ///
    /// # Panics
    /// When that holds no number.
    pub fn fresh_seed() -> u64 {
        if let Ok(seed) = std::env::var("WORKBELL_TEST_SEED") {
            return seed.parse().expect("WORKBELL_TEST_SEED holds a number");
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |now| u64::from(now.subsec_nanos())) ^ (u64::from(std::process::id()) << 32)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// True this often of 100 times.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// A version 4 GUID in lower case.
    pub fn guid(&mut self) -> String {
        let hex = format!("{:016x}{:016x}", self.number(), self.number());
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
    }
}
