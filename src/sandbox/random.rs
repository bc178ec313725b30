//! Chance that can be repeated: a small generator whose state is part of the world.

use serde::{Deserialize, Serialize};

/// Sebastiano Vigna's SplitMix64. Not for secrets; its virtue is that one number is all its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0, less than 1.
    pub(super) fn fraction(&mut self) -> f64 {
        // 53 bits are what a number with a point holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A text that looks like a digest of its parts: always the same for the same parts.
pub(super) fn hex(parts: &[&str], digits: usize) -> String {
    let seed = parts
        .iter()
        .flat_map(|part| part.bytes().chain([0]))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let mut random = Random::seeded(seed);
    let mut text = String::new();
    while text.len() < digits {
        text.push_str(&format!("{:016x}", random.next()));
    }
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let mut random = Random::seeded(seed);
            [random.fraction(), random.fraction(), random.fraction()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(7).iter().all(|n| (0.0..1.0).contains(n)));
    }

    #[test]
    fn a_made_up_digest_depends_on_each_part() {
        assert_eq!(hex(&["a", "b"], 64).len(), 64);
        assert_ne!(hex(&["a", "b"], 7), hex(&["ab"], 7));
    }
}
