//! Client-side rate limiting by one attribute: call other people's APIs as fast as they permit, and never faster.
//!
//! ```
//! use rate_limited::rate_limited;
//!
//! #[rate_limited(bucket = "kitsu", weight = 2, max_delay = "500ms")]
//! async fn search(text: &str) -> std::io::Result<String> {
//!     Ok(format!("your call for {text}, as it was"))
//! }
//! ```
//!
//! Each call takes two of what the bucket `kitsu` has. If they are there it starts at once; if not it sleeps in line,
//! up to half a second; if that is not enough it fails at once, with nothing taken, and an [`Error`] that says when to
//! [retry](Error::retry_after).
//!
//! It is not on a registry yet, so name a copy of it by its path, or its repository by `git = ".."`:
//!
//! ```toml
//! [dependencies]
//! rate-limited = { path = "../rate-limited" }
//! ```
//!
//! # Declaring limits
//!
//! A [`Rate`] is so much weight per time, and plain data. A plain rate is a sliding window: in *no* span of its length
//! is more than the amount started. With [`burst`](Rate::burst) it is a token bucket.
//!
//! A [`Bucket`] is a named set of rates. Where it stands is a matter of taste:
//!
//! ```
//! use rate_limited::{Bucket, Rate, Registry, rate_limited};
//!
//! // A static: cannot be misspelt.
//! static GITHUB: Bucket = Bucket::new("github", Rate::per_hour(5000)).and(Rate::per_second(10));
//!
//! #[rate_limited(bucket = GITHUB)]
//! fn issues() -> std::io::Result<u32> {
//!     Ok(7)
//! }
//!
//! // In place: this function's own.
//! #[rate_limited(rate = "5/s", max_delay = "forever")]
//! fn trending() -> std::io::Result<u32> {
//!     Ok(7)
//! }
//!
//! // By name, registered at start-up, say from a configuration file.
//! #[rate_limited(bucket = "weather")]
//! fn forecast() -> std::io::Result<u32> {
//!     Ok(7)
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rate: Rate = "1000/day".parse()?;
//! Registry::global().register(Bucket::named("weather", rate))?;
//! assert_eq!((issues()?, trending()?, forecast()?), (7, 7, 7));
//! # Ok(())
//! # }
//! ```
//!
//! Declarations of one name must agree. Only [`Registry::register`] replaces limits, and whoever declared others
//! before obeys; a declaration that comes *after* other limits were registered is an error. So let limits that come
//! from a file be named by call sites, not declared.
//!
//! A name that nobody registered is an error that names the nearest, never a silent default. Twelve public APIs are
//! there from the start: see [`presets`].
//!
//! Several rates at once, over all keys together, tiers, limits for each user and field: see [one call, several
//! limits](attribute::several_limits).
//!
//! # The attribute
//!
//! It has a page for each [parameter](attribute), for [functions](attribute::functions) of every form, and for each
//! [message](attribute::messages) of the compiler. In short: per user, and the weight by what is asked for:
//!
//! ```
//! use rate_limited::{Bucket, Rate, rate_limited};
//!
//! static MAIL: Bucket = Bucket::new("mail", Rate::per_minute(60)).total(Rate::per_minute(600));
//!
//! #[rate_limited(bucket = MAIL, key = user, weight = to.len(), max_delay = "2s")]
//! async fn send(user: &str, to: &[&str]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     Ok(())
//! }
//! ```
//!
//! Several values in one key, and a function that returns no `Result`:
//!
//! ```
//! use rate_limited::rate_limited;
//!
//! #[rate_limited(rate = "5/m", key = "{tenant}/{page}", on_limited = |_error| None)]
//! fn cached(tenant: &str, page: u32) -> Option<String> {
//!     Some(format!("page {page} of {tenant}"))
//! }
//!
//! for _ in 0..5 {
//!     assert!(cached("a", 1).is_some());
//! }
//! assert!(cached("a", 1).is_none());
//! assert!(cached("a", 2).is_some());
//! ```
//!
//! An error type of your own:
//!
//! ```
//! use rate_limited::rate_limited;
//!
//! #[derive(Debug)]
//! enum ApiError {
//!     Limited(rate_limited::Error),
//!     Http(u16),
//! }
//!
//! impl From<rate_limited::Error> for ApiError {
//!     fn from(error: rate_limited::Error) -> Self {
//!         ApiError::Limited(error)
//!     }
//! }
//!
//! #[rate_limited(bucket = "jikan")]
//! fn anime(id: u32) -> Result<u32, ApiError> {
//!     if id == 0 { Err(ApiError::Http(404)) } else { Ok(id) }
//! }
//!
//! assert_eq!(anime(1).unwrap(), 1);
//! ```
//!
//! With thiserror the conversion is one line, `Limited(#[from] rate_limited::Error)`. `std::io::Error`,
//! `anyhow::Error` and `Box<dyn std::error::Error + Send + Sync>` have it. An error type that is not yours, such as
//! `String`, is made by `on_limited = |error| Err(format!("{error:#}"))`: by `#` it also says why a shared store gave no
//! answer, which else is the error's source alone.
//!
//! # Waiting
//!
//! `max_delay` is the longest wait that a caller accepts; unless it is set, on the call or on the bucket, calls never
//! wait. It is judged before anything is taken: who cannot make it fails at once, not after having waited.
//!
//! All who wait on one bucket and [key](Request::key) stand in one line, threads and futures alike, first come, first
//! served. A future that is dropped leaves the line as if it had never come. Waiting works under every executor: the
//! default clock has a timer of its own.
//!
//! A sync function blocks its thread while it waits. That works inside an async runtime too, but takes one of its
//! threads: annotate the `async fn` there.
//!
//! # The guard
//!
//! Calls that start exactly at the edge of a window reach the server a little earlier or later, and it sees one too
//! many. So windows run a little longer than they are: by default the smaller of 20 ms and 2 %. In a token bucket it is
//! the last of a whole burst that waits for the guard, and is refused where nothing may wait. See [`Bucket::guard`].
//!
//! # What the server says
//!
//! Other processes and people may use up the same limit, and some limits only the server knows. Tell the bucket what was
//! [answered](Permit::observe), and it keeps to that as well: to what remains of the server's window until it ends, and,
//! after a rejection, to the time that the server wants to be left alone. Whoever waits or comes waits for that, too, or
//! is refused at once if it is longer than it may wait.
//!
//! ```
//! use rate_limited::feedback::Feedback;
//! use rate_limited::{Bucket, Rate, rate_limited};
//! use std::time::{Duration, SystemTime};
//! # struct Answer { status: u16, headers: Vec<(String, String)>, text: String }
//! # fn ask(path: &str) -> std::io::Result<Answer> {
//! #     let headers = vec![("Retry-After".to_owned(), "30".to_owned())];
//! #     Ok(Answer { status: if path == "/busy" { 429 } else { 200 }, headers, text: path.to_owned() })
//! # }
//!
//! static GITHUB: Bucket = Bucket::new("github", Rate::per_hour(5000));
//!
//! #[rate_limited(bucket = GITHUB, permit = permit)]
//! fn get(path: &str) -> std::io::Result<String> {
//!     let answer = ask(path)?;
//!     permit.observe(&Feedback::from_headers(answer.status, answer.headers, SystemTime::now()));
//!     if answer.status == 429 {
//!         return Err(std::io::Error::other("busy"));
//!     }
//!     Ok(answer.text)
//! }
//!
//! assert!(get("/busy").is_err());
//! // The server is not asked again for as long as it said.
//! let refused = get("/free").unwrap_err().downcast::<rate_limited::Error>()?;
//! assert!(refused.retry_after().unwrap() > Duration::from_secs(20));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! With the features `http` and `reqwest` it is `permit.observe(&response)`; for other answers implement
//! [`ServerFeedback`](feedback::ServerFeedback). A function that returns the answer itself, or an error that speaks for
//! it, needs only the word [`feedback`](attribute::feedback) in its attribute. [`Bucket::learned`] makes a bucket that
//! knows only what the server says. What says so in no answer at all is [`Bucket::pause`].
//!
//! What was said is of calls like that one: of the same function and key, until the server names the limit, and then of
//! all that share it; of everybody's where it says so.
//!
//! # Several processes
//!
//! Processes and machines that call the same API share one limit over a [`store`]: one bucket's states are
//! then in one place, for all who have a bucket of that name and the same store.
//!
//! ```
//! use rate_limited::store::MemoryStore;
//! use rate_limited::{Bucket, Rate, rate_limited};
//! use std::sync::LazyLock;
//!
//! // In place of an SQLite file (feature `sqlite`) or a Redis server (feature `redis`).
//! static API: LazyLock<Bucket> =
//!     LazyLock::new(|| Bucket::named("api", Rate::per_second(10)).store(MemoryStore::default()));
//!
//! #[rate_limited(bucket = API, max_delay = "5s")]
//! fn search(text: &str) -> std::io::Result<usize> {
//!     Ok(text.len())
//! }
//! # assert_eq!(search("seven")?, 5);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Over a Redis server, for all the machines that reach it, and by this process alone with a quarter of the limit while
//! nobody does:
//!
//! ```no_run
//! # #[cfg(feature = "redis")]
//! # mod over_redis {
//! use rate_limited::store::{OnOutage, RedisStore};
//! use rate_limited::{Bucket, Rate, rate_limited};
//! use std::sync::LazyLock;
//!
//! static API: LazyLock<Bucket> = LazyLock::new(|| {
//!     // Not connected to before the first call: the program starts without it.
//!     let store = RedisStore::connect("redis://limits.internal:6379").expect("the URL of a server");
//!     let api = Bucket::named("api", Rate::per_second(10)).store(store);
//!     api.on_outage(OnOutage::Local { share: 0.25 })
//! });
//!
//! #[rate_limited(bucket = API, max_delay = "5s")]
//! async fn search(text: &str) -> std::io::Result<usize> {
//!     Ok(text.len())
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! [`Bucket::store`] tells what holds across processes and what of one alone, [`Bucket::on_outage`] what to do while a
//! store does not answer, [`Bucket::generation`] how limits are changed while several versions of a program run.
//!
//! # Events
//!
//! With the feature `tracing` buckets tell subscribers how they decided wherever a call was not granted at once, and what
//! became known of limits. Of a call that is granted at once nothing is told, and nobody is asked whether to.
//!
//! The target of all of them is `rate_limited`. `bucket` is the name. What ends in `_ms` is in whole milliseconds, rounded
//! up; a field is not there where nothing is known.
//!
//! | name | level | when | fields beside `bucket` |
//! |---|---|---|---|
//! | `refused` | DEBUG | a call gets an error of a bucket's | `kind`, `scope`, `rate`, `weight`, `retry_after_ms`, `allowed_ms`, `site`: see [`Error`] |
//! | `waits` | DEBUG | a call waits in line | `weight`; `expected_ms`, where its allowance ends |
//! | `started` | DEBUG | a call starts that has waited | `weight`, `waited_ms` |
//! | `left` | DEBUG | a future that waits is dropped | `weight`, `waited_ms` |
//! | `learned` | DEBUG | a limit of the server's is known, or is higher than it was | `limit`, `before`, `remaining`, `reset_ms` |
//! | `shrunk` | WARN | a limit of the server's is lower than it was | `limit`, `before`, `remaining`, `reset_ms` |
//! | `remapped` | DEBUG | the server gives a route's limit a name, or another one | `is_first` |
//! | `paused` | WARN | the server asks to be left alone, by everybody or by one key's calls | `by` (`server`), `scope` (`bucket`, `key`), `for_ms` |
//! | `paused` | INFO | by [`Bucket::pause`] | `by` (`caller`), `scope` (`bucket`), `for_ms` |
//! | `closed` | WARN; DEBUG if nobody waited | the bucket is closed | `waiting` |
//! | `store_away` | WARN | the bucket's store does not answer any more, or refuses calls | `failure`: what the store said last |
//! | `store_back` | INFO | it answers again | |
//! | `limits_differ` | WARN | somebody else keeps other limits of the same [generation](Bucket::generation) in the store; told once | |
//!
//! Keys are never told, as they name people; nor are routes and the names that a server gives its limits, which may hold
//! keys. The stores of this crate say nothing of keys or passwords when they fail; what one of your own says is told as it
//! is.
//!
//! Subscribers are told without a lock, after those were woken who have to be. They may call buckets, of which nothing is
//! told. One that panics reaches whoever did what it is told of, when everybody else was served; a call that was to start
//! then has ended.
//!
//! # Testing
//!
//! A [`ManualClock`](clock::ManualClock) stands still until it is moved, so that tests of an hour take no time:
//!
//! ```
//! use rate_limited::clock::ManualClock;
//! use rate_limited::{Bucket, Rate, Registry, rate_limited};
//! use std::time::Duration;
//!
//! struct Client {
//!     limits: Registry,
//! }
//!
//! impl Client {
//!     #[rate_limited(bucket = "api", registry = self.limits)]
//!     fn call(&self) -> Result<u32, rate_limited::Error> {
//!         Ok(7)
//!     }
//! }
//!
//! # fn main() -> Result<(), rate_limited::Error> {
//! let clock = ManualClock::new();
//! let limits = Registry::builder().clock(clock.clone()).build();
//! limits.register(Bucket::named("api", Rate::per_hour(1)).guard(Duration::ZERO))?;
//! let client = Client { limits };
//!
//! assert_eq!(client.call()?, 7);
//! let refused = client.call().unwrap_err();
//! clock.advance(refused.retry_after().unwrap());
//! assert_eq!(client.call()?, 7);
//! # Ok(())
//! # }
//! ```
//!
//! Windows are closed: a start exactly one window old still counts, so the next of `1/s` is due one second *and one
//! nanosecond* after the last. Ask [`retry_after`](Error::retry_after) rather than reckon.
//!
//! How to test callers that wait, threads and tasks, is said at
//! [`ManualClock`](clock::ManualClock#a-caller-that-waits).
//!
//! # Features
//!
//! - `tokio` (default): [`clock::TokioClock`], which follows tokio's paused time. Waiting under tokio needs no feature;
//!   without it (`default-features = false`) the crate does not depend on tokio.
//! - `http`, `reqwest`: [`feedback::ServerFeedback`] for the answers of these crates.
//! - `sqlite`: `store::SqliteStore`, one limit for the processes of one machine, kept in a file.
//! - `redis`: `store::RedisStore`, one limit for many machines, kept in a Redis server; `redis-tls` for those reached by TLS.
//! - `tracing`: [events](#events).
//! - `test-util`: `policy::conformance`, which tests a [policy](policy::Policy) of your own, and `store::conformance`, which
//!   tests a [store](store::Store).

pub use ratelimit_core::{Bucket, Error, ErrorKind, Outlook, Pace, Permit, Rate, Registry, Request};
pub use ratelimit_core::{ErrorScope, RateOutlook, RegistryBuilder};

/// Makes a function wait for its turn before it starts.
///
/// ```
/// use rate_limited::rate_limited;
///
/// #[rate_limited(bucket = "kitsu", weight = 2, max_delay = "500ms")]
/// async fn search(text: &str) -> std::io::Result<String> {
///     Ok(format!("your call for {text}, as it was"))
/// }
/// ```
///
/// There is a page for each [parameter](attribute), for [functions](attribute::functions) of every form, for the
/// [order](attribute::order) of evaluation, and for each [message](attribute::messages) of the compiler.
#[doc(inline)]
pub use ratelimit_macros::rate_limited;

#[cfg(any(doc, doctest))]
pub mod attribute;

pub mod clock {
    //! Now, and sleeping: the system's clock, tokio's, one that is moved by hand, or your own.

    #[cfg(feature = "tokio")]
    pub use ratelimit_core::clock::TokioClock;
    pub use ratelimit_core::clock::{Clock, ManualClock, Sleep, SystemClock, Timestamp};
}

pub mod feedback {
    //! What a server's answer says about its limits.
    //!
    //! Beside the limits that a bucket declares there are those that a server tells: what remains, when it is reset, how
    //! long to keep away. [`Feedback`] reads them off an answer's headers. An annotated function that returns the answer
    //! tells its bucket by the parameter [`feedback`](crate::attribute::feedback), one that makes something of it by its
    //! [`permit`](crate::attribute::permit#what-the-server-said).

    pub use ratelimit_core::feedback::{Feedback, Scope, ServerFeedback};
}

pub mod policy {
    //! The algorithms behind rates, as pure state machines, and the trait for one of your own.
    //!
    //! A rate brings its policy along. Who needs another algorithm implements [`Policy`], whose laws stand on it one
    //! by one, lets the conformance kit, `policy::conformance` (feature `test-util`), look for a schedule that breaks
    //! one, and has a bucket run it: [`Bucket::with_policy`](crate::Bucket::with_policy).
    //!
    //! ```
    //! use rate_limited::policy::LeakyBucket;
    //! use rate_limited::{Bucket, Rate};
    //!
    //! // Whatever the leaky bucket makes of it, never more than 100 an hour.
    //! let bucket = Bucket::with_policy("api", LeakyBucket::new(10.0, 2.0)).and(Rate::per_hour(100));
    //! let permit = bucket.request().key("ann").acquire()?;
    //! # drop(permit);
    //! # Ok::<(), rate_limited::Error>(())
    //! ```

    #[cfg(feature = "test-util")]
    pub use ratelimit_core::policy::conformance;
    pub use ratelimit_core::policy::{Earliest, FillLevel, LeakyBucket, Outcome, Policy};
}

pub mod store {
    //! Where states live that several processes share.
    //!
    //! A bucket keeps its states in this process's memory unless it is given a [`Store`]: by
    //! [`Bucket::store`](crate::Bucket::store), or for all buckets of a registry by
    //! [`RegistryBuilder::store`](crate::RegistryBuilder::store). Then all who have the same share one limit, and who
    //! waits has a time reserved there.
    //!
    //! [`OnOutage`] says what each verb does while a store is away, and [`Error`](crate::Error#what-it-says) what a store
    //! failed with, and what would help.
    //!
    //! [`Store`] says what a store must do, and what it may rely on; the conformance kit, `store::conformance` (feature
    //! `test-util`), tests one of your own.

    #[cfg(feature = "sqlite")]
    pub use ratelimit_core::store::SqliteStore;
    #[cfg(feature = "test-util")]
    pub use ratelimit_core::store::conformance;
    pub use ratelimit_core::store::{
        Answer, Ask, Entry, Failure, Judged, MemoryStore, OnOutage, Store, Written,
    };
    #[cfg(feature = "redis")]
    pub use ratelimit_core::store::{RedisStore, redis};
}

pub use ratelimit_core::presets;

/// What the attribute's expansion names; anything in it may change at any time.
#[doc(hidden)]
pub mod __private {
    pub use core::option::Option::{None, Some};
    pub use core::result::Result::{Err, Ok};
    pub use ratelimit_core::site::{
        Acquire, AcquireWith, AsKey, BucketRef, Call, FromLimited, Given, MaxDelay, Site, ToBucket, Weight,
        apply, key, max_delay, observe, observe_by, weight,
    };
    pub use ratelimit_core::{Error, Permit, Rate};
}

/// The code of the README, as tests; some of it needs a store's feature.
#[cfg(all(doctest, feature = "sqlite", feature = "redis"))]
#[doc = include_str!("../README.md")]
struct Readme;
