//! The conformance kit: plays on a [`Store`] and looks for a promise that it does not keep.
//!
//! Every promise that stands on [`Store`] is tested through two and more handles, as several processes would have them,
//! and so is every verb and every kind of limits. It runs in the store's own time, for some seconds, and asks for nothing
//! that a slow machine could not do: where time matters, it is the store's as it tells it. What happens only where a
//! connection breaks or a machine stops it cannot see; that wants tests of one's own.
//!
//! Names begin anew with each run, so that one store serves many, and what is left there goes by itself within two hours
//! or, of what counts by the day, two days.
//!
//! # Examples
//!
//! ```
//! use rate_limited::store::{MemoryStore, conformance};
//! use std::sync::Arc;
//!
//! let store = Arc::new(MemoryStore::default());
//! let played = conformance::Kit::new().run(|| Arc::clone(&store));
//! assert!(played.asks > 1_000);
//! ```

mod judged;
mod kept;
mod lab;
mod lost;
mod names;
mod order;
mod own;
mod samples;
#[cfg(test)]
mod tests;
mod time;
mod together;
mod twin;
mod verbs;
mod windows;

use std::fmt;
use std::sync::Arc;

use super::Store;
use lab::{Found, Lab};
#[cfg(test)]
pub(crate) use own::allotment;
pub use samples::{judges, samples};

/// A promise of [`Store`], in the order in which they stand there, and what comes before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Promise {
    /// The store answers at all, without which none of them can be looked at.
    Answers,
    /// Nobody else writes between the reading and the writing of an ask; all that it writes is there, or nothing is.
    OneAtATime,
    /// The time is the same for all who share the store.
    OneTime,
    /// Asks of one call are played in their order, and answered in it.
    InOrder,
    /// A state stays for at least as long as it says.
    KeptAsSaid,
    /// What may have been played is not played again.
    NothingTwice,
    /// A call returns within the time that it is given.
    NoLonger,
    /// An ask comes to what it is judged to come to, by the states of its own entries and no others.
    AsJudged,
}

impl Promise {
    /// The promise in a few words, with its number if it has one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Promise::Answers => "it answers",
            Promise::OneAtATime => "promise 1, one at a time",
            Promise::OneTime => "promise 2, one time for all",
            Promise::InOrder => "promise 3, in order",
            Promise::KeptAsSaid => "promise 4, kept as long as said",
            Promise::NothingTwice => "promise 5, nothing twice",
            Promise::NoLonger => "promise 6, no longer than it is given",
            Promise::AsJudged => "promise 7, as it is judged",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was played, so that a test can see to it that nothing was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Played {
    /// Tests.
    pub tests: u64,
    /// Handles of the store that were opened.
    pub handles: u64,
    /// Asks, each of which is about one entry or two.
    pub asks: u64,
}

/// A promise that is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    promise: Promise,
    test: &'static str,
    said: String,
}

impl Broken {
    /// The promise that is not kept; [`Answers`](Promise::Answers) where nothing was tested, as where no server runs.
    #[must_use]
    pub fn promise(&self) -> Promise {
        self.promise
    }

    /// The test that found it.
    #[must_use]
    pub fn test(&self) -> &str {
        self.test
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.promise == Promise::Answers {
            return f.write_str(&self.said);
        }
        write!(f, "{}: {} (test `{}`)", self.promise, self.said, self.test)
    }
}

impl std::error::Error for Broken {}

type Test = (&'static str, fn(&Lab<'_>) -> Found);

/// What comes before all of them.
const REACHED: &str = "the store is reached";

/// In this order: each relies on nothing but what those before have shown.
const TESTS: [Test; 24] = [
    ("calls end in time", time::calls_end_in_time),
    ("what was given too little time is played once at most", together::nothing_is_played_twice),
    ("two handles tell one time", time::two_handles_tell_one_time),
    ("time passes", time::time_passes),
    ("asks of one call are played in their order", order::asks_of_one_call),
    ("two hundred asks in one call", order::many_asks_in_one_call),
    ("what one has written the next reads", order::call_by_call),
    ("threads race for each kind of limits", together::threads_race),
    ("a key and the total are taken together", together::a_key_and_the_total),
    ("nothing is forgotten in its window", kept::in_its_window),
    ("a state is kept for as long as it says", kept::as_long_as_it_says),
    ("what counts for years is kept", kept::for_years),
    ("each verb", verbs::each_verb),
    ("each kind of limits", verbs::each_kind),
    ("reserved starts", verbs::reserved_starts),
    ("odd and long names", names::odd_and_long),
    ("a policy of the user's own", own::saved_and_loaded),
    ("a policy that cannot be saved", own::not_saved),
    ("a state that cannot be read", own::unreadable),
    ("what is lost and put back", lost::lost_and_put_back),
    ("what the server says remains", windows::what_remains),
    ("pauses that the server asks for", windows::pauses),
    ("names that the server gives its limits", windows::names),
    ("many asks against the judging itself", judged::many_asks),
];

/// Tests stores.
///
/// # Examples
///
/// Of a store that is shared by its address, each call of the closure opens it as another process would:
///
/// ```no_run
/// # use rate_limited::store::{Answer, Ask, Failure, Store, conformance};
/// # use std::time::Duration;
/// # #[derive(Debug)]
/// # struct MyStore;
/// # impl MyStore { fn open(_: &str) -> Self { MyStore } }
/// # impl Store for MyStore {
/// #     fn play(&self, asks: &[Ask], _: Duration) -> Vec<Result<Answer, Failure>> { Vec::new() }
/// # }
/// if let Err(broken) = conformance::Kit::new().find(|| MyStore::open("db.example.org")) {
///     panic!("{:?}: {broken}", broken.promise());
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Kit(());

impl Kit {
    /// All tests.
    #[must_use]
    pub fn new() -> Self {
        Kit(())
    }

    /// Tests the store that `open` gives a handle of, another one each time.
    ///
    /// # Panics
    ///
    /// If a promise is not kept: the message names the promise, what was seen, and the test. And if nothing is answered at
    /// all, as where no server runs: the message says that alone.
    pub fn run<S: Store>(self, open: impl Fn() -> S) -> Played {
        match self.find(open) {
            Ok(played) => played,
            #[expect(clippy::panic, reason = "a test's assertion")]
            Err(broken) => panic!("{broken}"),
        }
    }

    /// As [`run`](Self::run), and gives back the first promise that is not kept.
    ///
    /// # Errors
    ///
    /// If one is not.
    pub fn find<S: Store>(self, open: impl Fn() -> S) -> Result<Played, Broken> {
        let open = || -> Arc<dyn Store> { Arc::new(open()) };
        let lab = Lab::new(&open);
        let away = |said| Broken { promise: Promise::Answers, test: REACHED, said };
        time::reached(&lab).map_err(away)?;
        for (test, run) in TESTS {
            run(&lab).map_err(|(promise, said)| Broken { promise, test, said })?;
        }
        Ok(Played { tests: TESTS.len() as u64, ..lab.played() })
    }
}
