//! The states of a user's policy while the store is away.

use crate::line::KeyId;
use crate::line::table::Table;

/// By key.
#[derive(Default)]
pub(super) struct States {
    known: Table<KeyId, Kept>,
    /// None can be forgotten before, after a look at all of them.
    full_until: u64,
}

/// One of them, and when it counts no more, in the store's microseconds.
pub(super) struct Kept {
    pub(super) state: Vec<u8>,
    pub(super) until: u64,
}

impl States {
    pub(super) fn get(&self, key: KeyId) -> Option<Vec<u8>> {
        self.known.get(&key).map(|kept| kept.state.clone())
    }

    /// Whether that of `key` is among them, or may be, once what does not count any more is forgotten: of keys there are at
    /// most so many.
    pub(super) fn have_room(&mut self, key: KeyId, now: u64, most: usize) -> bool {
        if key.is_none() || self.known.contains_key(&key) {
            return true;
        }
        let most = most.saturating_add(usize::from(self.known.contains_key(&None)));
        if self.known.len() >= most && self.full_until <= now {
            self.known.retain(|key, kept| kept.until > now || key.is_none());
            let of_keys = self.known.iter().filter(|(key, _)| key.is_some());
            self.full_until = of_keys.map(|(_, kept)| kept.until).min().unwrap_or(0);
        }
        self.known.len() < most
    }

    pub(super) fn put(&mut self, key: KeyId, kept: Kept) {
        if key.is_some() {
            self.full_until = self.full_until.min(kept.until);
        }
        self.known.insert(key, kept);
    }

    pub(super) fn clear(&mut self) {
        *self = States::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Digest;

    #[test]
    fn what_counts_no_more_makes_room() {
        let key = |low| Some(Digest::of(1, low));
        let kept = |until| Kept { state: vec![], until };
        let mut states = States::default();
        for (low, until) in [(1, 10), (2, 20)] {
            assert!(states.have_room(key(low), 0, 2));
            states.put(key(low), kept(until));
        }
        assert!(states.have_room(None, 0, 2), "the calls without one are no key");
        states.put(None, kept(10));
        assert!(!states.have_room(key(3), 9, 2) && states.have_room(key(1), 9, 2));
        assert!(states.have_room(key(3), 10, 2));
        assert!(states.get(key(1)).is_none() && states.get(key(2)).is_some() && states.get(None).is_some());
        states.put(key(3), kept(30));
        assert!(!states.have_room(key(4), 19, 2) && states.have_room(key(4), 20, 2));
    }
}
