//! States in a store that other processes share.

use super::Bucket;
use crate::store::{OnOutage, Store, StoreHandle};

impl Bucket {
    /// Keeps its states in `store`, for all processes that use a bucket of this name over the same store.
    ///
    /// What was started is counted there, and who has to wait has a time reserved there: order holds between processes, and
    /// a call is one trip to the store. Callers of one process form one line, as ever. Starts, waits and limits are in
    /// the store's time, to the microsecond, so that no process's own clock matters.
    ///
    /// `try_acquire`, `peek` and `charge` block for one trip: async code takes
    /// [`acquire_async`](Bucket::acquire_async) with an allowance of zero instead. A trip is no waiting, and no call takes
    /// longer than its allowance and one trip's [time](Store::timeout). A [reset](Bucket::reset) blocks as well: it asks for
    /// each of its keys, and for each of their windows that were learned, 256 in a trip. What is given back, by a refund, a
    /// correction or by who stops waiting, is told to the store as soon as may be.
    ///
    /// So is what calls come to be corrected by, and what the server's answers say: a process that ends at once takes it along,
    /// and a [`peek`](Bucket::peek) before that waits until all of it is told:
    ///
    /// ```
    /// use rate_limited::store::MemoryStore;
    /// use rate_limited::{Bucket, Error, Rate};
    ///
    /// fn main() -> Result<(), Error> {
    ///     let api = Bucket::named("api", Rate::per_second(10)).store(MemoryStore::default());
    ///     let permit = api.try_acquire()?;
    ///     // .. the call, which was not made after all ..
    ///     permit.refund();
    ///     api.peek()?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// A reserved start that cannot be made within the [guard](Bucket::guard) is given back and asked for anew. With a
    /// guard under 5 ms nothing is reserved: who waits asks again when its time comes, and order between processes is not
    /// kept.
    ///
    /// A [fixed](crate::Rate::fixed) window is the store's, and opens with a start there. The server's opens with the first
    /// call that arrives: so a call that starts within two guards of a window's end may arrive in the server's next one, and
    /// where the process ended whose start has opened a window, the server's may be another. Sliding windows and token
    /// buckets have no such edges.
    ///
    /// What the server's answers say ([`Permit::observe`](crate::Permit::observe)) is known to all who ask for it: how much
    /// remains of its windows, and how long it wants to be left alone. A bucket that is [learned](Bucket::learned) asks
    /// with its first call. One of declared rates does so in each process from its first call with a
    /// [route](crate::Request::route) or of a function whose attribute has `feedback`, or from the first answer that it
    /// observes: until then it heeds its rates alone, also during a pause that others were told of. Calls of a process that
    /// ended without a word count as lost within a minute. Who waits in a process for one window of a key may hold up there
    /// who came later for another of that key.
    ///
    /// [`pause`](Bucket::pause), [`close`](Bucket::close), [`in_flight`](Bucket::in_flight) and
    /// [`max_waiting`](Bucket::max_waiting) are of this process, and so is the pace, which has its calls take twice their
    /// weight. A reset is of the calls without a key, of all keys together, and of the keys that this process has used of
    /// late. Starts that other processes have reserved by then can still be made, and count no more. What was started before
    /// a bucket got its store is not known there, and a bucket that is registered without its store begins as fresh.
    ///
    /// Where the store has lost what it knew, each process puts back what it has started itself, with its next call of that
    /// key: until all have, at most one further amount may start. Where it has an older state in place of none, as a replica
    /// that has taken over from its master, who asks first does so, and of what others started last nothing is put back.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::store::MemoryStore;
    /// use rate_limited::{Bucket, Rate};
    /// use std::sync::{Arc, LazyLock};
    ///
    /// static STORE: LazyLock<Arc<MemoryStore>> = LazyLock::new(Arc::default);
    /// static API: LazyLock<Bucket> =
    ///     LazyLock::new(|| Bucket::named("api", Rate::per_second(10)).store(Arc::clone(&STORE)));
    ///
    /// assert!(API.try_acquire().is_ok());
    /// ```
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(StoreHandle::new(store));
        self.version += 1;
        self
    }

    /// What to do while the [store](Bucket::store) does not answer; unless set, calls
    /// [fail](OnOutage::Deny). Without a store, its own or its [registry's](crate::Registry::builder), there is nothing to do:
    /// then it means nothing, so that one declaration serves with and without, as in tests.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::store::{MemoryStore, OnOutage};
    /// use rate_limited::{Bucket, Rate, Registry};
    ///
    /// let api = || Bucket::named("api", Rate::per_second(10)).on_outage(OnOutage::Local { share: 0.25 });
    /// let shared = Registry::builder().store(MemoryStore::default()).build();
    /// assert!(shared.register(api())?.try_acquire().is_ok());
    /// // By itself it is a bucket in this process's memory.
    /// assert!(Registry::new().register(api())?.try_acquire().is_ok());
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    #[must_use]
    pub const fn on_outage(mut self, on_outage: OnOutage) -> Self {
        self.limits.set_on_outage(on_outage);
        self.version += 1;
        self
    }

    /// Which generation of its limits this is, by default 0: of versions of a program that run at once over one
    /// [store](Bucket::store), the limits of the highest generation hold for all.
    ///
    /// Of equal generations each keeps to its own limits, and counts what the others start, as far as the others' limits
    /// remember it: what is to be counted for longer than before needs a higher generation. That such others are there is
    /// told as an event, and each call of theirs and of this program's takes several trips. Without a store, where nobody
    /// else is, it means nothing.
    #[must_use]
    pub const fn generation(mut self, generation: u32) -> Self {
        self.limits.set_generation(generation);
        self.version += 1;
        self
    }
}
