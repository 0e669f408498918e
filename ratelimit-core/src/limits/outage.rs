//! What to do while a store does not answer.

/// What a bucket does while its [store](crate::Bucket::store) does not answer.
///
/// | | what happens | by how much the limit may be exceeded |
/// |---|---|---|
/// | [`Deny`](OnOutage::Deny) | calls fail with [`ErrorKind::Store`](crate::ErrorKind::Store) | not at all |
/// | [`Local`](OnOutage::Local) | this process keeps to its share of the limit by itself | where all shares are together at most the whole, in the first window by what others had started beyond theirs, then by nothing; else by as much as they are more |
/// | [`Allow`](OnOutage::Allow) | calls start | without bound |
///
/// What was started meanwhile is told to the store once it answers again, before it is asked anything else, and counts from
/// then on; with many keys, or a slow store, calls may fail with [`ErrorKind::Store`](crate::ErrorKind::Store) while that
/// takes. Where the store's reply to it is lost it is told again, and may count twice. A reservation that was made before
/// holds.
///
/// A store that is away is asked again within a tenth of a second at first, and twice a second at the least, by the next
/// call: until then calls are answered as above without a trip. Where the store comes back without what it knew, that is
/// [put back](crate::Bucket::store), and one further amount may start beside these.
///
/// A store that [refuses calls](crate::Error#what-it-says) counts as one that does not answer. A bucket without a store, its
/// own or its registry's, has no outages: nothing depends on what it says here.
///
/// # While it is away
///
/// | | `Deny` | `Local` | `Allow` |
/// |---|---|---|---|
/// | [`try_acquire`](crate::Bucket::try_acquire), [`acquire`](crate::Bucket::acquire), [`acquire_async`](crate::Bucket::acquire_async) | fail at once, whatever their allowance | start, wait or are refused by the share | start at once |
/// | [`charge`](crate::Bucket::charge) | fails | counts | counts |
/// | [`peek`](crate::Bucket::peek) | fails | tells the share | fails |
/// | [`reset`](crate::Bucket::reset), of a [key](crate::Request::reset), too | fails | fails | fails |
/// | [`refund`](crate::Permit::refund), [`correct`](crate::Permit::correct) to less | is lost: what was taken stays spent | counts in the share; of what the store was not told yet it is told so much less, and what it knows of stays spent there | is lost |
/// | [`correct`](crate::Permit::correct) to more | is lost: it does not count | counts | counts |
/// | [`observe`](crate::Permit::observe), without a [permit](crate::Request::observe), too | the store is told when it is back | this process keeps to it, and the store is told when it is back | the same |
/// | [`pause`](crate::Bucket::pause), [`close`](crate::Bucket::close) | as ever, as they are of the process | as ever | as ever |
///
/// What counts is told to the store when it is back. "Fails" is with [`ErrorKind::Store`](crate::ErrorKind::Store), and at
/// the first failures after as long as a trip may take.
///
/// What time it is in the store a process knows within as long as the last answer took, and its own windows are as much
/// longer. A share is rounded down, but is at least 1: of 2/s four processes of a quarter each start four in a second.
///
/// # Examples
///
/// Four processes, of which each may go on with a quarter:
///
/// ```
/// use rate_limited::store::{MemoryStore, OnOutage};
/// use rate_limited::{Bucket, Rate};
///
/// let bucket = Bucket::named("api", Rate::per_second(100))
///     .store(MemoryStore::default())
///     .on_outage(OnOutage::Local { share: 0.25 });
/// # assert!(bucket.try_acquire().is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum OnOutage {
    /// Calls fail, with what the store failed with as their error's source.
    #[default]
    Deny,
    /// This process goes on by itself, with that part of each amount, rounded down but at least 1, counting what it started
    /// before.
    ///
    /// Calls that only the whole limit has room for fail with the store's failure, and so do those of a bucket that knows
    /// no limits but what the server says.
    Local {
        /// Above 0, at most 1: usually one by the number of processes.
        share: f64,
    },
    /// Calls start as if there were no limit.
    Allow,
}
