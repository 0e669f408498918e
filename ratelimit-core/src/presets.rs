//! Buckets for well-known public APIs, by name, as their own documentation states their limits.
//!
//! Every one is a token bucket: so much at once, refilled at so much per time. [`Registry::global`](crate::Registry)
//! holds them all, so `bucket = "kitsu"` works at once; registering a bucket of the same name replaces it.
//!
//! Of a whole burst of single calls the last waits for the [guard](crate::Bucket::guard), at most 20 ms. Where
//! nothing may wait, as in an attribute without `max_delay`, it is refused.
//!
//! | name | at once | refill |
//! |---|---|---|
//! | `anilist` | 30 | 0.5/s |
//! | `jikan` | 3 | 1/s |
//! | `kitsu` | 10 | 10/s |
//! | `mangadex` | 5 | 5/s |
//! | `danbooru` | 10 | 10/s |
//! | `shikimori` | 5 | 5/s |
//! | `ann` | 5 | 1/s |
//! | `trace` | 1 | 0.5/s |
//! | `nekos` | 10 | 3/s |
//! | `waifu` | 10 | 10/s |
//! | `ghibli` | 5 | 1/s |
//! | `quote` | 5 | 5/3600 s |
//!
//! # Examples
//!
//! ```
//! use rate_limited::{Registry, presets};
//!
//! for (name, rate) in presets::ALL {
//!     let bucket = Registry::global().get(name)?;
//!     assert_eq!(bucket.rates(), [rate]);
//!     bucket.try_acquire()?;
//! }
//! assert_eq!(presets::ALL.len(), 12);
//! # Ok::<(), rate_limited::Error>(())
//! ```

use std::time::Duration;

use crate::rate::Rate;

/// All presets: name and rate.
pub const ALL: [(&str, Rate); 12] = [
    ("anilist", every(30, 1, 2)),
    ("jikan", every(3, 1, 1)),
    ("kitsu", every(10, 10, 1)),
    ("mangadex", every(5, 5, 1)),
    ("danbooru", every(10, 10, 1)),
    ("shikimori", every(5, 5, 1)),
    ("ann", every(5, 1, 1)),
    ("trace", every(1, 1, 2)),
    ("nekos", every(10, 3, 1)),
    ("waifu", every(10, 10, 1)),
    ("ghibli", every(5, 1, 1)),
    ("quote", every(5, 5, 3600)),
];

const fn every(burst: u32, amount: u32, seconds: u64) -> Rate {
    Rate::new(amount, Duration::from_secs(seconds)).burst(burst)
}

/// Some of the [presets](ALL): a bit each, so that a table of names has them all and makes none of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Presets(u16);

impl Presets {
    pub(crate) const ALL: Self = Presets((1 << ALL.len()) - 1);

    /// Takes out the preset of that name, if it is among them.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Rate> {
        let (bit, (_, rate)) = self.iter().find(|(_, (known, _))| *known == name)?;
        self.0 &= !bit;
        Some(*rate)
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(|(_, (name, _))| *name)
    }

    fn iter(self) -> impl Iterator<Item = (u16, &'static (&'static str, Rate))> {
        static TABLE: [(&str, Rate); ALL.len()] = ALL;
        (0..).map(|index| 1 << index).zip(&TABLE).filter(move |(bit, _)| self.0 & bit != 0)
    }
}
