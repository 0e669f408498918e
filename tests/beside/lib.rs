//! What the tests beside this file share.

use rate_limited::{Bucket, Error, RateOutlook};

/// How much weight the bucket's one rate counts.
///
/// # Errors
///
/// If the bucket cannot be asked.
pub fn used(bucket: &Bucket) -> Result<u32, Error> {
    bucket.peek().map(|outlook| outlook.rates().iter().map(RateOutlook::used).sum())
}
