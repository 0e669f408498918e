//! An error type of the user's own, that `From` the limiter's.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.own_error", Rate::per_second(1_000));

/// What may go wrong.
#[derive(Debug)]
pub enum ApiError {
    /// Too fast.
    Limited(Error),
    /// By the server.
    Status(u16),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Limited(error)
    }
}

/// Fails by itself.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub fn call(weight: u32) -> Result<(), ApiError> {
    Err(ApiError::Status(404))
}

/// Fails by itself, later.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub async fn call_later(weight: u32) -> Result<(), ApiError> {
    Err(ApiError::Status(404))
}

#[test]
fn is_called() {
    assert!(matches!(call(1), Err(ApiError::Status(404))));
    assert!(matches!(crate::run(call_later(1)), Err(ApiError::Status(404))));
    assert!(matches!(call(9_999), Err(ApiError::Limited(_))));
    assert!(matches!(crate::run(call_later(9_999)), Err(ApiError::Limited(_))));
}
