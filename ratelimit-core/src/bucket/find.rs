//! Finding the state that a handle means.

use std::time::Duration;

use super::Bucket;
use crate::acquire::{Answer, Asked, Found};
use crate::error::Error;
use crate::line::{Declared, Defaults, Handle, Shared};
use crate::names::{Declaration, Names};

impl Bucket {
    /// The state, and the allowance of this handle in nanoseconds.
    #[inline]
    pub(crate) fn found(&self) -> Found {
        match self.slot.first(self.version) {
            Some(shared) if !shared.is_closed() => (Ok(shared.clone()), self.allowance(shared)),
            _ => self.find().0,
        }
    }

    #[cold]
    fn find(&self) -> Answer<Found> {
        Answer(match self.shared() {
            Ok(shared) => {
                let allowance = self.allowance(&shared);
                (Ok(shared), allowance)
            }
            Err(error) => (Err(Box::new(error)), 0),
        })
    }

    #[inline]
    fn allowance(&self, shared: &Shared) -> u64 {
        match self.max_delay {
            Some(max_delay) => max_delay,
            // It does not hand on what another declaration of the name says, and the global registry has no default.
            None if self.joins => 0,
            None => shared.max_delay(),
        }
    }

    #[inline]
    pub(super) fn asked(&self) -> Asked {
        Asked::one(self.found(), None)
    }

    pub(crate) fn own_max_delay(&self) -> Option<Duration> {
        self.max_delay.map(Duration::from_nanos)
    }

    pub(crate) fn declaration(&self) -> Declaration {
        let declared = Declared::bringing(self.limits.clone(), self.clock.clone(), self.store.clone());
        Declaration { declared, max_delay: self.own_max_delay() }
    }

    /// The state of a bucket that is nobody's yet; `None` for one that joins by its name.
    pub(crate) fn free_state(&self) -> Option<Result<Handle, Error>> {
        (!self.joins).then(|| self.shared())
    }

    /// The state, which a const bucket joins and a named one makes at its first use.
    #[inline]
    pub(crate) fn shared(&self) -> Result<Handle, Error> {
        match self.slot.get(self.version) {
            Some(shared) if !shared.is_closed() => Ok(shared),
            known => self.find_state(known),
        }
    }

    #[cold]
    fn find_state(&self, known: Option<Handle>) -> Result<Handle, Error> {
        match known {
            None => self.make_state().map(|shared| self.slot.keep(self.version, shared)),
            // Removed from its registry: whoever registered the name anew is meant.
            Some(closed) if self.joins => match Names::global().get(self.name()) {
                Ok(anew) => Ok(self.slot.keep(self.version, Handle::of_static(&anew))),
                Err(_) => Ok(closed),
            },
            Some(closed) => Ok(closed),
        }
    }

    fn make_state(&self) -> Result<Handle, Error> {
        let declaration = self.declaration();
        if self.joins {
            // It is a static, or else a constant that has no state of its own.
            return Names::global()
                .declare(self.name(), declaration)
                .map(|shared| Handle::of_static(&shared));
        }
        let defaults = Defaults::default();
        Shared::new(self.name.shared(), declaration.declared, declaration.max_delay, &defaults)
            .map(Handle::Counted)
    }
}
