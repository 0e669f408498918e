//! `&mut self`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.self_by_mut", Rate::per_second(1_000));

/// Counts.
#[derive(Debug, Default)]
pub struct Counter {
    count: u32,
}

impl Counter {
    /// Counts on.
    #[rate_limited(bucket = BUCKET, key = self.count)]
    pub fn one(&mut self) -> Result<&mut u32, Error> {
        self.count += 1;
        Ok(&mut self.count)
    }

    /// Counts on, later.
    #[rate_limited(bucket = BUCKET, key = || self.count + by, weight = |by| *by)]
    pub async fn advance(&mut self, by: u32) -> Result<u32, Error> {
        self.count += by;
        Ok(self.count)
    }
}

#[test]
fn is_called() {
    let mut counter = Counter::default();
    assert_eq!(counter.one().ok(), Some(&mut 1));
    assert_eq!(crate::used_by(&BUCKET, "0"), 1);
    assert_eq!(crate::run(crate::send(counter.advance(2))).ok(), Some(3));
    assert_eq!(crate::used_by(&BUCKET, "3"), 2);
}
