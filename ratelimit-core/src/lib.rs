//! The engine behind [`rate-limited`](https://docs.rs/rate-limited): use that crate, which adds the attribute.
//!
//! Rooms, each leaning only on those before it: `time`, `rate`, `pace`, `policy`, `outlook`, `limits`, `store`, `line`,
//! `permit`, `acquire`, `names`, `slot`, `bucket`, `registry`, `site`; `sync`, `key`, `error` and `feedback` lean on next
//! to nothing, and only [`clock`] reads a clock or sleeps.

mod acquire;
mod bucket;
pub mod clock;
#[cfg(test)]
#[path = "../tests/common/dice.rs"]
mod dice;
mod error;
pub mod feedback;
mod key;
mod limits;
mod line;
mod names;
mod outlook;
mod pace;
mod permit;
pub mod policy;
pub mod presets;
mod rate;
mod registry;
#[doc(hidden)]
pub mod site;
mod slot;
pub mod store;
mod sync;
mod time;

pub use bucket::{Bucket, Request};
pub use error::{Error, ErrorKind, ErrorScope};
pub use outlook::{Outlook, RateOutlook};
pub use pace::Pace;
pub use permit::Permit;
pub use rate::Rate;
pub use registry::{Registry, RegistryBuilder};
