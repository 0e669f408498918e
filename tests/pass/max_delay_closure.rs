//! `max_delay = |argument| ..`.

use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.max_delay_closure", Rate::per_second(1_000));

/// By an argument.
#[rate_limited(bucket = BUCKET, max_delay = |patience| *patience)]
pub fn argument(patience: Duration) -> Result<Duration, Error> {
    Ok(patience)
}

/// By one of two.
#[rate_limited(bucket = BUCKET, max_delay = |tries| Duration::from_secs(1) * *tries)]
pub async fn tries(text: &str, tries: u32) -> Result<usize, Error> {
    let _ = tries;
    Ok(text.len())
}

#[test]
fn is_called() {
    assert_eq!(argument(Duration::ZERO).ok(), Some(Duration::ZERO));
    assert_eq!(crate::run(crate::send(tries("a", 2))).ok(), Some(1));
}
