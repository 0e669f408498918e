//! `BoxFuture` of an `async` block with `.boxed()` behind, and `LocalBoxFuture` with `.boxed_local()`.

use std::rc::Rc;

use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.box_future_by_method", Rate::per_second(1_000));

/// Gives it back.
#[rate_limited(bucket = BUCKET, key = text)]
#[must_use]
pub fn boxed(text: &str) -> BoxFuture<'_, Result<&str, Error>> {
    async move { Ok(text) }.boxed()
}

/// Gives it back in its thread.
#[rate_limited(bucket = BUCKET, key = text)]
#[must_use]
pub fn local(text: Rc<str>) -> LocalBoxFuture<'static, std::io::Result<Rc<str>>> {
    async move {
        std::future::ready(()).await;
        Ok(text)
    }
    .boxed_local()
}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(boxed("a"))).ok(), Some("a"));
    assert_eq!(crate::run(local("b".into())).ok().as_deref(), Some("b"));
    assert_eq!((crate::used_by(&BUCKET, "a"), crate::used_by(&BUCKET, "b")), (1, 1));
}
