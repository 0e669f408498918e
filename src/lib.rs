//! Client-side rate limiting by one attribute.

pub use ratelimit_core::{Bucket, Error, ErrorKind, Outlook, Pace, Permit, Rate, Registry, Request};
#[doc(inline)]
pub use ratelimit_macros::rate_limited;

pub mod clock {
    //! Now, and sleeping: the system's clock, tokio's, one that is moved by hand, or your own.

    #[cfg(feature = "tokio")]
    pub use ratelimit_core::clock::TokioClock;
    pub use ratelimit_core::clock::{Clock, ManualClock, Sleep, SystemClock, Timestamp};
}

pub use ratelimit_core::presets;

/// What the attribute's expansion names; anything in it may change at any time.
#[doc(hidden)]
pub mod __private {
    pub use ratelimit_core::site::{
        Acquire, AsKey, BucketRef, Call, FromLimited, Site, ToBucket, Weight, apply,
    };
    pub use ratelimit_core::{Error, Permit, Rate};
}
