//! `tower::limit::RateLimit`: one caller owns it, or many share it through a `Buffer`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Runtime;
use tower::buffer::Buffer;
use tower::limit::RateLimit;
use tower::limit::rate::Rate;
use tower::{Service, ServiceExt};

use super::{Made, Plan, Waiting};
use crate::measure::Failure;

/// What is limited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nothing;

impl Service<()> for Nothing {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

/// It knows no burst apart from its rate: a burst per as long as that takes to come back.
fn rate(plan: Plan) -> Rate {
    let nanos = plan.per.as_nanos() * u128::from(plan.burst) / u128::from(plan.amount);
    Rate::new(plan.burst.into(), Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}

pub(crate) struct TowerOwned {
    service: RateLimit<Nothing>,
    /// It makes its timer when it is made.
    runtime: Runtime,
}

impl TowerOwned {
    pub(crate) const NAME: &'static str = "tower";

    pub(crate) fn new(plan: Plan) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let service = runtime.block_on(async { RateLimit::new(Nothing, rate(plan)) });
        Ok(TowerOwned { service, runtime })
    }

    /// How many of so many calls were granted.
    #[inline]
    pub(crate) fn take(&mut self, calls: u32) -> u32 {
        let _timers = self.runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        let mut granted = 0;
        for _ in 0..calls {
            if std::hint::black_box(&mut self.service).poll_ready(&mut context).is_ready() {
                drop(self.service.call(()));
                granted += 1;
            }
        }
        granted
    }
}

#[derive(Clone)]
pub(crate) struct TowerBuffered(Buffer<(), Ready<Result<(), Infallible>>>);

impl Made for TowerBuffered {
    const NAME: &'static str = "tower, Buffer";

    /// Inside of a runtime.
    fn new(plan: Plan) -> Result<Self, Failure> {
        Ok(TowerBuffered(Buffer::new(RateLimit::new(Nothing, rate(plan)), 1024)))
    }
}

impl Waiting for TowerBuffered {
    async fn wait(&self) -> Result<(), Failure> {
        self.0.clone().oneshot(()).await
    }
}
