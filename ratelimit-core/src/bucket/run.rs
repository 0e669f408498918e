//! Running what cannot be annotated.

use std::future::Future;

use super::{Bucket, Request};
use crate::acquire::{AcquireWith, Asked};
use crate::error::Error;

impl Bucket {
    /// Runs `body` once a permit is had, waiting on this thread up to the allowance; for what cannot be annotated.
    ///
    /// The permit is held until the body ends, also by a panic. In an async function use
    /// [`run_async`](Bucket::run_async).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Bucket::acquire); the body has not run then. What the body gives, an error of its own included, is
    /// inside of `Ok`.
    ///
    /// # Fairness
    ///
    /// First come, first served, threads and futures in one line.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::{Bucket, Rate};
    ///
    /// static GEOCODER: Bucket = Bucket::new("geocoder", Rate::per_second(1));
    ///
    /// let place = GEOCODER.run(|| "48.2 N, 16.4 E".to_owned())?;
    /// assert!(place.starts_with("48"));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> Result<T, Error> {
        run(self.asked(), body)
    }

    /// Runs `body` once a permit is had, waiting up to the allowance, under any executor; for what cannot be annotated.
    ///
    /// The body is first polled when the permit is had, which is held until the body ends. The future can go where the
    /// body can: to another thread if that is `Send`.
    ///
    /// # Errors
    ///
    /// As [`acquire_async`](Bucket::acquire_async); the body was not polled then. What the body gives, an error of its
    /// own included, is inside of `Ok`.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the line as if it had never come. Dropped later, it drops the body and ends its
    /// time [in flight](Bucket::in_flight); what it cost stays taken.
    ///
    /// # Fairness
    ///
    /// First come, first served by the first poll, threads and futures in one line.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::{Bucket, Error, Rate};
    ///
    /// static GEOCODER: Bucket = Bucket::new("geocoder-async", Rate::per_second(1));
    ///
    /// async fn locate(place: &str) -> Result<usize, Error> {
    ///     GEOCODER.run_async(async { place.len() }).await
    /// }
    /// # let mut locating = std::pin::pin!(locate("Wien"));
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # let located = std::future::Future::poll(locating.as_mut(), &mut context);
    /// # assert!(matches!(located, std::task::Poll::Ready(Ok(4))));
    /// ```
    pub fn run_async<F: Future>(&self, body: F) -> impl Future<Output = Result<F::Output, Error>> + use<F> {
        run_async(self.asked(), body)
    }
}

impl Request<'_> {
    /// Runs `body` once a permit is had. As [`Bucket::run`], for this key, weight and allowance.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Request::acquire); the body has not run then.
    pub fn run<T>(self, body: impl FnOnce() -> T) -> Result<T, Error> {
        run(self.asked, body)
    }

    /// Runs `body` once a permit is had. As [`Bucket::run_async`], for this key, weight and allowance.
    ///
    /// # Errors
    ///
    /// As [`acquire_async`](Request::acquire_async); the body was not polled then.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the line as if it had never come; later, it drops the body.
    pub fn run_async<F: Future>(self, body: F) -> impl Future<Output = Result<F::Output, Error>> + use<F> {
        run_async(self.asked, body)
    }
}

fn run<T>(asked: Asked, body: impl FnOnce() -> T) -> Result<T, Error> {
    let _permit = asked.block()?;
    Ok(body())
}

async fn run_async<F: Future>(asked: Asked, body: F) -> Result<F::Output, Error> {
    let _permit = AcquireWith::new(asked).await?;
    Ok(body.await)
}
