//! `!`: a function that never returns says what else it does when it is refused.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.returns_never", Rate::per_second(1_000));

/// One way or the other.
///
/// # Panics
///
/// Always.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = |error| panic!("refused: {error}"))]
pub fn fail(weight: u32) -> ! {
    panic!("granted: {weight}")
}

/// One way or the other, later.
///
/// # Panics
///
/// Always.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = |error| panic!("refused: {error}"))]
pub async fn fail_later(weight: u32) -> ! {
    panic!("granted: {weight}")
}

#[test]
fn is_called() {
    fn said(call: impl FnOnce() + std::panic::UnwindSafe) -> Option<String> {
        let payload = std::panic::catch_unwind(call).err()?;
        payload.downcast::<String>().ok().map(|text| *text)
    }

    assert_eq!(said(|| fail(1)).as_deref(), Some("granted: 1"));
    assert_eq!(said(|| crate::run(fail_later(2))).as_deref(), Some("granted: 2"));
    assert!(said(|| fail(9_999)).is_some_and(|text| text.starts_with("refused")));
    assert!(said(|| crate::run(fail_later(9_999))).is_some_and(|text| text.starts_with("refused")));
}
