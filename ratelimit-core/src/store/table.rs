//! A table of states by key: open addressing in many small segments, each growing on its own.
//!
//! A state lies beside its key's digest, so that finding it costs one miss of the cache. No segment has to hold more
//! than a few thousand entries, so no call pays for moving more than these: there is neither a sweep of the whole table
//! nor a moment at which it is copied. Digests are keyed, so a bucket of a segment cannot be aimed at from outside.

use crate::key::Digest;
use crate::time::Timestamp;

/// So many entries does a segment hold where the table is full.
const SHARE: usize = 1024;
const MOST_SEGMENTS: usize = 4096;
/// So many segments does one call look through for something to forget.
const LOOKS: usize = 64;

/// States by key, at most `bound` of them.
#[derive(Clone, Debug)]
pub(super) struct Table<S> {
    /// None before the first key.
    segments: Box<[Segment<S>]>,
    len: usize,
    bound: usize,
    /// At which segment to look next for something to forget.
    hand: usize,
    /// Until when nothing can be forgotten, after a look through everything that found nothing.
    full_until: Timestamp,
}

#[derive(Clone, Debug)]
struct Segment<S> {
    /// A multiple of eight, of which at most five in six and one more are taken. An entry stands at its home or behind it,
    /// with no empty slot between.
    slots: Box<[Option<(Digest, S)>]>,
    len: usize,
    /// No entry is idle before.
    idle_from: Timestamp,
}

impl<S> Table<S> {
    pub(super) fn new(bound: usize) -> Self {
        Table { segments: Box::default(), len: 0, bound, hand: 0, full_until: Timestamp::ZERO }
    }

    pub(super) fn bound(&self) -> usize {
        self.bound
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Digest, S)> {
        self.segments.iter().flat_map(|segment| segment.slots.iter().flatten())
    }

    #[inline]
    pub(super) fn get(&self, key: Digest) -> Option<&S> {
        self.segments.get(segment_of(key, self.segments.len()))?.get(key)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: Digest) -> Option<&mut S> {
        let index = segment_of(key, self.segments.len());
        self.segments.get_mut(index)?.get_mut(key)
    }

    /// All states, which may be idle at other times after this.
    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.may_all_be_idle();
        let slots = self.segments.iter_mut().flat_map(|segment| segment.slots.iter_mut().flatten());
        slots.map(|(_, state)| state)
    }

    /// From when on entries are idle is to be found out again.
    pub(super) fn may_all_be_idle(&mut self) {
        for segment in &mut self.segments {
            segment.idle_from = Timestamp::ZERO;
        }
        self.full_until = Timestamp::ZERO;
    }

    /// Something was given back to `key`, or it is needed no more: it is idle from `at` on, earlier than it was.
    pub(super) fn is_idle_sooner(&mut self, key: Digest, at: Timestamp) {
        let index = segment_of(key, self.segments.len());
        if let Some(segment) = self.segments.get_mut(index) {
            segment.idle_from = segment.idle_from.min(at);
        }
        self.full_until = self.full_until.min(at);
    }

    /// Puts in a key that is not there yet; `false` if there is no room.
    ///
    /// `idle` tells from when on an entry may be forgotten; `None` = not before [that it may](Self::is_idle_sooner) is
    /// told.
    pub(super) fn insert(
        &mut self,
        key: Digest,
        state: S,
        now: Timestamp,
        idle: impl Fn(&Digest, &S) -> Option<Timestamp>,
    ) -> bool {
        while self.len >= self.bound {
            if !self.forget_some(now, &idle) {
                return false;
            }
        }
        let idle_at = idle(&key, &state).unwrap_or(Timestamp::MAX);
        let segment = self.segment_mut(key);
        let mut forgotten = 0;
        if let Some(segment) = segment {
            if segment.is_full() {
                forgotten = segment.forget_idle(now, &idle);
            }
            segment.put(key, state, idle_at);
        }
        self.len = self.len + 1 - forgotten;
        true
    }

    /// Puts in a key that is not there yet, whether or not there is room.
    pub(super) fn put(&mut self, key: Digest, state: S) {
        if let Some(segment) = self.segment_mut(key) {
            segment.put(key, state, Timestamp::ZERO);
            self.len += 1;
        }
    }

    fn segment_mut(&mut self, key: Digest) -> Option<&mut Segment<S>> {
        if self.segments.is_empty() {
            let segments = (self.bound / SHARE).clamp(1, MOST_SEGMENTS);
            self.segments = (0..segments).map(|_| Segment::new()).collect();
        }
        let index = segment_of(key, self.segments.len());
        self.segments.get_mut(index)
    }

    pub(super) fn remove(&mut self, key: Digest) -> Option<S> {
        let index = segment_of(key, self.segments.len());
        let removed = self.segments.get_mut(index)?.remove(key)?;
        self.len -= 1;
        self.full_until = Timestamp::ZERO;
        Some(removed)
    }

    /// Forgets what is idle at `now` in one of the segments; `false` if nothing is, or nothing was found soon enough:
    /// the next call goes on from there.
    fn forget_some(&mut self, now: Timestamp, idle: &impl Fn(&Digest, &S) -> Option<Timestamp>) -> bool {
        if now < self.full_until {
            return false;
        }
        let mut looks = 0;
        let mut next = Timestamp::MAX;
        for _ in 0..self.segments.len() {
            let Some(segment) = self.segments.get_mut(self.hand) else { break };
            if segment.idle_from <= now {
                let forgotten = segment.forget_idle(now, idle);
                self.len -= forgotten;
                if forgotten > 0 {
                    return true;
                }
                looks += 1;
                if looks == LOOKS {
                    return false;
                }
            }
            next = next.min(segment.idle_from);
            self.hand = (self.hand + 1) % self.segments.len();
        }
        self.full_until = next;
        false
    }
}

/// The high half tells the segment, the low one the place in it: apart, so that a segment is filled evenly.
fn segment_of(key: Digest, segments: usize) -> usize {
    share(key.high(), segments)
}

/// A number below `of`, in proportion to `hash`.
#[expect(clippy::cast_possible_truncation, reason = "less than `of`")]
fn share(hash: u64, of: usize) -> usize {
    ((u128::from(hash) * of as u128) >> 64) as usize
}

impl<S> Segment<S> {
    fn new() -> Self {
        Segment { slots: Box::default(), len: 0, idle_from: Timestamp::MAX }
    }

    /// Whether the next entry would make it grow.
    fn is_full(&self) -> bool {
        6 * self.len >= 5 * self.slots.len()
    }

    /// The slots from the key's home on, once around.
    fn probe(&self, key: Digest) -> impl Iterator<Item = usize> + use<S> {
        let home = share(key.low(), self.slots.len());
        (home..self.slots.len()).chain(0..home)
    }

    /// Where `key` is, or the empty slot where it would go.
    #[inline]
    fn find(&self, key: Digest) -> Option<usize> {
        self.probe(key).find(|index| match self.slots.get(*index) {
            Some(Some((known, _))) => *known == key,
            _ => true,
        })
    }

    #[inline]
    fn get(&self, key: Digest) -> Option<&S> {
        let (_, state) = self.slots.get(self.find(key)?)?.as_ref()?;
        Some(state)
    }

    #[inline]
    fn get_mut(&mut self, key: Digest) -> Option<&mut S> {
        let index = self.find(key)?;
        let (_, state) = self.slots.get_mut(index)?.as_mut()?;
        Some(state)
    }

    fn put(&mut self, key: Digest, state: S, idle_at: Timestamp) {
        debug_assert!(self.get(key).is_none(), "the key is new");
        if self.is_full() {
            self.grow();
        }
        self.idle_from = self.idle_from.min(idle_at);
        self.fill(key, state);
    }

    fn fill(&mut self, key: Digest, state: S) {
        if let Some(slot) = self.find(key).and_then(|index| self.slots.get_mut(index)) {
            *slot = Some((key, state));
            self.len += 1;
        }
    }

    /// By half, so that of a large one more than half of the slots are always taken.
    fn grow(&mut self) {
        let slots = self.slots.len() + (self.slots.len() / 16 * 8).max(8);
        let old = std::mem::replace(&mut self.slots, (0..slots).map(|_| None).collect());
        self.len = 0;
        for (key, state) in old.into_iter().flatten() {
            self.fill(key, state);
        }
    }

    fn remove(&mut self, key: Digest) -> Option<S> {
        let index = self.find(key)?;
        let (_, state) = self.slots.get_mut(index)?.take()?;
        self.len -= 1;
        self.close_gap(index);
        Some(state)
    }

    /// Moves up what stands behind the empty slot `gap` and was kept from it.
    fn close_gap(&mut self, mut gap: usize) {
        let slots = self.slots.len();
        let mut next = gap;
        loop {
            next = (next + 1) % slots;
            let Some(Some((key, _))) = self.slots.get(next) else { return };
            let home = share(key.low(), slots);
            // From its home the entry has come past the gap?
            if (next + slots - home) % slots >= (next + slots - gap) % slots {
                self.slots.swap(gap, next);
                gap = next;
            }
        }
    }

    /// Forgets what is idle at `now`, and tells how many that were.
    fn forget_idle(&mut self, now: Timestamp, idle: &impl Fn(&Digest, &S) -> Option<Timestamp>) -> usize {
        let mut forgotten = 0;
        let mut next = Timestamp::MAX;
        let mut index = 0;
        while let Some(slot) = self.slots.get_mut(index) {
            match slot.as_ref().and_then(|(key, state)| idle(key, state)) {
                Some(at) if at <= now => {
                    *slot = None;
                    self.len -= 1;
                    forgotten += 1;
                    // Another may have come into its place: the same index again.
                    self.close_gap(index);
                }
                other => {
                    next = next.min(other.unwrap_or(Timestamp::MAX));
                    index += 1;
                }
            }
        }
        self.idle_from = next;
        forgotten
    }
}

#[cfg(test)]
mod tests;
