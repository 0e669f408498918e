//! What the attribute's expansion stands on: the static of a call site, and the call that it begins.
//!
//! Hidden: only the expansion names these. A call site looks its name up once and keeps the state; a name that was
//! not found is looked up again at the next call.

mod values;

use std::ptr;
use std::sync::Arc;

pub use crate::acquire::{Acquire, AcquireWith};
use crate::acquire::{Answer, Asked, Found};
use crate::bucket::Bucket;
use crate::error::{Error, SiteName};
use crate::key::{Digest, Key};
use crate::limits::Limits;
use crate::line::{Declared, Handle, Shared};
use crate::names::{Declaration, Names};
use crate::permit::Permit;
use crate::rate::Rate;
use crate::registry::Registry;
use crate::slot::Slot;
pub use values::{
    AsKey, BucketRef, FromLimited, MaxDelay, ToBucket, Weight, apply, key, max_delay, observe, observe_by,
    weight,
};

/// The static of one annotated function.
#[derive(Debug)]
pub struct Site {
    /// `path::function`.
    function: &'static str,
    target: Target,
    answers: Answers,
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

/// What is done with the server's answers to the calls of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// Nobody looks at them, so the route of a call is found out only where the bucket has learned windows.
    Unread,
    /// The body has the permit and may tell of them.
    MayBeTold,
    /// All are told of.
    Read,
}

impl Site {
    const fn new(target: Target, function: &'static str) -> Self {
        Site { function, target, answers: Answers::Unread, slot: Slot::EMPTY }
    }

    /// `permit = name`.
    #[must_use]
    pub const fn with_permit(mut self) -> Self {
        self.answers = Answers::MayBeTold;
        self
    }

    /// `feedback`.
    #[must_use]
    pub const fn with_feedback(mut self) -> Self {
        self.answers = Answers::Read;
        self
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
            BucketRef::Handle(bucket) => self.found_by_handle(bucket),
            BucketRef::Name(name) => self.found_by_name(name, Names::global()),
        })
    }

    /// Begins a call on the bucket of an expression, a name meaning that of `registry`.
    #[inline]
    pub fn call_on_in(&'static self, registry: &Registry, bucket: &(impl ToBucket + ?Sized)) -> Call {
        self.begin(match bucket.to_bucket() {
            BucketRef::Handle(bucket) => self.found_by_handle(bucket),
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
            self.slot.keep(names.id(), self.routed(found))
        }))
    }

    #[inline]
    fn found_by_handle(&'static self, bucket: &Bucket) -> Found {
        let (shared, max_delay) = bucket.found();
        match self.answers {
            Answers::Unread => (shared, max_delay),
            _ => (shared.map(|shared| self.routed_again(shared)), max_delay),
        }
    }

    /// As [`routed`](Self::routed), of a static what was made for the call before.
    fn routed_again(&'static self, shared: Handle) -> Handle {
        let Handle::Static(known) = shared else { return self.routed(shared) };
        // It is never let go of, so nothing else comes to stand there; and no table of names has such an id.
        let version = ptr::from_ref(known).addr() as u64;
        self.slot.get(version).unwrap_or_else(|| self.slot.keep(version, self.routed(shared)))
    }

    /// The way to a state for calls whose answers may be told of: this site is their route.
    fn routed(&'static self, shared: Handle) -> Handle {
        match self.answers {
            Answers::Unread => shared,
            answers => shared.routed(Digest::of_site(&self.function), answers == Answers::Read),
        }
    }

    fn found_by_name(&'static self, name: &str, names: &Names) -> Found {
        // The slot keeps the first name; another is looked up at each call.
        let known = self.slot.get(names.id()).filter(|known| ***known.name() == *name);
        by_name(match known.filter(|known| !known.is_closed()) {
            Some(known) => Ok(known),
            None => names.get(name).map(|found| self.routed(Handle::Counted(found))).inspect(|shared| {
                self.slot.keep(names.id(), shared.clone());
            }),
        })
    }

    fn look_up(&'static self, names: &Names) -> Result<Arc<Shared>, Error> {
        let declared = |rate| Declared::new(Limits::of(rate), None, Some(self.function));
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
            Ok(shared) => match shared.quick().and_then(|quick| quick.pass(1)) {
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
