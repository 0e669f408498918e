//! Tables by what is a keyed digest or counts up: to scatter it again against chosen keys would take most of a look-up.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

pub(super) type Table<K, V> = HashMap<K, V, BuildHasherDefault<Mixer>>;
/// The same of what is only there or not.
pub(super) type Set<K> = HashSet<K, BuildHasherDefault<Mixer>>;

/// Multiplies by an odd number without a pattern (that of the golden ratio), and turns what is mixed best, the highest
/// bits, to where tables look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    /// What tells the call without a key from others.
    fn write_isize(&mut self, number: isize) {
        self.mix(u64::from(number != 0));
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, Hash};

    use super::*;
    use crate::key::Digest;

    fn spread(keys: impl Iterator<Item = impl Hash>) -> (usize, usize) {
        let hasher = BuildHasherDefault::<Mixer>::default();
        let mixed: Vec<u64> = keys.map(|key| hasher.hash_one(key)).collect();
        let places: HashSet<u64> = mixed.iter().map(|hash| hash & 1023).collect();
        let tags: HashSet<u64> = mixed.iter().map(|hash| hash >> 57).collect();
        (places.len(), tags.len())
    }

    /// Of 1024 random numbers, 647 places of 1024 are met, and all of 128 tags.
    #[test]
    fn tickets_and_digests_are_scattered() {
        for (places, tags) in [
            spread(1..=1024_u64),
            spread(1..=1024_u32),
            spread((1..=1024).map(|high| Some(Digest::of(high, 0)))),
            spread((1..=1024).map(|low| Some(Digest::of(1, low)))),
            spread((1..=1024).map(|number| format!("{number}"))),
        ] {
            assert!(places > 600 && tags > 100, "{places} places, {tags} tags");
        }
        for digest in [Digest::of(1, 0), Digest::of(0, 0)] {
            assert_eq!(spread([None, Some(digest)].into_iter()).0, 2, "{digest:?}");
        }
    }
}
