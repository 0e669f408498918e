//! Buckets that learn their limits from what the server says.

use std::time::Duration;

use super::{Bucket, Name};
use crate::limits::Limits;

impl Bucket {
    /// A bucket for a `static` that has no rates of its own and keeps to what the server says.
    ///
    /// While nothing is known of a window one call is sent, and those behind it wait for its answer, whatever that says;
    /// if it never comes, the next is sent. What the answers say is told by [`Permit::observe`](crate::Permit::observe):
    /// how much remains of the server's window, when it ends, whether the call was rejected and for how long to keep
    /// away. A call that is sent counts until its answer is heard of, and one whose permit is dropped unheard is
    /// charged to the window it was sent in. A window is told apart by the key, and by the
    /// [name](Bucket::server_names) that the server gives its limit or else by the
    /// [route](crate::Request::route).
    ///
    /// Rates can be [added](Bucket::and): a call starts when they and the server let it. A bucket that was made with
    /// rates learns as well, from the first call with a route or the first answer that is observed, and starts under its
    /// rates instead of by one call. A rate is never raised by what a server says.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::Bucket;
    /// use rate_limited::feedback::Feedback;
    /// use std::time::Duration;
    ///
    /// static DISCORD: Bucket = Bucket::learned("discord");
    ///
    /// let permit = DISCORD.request().key("channel 42").acquire()?;
    /// // .. the call; its answer has these headers ..
    /// let headers = [("X-RateLimit-Limit", "5"), ("X-RateLimit-Remaining", "1"), ("X-RateLimit-Reset-After", "2.5")];
    /// let now = std::time::SystemTime::now();
    /// permit.observe(&Feedback::from_headers(200, headers, now));
    ///
    /// let _last = DISCORD.request().key("channel 42").try_acquire()?;
    /// let refused = DISCORD.request().key("channel 42").try_acquire().unwrap_err();
    /// assert!(refused.retry_after().unwrap() > Duration::from_secs(2));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    #[must_use]
    pub const fn learned(name: &'static str) -> Self {
        Self::declared(Name::Static(name), Limits::LEARNED, true)
    }

    /// For how long what the server said of a limit is remembered beyond its window, so that a quiet route need not
    /// find it out again; one hour unless set.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::Bucket;
    /// use std::time::Duration;
    ///
    /// static HOURLY_JOB: Bucket = Bucket::learned("hourly").remember(Duration::from_secs(3 * 3600));
    /// # let _ = &HOURLY_JOB;
    /// ```
    #[must_use]
    pub const fn remember(mut self, span: Duration) -> Self {
        self.limits.learning_mut().remember = span;
        self.version += 1;
        self
    }

    /// Whether the names that the server gives its limits tell windows apart, as they do unless set.
    ///
    /// Routes that the server gives one name share its window. Where a server names limits alike that are not the same,
    /// as some do, give `false`: then each route has a window of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::Bucket;
    ///
    /// static DISCORD: Bucket = Bucket::learned("discord").server_names(false);
    /// # let _ = &DISCORD;
    /// ```
    #[must_use]
    pub const fn server_names(mut self, tell_apart: bool) -> Self {
        self.limits.learning_mut().server_names = tell_apart;
        self.version += 1;
        self
    }

    /// How long a call waits at most because the server says so; one hour unless set.
    ///
    /// What the server asks for is never cut short. Where it lets nobody start for longer than this, calls are refused at
    /// once, those that wait already included, as if their allowance were too short: with
    /// [`DelayTooLong`](crate::ErrorKind::DelayTooLong), or [`Limited`](crate::ErrorKind::Limited) where no wait is
    /// allowed. A limit that the server spoke of by mistake goes with [`reset`](Bucket::reset), or once another answer
    /// is [observed](crate::Request::observe). For who waits already it counts from when the server began to hold it up: a server that asks for
    /// another pause before the last is over holds nobody up for longer.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::clock::ManualClock;
    /// use rate_limited::feedback::Feedback;
    /// use rate_limited::{Bucket, ErrorKind};
    /// use std::time::Duration;
    ///
    /// let bucket = Bucket::learned("patient").max_pause(Duration::from_secs(60)).clock(ManualClock::new());
    /// let permit = bucket.try_acquire()?;
    /// permit.observe(&Feedback::default().rejected(true).retry_after(Duration::from_secs(86_400)));
    /// let refused = bucket.request().max_delay(Duration::MAX).acquire().unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::DelayTooLong);
    /// assert_eq!(refused.retry_after(), Some(Duration::from_secs(86_400)));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    #[must_use]
    pub const fn max_pause(mut self, span: Duration) -> Self {
        self.limits.learning_mut().max_pause = span;
        self.version += 1;
        self
    }
}
