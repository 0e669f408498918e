//! What is done to a user's own policy between calls.

use std::any::{Any, type_name};

use super::KeyId;
use super::effects::Effects;
use super::shared::Shared;
use super::state::{Reading, State};
use crate::error::{Error, ErrorKind};
use crate::policy::own::Kept;
use crate::policy::{Own, Policy};
use crate::time::Timestamp;

impl Shared {
    /// Does `change` to a fork of the user's policy of `key`, without the lock, and puts the fork in place; again on a
    /// newer one where something was committed meanwhile.
    pub(crate) fn with_own<P: Policy, R>(
        &self,
        key: KeyId,
        mut change: impl FnMut(&mut P, Timestamp) -> R,
    ) -> Result<R, Error> {
        loop {
            let asked = self.change_and_finish(|state, reading, _| state.own(key, reading));
            let (own, now, since) = asked.map_err(|kind| self.error(kind))?;
            let fork = own.as_ref().and_then(|own| own.state().fork());
            let (Some(own), Some(mut fork)) = (own, fork) else {
                return Err(self.mismatch("has no policy of its own"));
            };
            let any: &mut dyn Any = &mut *fork;
            let Some(policy) = any.downcast_mut::<P>() else {
                let (known, asked) = (own.prototype().name(), type_name::<P>());
                return Err(self.mismatch(&format!("runs the policy `{known}`, which is not a `{asked}`")));
            };
            let result = change(policy, now);
            let (seen, next) = (own.state(), Kept::new(fork));
            let put = self.change_and_finish(|state, reading, effects| {
                state.put_own(key, (seen, &next), since, reading, effects)
            });
            if put.map_err(|kind| self.error(kind))? {
                return Ok(result);
            }
        }
    }

    fn mismatch(&self, what: &str) -> Error {
        let name = self.name();
        Error::config(format!("bucket `{name}` {what}")).with_bucket(name)
    }
}

impl State {
    /// The user's policy of `key`, the policies' time, and since when times and states are what they are.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub(super) fn own(
        &self,
        key: KeyId,
        reading: Reading,
    ) -> Result<(Option<Own>, Timestamp, u64), ErrorKind> {
        if self.closed {
            return Err(ErrorKind::Closed);
        }
        // No commit comes before another, and what is done to a fork is as good as one.
        let now = self.tempo.policy_time(reading.now).max(self.stamped);
        Ok((self.memory.own(key), now, self.memory.first()))
    }

    /// Puts `next` in place of the state `seen` of `key`, and looks again at those who wait; `false` if another is
    /// there meanwhile.
    ///
    /// # Errors
    ///
    /// `Closed`, `TooManyKeys`.
    pub(super) fn put_own(
        &mut self,
        key: KeyId,
        (seen, next): (&Kept, &Kept),
        since: u64,
        reading: Reading,
        effects: &mut Effects,
    ) -> Result<bool, ErrorKind> {
        if self.closed {
            return Err(ErrorKind::Closed);
        }
        // After a reset it is the same fresh state again, but not of the same time.
        let is_seen = |own: Own| own.state().is(seen);
        if self.memory.first() != since || !self.memory.own(key).is_some_and(is_seen) {
            return Ok(false);
        }
        if !self.make_room(key, reading) {
            return Err(ErrorKind::TooManyKeys);
        }
        let before = self.forecast(key, reading);
        self.memory.put_own(key, next.clone());
        self.may_be_idle(key);
        self.outdate(key);
        self.judge(key, &before, reading, effects);
        self.settle(key, reading, effects);
        Ok(true)
    }
}
