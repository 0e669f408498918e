//! `impl Stream`: the call that makes it is limited, not its items.

use futures::stream::{self, Stream};
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.returns_stream", Rate::per_second(1_000));

/// Numbers.
#[rate_limited(bucket = BUCKET, on_limited = |_| stream::iter(0..0))]
pub fn numbers(end: u32) -> impl Stream<Item = u32> {
    stream::iter(0..end)
}

/// Numbers, of a call that may fail.
#[rate_limited(bucket = BUCKET)]
pub async fn numbers_later(end: u32) -> Result<impl Stream<Item = u32>, Error> {
    Ok(stream::iter(0..end))
}

#[test]
fn is_called() -> Result<(), Error> {
    use futures::executor::block_on_stream;

    assert_eq!(block_on_stream(Box::pin(numbers(2))).count(), 2);
    assert_eq!(block_on_stream(Box::pin(crate::run(numbers_later(3))?)).count(), 3);
    assert_eq!(crate::used(&BUCKET), 2);
    Ok(())
}
