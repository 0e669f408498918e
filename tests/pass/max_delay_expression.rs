//! `max_delay = <expression>`: a constant, a field, an argument, a branch.

use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.max_delay_expression", Rate::per_second(1_000));

const PATIENCE: Duration = Duration::from_millis(5);

/// Has patience.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    patience: Duration,
}

impl Api {
    /// By a field.
    #[rate_limited(bucket = BUCKET, max_delay = self.patience)]
    pub async fn field(&self) -> Result<Duration, Error> {
        Ok(self.patience)
    }
}

/// By a constant.
#[rate_limited(bucket = BUCKET, max_delay = PATIENCE)]
pub fn constant() -> Result<Duration, Error> {
    Ok(PATIENCE)
}

/// By a constant of the body.
#[rate_limited(bucket = BUCKET, max_delay = PATIENCE)]
pub fn inner() -> Result<Duration, Error> {
    const PATIENCE: Duration = Duration::from_millis(7);
    Ok(PATIENCE)
}

/// By a branch.
#[rate_limited(bucket = BUCKET, max_delay = if wait { patience } else { Duration::ZERO })]
pub async fn branch(wait: bool, patience: Duration) -> Result<Duration, Error> {
    Ok(if wait { patience } else { PATIENCE })
}

#[test]
fn is_called() {
    assert_eq!((constant().ok(), inner().ok()), (Some(PATIENCE), Some(Duration::from_millis(7))));
    assert_eq!(crate::run(crate::send(branch(true, Duration::MAX))).ok(), Some(Duration::MAX));
    assert_eq!(crate::run(crate::send(Api { patience: PATIENCE }.field())).ok(), Some(PATIENCE));
}
