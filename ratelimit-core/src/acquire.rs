//! What a call asks for, and the short ways to it.

mod future;

use crate::error::{Error, ErrorKind, Refused, SiteName};
use crate::key::Key;
use crate::line::remote::{Direct, Named};
use crate::line::{
    Ask, Began, Changed, Entered, Grant, Handle, KeyId, Origin, Passage, Refusal, Route, tell_refused,
};
use crate::permit::Permit;

use future::Long;
pub use future::{Acquire, AcquireWith};

/// What a handle or a call site comes to, and the allowance in nanoseconds.
///
/// Boxed, as few calls have an error.
pub(crate) type Found = (Result<Handle, Box<Error>>, u64);

/// A request as it was asked: owned, so that a future of it can go anywhere.
///
/// It is made once and moved as seldom as can be: a call that need not wait takes less time than moving it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// See [`Found`].
    pub(crate) shared: Result<Handle, Box<Error>>,
    pub(crate) key: Option<Key>,
    /// `None` = below zero or above `u32::MAX`.
    pub(crate) weight: Option<u32>,
    /// Nanoseconds; `u64::MAX` = however long.
    pub(crate) max_delay: u64,
    pub(crate) site: Option<SiteName>,
}

impl Asked {
    /// What costs one and has no key.
    #[inline]
    pub(crate) fn one((shared, max_delay): Found, site: Option<SiteName>) -> Self {
        Asked { shared, key: None, weight: Some(1), max_delay, site }
    }

    /// Starts now or is refused, without waiting.
    pub(crate) fn start(self) -> Result<Permit, Error> {
        match self.quick() {
            Some(permit) => Ok(permit),
            None => self.decide(),
        }
    }

    /// As [`start`](Self::start), for a call that no coarse reading lets through.
    pub(crate) fn decide(mut self) -> Result<Permit, Error> {
        self.max_delay = 0;
        match self.short() {
            Some(ended) => ended,
            None => self.directly().unwrap_or_else(|asked| asked.enter_and_leave(None)),
        }
    }

    /// As [`start`](Self::start), for a call whose answer will be told of: it has to be known from its start.
    pub(crate) fn start_on(mut self, route: Route) -> Result<Permit, Error> {
        self.max_delay = 0;
        self.enter_and_leave(route)
    }

    /// Waits on this thread.
    pub(crate) fn block(self) -> Result<Permit, Error> {
        match self.quick() {
            Some(permit) => Ok(permit),
            None => self.wait(),
        }
    }

    /// As [`block`](Self::block), for a call that no coarse reading lets through.
    pub(crate) fn wait(self) -> Result<Permit, Error> {
        match self.short() {
            Some(ended) => ended,
            None => self.directly().unwrap_or_else(|asked| Long::new(asked, None).wait()),
        }
    }

    /// By a trip to the bucket's store, if it has one and nobody stands in line.
    fn directly(self) -> Result<Result<Permit, Error>, Self> {
        let (Ok(shared), Some(weight)) = (&self.shared, self.weight) else { return Err(self) };
        if !shared.is_remote() {
            return Err(self);
        }
        Ok(match shared.ask_directly(self.named(), weight, self.max_delay) {
            None => return Err(self),
            Some(Direct::Granted(grant)) => Ok(self.permit(shared, grant)),
            Some(Direct::Refused(refusal)) => Err(self.refusal(shared, refusal)),
            Some(Direct::Waits(brought)) => Long::bringing(self, *brought).wait(),
        })
    }

    /// As [`block`](Self::block), for a call whose answer will be told of.
    pub(crate) fn block_on(self, route: Route) -> Result<Permit, Error> {
        Long::new(self, route).wait()
    }

    /// By a coarse reading.
    #[inline]
    fn quick(&self) -> Option<Permit> {
        let (Ok(shared), Some(weight)) = (&self.shared, self.weight) else { return None };
        let start = match &self.key {
            None => shared.pass(weight)?,
            Some(key) => shared.take(Some(key.digest()), weight)?,
        };
        Some(Permit::plain(shared.clone(), self.key_id(), start.grant(weight)))
    }

    /// Through the gate by a precise reading, or refused at it.
    #[inline]
    fn short(&self) -> Option<Result<Permit, Error>> {
        let (Ok(shared), None) = (&self.shared, &self.key) else { return None };
        let weight = self.weight?;
        match shared.decide(weight) {
            Passage::Granted(grant) => Some(Ok(Permit::plain(shared.clone(), None, grant))),
            Passage::Refused(rate, retry_after) if self.max_delay == 0 => {
                let refusal = Refusal {
                    rate: Some(rate),
                    retry_after: Some(retry_after),
                    ..Refusal::of(ErrorKind::Limited)
                };
                Some(Err(self.refusal(shared, refusal)))
            }
            Passage::Refused(..) | Passage::Shut => None,
        }
    }

    #[cold]
    fn enter_and_leave(self, route: Route) -> Result<Permit, Error> {
        let (shared, ask) = self.ask(route, None)?;
        let Changed { result, rest } = shared.enter(ask, &mut None);
        let result = match result {
            Entered::Granted(grant) => Ok(grant),
            Entered::Refused(refusal) => Err(refusal),
            // Nobody waits without an allowance, but for the answer of a store.
            Entered::MustWait(_) | Entered::Waits(_) if !shared.is_remote() => {
                Err(Refusal::of(ErrorKind::Limited))
            }
            Entered::MustWait(_) | Entered::Waits(_) | Entered::Asks(..) => {
                shared.finish(rest);
                return Long::new(self, route).wait();
            }
        };
        self.end(&shared, Changed { result, rest })
    }

    /// Takes it whatever the limit says.
    pub(crate) fn charge(self, route: Route) -> Result<Permit, Error> {
        let (shared, ask) = self.ask(route, None)?;
        let changed = if shared.is_remote() {
            shared.charge_there(self.named(), ask.origin, ask.weight)?
        } else {
            shared.charge(ask.key, ask.origin, ask.weight)
        };
        self.end(&shared, changed)
    }

    /// The permit is made before anything foreign runs, so that a panic there ends what was granted.
    fn end(
        &self,
        shared: &Handle,
        Changed { result, rest }: Changed<Result<Grant, Refusal>>,
    ) -> Result<Permit, Error> {
        let ended = result.map(|grant| self.permit(shared, grant));
        shared.finish(rest);
        ended.map_err(|refusal| self.refusal(shared, refusal))
    }

    /// Where to ask, and what; for a call of `route` if its answer will be told of.
    fn ask(&self, route: Route, began: Option<Began>) -> Result<(Handle, Ask), Error> {
        match &self.shared {
            Err(error) => Err(Error::clone(error).with_site(self.site)),
            Ok(shared) => {
                let too_heavy = || self.refusal(shared, Refusal::of(ErrorKind::TooHeavy));
                let weight = self.weight.ok_or_else(too_heavy)?;
                let (key, origin) = (self.key_id(), Origin { route, site: self.site });
                let ask = Ask { key, origin, weight, max_delay: self.max_delay, began };
                Ok((shared.clone(), ask))
            }
        }
    }

    pub(crate) fn shared(&self) -> Result<&Handle, Error> {
        self.shared.as_ref().map_err(|error| Error::clone(error))
    }

    #[inline]
    pub(crate) fn key_id(&self) -> KeyId {
        self.key.as_ref().map(Key::digest)
    }

    /// The key by its digest and its text.
    pub(crate) fn named(&self) -> Named<'_> {
        (self.key_id(), self.key.as_ref().map(Key::whole))
    }

    fn permit(&self, shared: &Handle, grant: Grant) -> Permit {
        Permit::new(shared.clone(), self.key_id(), grant)
    }

    /// Rendered here, without a lock.
    fn refusal(&self, shared: &Handle, Refusal { kind, scope, rate, retry_after }: Refusal) -> Error {
        let handle = shared.named_by();
        let (weight, max_delay, site) = (self.weight.unwrap_or(0), self.max_delay, self.site);
        // Also where it stood in line for as long as a store took to answer.
        let kind = match kind {
            ErrorKind::DelayTooLong if max_delay == 0 => ErrorKind::Limited,
            kind => kind,
        };
        let error =
            Error::refused(Refused { kind, scope, handle, rate, retry_after, weight, max_delay, site });
        let error = match kind {
            ErrorKind::Store => error.with_failure(shared.failure()),
            _ => error,
        };
        tell_refused(&error);
        match &self.key {
            None => error,
            Some(key) => error.with_key(key),
        }
    }
}

/// What the long way comes to, in a place of its own: so that what the short one comes to can stay in registers.
pub(crate) struct Answer<T>(pub(crate) T);
