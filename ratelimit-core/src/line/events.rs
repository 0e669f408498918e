//! What a bucket tells by `tracing`, where the feature of that name is on: how each call was decided that was not granted
//! at once, and what became known of the limits.
//!
//! A subscriber is foreign code. So what happens under the lock is noted among the [effects](super::effects) and told
//! after it, when those were woken who have to be; a refusal is told where its error is made, where no lock is held
//! either. What a subscriber does itself while it is told is told to nobody: one that limits its own rate would never
//! come to an end.
//!
//! Neither keys nor the server's own names for its limits are told, as they name people, and routes are digests here.
//! Without the feature there is nothing of all this but names.

use std::time::Duration;

use crate::error::{BucketName, Error, Failure};

/// What happened to a bucket or to one of its calls. Spans are nanoseconds.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody is told"))]
pub(super) enum Event {
    /// A call waits; for how long, if that had to be found out.
    Waits { weight: u32, expected: Option<u64> },
    /// A call starts that has waited.
    Started { weight: u32, waited: u64 },
    /// Somebody gave up waiting.
    Left { weight: u32, waited: u64 },
    /// A window of the server's is known, or its limit is another one than before.
    Learned { limit: Option<u64>, before: Option<u64>, remaining: Option<u64>, reset_after: Option<Duration> },
    /// The server gave a route's limit a name, or another one.
    Remapped { is_first: bool },
    /// Nobody starts for so long, or nobody who shares a key and one of the server's windows.
    Paused { span: u64, by_server: bool, is_whole: bool },
    /// So many were waiting.
    Closed { waiting: usize },
    /// The bucket's store does not answer any more, or refuses to, as it failed so last.
    StoreAway { failure: Option<Failure> },
    /// It answers again.
    StoreBack,
    /// Somebody else has other limits of the same generation.
    LimitsDiffer,
}

#[cfg(feature = "tracing")]
pub(crate) use on::tell_refused;
#[cfg(feature = "tracing")]
pub(super) use on::{Notes, Told};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::tell_refused;
#[cfg(not(feature = "tracing"))]
pub(super) use off::{Notes, Told};

#[cfg(feature = "tracing")]
mod on {
    use std::cell::Cell;

    use tracing::level_filters::LevelFilter;
    use tracing::{Level, event};

    use super::{BucketName, Duration, Error, Event};
    use crate::error::ErrorScope;
    use crate::sync::thread_local;
    use crate::time::nanos;

    const TARGET: &str = "rate_limited";

    thread_local! {
        /// Whether a subscriber of this thread is being told something.
        static IS_TELLING: Cell<bool> = const { Cell::new(false) };
    }

    /// A thread that is ending is told nothing any more.
    fn is_telling() -> bool {
        IS_TELLING.try_with(Cell::get).unwrap_or(true)
    }

    /// Lasts while a subscriber is told something, also one that panics.
    struct Telling;

    impl Telling {
        fn begin() -> Self {
            let _ = IS_TELLING.try_with(|telling| telling.set(true));
            Telling
        }
    }

    impl Drop for Telling {
        fn drop(&mut self) {
            let _ = IS_TELLING.try_with(|telling| telling.set(false));
        }
    }

    /// What is to be told once the lock is released.
    #[derive(Debug, Default)]
    pub(in crate::line) struct Notes(Vec<Event>);

    impl Notes {
        /// Takes note of an event, if anybody listens to anything; whether anybody does is a number of `tracing`'s.
        pub(in crate::line) fn note(&mut self, event: impl FnOnce() -> Event) {
            if LevelFilter::current() != LevelFilter::OFF && !is_telling() {
                self.0.push(event());
            }
        }

        pub(in crate::line) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(in crate::line) fn of(self, bucket: &BucketName) -> impl Iterator<Item = Told> {
            self.0.into_iter().map(|event| Told { bucket: BucketName::clone(bucket), event })
        }
    }

    /// What is told of a bucket.
    #[derive(Debug)]
    pub(in crate::line) struct Told {
        bucket: BucketName,
        event: Event,
    }

    impl Told {
        /// Runs foreign code.
        pub(in crate::line) fn tell(self) {
            let _telling = Telling::begin();
            let Told { bucket, event } = self;
            let bucket: &str = &bucket;
            match event {
                Event::Waits { weight, expected } => {
                    let expected_ms = expected.map(millis);
                    event!(name: "waits", target: TARGET, Level::DEBUG, bucket, weight, expected_ms, "call waits");
                }
                Event::Started { weight, waited } => {
                    let waited_ms = millis(waited);
                    event!(name: "started", target: TARGET, Level::DEBUG, bucket, weight, waited_ms, "call started");
                }
                Event::Left { weight, waited } => {
                    let waited_ms = millis(waited);
                    event!(name: "left", target: TARGET, Level::DEBUG, bucket, weight, waited_ms, "call given up");
                }
                Event::Learned { limit, before, remaining, reset_after } => {
                    let reset_ms = reset_after.map(whole);
                    tell_limit(bucket, (limit, before), remaining, reset_ms);
                }
                Event::Remapped { is_first } => {
                    event!(name: "remapped", target: TARGET, Level::DEBUG, bucket, is_first, "route has a new limit");
                }
                Event::Paused { span, by_server, is_whole } => {
                    tell_pause(bucket, millis(span), by_server, is_whole);
                }
                Event::Closed { waiting: 0 } => {
                    event!(name: "closed", target: TARGET, Level::DEBUG, bucket, waiting = 0, "bucket closed");
                }
                Event::Closed { waiting } => {
                    event!(name: "closed", target: TARGET, Level::WARN, bucket, waiting, "bucket closed");
                }
                Event::StoreAway { failure } => {
                    let failure = failure.as_ref().map(tracing::field::display);
                    event!(name: "store_away", target: TARGET, Level::WARN, bucket, failure, "store is away");
                }
                Event::StoreBack => {
                    event!(name: "store_back", target: TARGET, Level::INFO, bucket, "store answers again");
                }
                Event::LimitsDiffer => {
                    event!(name: "limits_differ", target: TARGET, Level::WARN, bucket, "store has other limits");
                }
            }
        }
    }

    fn tell_limit(
        bucket: &str,
        (limit, before): (Option<u64>, Option<u64>),
        remaining: Option<u64>,
        reset_ms: Option<u64>,
    ) {
        if limit.is_some() && limit < before {
            event!(
                name: "shrunk", target: TARGET, Level::WARN,
                bucket, limit, before, remaining, reset_ms, "limit shrunk"
            );
        } else {
            event!(
                name: "learned", target: TARGET, Level::DEBUG,
                bucket, limit, before, remaining, reset_ms, "limit learned"
            );
        }
    }

    fn tell_pause(bucket: &str, for_ms: u64, by_server: bool, is_whole: bool) {
        let scope = if is_whole { "bucket" } else { "key" };
        if by_server {
            event!(
                name: "paused", target: TARGET, Level::WARN,
                bucket, by = "server", scope, for_ms, "paused by the server"
            );
        } else {
            event!(name: "paused", target: TARGET, Level::INFO, bucket, by = "caller", scope, for_ms, "paused");
        }
    }

    /// Tells of a call that was refused; no lock is held.
    pub(crate) fn tell_refused(error: &Error) {
        if LevelFilter::current() < LevelFilter::DEBUG || is_telling() {
            return;
        }
        let _telling = Telling::begin();
        event!(
            name: "refused",
            target: TARGET,
            Level::DEBUG,
            bucket = error.bucket(),
            kind = error.kind().as_str(),
            scope = error.scope().map(ErrorScope::as_str),
            weight = error.weight(),
            rate = error.rate().map(tracing::field::display),
            retry_after_ms = error.retry_after().map(whole),
            allowed_ms = error.max_delay().filter(|allowed| *allowed < Duration::MAX).map(whole),
            site = error.site(),
            "call refused"
        );
    }

    fn whole(span: Duration) -> u64 {
        millis(nanos(span))
    }

    /// Rounded up, so that nothing looks as if it took no time, and nobody comes too early.
    fn millis(nanos: u64) -> u64 {
        nanos.div_ceil(1_000_000)
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use super::{BucketName, Error, Event};

    #[derive(Debug, Default)]
    pub(in crate::line) struct Notes;

    #[expect(clippy::unused_self, reason = "as where somebody is told")]
    impl Notes {
        #[inline]
        pub(in crate::line) fn note(&mut self, _event: impl FnOnce() -> Event) {}

        #[inline]
        pub(in crate::line) fn is_empty(&self) -> bool {
            true
        }

        #[inline]
        pub(in crate::line) fn of(self, _bucket: &BucketName) -> impl Iterator<Item = Told> {
            std::iter::empty()
        }
    }

    #[derive(Debug)]
    pub(in crate::line) enum Told {}

    impl Told {
        pub(in crate::line) fn tell(self) {
            match self {}
        }
    }

    #[inline]
    pub(crate) fn tell_refused(_error: &Error) {}
}
