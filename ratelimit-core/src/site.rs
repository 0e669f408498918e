//! What the attribute's expansion stands on: the static of a call site, and the call that it begins.
//!
//! Hidden: only the expansion names these. A call site looks its name up once and keeps the state; a name that was
//! not found is looked up again at the next call.

mod answer;
mod values;

use std::ptr;
use std::sync::{Arc, OnceLock};

pub use crate::acquire::{Acquire, AcquireWith};
use crate::acquire::{Answer, Asked, Found};
use crate::error::{Error, SiteName};
use crate::key::Key;
use crate::limits::Limits;
use crate::line::{Declared, Handle, Shared, sites};
use crate::names::{Declaration, Names};
use crate::permit::Permit;
use crate::rate::Rate;
use crate::registry::Registry;
use crate::slot::Slot;
pub use answer::{Given, observe, observe_by};
pub use values::{AsKey, BucketRef, FromLimited, MaxDelay, ToBucket, Weight, apply, key, max_delay, weight};

/// The static of one annotated function.
#[derive(Debug)]
pub struct Site {
    /// `path::function`.
    function: &'static str,
    target: Target,
    /// The server's answer to each call will be told of: then each is known from its start.
    is_answered: bool,
    /// What its permits know it by, once one has to.
    number: OnceLock<u32>,
    slot: Slot,
}

/// Which bucket a call site means.
#[derive(Clone, Copy, Debug)]
enum Target {
    Named(&'static str),
    Declared(&'static str, Rate),
    /// Its own: the identity is the site, the name only says where it stands.
    Own(&'static str, Rate),
    /// Given by an expression at each call.
    Dynamic,
}

impl Site {
    const fn new(target: Target, function: &'static str) -> Self {
        Site { function, target, is_answered: false, number: OnceLock::new(), slot: Slot::EMPTY }
    }

    /// `feedback`: what the server answers will be told of.
    #[must_use]
    pub const fn with_feedback(mut self) -> Self {
        self.is_answered = true;
        self
    }

    /// Tells a permit which site it is of, where the server's answer may be told by it.
    pub fn mark(&'static self, permit: Permit) -> Permit {
        permit.of_site(*self.number.get_or_init(|| sites::number(&self.function)))
    }

    /// `bucket = "name"`.
    #[must_use]
    pub const fn named(bucket: &'static str, function: &'static str) -> Self {
        Site::new(Target::Named(bucket), function)
    }

    /// `bucket = "name", rate = ".."`.
    #[must_use]
    pub const fn declared(bucket: &'static str, rate: Rate, function: &'static str) -> Self {
        Site::new(Target::Declared(bucket, rate), function)
    }

    /// `rate = ".."` alone.
    #[must_use]
    pub const fn own(name: &'static str, rate: Rate, function: &'static str) -> Self {
        Site::new(Target::Own(name, rate), function)
    }

    /// `bucket = <expression>`.
    #[must_use]
    pub const fn dynamic(function: &'static str) -> Self {
        Site::new(Target::Dynamic, function)
    }

    /// Waits on this thread for what costs one and has no key.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the permit is put together where it is to be, and not copied")]
    pub fn acquire(&'static self) -> Result<Permit, Error> {
        match self.slot.first(Names::GLOBAL).and_then(Permit::at_once) {
            Some(permit) => Ok(permit),
            None => self.wait().0,
        }
    }

    #[inline(never)]
    fn wait(&'static self) -> Answer<Result<Permit, Error>> {
        Answer(self.call().acquire())
    }

    /// Waits as a future for what costs one and has no key.
    #[inline]
    pub fn acquire_async(&'static self) -> Acquire {
        self.call().acquire_async()
    }

    /// Waits on this thread.
    #[inline]
    pub fn acquire_with(
        &'static self,
        key: Option<Key>,
        weight: Option<u32>,
        max_delay: Option<u64>,
    ) -> Result<Permit, Error> {
        self.call().acquire_with(key, weight, max_delay)
    }

    /// Waits as a future.
    #[inline]
    pub fn acquire_async_with(
        &'static self,
        key: Option<Key>,
        weight: Option<u32>,
        max_delay: Option<u64>,
    ) -> AcquireWith {
        self.call().acquire_async_with(key, weight, max_delay)
    }

    /// Waits on this thread on the bucket of an expression, for what costs one and has no key.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the permit is put together where it is to be, and not copied")]
    pub fn acquire_on(&'static self, bucket: &(impl ToBucket + ?Sized)) -> Result<Permit, Error> {
        if let BucketRef::Handle(bucket) = bucket.to_bucket()
            && let Some(permit) = bucket.pass()
        {
            return Ok(permit);
        }
        self.wait_on(bucket).0
    }

    #[inline(never)]
    fn wait_on(&'static self, bucket: &(impl ToBucket + ?Sized)) -> Answer<Result<Permit, Error>> {
        Answer(self.call_on(bucket).acquire())
    }

    #[inline]
    fn call(&'static self) -> Call {
        self.begin(self.found_in(Names::global()))
    }

    /// Begins a call on the bucket of `registry`.
    #[inline]
    pub fn call_in(&'static self, registry: &Registry) -> Call {
        self.begin(self.found_in(registry.names_table()))
    }

    /// Begins a call on the bucket of an expression.
    #[inline]
    pub fn call_on(&'static self, bucket: &(impl ToBucket + ?Sized)) -> Call {
        self.begin(match bucket.to_bucket() {
            BucketRef::Handle(bucket) => bucket.found(),
            BucketRef::Name(name) => self.found_by_name(name, Names::global()),
        })
    }

    /// Begins a call on the bucket of an expression, a name meaning that of `registry`.
    #[inline]
    pub fn call_on_in(&'static self, registry: &Registry, bucket: &(impl ToBucket + ?Sized)) -> Call {
        self.begin(match bucket.to_bucket() {
            BucketRef::Handle(bucket) => bucket.found(),
            BucketRef::Name(name) => self.found_by_name(name, registry.names_table()),
        })
    }

    #[inline]
    fn found_in(&'static self, names: &Names) -> Found {
        // What this site found before, which is all that most calls need.
        if let Some(known) = self.slot.get(names.id()).filter(|known| !known.is_closed()) {
            let max_delay = known.max_delay();
            return (Ok(known), max_delay);
        }
        self.find_in(names)
    }

    #[cold]
    fn find_in(&'static self, names: &Names) -> Found {
        by_name(self.look_up(names).map(|found| {
            // Of other registries there may be any number, and they are let go of.
            let is_global = names.id() == Names::global().id();
            let found = if is_global { Handle::of_static(&found) } else { Handle::Counted(found) };
            self.slot.keep(names.id(), found)
        }))
    }

    fn found_by_name(&'static self, name: &str, names: &Names) -> Found {
        // The slot keeps the first name; another is looked up at each call.
        let known = self.slot.get(names.id()).filter(|known| ***known.name() == *name);
        by_name(match known.filter(|known| !known.is_closed()) {
            Some(known) => Ok(known),
            None => names.get(name).map(Handle::Counted).inspect(|shared| {
                self.slot.keep(names.id(), shared.clone());
            }),
        })
    }

    fn look_up(&'static self, names: &Names) -> Result<Arc<Shared>, Error> {
        let declared = |rate| Declared::new(Limits::of(rate), Some(self.function));
        match self.target {
            Target::Named(name) => names.get(name),
            Target::Declared(name, rate) => {
                // It was found, and removed from its registry: whoever registered the name anew is meant, whatever this
                // site declares.
                let anew = self.slot.get(names.id()).and_then(|_| names.get(name).ok());
                let declare =
                    || names.declare(name, Declaration { declared: declared(rate), max_delay: None });
                anew.map_or_else(declare, Ok)
            }
            Target::Own(name, rate) => names.of_site(ptr::from_ref(self).addr(), name, declared(rate)),
            Target::Dynamic => Err(Error::config("this call site names no bucket")),
        }
    }

    #[inline]
    fn begin(&'static self, (shared, max_delay): Found) -> Call {
        if self.is_answered
            && let Ok(shared) = &shared
        {
            shared.learn();
        }
        Call { shared, max_delay, site: &self.function }
    }
}

#[inline]
fn by_name(shared: Result<Handle, Error>) -> Found {
    match shared {
        Ok(shared) => {
            let max_delay = shared.max_delay();
            (Ok(shared), max_delay)
        }
        Err(error) => (Err(Box::new(error)), 0),
    }
}

/// One call of an annotated function whose bucket is known.
///
/// What costs the compiler is a variable that must be dropped, in each of the functions it is annotated to: a call on
/// a bucket of the global registry needs none, and what is asked for is handed over with the last call.
#[derive(Debug)]
#[must_use]
pub struct Call {
    shared: Result<Handle, Box<Error>>,
    /// The allowance of the handle, in nanoseconds.
    max_delay: u64,
    site: SiteName,
}

impl Call {
    /// Waits on this thread for what costs one and has no key.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the permit is put together where it is to be, and not copied")]
    pub fn acquire(self) -> Result<Permit, Error> {
        let Call { shared, max_delay, site } = self;
        match shared {
            Ok(shared) => match shared.pass(1) {
                Some(start) => Ok(Permit::plain(shared, None, start.grant(1))),
                None => Call::wait(Ok(shared), max_delay, site).0,
            },
            shared => Call::wait(shared, max_delay, site).0,
        }
    }

    #[inline(never)]
    fn wait(
        shared: Result<Handle, Box<Error>>,
        max_delay: u64,
        site: SiteName,
    ) -> Answer<Result<Permit, Error>> {
        Answer(Call { shared, max_delay, site }.asked(None, Some(1), None).wait())
    }

    /// Waits as a future for what costs one and has no key.
    #[inline]
    pub fn acquire_async(self) -> Acquire {
        Acquire::new((self.shared, self.max_delay), Some(self.site))
    }

    /// Waits on this thread.
    #[inline]
    pub fn acquire_with(
        self,
        key: Option<Key>,
        weight: Option<u32>,
        max_delay: Option<u64>,
    ) -> Result<Permit, Error> {
        self.asked(key, weight, max_delay).block()
    }

    /// Waits as a future.
    #[inline]
    pub fn acquire_async_with(
        self,
        key: Option<Key>,
        weight: Option<u32>,
        max_delay: Option<u64>,
    ) -> AcquireWith {
        AcquireWith::new(self.asked(key, weight, max_delay))
    }

    #[inline]
    fn asked(self, key: Option<Key>, weight: Option<u32>, max_delay: Option<u64>) -> Asked {
        let Call { shared, max_delay: own, site } = self;
        Asked { shared, key, weight, max_delay: max_delay.unwrap_or(own), site: Some(site) }
    }
}
